"""Names of older reduced files, and what they are taken for."""

import pytest

import captools
from captools.errors import InputError
from captools.flat.legacy import DIALECTS, choose_columns
from captools.products import ATL06, DERIVED, known


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
