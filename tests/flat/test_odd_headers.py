"""Headers that no step of ours writes: named as bad input, or harmless."""

import h5py
import numpy as np
import pytest
from flatfiles import write_flat

from captools.errors import InputError
from captools.flat.reader import FlatFile

DEEP = "[" * 60_000


def write_pair(folder, **attributes):
    """Two flat files, the first of which has odd attributes."""
    for number in (0, 1):
        x = np.linspace(-1e6, -9e5, 50) + number
        columns = {"lat": np.full(50, -80.0), "lon": np.full(50, -90.0), "h_li": x / 1e3}
        columns |= {"x": x, "y": x / 2, "t_gps": np.linspace(1.2e9, 1.2e9 + 1, 50)}
        write_flat(folder / f"{number}.h5", columns, crs="EPSG:3031", step="readatl06")
    with h5py.File(folder / "0.h5", "a") as file:
        file.attrs.update(attributes)
    return folder


def words_of(step, folder, out):
    """The words of a run of a step that reads headers."""
    more = {
        "merge": ("-o", out / "all.h5"),
        "export": ("-o", out / "all.csv"),
        "preview": ("-o", out / "map.png"),
        "filter": ("-o", out, "--where", "h_li < 0"),
        "info": (),
    }
    return step, folder, *more[step]


@pytest.mark.parametrize("step", ["merge", "export", "preview", "filter", "info"])
@pytest.mark.parametrize(
    ("name", "value"),
    [("bounds_xy", 5.0), ("bounds_xy", "abc"), ("bounds_lonlat", np.ones(3)), ("t_span", "x")],
)
def test_bounds_that_are_none_are_bad_input(run, tmp_path, step, name, value):
    (tmp_path / "in").mkdir()
    result = run(*words_of(step, write_pair(tmp_path / "in", **{name: value}), tmp_path / "out"))
    assert result.exit_code == 1
    assert f"0.h5: header: cannot be read ({name} is not" in result.stderr
    assert "report it" not in result.stderr


def test_bad_headers_are_left_out_on_request(run, tmp_path):
    (tmp_path / "in").mkdir()
    folder = write_pair(tmp_path / "in", bounds_xy=5.0)
    out = tmp_path / "all.h5"
    assert run("merge", folder, "-o", out, "--skip-bad").exit_code == 0
    with h5py.File(out) as file:
        assert len(file["lat"]) == 50


@pytest.mark.parametrize("step", ["merge", "export", "preview", "filter", "info"])
@pytest.mark.parametrize(
    "attributes", [{"history": DEEP}, {"history": "[1, 2]"}, {"options": DEEP}], ids=str
)
def test_an_odd_history_is_harmless(run, tmp_path, step, attributes):
    (tmp_path / "in").mkdir()
    result = run(*words_of(step, write_pair(tmp_path / "in", **attributes), tmp_path / "out"))
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("number", [np.inf, np.nan, 1e300, "x", np.arange(5)], ids=str)
def test_a_track_without_a_number_is_bad_input(run, tmp_path, number):
    (tmp_path / "in").mkdir()
    folder = write_pair(tmp_path / "in", rgt=number)
    result = run("merge", folder, "-o", tmp_path / "all.h5")
    assert result.exit_code == 1
    assert "0.h5: its rgt is no number" in result.stderr


@pytest.mark.parametrize("name", ["long_name", "units"])
def test_a_formula_that_is_none_is_drawn_as_text(run, tmp_path, name):
    (tmp_path / "in").mkdir()
    folder = write_pair(tmp_path / "in")
    for path in folder.iterdir():
        with h5py.File(path, "a") as file:
            file["h_li"].attrs[name] = r"height $\foo_{$ m"
    result = run("preview", folder, "-o", tmp_path / "map.png")
    assert result.exit_code == 0, result.stderr


@pytest.mark.parametrize("line_break", ["\n", "\r"])
def test_a_name_with_a_line_break_is_refused_before_any_work(run, tmp_path, line_break):
    """A line of standard output is a file."""
    (tmp_path / "in").mkdir()
    folder = write_pair(tmp_path / "in")
    (folder / "0.h5").rename(folder / f"0{line_break}b.h5")
    result = run("filter", folder, "-o", tmp_path / "out", "--where", "h_li < 0")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "cannot hold a line break: rename it" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_column_of_ours_that_holds_no_numbers_is_damage(tmp_path):
    path = write_flat(tmp_path / "a.h5", {"lat": np.zeros(5), "h_li": np.zeros(5)})
    with h5py.File(path, "a") as file:
        file["lon"] = np.zeros(5, np.longdouble)  # a flipped bit makes this of a double
        file["mine"] = np.array([b"a"] * 5)  # somebody's own text is left out with a warning
    with pytest.raises(InputError, match=r"a\.h5: lon holds no numbers; the file is damaged"):
        FlatFile(path)
