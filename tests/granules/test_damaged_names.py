"""Damage among the names of a group: what cannot be read is never taken for missing."""

import random

import pytest

from captools import readatl06
from captools.errors import InputError
from captools.simulation.granule import write_granule

NAME = b"signal_selection_source\0"  # among those of fit_statistics, of each beam


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    return write_granule(tmp_path_factory.mktemp("small"), 1, 1, 11, segments=60)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("noise", [True, False], ids=["noise", "zeros"])
def test_damaged_names_are_named_as_damage(small, tmp_path, seed, noise):
    dice = random.Random(seed)
    content = bytearray(small.read_bytes())
    at = content.index(NAME) + dice.randrange(-200, 24)
    content[at : at + 300] = dice.randbytes(300) if noise else bytes(300)
    bad = tmp_path / small.name
    bad.write_bytes(content)
    with pytest.raises(InputError, match=f"{small.name}.*damaged"):
        readatl06(bad, tmp_path / "out")
