"""`captools info` and `captools check` on RINEX files and arrays of signal strengths."""

import json

import numpy as np
import pytest

from captools.gnss.array import Array
from captools.gnss.ingest import Wanted, ingest
from captools.simulation.rinex import Recipe, rinex_text, write_rinex
from captools.simulation.signals import NONE, receive

DAY, *_ = DAYS = np.arange("2024-02-28", "2024-03-02", dtype="M8[D]")


@pytest.fixture(scope="module")
def rinex(tmp_path_factory):
    """Give a folder of three days, in three forms. Not to be changed."""
    folder = tmp_path_factory.mktemp("rinex")
    for day, form in zip(DAYS, ("crx.gz", "rnx", "d.Z"), strict=True):
        write_rinex(folder, "P057", day, Recipe("GR", ("1C",), 60, form))
    (folder / "P05700SIM_R_20240610000_01D_MN.rnx").write_text("navigation")  # not taken
    return folder


@pytest.fixture(scope="module")
def array(rinex, tmp_path_factory):
    """Give an array of these files. Not to be changed."""
    path = tmp_path_factory.mktemp("array") / "P057.tdb"
    for file in files(rinex):
        ingest(file, path, Wanted(), "earthscope")
    return path


def files(folder):
    return [path for path in sorted(folder.iterdir()) if "_MN" not in path.name]


def known(days=3):
    """Thousandths that are received, by system."""
    found = {"G": [], "R": []}
    for day in DAYS[:days]:
        for one in receive("P057", day, "GR", ("1C",), 60):
            found[one.system] += one.thousandths[one.thousandths != NONE].tolist()
    return found


def objects(result):
    assert (result.exit_code, result.stderr) == (0, "")
    return [json.loads(line) for line in result.stdout.splitlines()]


# --- info --------------------------------------------------------------------------


def test_a_file(run, rinex):
    path = files(rinex)[0]
    (said,) = objects(run("info", path, "--json", "--stats"))
    values = known(days=1)
    assert said["kind"] == "RINEX 3.04 observations"
    assert said["rows"] == sum(map(len, values.values()))
    assert said["size"] == path.stat().st_size
    assert said["time"] == ["2024-02-28T00:00:00", "2024-02-28T23:59:00"]
    assert said["header"] == {
        "station": "P057",
        "receiver": "SIMULATED RECEIVER",
        "antenna": "SIMULATED       NONE",
        "interval": 60.0,
        "times": "GPS",
        "epochs": 1440,
        "compression": "Hatanaka, gzip",
    }
    for column, (system, strengths) in zip(said["columns"], values.items(), strict=True):
        assert (column["name"], column["units"]) == (f"{system} 1C", "dB-Hz")
        found = column["statistics"]
        assert found["missing"] == 0
        assert (found["low"], found["high"]) == (min(strengths) / 1000, max(strengths) / 1000)
        assert found["mean"] == pytest.approx(np.mean(strengths) / 1000, rel=1e-12)


def test_forms_and_packings(run, rinex, tmp_path):
    said = objects(run("info", *files(rinex), "--json"))
    assert [one["kind"].split()[1] for one in said] == ["3.04", "3.04", "2.11"]
    packed = ["Hatanaka, gzip", None, "Hatanaka, compress"]
    assert [one["header"].get("compression") for one in said] == packed
    # What is in a file counts, not its name.
    wrong = tmp_path / "wrong.rnx"
    wrong.write_bytes(files(rinex)[0].read_bytes())
    (said,) = objects(run("info", wrong, "--json"))
    assert said["header"]["compression"] == "Hatanaka, gzip"


def test_zeros_are_missing(run, tmp_path):
    recipe = Recipe("G", ("1C",), 60, "o", defects=("zeros",))
    path = write_rinex(tmp_path, "P057", DAY, recipe)
    zeros = rinex_text("P057", DAY, recipe).count(b"         0.000")
    (said,) = objects(run("info", path, "--json", "--stats"))
    assert said["columns"][0]["statistics"]["missing"] == zeros > 1000
    assert said["header"]["left_out"] == {"zeros": zeros}
    assert said["rows"] == len(known(days=1)["G"]) - zeros
    assert f'left_out {{"zeros": {zeros}}}' in run("info", path).stdout


def test_a_folder_is_one_summary(run, rinex):
    (said,) = objects(run("info", rinex, "--json"))
    assert (said["files"], said["bad"]) == (3, 0)
    assert said["rows"] == sum(map(len, known().values()))
    assert said["kinds"] == {"RINEX 3.04 observations": 2, "RINEX 2.11 observations": 1}
    assert said["time"] == ["2024-02-28T00:00:00", "2024-03-01T23:59:00"]


def test_an_array(run, array):
    (said,) = objects(run("info", array, "--json"))
    assert said["kind"] == "TileDB array of signal strengths"
    assert said["rows"] == sum(map(len, known().values()))
    assert said["time"] == ["2024-02-28T00:00:00", "2024-03-01T23:59:00"]
    assert said["size"] > 10_000
    wanted = {"station": "P057", "days": 3, "inputs": 3, "fragments": 3, "interval": 60.0}
    assert wanted.items() <= said["header"].items()
    (measured,) = objects(run("info", f"{array}/", "--json", "--stats"))
    assert measured["rows"] == said["rows"]
    for column, (system, strengths) in zip(measured["columns"], known().items(), strict=True):
        found = column["statistics"]
        assert column["name"] == f"{system} 1C"
        assert (found["low"], found["high"]) == (min(strengths) / 1000, max(strengths) / 1000)
        assert found["mean"] == pytest.approx(np.mean(strengths) / 1000, rel=1e-12)
    assert "days 3, inputs 3, fragments 3" in run("info", array).stdout


def test_cells_of_two_inputs_count_once(run, rinex, tmp_path):
    first, *_ = files(rinex)
    copy = tmp_path / "P05700SIM_R_20240590000_01D_01M_XX.crx.gz"
    copy.write_bytes(first.read_bytes())
    for file in (first, copy):
        ingest(file, tmp_path / "x.tdb", Wanted(), "earthscope")
    (said,) = objects(run("info", tmp_path / "x.tdb", "--json"))
    assert said["header"]["fragments"] == 2
    assert said["rows"] == sum(map(len, known(days=1).values()))
    assert "columns" not in said


def test_a_file_that_was_not_read_to_its_end_is_missed(run, rinex, tmp_path, monkeypatch):
    path, array = tmp_path / files(rinex)[0].name, tmp_path / "x.tdb"
    path.write_bytes(files(rinex)[0].read_bytes())
    ingest(path, array, Wanted(), "earthscope")

    def killed(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Array, "write", killed)
        with pytest.raises(KeyboardInterrupt):
            ingest(path, array, Wanted(codes=("1C",)), "earthscope")
    result = run("check", array)
    assert (result.exit_code, "is not whole (1 input not read" in result.stdout) == (1, True)
    ingest(path, array, Wanted(codes=("1C",)), "earthscope")
    assert run("check", array).exit_code == 0


@pytest.mark.parametrize("value", [np.nan, -1.0, 0.0, np.inf, 1e7])
def test_values_that_are_none_are_refused(run, rinex, tmp_path, value):
    ingest(files(rinex)[0], tmp_path / "x.tdb", Wanted(), "earthscope")
    when = np.array([int(DAY.astype("M8[ms]").astype(int)) + 1])
    place = when, np.array([1], "u1"), np.array([3], "u1"), np.array([12611], "u2")
    Array(tmp_path / "x.tdb").write(place, np.array([value], "f4"), 1)
    for words in (("check",), ("snr", "--how", "serial")):
        result = run(*words, tmp_path / "x.tdb")
        assert result.exit_code == 1
        assert "has values on 2024-02-28 that are not above 0 to 100 dB-Hz" in result.output


def test_an_empty_array(run, tmp_path):
    Array(tmp_path / "none.tdb").make("earthscope")
    (said,) = objects(run("info", tmp_path / "none.tdb", "--json", "--stats"))
    assert (said["rows"], said["header"]["days"]) == (0, 0)
    assert "time" not in said
    result = run("check", tmp_path / "none.tdb")
    assert (result.exit_code, result.stdout.count(": fine (")) == (0, 1)


@pytest.mark.parametrize("name", ["no.tdb", "absent0010.24d.Z", "html.crx", "empty.rnx", "n.rnx"])
def test_what_is_none(run, tmp_path, name):
    (tmp_path / "no.tdb").mkdir()
    (tmp_path / "html.crx").write_text("<html>sorry</html>")
    (tmp_path / "empty.rnx").write_text("")
    navigation = f"{'     3.04           N: GNSS NAV DATA':60}RINEX VERSION / TYPE\n"
    (tmp_path / "n.rnx").write_text(navigation)
    for step in ("info", "check"):
        result = run(step, tmp_path / name)
        assert result.exit_code == 1
        said = result.stdout + result.stderr
        assert f"{tmp_path / name}: " in said
        assert "unexpected" not in said


# --- check -------------------------------------------------------------------------


def test_whole_files_and_arrays(run, rinex, array):
    result = run("check", rinex, array)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    paths = sorted(map(str, [*files(rinex), array]))
    assert [line.partition(": fine (")[0] for line in lines] == paths
    total = sum(map(len, known().values()))
    assert f"{array}: fine (array of P057, {total:,} values)" in lines
    first = sum(map(len, known(days=1).values()))
    line = f"{files(rinex)[0]}: fine (RINEX 3.04 file, 1,440 epochs, {first:,} values)"
    assert line in lines


def test_what_is_not_whole(run, tmp_path):
    recipe = Recipe("G", ("1C",), 60, "rnx")
    path = write_rinex(tmp_path, "P057", DAY, recipe)
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    result = run("check", path)
    assert result.exit_code == 1
    assert f"{path}: is not whole (values, records or epochs that its end lacks: " in result.stdout
    path.write_bytes(whole.replace(b"        44.", b"        4x.", 3))
    result = run("check", path)
    assert result.exit_code == 1
    assert f"{path}: is not whole (values or lines that cannot be read: 3)" in result.stdout
    packed = write_rinex(tmp_path, "P057", DAY, Recipe("G", form="crx.gz", defects=("truncated",)))
    result = run("check", packed, "--failed")
    assert (result.exit_code, result.stdout.split()) == (1, [str(packed)])
    assert "is cut or damaged" in result.stderr


def test_a_damaged_array(run, rinex, tmp_path):
    for file in files(rinex):
        ingest(file, tmp_path / "a.tdb", Wanted(), "earthscope")
    largest = max((tmp_path / "a.tdb").rglob("a0.tdb"), key=lambda path: path.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2] ^= 0xFF
    largest.write_bytes(content)
    result = run("check", tmp_path / "a.tdb")
    assert result.exit_code == 1
    assert f"{tmp_path / 'a.tdb'}: " in result.stdout
