"""Files that are filled into a layout made once are those that HDF5 makes by itself."""

import io

import h5py
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.flat import read_header, skeleton
from captools.flat.image import _laid_out, image
from captools.flat.table import Table

DTYPES = st.sampled_from(["<f8", "<f4", "<i4", "i1", "?", ">f4", "<u2", "<i8"])
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["beam", "rgt", "options", "bounds", "spot", "ä"]),
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
        st.integers(-(2**63), 2**63 - 1),
        st.integers(-128, 127).map(np.int8),
        st.floats(),
        st.lists(st.floats(), min_size=1, max_size=5).map(np.array),
    ),
)
TABLES = st.builds(
    lambda rows, dtypes, about, attrs: Table(
        {f"c{at}": np.arange(rows).astype(dtype) for at, dtype in enumerate(dtypes)},
        {"c0": about},
        attrs,
    ),
    st.integers(1, 3000),
    st.lists(DTYPES, min_size=1, max_size=6),
    ATTRIBUTES,
    ATTRIBUTES,
)


def described(content):
    """Return all that a file says."""
    with h5py.File(io.BytesIO(content)) as file:
        found = [(name, one.dtype, one.maxshape, one[:].tobytes()) for name, one in file.items()]
        for one in (file, *file.values()):
            for name, value in one.attrs.items():
                values = np.asarray(value)
                kind = one.attrs.get_id(name).dtype
                found.append((one.name, name, kind, values.shape, values.tolist()))
    return repr(found)


@settings(max_examples=60)
@given(TABLES)
def test_a_file_says_what_one_made_by_hdf5_alone_says(table):
    pieces = skeleton.parts(table, _laid_out)
    assert pieces is not None
    by_hdf5 = h5py.File(_laid_out(table))
    by_hdf5.flush()
    assert described(b"".join(pieces)) == described(by_hdf5.id.get_file_image())


def test_the_layout_is_made_once_for_files_that_are_alike():
    skeleton._skeleton.cache_clear()
    contents = []
    for beam, rows in (("gt1l", 5), ("gt1r", 9), ("gt1l", 5)):
        table = Table({"h": np.arange(rows)}, {}, {"beam": beam, "rows_in": rows, "spot": 1})
        contents.append(b"".join(skeleton.parts(table, _laid_out)))
    assert skeleton._skeleton.cache_info().misses == 1
    assert contents[0] == contents[2] != contents[1]


def test_attributes_too_long_for_one_are_those_of_each_file(tmp_path):
    headers = []
    for letter in "ab":
        attrs = {"history": letter * 70_000, "weights": np.full(9_000, ord(letter)), "spot": 1}
        path = tmp_path / f"{letter}.h5"
        table = Table({"h": np.arange(3.0)}, {}, attrs)
        path.write_bytes(b"".join(image(table, None)))
        headers.append((attrs, read_header(path)))
    for attrs, found in headers:
        assert found["history"] == attrs["history"]
        assert found["weights"].tolist() == attrs["weights"].tolist()


def test_a_file_can_be_added_to(tmp_path):
    path = tmp_path / "a.h5"
    table = Table({"h": np.arange(3, dtype="i1"), "x": np.arange(3.0)})
    path.write_bytes(b"".join(skeleton.parts(table, _laid_out)))
    with h5py.File(path, "r+") as file:
        file["more"] = np.arange(1000)
        file["h"].attrs["note"] = "x" * 3000
    with h5py.File(path) as file:
        assert file["h"][:].tolist() == file["x"][:].tolist() == [0, 1, 2]
        assert file["more"][-1] == 999


def test_more_attributes_than_there_are_marks_are_left_to_hdf5():
    attrs = {f"a{number}": number for number in range(skeleton.MOST_MARKS + 1)}
    table = Table({"h": np.arange(3)}, {}, attrs)
    assert skeleton.parts(table, _laid_out) is None
    del attrs["a0"]
    assert skeleton.parts(table, _laid_out) is not None
