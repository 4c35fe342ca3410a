"""Text in attributes: of fixed length, read like that of older files, and no heap to be lost in."""

import json

import h5py
import numpy as np
import pytest
from flatfiles import assert_no_heap, random_columns
from straightforward import said

from captools import flat
from captools.errors import InputError
from captools.flat.attributes import LONGEST
from captools.flat.reader import FlatFile
from captools.flat.table import Table
from captools.flat.writer import FlatWriter
from captools.run import watched
from captools.steps.filter import filter as filter_file
from captools.steps.merge import merge

TEXT = {"crs": "EPSG:3031", "source": "Gräben_氷.h5", "region": "", "remark": "two\nlines, "}


def write(folder, chunked=False, **attrs):
    """A flat file whose column h_li has text, too, written at once or piece by piece."""
    table = Table(random_columns(60, 0), {"h_li": {"units": "m", "long_name": "Höhe"}})
    with FlatWriter(folder) as batch:
        stream = batch.stream("a.h5", chunked)
        stream.append(table)
        stream.finish({"captools_version": "0", "rgt": 1} | attrs, {"source": np.array([b"a.h5"])})
    return batch.written[0]


def as_older(path, folder):
    """A copy of a file with text of variable length, as captools wrote it before."""
    folder.mkdir()
    copy = folder / path.name
    copy.write_bytes(path.read_bytes())
    with h5py.File(copy, "r+") as file:
        for item in (file, *file.values()):
            item.attrs.update({k: v for k, v in said(item).items() if isinstance(v, str)})
    assert b"GCOL" in copy.read_bytes()
    return copy


@pytest.mark.parametrize("chunked", [False, True])
def test_text_comes_back_and_has_no_heap(tmp_path, chunked):
    path = write(tmp_path, chunked, **TEXT)
    assert_no_heap(path)
    with h5py.File(path) as file:
        kind = file.attrs.get_id("source").get_type()
        assert (kind.get_cset(), kind.get_size()) == (h5py.h5t.CSET_UTF8, len("Gräben_氷.h5") + 3)
        assert said(file) == {"captools_version": "0", "rgt": 1} | TEXT
    assert flat.read_header(path) == {"captools_version": "0", "rgt": 1} | TEXT | {
        "remark": "two\nlines,"
    }


@pytest.mark.parametrize(
    ("module", "more"), [("h5netcdf", {"phony_dims": "sort"}), ("netCDF4", {})]
)
def test_xarray_gives_str(tmp_path, module, more):
    xarray, _ = pytest.importorskip("xarray"), pytest.importorskip(module)
    path = write(tmp_path, **TEXT)
    with xarray.open_dataset(path, engine=module.lower(), **more) as data:
        assert {name: data.attrs[name] for name in TEXT} == TEXT
        assert data.h_li.attrs["long_name"] == "Höhe"


def test_older_files_say_the_same_and_give_the_same_bytes(tmp_path, run):
    new = write(tmp_path / "new", **TEXT)
    old = as_older(new, tmp_path / "old")
    with FlatFile(new) as one, FlatFile(old) as other:
        assert one.header == other.header
        assert one.attributes("h_li") == other.attributes("h_li")
    for number, work in enumerate(
        (
            lambda path, out: filter_file(path, out, where="h_li > 0"),
            lambda path, out: merge([path], out / "all.h5"),
        )
    ):
        (first,), (second,) = (work(path, path.parent / str(number)) for path in (new, old))
        assert first.read_bytes() == second.read_bytes()
    said_of = [run("info", path, "--json").stdout for path in (new, old)]
    assert "b'" not in said_of[0]
    assert said_of[0].replace(str(new), str(old)) == said_of[1]


@pytest.mark.parametrize("chunked", [False, True])
def test_what_is_too_long_for_an_attribute_is_kept(tmp_path, chunked):
    many, words = np.arange(LONGEST / 8 + 1), "é" * LONGEST
    history = json.dumps([["filter", {"where": "h_li > 0 or " * LONGEST}]])
    long = {"history": history, "many": many, "a/b": words}
    path = write(tmp_path / "in", chunked, **TEXT, **long)
    with h5py.File(path, "r+") as file:
        file["h_li"].attrs["long_name"] = words  # as other tools may
    (kept,) = filter_file(path, tmp_path / "out", where="h_li > 0")
    assert_no_heap(kept)
    header = flat.read_header(kept)
    assert (header["history"], header["a/b"]) == (history, words)
    np.testing.assert_array_equal(header["many"], many)
    with FlatFile(kept) as file:
        assert file.attributes("h_li")["long_name"] == words
    with h5py.File(kept) as file:
        assert file["_captools/attributes/@history"][()].decode() == history


def read_with_zeros(paths, content):
    """Read all of a file with 512 bytes of it zeros, wherever; how often it is refused."""
    refused = 0
    for at in range(0, len(content), 256):
        end = min(at + 512, len(content))
        paths[0].write_bytes(content[:at] + bytes(end - at) + content[end:])
        try:
            with FlatFile(paths[0]) as file:
                assert len(file.table().columns) <= len(random_columns(1, 0))
                assert isinstance(file.header, dict)
                assert isinstance(file.sources, list)
        except InputError:
            refused += 1
    return refused


def test_no_zeros_in_a_file_of_ours_are_followed_for_ever(tmp_path):
    path = write(tmp_path, **TEXT)
    assert watched.call(read_with_zeros, [path], path.read_bytes(), timeout=60) > 5
