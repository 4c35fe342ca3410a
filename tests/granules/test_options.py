"""The options of reading: said once, shown wherever somebody looks for them."""

import inspect
import re
from dataclasses import fields

import h5py
import pytest

from captools import cli, readatl06
from captools.granules.options import ReadOptions
from captools.steps.read import read

OPTIONS = {
    "bbox": None,
    "extent": None,
    "span": None,
    "variables": None,
    "crs": "auto",
    "mask": None,
    "mask_where": None,
    "buffer": None,
    "invert": False,
    "quality": "best",
    "segment_tolerance": None,
    "split": False,
    "strict": False,
    "dialect": "captools",
    "compression": "none",
    "layout": "beam",
    "by": None,
}

both = pytest.mark.parametrize(
    ("function", "own"), [(readatl06, {}), (read, {"product": None})], ids=["readatl06", "read"]
)


@both
def test_the_signature_names_them_with_their_defaults(function, own):
    granule, outdir, *rest = inspect.signature(function).parameters.values()
    assert [granule.name, outdir.name] == ["granule", "outdir"]
    assert {one.name: one.default for one in rest} == own | OPTIONS
    assert {one.kind for one in rest} == {inspect.Parameter.KEYWORD_ONLY}


@both
def test_the_docstring_describes_each_once(function, own):
    parameters = inspect.getdoc(function).partition("Parameters\n---")[2].partition("\nReturns")[0]
    entries = re.findall(r"^(\S.*?) : .*\n    \S", parameters, re.MULTILINE)
    assert entries == ["granule", "outdir", *own, *OPTIONS]
    assert "**" not in parameters


@both
def test_the_command_line_takes_each(function, own):
    command = cli.main.get_command(None, function.__name__)
    values = command.make_context(command.name, ["granules", "-o", "out"]).params
    assert {name: values[name] for name in own | OPTIONS} == own | OPTIONS


def test_the_fields_are_the_options():
    assert {field.name: field.default for field in fields(ReadOptions)} == OPTIONS


@both
def test_an_unknown_one_is_refused(granule, tmp_path, function, own):
    with pytest.raises(TypeError, match="unexpected keyword argument 'box'"):
        function(granule, tmp_path, box=(0, 1, 0, 1))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "options", [{"segment_tolerance": 0.5}, {"dialect": "captoolkit", "split": True}]
)
def test_read_is_readatl06_where_the_granule_is_of_atl06(granule, tmp_path, options):
    ours, theirs = (
        readatl06(granule, tmp_path / "a", **options),
        read(granule, tmp_path / "b", **options),
    )
    assert [path.name for path in ours] == [path.name for path in theirs]
    assert ours
    for one, other in zip(ours, theirs, strict=True):
        with h5py.File(one) as file, h5py.File(other) as again:
            assert list(file) == list(again)
            assert all(file[name][()].tobytes() == again[name][()].tobytes() for name in file)
            assert (file.attrs["options"], again.attrs["step"]) == (again.attrs["options"], b"read")
