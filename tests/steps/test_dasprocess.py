"""The step that takes records through a chain, from end to end."""

import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from pieces import need_dascore

from captools import dasprocess
from captools.das.examining import examine
from captools.das.records import NoRecord
from captools.das.scanning import Scan
from captools.simulation.das_files import Block, write_plain

dascore = need_dascore()
RATE, START = 100, 1_635_808_260_000_000_000  # 2021-11-01T23:11
DO = ("--do", "pass_filter time=5,20", "--window", "10s")


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Ninety seconds in three files of unequal length, and what they are. Not to be changed."""
    folder = tmp_path_factory.mktemp("das")
    samples = np.random.default_rng(5).integers(-99, 99, (9000, 4), np.int16)
    edges = [0, 1234, 6000, 9000]
    for number, (first, stop) in enumerate(pairwise(edges)):
        times = START + np.arange(first, stop) * (10**9 // RATE)
        block = Block(samples[first:stop], times, np.arange(4.0), RATE)
        write_plain(folder / f"{2 - number}.h5", block)
    return folder, samples, [one for path in folder.iterdir() for one in examine(str(path))]


@pytest.fixture
def folder(written, tmp_path, monkeypatch):
    """Their folder, with a file that is none; a scan knows them, without processes of its own."""
    path = tmp_path / "in"
    path.mkdir()
    for file in written[0].iterdir():
        os.link(file, path / file.name)
    (path / "junk.h5").write_bytes(b"no")

    def scan(paths, *_, **__):
        there = {Path(one).name: one for one in paths}
        records = [one for one in written[2] if Path(one.path).name in there]
        refused = [NoRecord(there[name], "is no HDF5 file", 2, 1) for name in there if "j" in name]
        return Scan(tuple(sorted(records, key=lambda one: one.start_ns)), tuple(refused))

    monkeypatch.setattr("captools.das.planning.scan", scan)
    return path


def tree(path):
    return {file.name: file.read_bytes() for file in Path(path).glob("*.h5")}


def test_what_can_be_done_is_done_and_the_rest_is_named(run, folder, written, tmp_path):
    out = tmp_path / "out"
    result = run("dasprocess", folder, "-o", out, *DO)
    assert result.exit_code == 1
    failed = [line for line in result.stderr.splitlines() if line.startswith("failed")]
    assert failed == [f"failed: {folder}/junk.h5: is no HDF5 file"]
    names = [f"20211101T23{1100 + 10 * n if n < 6 else 1200 + 10 * (n - 6)}Z.h5" for n in range(9)]
    assert [Path(line).name for line in result.stdout.splitlines()] == names == sorted(tree(out))
    time = np.datetime64(START, "ns") + np.arange(9000) * np.timedelta64(10, "ms")
    coords = {"time": time, "distance": np.arange(4.0)}
    whole = dascore.Patch(written[1].astype(float), coords, ("time", "distance"))
    expected = whole.pass_filter(time=(5, 20)).data
    patches = [dascore.read(out / name)[0].transpose("time", "distance") for name in names]
    given = np.concatenate([patch.data for patch in patches])
    assert np.abs(given - expected).max() < 1e-6 * expected.std()
    before = tree(out)
    again = run("dasprocess", folder, "-o", out, *DO)
    assert "2 done before, 0 done, 0 empty, 1 failed" in again.stderr
    assert tree(out) == before


def test_shards_and_a_run_that_goes_on_write_the_same(run, folder, tmp_path):
    (folder / "junk.h5").unlink()
    one, other = tmp_path / "one", tmp_path / "other"
    assert run("dasprocess", folder, "-o", one, *DO).exit_code == 0
    for shard in ("1/2", "0/2"):
        assert run("dasprocess", folder, "-o", other, *DO, "--shard", shard).exit_code == 0
    assert tree(one) == tree(other)
    (one / "20211101T231100Z.h5").unlink()
    (one / ".20211101T231110Z.h5.elsewhere-1-00000000.part").write_bytes(b"half")
    result = run("dasprocess", folder, "-o", one, *DO)
    assert "1 done" in result.stderr
    assert tree(one) == tree(other)


def test_another_chain_takes_the_place_of_the_first(run, folder, tmp_path):
    (folder / "junk.h5").unlink()
    run("dasprocess", folder, "-o", tmp_path / "out", *DO)
    first = tree(tmp_path / "out")
    words = ("--do", "abs", "--window", "10s", "--to", "zarr")
    result = run("dasprocess", folder, "-o", tmp_path / "out", *words)
    assert result.exit_code == 0, result.stderr
    assert tree(tmp_path / "out") == {}
    names = [path.name for path in (tmp_path / "out").glob("*Z.*")]
    assert sorted(names) == sorted(name.replace(".h5", ".zarr.zip") for name in first)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--do", "standardize time"), "--per-window"),
        (("--do", "passfilter time=5,20"), "pass_filter"),
        (("--do", "pass_filter time=5,60"), "none of 100 Hz"),
        (("--do", "pass_filter distance=3,9"), "pass_filter distance=3,9"),
        (("--do", "decimate time=3"), "no multiple of 3"),
        (("--do", "abs", "--window", "10min"), "without a gap"),
        (("--do", "abs", "--channels", "9:"), "none is asked for"),
    ],
)
def test_wrong_usage(run, folder, tmp_path, words, why):
    length = () if "--window" in words else ("--window", "10s")
    result = run("dasprocess", folder, "-o", tmp_path / "out", *length, *words)
    assert result.exit_code == 2
    assert why in result.stderr
    assert len(result.stderr.partition("Error: ")[2].splitlines()) == 1
    assert tree(tmp_path / "out") == {}


def test_what_fades_slowly_is_said(run, folder, tmp_path):
    words = ("--do", "envelope time", "--window", "30s", "-t", "2021-11-01T23:11:30", "2021-11-02")
    result = run("dasprocess", folder, "-o", tmp_path / "out", *words)
    assert "envelope: samples far away matter a little" in result.stderr


def test_from_python(folder, tmp_path):
    paths = dasprocess(folder / "1.h5", tmp_path / "out", do="abs", window="20s", gaps="fill")
    assert [Path(path).name for path in paths] == [
        f"20211101T2311{seconds}Z.h5" for seconds in ("00", "20", "40")
    ]
