"""What is checked of a file, against damage that the test itself has done."""

import contextlib
import os
import random
import struct
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
from fewbeams import copy_beams
from flatfiles import random_columns, write_flat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from objectstore import BUCKET, object_store

from captools import readatl06
from captools.errors import InputError
from captools.granules.checking import check_file, check_granule
from captools.granules.granule import Granule
from captools.io import integrity, remote
from captools.io.integrity import STRING_BYTES
from captools.products import ATL06
from captools.simulation import defects
from captools.simulation.granule import write_granule

SEGMENTS = "gt1l/land_ice_segments"
UNREAD = "is HDF5, neither a flat file nor a granule of ATL06, ATL08, ATL11"
UNREAD += " (captools dasinfo: whether it is a record of a fibre)"
LEGAL = {"missing-beam", "no-segments", "missing-variables"}  # see DESIGN, what goes wrong


@pytest.fixture(scope="module")
def small(granule, tmp_path_factory):
    """Give a granule of one beam, with all that a beam and the groups beside it have."""
    return copy_beams(granule, tmp_path_factory.mktemp("small") / granule.name, ["gt1l"])


@pytest.fixture(scope="module")
def datasets(small):
    """Give the deflated datasets of the small granule: offset and size of their first chunk."""
    found = {}

    def add(name, item):
        if isinstance(item, h5py.Dataset) and item.compression and item.id.get_num_chunks():
            chunk = item.id.get_chunk_info(0)
            found[name] = chunk.byte_offset, chunk.size

    with h5py.File(small) as file:
        file.visititems(add)
    assert len(found) > 80
    return found


@pytest.fixture
def broken(small, tmp_path):
    """Give a copy of the small granule to break."""
    path = tmp_path / small.name
    path.write_bytes(small.read_bytes())
    return path


def reason(path, product=None):
    """Check a bad file and the form of the message, and return what it says."""
    with pytest.raises(InputError) as caught:
        check_file(path, product)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "\n" not in message
    return message.removeprefix(f"{path}: ")


def change(path, old, new, which=0):
    """Write `new` over one of the places where `old` stands in a file."""
    content = path.read_bytes()
    at = -1
    for _ in range(which + 1):
        at = content.index(old, at + 1)
    path.write_bytes(content[:at] + new + content[at + len(new) :])


def make(path, **datasets):
    """Write an HDF5 file with a column, and with datasets of which the options are given."""
    with h5py.File(path, "w") as file:
        file["lat"] = np.arange(100.0)
        for name, options in datasets.items():
            file.create_dataset(f"more/{name}", **options)
    return path


# --- files that are whole ---------------------------------------------------------


def test_every_real_granule_is_fine(real_data):
    for path in sorted((real_data / "atl06").glob("*.h5")):
        with h5py.File(path) as file:
            beams = [file[beam] for beam in ATL06.tracks if beam in file]
            lengths = [
                len(beam["land_ice_segments/h_li"]) for beam in beams if "land_ice_segments" in beam
            ]
        assert check_file(path) == (
            f"ATL06 granule, {len(lengths)} beams, {sum(lengths):,} segments"
        )
    assert check_granule(path, ATL06) == sum(lengths)


def test_real_files_of_the_tutorial_are_fine(real_data):
    for path in sorted((real_data / "reduced").glob("*.h5")):
        with h5py.File(path) as file:
            rows = len(file["h_elv"])
        assert check_file(path) == f"flat file, {rows:,} rows"


def test_real_files_of_other_products_are_bad(real_data):
    folder = real_data / "wrong-product"
    assert reason(folder / "atl08_clip.h5", ATL06) == "is ATL08, not ATL06"
    assert check_file(folder / "atl08_clip.h5") == "ATL08 granule, 1 beam, 9 segments"
    message = reason(next(folder.glob("*ATL07*")))
    assert message == (
        "is ATL07, neither a flat file nor a granule of ATL06, ATL08, ATL11; "
        "515 datasets read, none damaged"
    )


def test_real_files_of_other_instruments_are_bad(real_data):
    for name in ("prodml_2.0.h5", "silixa_h5_1.hdf5", "decimated_optodas.hdf5"):
        with h5py.File(real_data / "das" / name) as file:
            names = []
            file.visit(names.append)
            count = sum(isinstance(file[name], h5py.Dataset) for name in names)
        message = reason(real_data / "das" / name)
        what = "dataset" if count == 1 else "datasets"
        assert message == f"{UNREAD}; {count} {what} read, none damaged"


def test_beams_and_segments_of_a_granule_are_counted(small):
    with h5py.File(small) as file:
        rows = len(file[f"{SEGMENTS}/h_li"])
    assert (
        check_file(small) == check_file(small, ATL06) == f"ATL06 granule, 1 beam, {rows} segments"
    )
    assert check_file(str(small)) == check_file(small)
    assert check_granule(small, ATL06) == rows


@pytest.mark.parametrize("compression", ["none", "lzf", "gzip"])
def test_a_flat_file_is_fine_but_no_granule(tmp_path, compression):
    path = write_flat(tmp_path / "flat.h5", random_columns(1234, 1), compression)
    assert check_file(path) == "flat file, 1,234 rows"
    assert "no ATL06 granule" in reason(path, ATL06)
    with pytest.raises(InputError, match="no ATL06 granule"):
        check_granule(path, ATL06)


def test_a_flat_file_without_rows_is_fine(tmp_path):
    path = write_flat(tmp_path / "flat.h5", random_columns(0, 1), "gzip")
    assert check_file(path) == "flat file, 0 rows"


def test_a_flat_file_of_captoolkit_is_fine(tmp_path):
    path = tmp_path / "theirs.h5"
    with h5py.File(path, "w") as file:
        for name in ("lat", "lon", "h_elv", "t_sec", "t_year"):
            file[name] = np.full(7, 3.4e38)
        file["rgt"] = np.full(7, 54.0)
    assert check_file(path) == "flat file, 7 rows"


def test_what_hdf5_allows_is_fine(tmp_path):
    words = ["Antarctica", "", "Grønland"] * 50
    path = make(
        tmp_path / "odd.h5",
        never_written={"shape": (10**15,), "chunks": (1000,), "dtype": "f8"},
        never_begun={"shape": (10**12,), "dtype": "f8"},
        scalar={"data": 3.0},
        nothing={"data": h5py.Empty("f4")},
        empty={"data": np.zeros((0, 3))},
        flat={"data": np.zeros((3, 0))},
        words={"data": words, "dtype": h5py.string_dtype()},
        packed={"data": words, "dtype": h5py.string_dtype(), "chunks": (9,), "compression": 4},
        pair={"data": np.zeros(5, [("a", "f4"), ("b", "i2")]), "compression": 4},
        edges={"data": np.ones((17, 5, 3)), "chunks": (4, 4, 2), "compression": 4},
        plain={"data": np.ones((17, 5)), "chunks": (4, 4)},
        checked={"data": np.ones(50), "compression": 4, "shuffle": True, "fletcher32": True},
    )
    with h5py.File(path, "r+") as file:
        file["more/lost"] = h5py.SoftLink("/nowhere")
        file["more/elsewhere"] = h5py.ExternalLink("none.h5", "/x")
        file["more/again"] = file["more"]
        file["type"] = np.dtype("f4")
        file["type"].attrs["words"] = ["a", "b"]
        file.attrs["empty"] = h5py.Empty("f4")
        file.attrs["of"] = file["lat"].ref
        skipped = file.create_dataset("more/skipped", (10,), "f8", chunks=(10,), compression=4)
        skipped.id.write_direct_chunk((0,), bytes(80), filter_mask=1)
    assert check_file(path) == "flat file, 100 rows"


# --- files that are not what they should be ---------------------------------------


# Its 512th byte is the first half of a letter.
TABLE = b"lon,lat,h1" + b"\n-100,-75,1" * 45 + "é".encode() * 99


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "is empty (0 bytes)"),
        (b"\n<!DOCTYPE html><title>Earthdata Login</title>", "is a web page saved as .h5"),
        (b"CDF\x01" + bytes(1000), "is netCDF-3, not HDF5: convert it (nccopy "),
        (TABLE, "is text, not HDF5: if it is CSV, it is no flat file; "),
        (b"\xef\xbb\xbflon\tlat\r\n", "is text, not HDF5: "),
        (b"lon\0lat\n", "is not HDF5; fetch it again"),
        (b"lon,lat\xff\n", "is not HDF5; fetch it again"),
        (b"PAR1" + bytes(1000), "is Parquet, not HDF5: give the files that "),
        (b"\x89HDF\r\n\x1a\n" + bytes(4000), "cannot be opened"),
    ],
    ids=["empty", "web page", "netCDF 3", "CSV", "tabs", "NUL", "no UTF-8", "Parquet", "zeros"],
)
@pytest.mark.parametrize("product", [None, ATL06])
def test_no_hdf5_is_called_what_it_is(tmp_path, content, why, product):
    path = tmp_path / "ATL06_20190416093911_02770303_002_01.h5"
    path.write_bytes(content)
    assert reason(path, product).startswith(why)


def test_what_is_not_there_is_bad(tmp_path):
    assert reason(tmp_path / "absent.h5") == "does not exist"


def test_other_hdf5_is_bad(tmp_path):
    path = tmp_path / "das.h5"
    with h5py.File(path, "w") as file:
        file["Acquisition/RawData"] = np.zeros((3, 4))
        file["picture"] = np.zeros((3, 4))
    assert reason(path) == f"{UNREAD}; 2 datasets read, none damaged"


def test_columns_of_different_lengths_are_bad(tmp_path):
    path = make(tmp_path / "flat.h5")
    with h5py.File(path, "r+") as file:
        file["lon"] = np.arange(99.0)
    assert "lon has 99 rows, lat has 100" in reason(path)


@pytest.mark.parametrize("defect", defects.DEFECTS)
def test_of_the_defects_of_simulated_granules_only_truncation_is_damage(tmp_path, defect):
    path = write_granule(tmp_path, 1, 1, 11, segments=30, defects=[defect])
    if defect in LEGAL:
        with Granule(path, ATL06) as granule:
            lengths = [beam.length for beam in granule.beams()]
        assert len(lengths) == (6 if defect == "missing-variables" else 5)
        assert check_granule(path, ATL06) == sum(lengths) > 0
    else:
        assert defect == "truncated"
        assert reason(path).startswith(f"is truncated ({path.stat().st_size} of ")


def test_no_beam_at_all_is_fine(broken):
    with h5py.File(broken, "r+") as file:
        del file["gt1l"]
    assert check_file(broken) == "ATL06 granule, 0 beams, 0 segments"


def test_a_beam_without_short_name_is_a_granule_too(broken):
    with h5py.File(broken, "r+") as file:
        del file.attrs["short_name"]
    assert check_file(broken).startswith("ATL06 granule, 1 beam, ")


def test_a_granule_without_short_name_is_of_the_product_that_its_groups_are_of(broken, tmp_path):
    # Both products call their beams gt1l; taken for ATL06, nothing of this one would be read.
    path = tmp_path / "renamed.h5"
    with h5py.File(broken) as file, h5py.File(path, "w") as other:
        land = other.create_group("gt1l/land_segments")
        land["latitude"] = file[f"{SEGMENTS}/latitude"][:]
    assert reason(path).startswith("gt1l: longitude: is missing")
    with h5py.File(path, "r+") as other:
        other.move("gt1l/land_segments", "gt1l/sea_segments")
    assert reason(path) == f"{UNREAD}; 1 dataset read, none damaged"


def test_damage_in_a_file_that_no_step_reads_is_found(tmp_path):
    path = tmp_path / "das.h5"
    with h5py.File(path, "w") as file:
        data = file.create_dataset("raw/data", data=np.ones((50, 4)), chunks=(50, 4), compression=4)
        chunk = data.id.get_chunk_info(0)
    content = bytearray(path.read_bytes())
    content[chunk.byte_offset + chunk.size - 1] ^= 0xFF
    path.write_bytes(content)
    assert reason(path).startswith("raw/data: cannot be read (")


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("latitude", 91.0, "gt1l: latitude: has impossible values"),
        ("longitude", 999.0, "gt1l: longitude: has impossible values"),
        ("delta_time", 1e12, "gt1l: delta_time: has impossible values"),
    ],
)
def test_what_readers_refuse_is_bad(broken, tmp_path, name, value, why):
    with h5py.File(broken, "r+") as file:
        good = np.flatnonzero(
            (file[f"{SEGMENTS}/atl06_quality_summary"][:] == 0)
            & (file[f"{SEGMENTS}/h_li"][:] < 1e4)
        )
        file[f"{SEGMENTS}/{name}"][good[-1]] = value
    with pytest.raises(InputError) as caught:
        readatl06(broken, tmp_path / "out")
    assert str(caught.value) == f"{broken}: {reason(broken)}"
    assert reason(broken).startswith(why)


def test_a_flat_file_whose_numbers_steps_refuse_is_bad(tmp_path):
    path = write_flat(tmp_path / "flat.h5", random_columns(9, 1), rgt="one")
    assert reason(path) == "its rgt is no number: 'one'"


@pytest.mark.parametrize(
    "name", ["latitude", "longitude", "delta_time", "h_li", "atl06_quality_summary"]
)
@pytest.mark.parametrize("how", ["missing", "never written"])
def test_a_beam_needs_place_time_height_and_quality(broken, name, how):
    with h5py.File(broken, "r+") as file:
        old = file[f"{SEGMENTS}/{name}"]
        shape, dtype = old.shape, old.dtype
        del file[f"{SEGMENTS}/{name}"]
        if how != "missing":
            file.create_dataset(f"{SEGMENTS}/{name}", shape, dtype, chunks=(100,))
    message = reason(broken)
    if how == "missing":
        assert message == f"gt1l: {name}: is missing: order the granule with this variable"
    else:
        assert f"{SEGMENTS}/{name}: cannot be read (none of its values are there)" in message


@pytest.mark.parametrize("name", ["segment_id", "geophysical/dac", "dem/dem_h"])
def test_columns_of_a_beam_have_one_length(broken, name):
    with h5py.File(broken, "r+") as file:
        values = file[f"{SEGMENTS}/{name}"][:-1]
        del file[f"{SEGMENTS}/{name}"]
        file[f"{SEGMENTS}/{name}"] = values
    assert f"gt1l: {name}: has {len(values)} rows where the beam has" in reason(broken)


# --- damage ---------------------------------------------------------------------


def test_truncation_at_any_length_is_found(small, tmp_path):
    whole, path = small.read_bytes(), tmp_path / "cut.h5"
    dice = random.Random(1)
    for cut in [len(whole) - 1, 2048, *(dice.randrange(len(whole)) for _ in range(40))]:
        path.write_bytes(whole[:cut])
        message = reason(path)
        if cut >= 2048:
            assert message == f"is truncated ({cut} of {len(whole)} bytes); fetch it again"


def test_damage_in_any_dataset_is_found_and_named(small, datasets, tmp_path):
    whole, path = small.read_bytes(), tmp_path / small.name
    for name, (offset, size) in datasets.items():
        content = bytearray(whole)
        content[offset + size - 1] ^= 0x10  # of the checksum: a bit further in may mean nothing
        path.write_bytes(content)
        message = reason(path)
        assert message.startswith(f"{name}: cannot be read ("), name
        assert message.endswith("; the file is damaged, fetch it again")


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_flipped_bit_anywhere_in_a_chunk_is_found(small, datasets, tmp_path, data):
    name = data.draw(st.sampled_from(sorted(datasets)))
    offset, size = datasets[name]
    at = data.draw(st.integers(0, size - 1))
    content = bytearray(small.read_bytes())
    content[offset + at] ^= 1 << data.draw(st.integers(0, 7))
    path = tmp_path / small.name
    path.write_bytes(content)
    if inflated(content, offset, size) == inflated(small.read_bytes(), offset, size):
        assert check_file(path) == check_file(small)  # one of the bits that nobody reads
    else:
        assert reason(path).startswith(f"{name}: cannot be read (")


def inflated(content, offset, size):
    """Return what zlib makes of a chunk."""
    try:
        return zlib.decompress(content[offset : offset + size])
    except zlib.error:
        return None


@pytest.mark.parametrize(
    "options",
    [
        {"data": np.arange(999.0), "compression": "lzf"},
        {"data": np.arange(999.0), "compression": 4, "fletcher32": True},
        {"data": np.arange(999.0), "chunks": (99,), "fletcher32": True},
        {"data": np.arange(999.0).reshape(111, 3, 3), "compression": 4, "shuffle": True},
        {"data": np.zeros(999, [("a", "f4"), ("b", "i2")]), "compression": 4},
    ],
    ids=["lzf", "deflate and fletcher32", "fletcher32", "3-D", "compound"],
)
def test_a_damaged_chunk_of_any_kind_is_found(tmp_path, options):
    path = make(tmp_path / "flat.h5", it=options)
    assert check_file(path) == "flat file, 100 rows"
    with h5py.File(path) as file:
        dataset = file["more/it"]
        chunk = dataset.id.get_chunk_info(dataset.id.get_num_chunks() - 1)
    content = bytearray(path.read_bytes())
    for at in range(chunk.byte_offset, chunk.byte_offset + chunk.size, 2):
        content[at] ^= 0xFF
    path.write_bytes(content)
    assert reason(path).startswith("more/it: cannot be read (")


@pytest.mark.parametrize(
    ("options", "stored", "why"),
    [
        ({}, bytes(8), "88 bytes are stored in 2 chunks of 80"),
        ({"compression": 4}, zlib.compress(bytes(72)), "does not inflate to 80 bytes"),
        ({"compression": 4}, zlib.compress(bytes(88)), "does not inflate to 80 bytes"),
        ({"compression": 4}, b"0", "does not inflate to 80 bytes"),
    ],
)
def test_a_chunk_of_another_length_is_found(tmp_path, options, stored, why):
    path = tmp_path / "flat.h5"
    with h5py.File(path, "w") as file:
        file["lat"] = np.arange(100.0)
        it = file.create_dataset("more/it", (20,), "f8", chunks=(10,), **options)
        it.id.write_direct_chunk((0,), zlib.compress(bytes(80)) if options else bytes(80))
        it.id.write_direct_chunk((10,), stored)
    assert why in reason(path)


def test_a_chunk_that_claims_to_be_huge_costs_nothing(tmp_path, monkeypatch):
    rows = 200_000_000
    options = {"shape": (rows,), "dtype": "f8", "chunks": (rows,), "compression": 4}
    path = make(tmp_path / "flat.h5", it=options)
    with h5py.File(path, "r+") as file:
        file["more/it"].id.write_direct_chunk((0,), zlib.compress(bytes(1000)))
    # Only what can be true is inflated: nothing here.
    monkeypatch.setattr(integrity.deflate, "zlib_decompress", None)
    assert f"more/it: cannot be read (the chunk at (0,) does not inflate to {8 * rows} bytes" in (
        reason(path)
    )


def test_a_dataset_longer_than_its_chunks_is_found_at_once(tmp_path):
    path = make(tmp_path / "flat.h5", it={"shape": (10**15,), "dtype": "f8", "chunks": (1000,)})
    with h5py.File(path, "r+") as file:
        file["more/it"][:3000] = 1.0
    assert "more/it: cannot be read (3 of 1000000000000 chunks are there)" in reason(path)


@pytest.mark.parametrize(("left", "why"), [(2, "2 of 4 chunks are there"), (0, "none of its")])
def test_chunks_that_the_index_has_lost_are_found(tmp_path, left, why):
    path = tmp_path / "flat.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("lat", data=np.arange(40.0), chunks=(10,))
    assert check_file(path) == "flat file, 40 rows"
    # Signature, type 1 (chunks), level 0, and the number of entries.
    change(path, b"TREE\x01\x00\x04\x00", b"TREE\x01\x00" + struct.pack("<H", left))
    assert f"lat: cannot be read ({why}" in reason(path)


def test_a_chunk_that_the_index_puts_elsewhere_is_found(tmp_path):
    path = tmp_path / "flat.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("lat", data=np.arange(40.0), chunks=(10,))
    # Size, filters, and offsets of the second chunk's key.
    key = struct.pack("<IIQQ", 80, 0, 10, 0)
    change(path, key, struct.pack("<IIQQ", 80, 0, 11, 0))
    assert reason(path).startswith("lat: cannot be read (")


@pytest.mark.parametrize("rows", [10**5, 10**12])
def test_a_dataset_without_chunks_is_no_longer_than_it_claims(tmp_path, rows):
    path = make(tmp_path / "flat.h5", it={"data": np.arange(1237, dtype="i1")})
    change(path, struct.pack("<Q", 1237), struct.pack("<Q", rows))  # its extent
    assert "more/it: cannot be read (" in reason(path)


def test_a_dataset_beyond_the_end_of_the_file_is_found(tmp_path):
    path = make(tmp_path / "flat.h5", it={"data": np.arange(1237, dtype="i1")})
    with h5py.File(path) as file:
        offset = file["more/it"].id.get_offset()
    end = path.stat().st_size
    change(path, struct.pack("<QQ", offset, 1237), struct.pack("<QQ", end - 100, 1237))
    assert "more/it: cannot be read (" in reason(path)


@pytest.mark.parametrize("options", [{}, {"chunks": (10,), "compression": 4}])
def test_damaged_strings_are_found(tmp_path, options):
    words = [f"Granule number {number}" for number in range(50)]
    options = {"data": words, "dtype": h5py.string_dtype()} | options
    path = make(tmp_path / "flat.h5", words=options)
    assert check_file(path) == "flat file, 100 rows"
    change(path, b"GCOL", b"COLD")
    assert reason(path).startswith("more/words: cannot be read (")


def test_strings_behind_the_first_piece_are_read(tmp_path, monkeypatch):
    monkeypatch.setattr(integrity, "PIECE_BYTES", 10 * STRING_BYTES)
    words = [f"Granule number {number}" + 5000 * "." for number in range(50)]
    path = make(tmp_path / "flat.h5", words={"data": words, "dtype": h5py.string_dtype()})
    assert path.read_bytes().count(b"GCOL") > 3
    change(path, b"GCOL", b"COLD", which=3)
    assert reason(path).startswith("more/words: cannot be read (")


def test_a_damaged_attribute_is_found_and_named(tmp_path):
    path = make(tmp_path / "flat.h5")
    with h5py.File(path, "r+") as file:
        file["lat"].attrs["remark"] = ["of", "any", "length"]
    change(path, b"GCOL", b"COLD")
    assert reason(path).startswith("lat attribute remark: cannot be read (")


def test_an_attribute_that_claims_to_be_huge_is_found(tmp_path):
    path = make(tmp_path / "flat.h5")
    with h5py.File(path, "r+") as file:
        file["more"] = file.create_group("other")
        file["more"].attrs["remark"] = np.arange(1237, dtype="i1")
    change(path, struct.pack("<Q", 1237), struct.pack("<Q", 10**11))
    assert reason(path).startswith("more")


def test_a_damaged_group_is_found_and_named(broken):
    with h5py.File(broken) as file:
        address = h5py.h5o.get_info(file["gt1l/segment_quality"].id).addr
    content = bytearray(broken.read_bytes())
    content[address : address + 16] = b"\xff" * 16
    broken.write_bytes(content)
    assert reason(broken).startswith("gt1l/segment_quality: cannot be read (")


def test_damage_of_metadata_is_named_or_does_no_harm(small, datasets, tmp_path):
    # HDF5 has no checksums here: whatever comes of it, it is one clear line, and no bug.
    whole, path = small.read_bytes(), tmp_path / small.name
    values = np.zeros(len(whole), bool)
    for offset, size in datasets.values():
        values[offset : offset + size] = True
    places = np.flatnonzero(~values & (np.frombuffer(whole, "u1") != 0)).tolist()
    dice, bad = random.Random(2), 0
    for at in dice.sample(places, 30):
        content = bytearray(whole)
        content[at] ^= dice.choice([0x01, 0x04, 0x10, 0x80])
        path.write_bytes(content)
        with contextlib.suppress(InputError):
            check_file(path)
            continue
        reason(path)
        bad += 1
    assert bad > 0


def test_nothing_stays_open(broken):
    before = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    check_file(broken)
    with h5py.File(broken, "r+") as file:  # which HDF5 refuses for one that is open to be read
        del file[f"{SEGMENTS}/h_li"]
    reason(broken)
    after = len(os.listdir("/proc/self/fd")) if Path("/proc/self/fd").exists() else 0
    assert after == before


# --- on a server ------------------------------------------------------------------


@pytest.fixture(scope="module")
def store():
    before = remote.used()
    with object_store() as server:
        remote.use(remote.Access(endpoint_url=server.endpoint))
        yield server
    remote.use(before)


@pytest.mark.filterwarnings("ignore::captools.errors.CaptoolsWarning")
def test_files_on_a_server_are_checked_and_named_by_their_address(
    store, small, broken, datasets, tmp_path
):
    assert check_file(store.put(small)) == check_file(small)
    flat = write_flat(tmp_path / "flat.h5", random_columns(77, 1), "gzip")
    assert check_file(store.put(flat)) == "flat file, 77 rows"
    name, (offset, size) = list(datasets.items())[-1]
    content = bytearray(broken.read_bytes())
    content[offset + size - 1] ^= 0x10
    broken.write_bytes(content)
    assert reason(store.put(broken, "damaged/")).startswith(f"{name}: cannot be read (")
    os.truncate(broken, 10_000)
    assert reason(store.put(broken, "cut/")).startswith("is truncated (10000 of ")
    assert reason(f"s3://{BUCKET}/absent.h5") == "does not exist"
