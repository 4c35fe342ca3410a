"""Damage of the root of a granule: every byte of its header, each bit that can be flipped."""

import h5py
import pytest
from h5py import h5o

from captools.errors import InputError
from captools.granules.lookup import Lookup

HEADER_BYTES = 100  # of an object header of the first version, and of its first messages


@pytest.mark.parametrize("bit", range(8))
def test_a_damaged_root_is_named_as_damage(granule, tmp_path, bit):
    content = bytearray(granule.read_bytes())
    with h5py.File(granule) as file:
        start = h5o.get_info(file.id).addr
    bad = tmp_path / "bad.h5"
    errors = []
    for at in range(start, start + HEADER_BYTES):
        content[at] ^= 1 << bit
        bad.write_bytes(content)
        content[at] ^= 1 << bit
        try:
            Lookup(bad).close()
        except InputError as error:
            errors.append(str(error))
    assert errors
    assert all(error.startswith(str(bad)) for error in errors)
