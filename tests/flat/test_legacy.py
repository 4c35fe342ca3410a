"""Names of older reduced files, and what they are taken for."""

from dataclasses import replace

import pytest

import captools
from captools.errors import InputError
from captools.flat.legacy import DIALECTS, choose_columns
from captools.products import ATL06, DERIVED, Column, known
from captools.steps.readatl06 import readatl06


def test_the_dialect_of_captoolkit():
    theirs = {"h_li": "h_elv", "s_li": "s_elv", "q_flag": "q_flg"}
    theirs |= {"t_gps": "t_sec", "is_asc": "trk_type"}
    assert DIALECTS["captools"] == {}
    assert DIALECTS["captoolkit"] == theirs
    ours = {column.name for column in (*ATL06.columns, *DERIVED)}
    assert set(theirs) <= ours
    assert not ours & set(theirs.values())  # or two columns would have one name


@pytest.mark.parametrize("name", ["h_elv", "s_elv", "q_flg", "t_sec", "trk_type"])
@pytest.mark.parametrize("product", known(), ids=lambda product: product.name)
def test_a_new_column_must_not_have_a_name_that_would_be_changed_on_reading(product, name):
    assert choose_columns(product, f"mine={product.lat}")[-1].name == "mine"
    with pytest.raises(ValueError, match="new name"):
        choose_columns(product, f"{name}={product.lat}")


@pytest.mark.parametrize("step", ["readatl06", "read"])
def test_such_a_name_is_wrong_usage_of_every_reader(run, granule, tmp_path, step):
    result = run(step, granule, "-o", tmp_path / "out", "-v", "h_elv=h_li")
    assert result.exit_code == 2
    assert "h_elv=h_li" in result.stderr
    assert not (tmp_path / "out").exists()
    with pytest.raises((ValueError, InputError), match="new name"):
        getattr(captools, step)(granule, tmp_path / "out", variables="h_elv=h_li")


@pytest.fixture(scope="module")
def flat(granules, tmp_path_factory):
    """A folder of flat files. Not to be changed."""
    folder = tmp_path_factory.mktemp("flat")
    for path in granules.iterdir():
        readatl06(path, folder)
    return folder


@pytest.mark.parametrize(
    "words",
    [
        ["merge", "-o", "all.h5", "-v", "lat,h_elv"],
        ["export", "-o", "all.csv", "-v", "h_elv"],
        ["preview", "-o", "map.png", "--var", "h_elv"],
        ["preview", "-o", "map.png", "--xy", "lon,h_elv"],
        ["view", "--no-browser", "-v", "h_elv"],
        ["calc", "-o", "out", "-e", "a = h_elv + 1"],
        ["filter", "-o", "out", "--where", "h_elv > 1"],
        ["reproject", "-o", "out", "--xy", "lon,h_elv"],
        ["readatl06", "-o", "out", "-v", "lat,h_elv"],
        ["read", "-o", "out", "-v", "h_elv"],
    ],
    ids=lambda words: words[0],
)
def test_a_column_under_their_name_is_named_by_ours(run, granules, flat, tmp_path, words):
    step, option, output, *more = words
    given = granules if "read" in step else flat
    where = [option, tmp_path / output] if option == "-o" else [option, output]
    result = run(step, given, *where, *more)
    assert result.exit_code in (1, 2)
    assert "h_elv is h_li here\n" in result.stderr.replace(" (17 more like this)", "")
    assert not list(tmp_path.glob("*/*.h5"))


def test_a_product_may_have_a_column_of_their_name():
    product = replace(ATL06, columns=(*ATL06.columns, Column("h_elv", "x")))
    assert [column.name for column in choose_columns(product, "h_elv")][-1] == "h_elv"
