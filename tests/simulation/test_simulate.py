"""The command ``simulate``: which granules it writes and which arguments it refuses."""

import re
import signal
import time

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from processes import start

from captools import progress
from captools.cli import main
from captools.simulation.defects import DEFECTS
from captools.steps.simulate import simulate

BEAMS = "gt1l", "gt1r"
NAME = re.compile(r"ATL06_(\d{14})_(\d{4})(\d\d)(\d\d)_(\d{3})_01\.h5")


def run(folder, *options):
    return CliRunner().invoke(main, ["simulate", "-o", str(folder), *options])


def tracks(paths):
    """RGT, cycle and region of granules, from their names."""
    return [tuple(map(int, NAME.fullmatch(path.name).groups()[1:4])) for path in paths]


def test_a_log_says_how_far_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(progress, "INTERVAL_SECONDS", 0.0)
    said = run(tmp_path, "--granules", "3", "--segments", "1").stderr.splitlines()
    far = [line.split(",")[0] for line in said if " of 3 inputs ended" in line]
    assert far == [f"{number} of 3 inputs ended" for number in (1, 2, 3)]


def test_regions_of_a_track_come_together(tmp_path):
    made = tracks(simulate(tmp_path, granules=6, segments=1))
    first, second = sorted({rgt for rgt, _, _ in made})
    assert second - first == pytest.approx(1387 / 2, abs=1)
    assert made == [(rgt, 1, region) for rgt in (first, second) for region in (10, 11, 12)]


def test_cycles_repeat_the_same_tracks(tmp_path):
    made = tracks(simulate(tmp_path, granules=4, segments=1, regions=(3,), cycles=(2, 5)))
    assert [cycle for _, cycle, _ in made] == [2, 5, 2, 5]
    assert len({rgt for rgt, _, _ in made}) == 2


def test_number_of_granules_is_exact(tmp_path):
    paths = simulate(tmp_path / "new" / "folder", granules=5, segments=1)
    assert len(set(paths)) == 5
    assert all(path.is_file() for path in paths)


def test_without_clouds_segments_lie_evenly_along_their_tracks(tmp_path):
    (path,) = simulate(tmp_path, granules=1, segments=50, regions=(11,), clear=True)
    with h5py.File(path) as file:
        first, second = (file[f"{beam}/land_ice_segments/segment_id"][:] for beam in BEAMS)
    steps = np.diff(np.union1d(first, second))
    assert set(steps) <= {steps.min(), steps.min() + 1}
    assert first[-1] - first[0] > 45 * steps.min() > 1000


def test_defects_go_into_the_first_granules(tmp_path):
    cut, lacking, whole = simulate(
        tmp_path, granules=3, segments=9, defects=("truncated", "missing-beam")
    )
    with pytest.raises(OSError, match="truncated"):
        h5py.File(cut)
    with h5py.File(lacking) as file:
        assert sum(name.startswith("gt") for name in file) == 5
    with h5py.File(whole) as file:
        assert sum(name.startswith("gt") for name in file) == 6


WRONG = {
    "--granules": ("granules", 0),
    "--segments": ("segments", 0),
    "--region": ("regions", (10, 15)),
    "--cycle": ("cycles", (0,)),
    "--noise": ("noise", -0.1),
    "--bad": ("bad", 1.1),
    "--seed": ("seed", -1),
    "--release": ("release", "6"),
}


@pytest.mark.parametrize("option", WRONG)
def test_wrong_values_are_refused_before_any_work(tmp_path, option):
    name, value = WRONG[option]
    folder = tmp_path / "out"
    with pytest.raises(ValueError, match=r"must be") as error:
        simulate(folder, **{name: value})
    assert "\n" not in str(error.value)
    text = ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
    result = run(folder, option, text)
    assert result.exit_code == 2
    assert name.rstrip("s") in result.output
    assert not folder.exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"regions": ()}, "regions must be"),
        ({"regions": (10, 10)}, "each once"),
        ({"noise": float("nan")}, "noise"),
        ({"granules": 1388, "regions": (1,)}, "1 to 1387"),
        ({"defects": ("hole",)}, "unknown defect"),
        ({"granules": 1, "defects": DEFECTS[:2]}, "more defects than granules: 2, 1"),
    ],
)
def test_wrong_arguments(tmp_path, arguments, message):
    with pytest.raises(ValueError, match=message):
        simulate(tmp_path / "out", **arguments)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ["--defect", "hole"],
        ["--defect", "truncated", "--defect", "no-segments", "--granules", "1"],
        ["--granules", "many"],
    ],
)
def test_wrong_usage(tmp_path, arguments):
    folder = tmp_path / "out"
    result = run(folder, *arguments)
    assert result.exit_code == 2
    assert not folder.exists()


def test_options_reach_the_granule(tmp_path):
    options = ["--granules", "1", "--segments", "5", "--region", "3", "--cycle", "7"]
    options += ["--release", "005", "--noise", "0", "--bad", "1", "--seed", "3"]
    result = run(tmp_path, *options)
    assert result.exit_code == 0, result.output
    (path,) = tmp_path.iterdir()
    assert NAME.fullmatch(path.name).groups()[1:] == ("0001", "07", "03", "005")
    with h5py.File(path) as file:
        assert file["gt2l/land_ice_segments/atl06_quality_summary"][()].all()
        assert file["ancillary_data/release"][0].strip() == b"005"


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_two_at_once_in_one_folder_both_succeed(tmp_path):
    options = ("-o", tmp_path / "both", "--granules", "3", "--segments", "50")
    together = [start("simulate", *options) for _ in range(2)]
    for process in together:
        _, stderr = process.communicate(timeout=120)
        assert process.returncode == 0, stderr
    alone = simulate(tmp_path / "alone", granules=3, segments=50)
    assert names(tmp_path / "both") == [path.name for path in alone]
    for path in alone:
        assert (tmp_path / "both" / path.name).read_bytes() == path.read_bytes()


def test_leftovers_of_a_killed_one_are_swept_at_the_next_start(tmp_path):
    options = ("-o", tmp_path, "--granules", "300", "--segments", "3000")
    with start("simulate", *options) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob(".*.part")) and time.monotonic() < deadline:
            time.sleep(0.002)
        process.send_signal(signal.SIGSTOP)  # now it cannot finish the file before it is killed
        (left,) = tmp_path.glob(".*.part")
        # While it lives, another leaves its file alone.
        simulate(tmp_path, granules=1, segments=1, regions=(3,))
        assert left.exists()
        process.kill()
    assert left.exists()
    foreign = tmp_path / ".ATL06.h5.another-host-1-0123abcd.part"
    foreign.touch()
    simulate(tmp_path, granules=1, segments=1, regions=(3,))
    assert [path.name for path in tmp_path.glob(".*")] == [foreign.name]
