"""What is written never takes the place of what is read."""

import os
from pathlib import Path

import pytest

from captools.io.address import Url
from captools.io.atomic import check_outputs

FAR = Url("s3://bucket/in/a.h5")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Be in a folder with a file, a link to it in another folder, and a link to its folder."""
    (tmp_path / "in").mkdir()
    (tmp_path / "in/a.h5").touch()
    (tmp_path / "links").mkdir()
    (tmp_path / "links/b.h5").symlink_to(tmp_path / "in/a.h5")
    (tmp_path / "other").symlink_to(tmp_path / "in")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("given", ["in/a.h5", "links/b.h5", "other/a.h5"])
@pytest.mark.parametrize("output", ["in/a.h5", "in/../in/a.h5", "links/b.h5", "other/a.h5"])
@pytest.mark.parametrize("absolute", [False, True])
def test_an_output_is_no_input_by_whatever_name(folder, given, output, absolute):
    output = folder / output if absolute else Path(output)
    with pytest.raises(ValueError, match=f"output {output} is one of the inputs"):
        check_outputs([folder / "new.h5", output], [FAR, given])


@pytest.mark.parametrize(
    ("given", "output"),
    [
        ("in/a.h5", "in"),
        ("in/a.h5", "other"),
        ("links/b.h5", "links"),  # where the link is
        ("links/b.h5", "in"),  # and where it leads
        ("in/gone.h5", "in/../in"),
    ],
)
def test_nor_is_it_the_folder_of_one(folder, given, output):
    with pytest.raises(ValueError, match=f"output .*{output} is the folder of an input"):
        check_outputs([folder / output], [FAR, folder / given])
    assert os.listdir(folder / "in") == ["a.h5"]


@pytest.mark.parametrize("given", ["in/cycle_01/a.h5", "s3://bucket/in/cycle_01/a.h5"])
@pytest.mark.parametrize("output", ["in", "in/cycle_01", "in/cycle_02"])
def test_a_subfolder_belongs_to_its_folder(folder, given, output):
    far = given.startswith("s3")
    output = Url(f"s3://bucket/{output}") if far else Path(output)
    with pytest.raises(ValueError, match="is the folder of an input"):
        check_outputs([output], [Url(given) if far else given])
    check_outputs([Path("in/deeper"), Path("in/cycle_01/deeper"), Path("cycle_01")], [given])


def test_the_working_folder_is_that_of_a_bare_name(folder, monkeypatch):
    monkeypatch.chdir(folder / "in")
    with pytest.raises(ValueError, match="is the folder of an input"):
        check_outputs([folder / "in"], ["a.h5"])


@pytest.mark.parametrize(
    ("output", "what"),
    [
        ("s3://bucket/in/a.h5", "one of the inputs"),
        ("s3a://bucket/in/a.h5", "one of the inputs"),
        ("s3://bucket/in", "the folder of an input"),
    ],
)
def test_addresses_are_compared_too(folder, output, what):
    with pytest.raises(ValueError, match=f"bucket/in.* is {what}"):
        check_outputs([Url(output)], ["in/a.h5", FAR])


@pytest.mark.parametrize("output", ["in/b.h5", "out", "links/a.h5", ".", "in/a"])
def test_any_other_place_is_free(folder, output):
    check_outputs([folder / output, Url("s3://bucket/in/b.h5")], [FAR, "in/a.h5", "gone.h5/x"])
