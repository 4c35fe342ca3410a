"""`captools download`, through the real icepyx and earthaccess, from servers of our own."""

import os
import random
import resource
import shutil
import signal
import sys
import time

import h5py
import pytest
from earthdata import BUCKET, CMR, EULA, LOGIN, LOGIN_PAGE, POOL, URS, Granule
from processes import call, start

import captools
from captools.archive import fetching
from captools.archive.fetching import PIECE_BYTES
from captools.errors import InputError
from captools.io.atomic import temporary_name
from captools.run.journal import lines

WORLD = ("-b", -180, 180, -90, 90)
NAMES = [
    f"ATL06_20180928{rest}_007_01.h5"
    for rest in ("172011_00010110", "172750_00010111", "173333_00010112")
]
ONE = (NAMES[1],)
IN_A_CHUNK = "a byte of h_li"


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def go(earthdata, home, out, run):
    """Give a function that downloads to ``out`` with a login, and lets no secret out."""

    def go(*words, login=LOGIN, **more):
        fetching._session.cache_clear()  # as in a new process
        fetching._left.cache_clear()
        with earthdata.here(home, login=login, **more):
            result = run("download", *words, "-o", out)
        said = result.stdout + result.stderr
        said += "".join(path.read_text() for path in out.glob("_captools/*"))
        assert earthdata.leaks(said) == []
        assert "Traceback" not in said
        return result

    return go


def fetched(out):
    """The files of a folder, hidden ones too, with their contents."""
    return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


def offset(path):
    """Where in a granule a chunk of heights is."""
    with h5py.File(path) as file:
        return file["gt1l/land_ice_segments/h_li"].id.get_chunk_info(0).byte_offset + 9


def contents(pool, *names):
    return {name: (pool / name).read_bytes() for name in names or NAMES}


# --- what is fetched --------------------------------------------------------------


def test_it_fetches_what_is_not_there_yet(go, earthdata, pool, out, run):
    before = os.umask(0o027)
    try:
        first = go(*WORLD, "-n", 2)
    finally:
        os.umask(before)
    assert first.exit_code == 0
    assert fetched(out) == contents(pool)
    assert {path.stat().st_mode & 0o777 for path in out.glob("*.h5")} == {0o640}
    assert first.stdout.splitlines() == [str(out / name) for name in NAMES]
    assert first.stderr.startswith("3 inputs: 3 done")
    assert "download" in run("report", out).stdout

    asked = len(earthdata.asked(POOL))
    assert asked == 3
    second = go(*WORLD)
    assert (second.exit_code, second.stdout) == (0, first.stdout)
    assert "nothing to do" in second.stderr
    assert len(earthdata.asked(POOL)) == asked

    (out / NAMES[0]).unlink()
    earthdata.granules.append(Granule(NAMES[0].replace("007_01", "007_02")))
    shutil.copy(pool / NAMES[0], pool / earthdata.granules[-1].name)
    try:
        third = go(*WORLD)
    finally:
        (pool / earthdata.granules[-1].name).unlink()
    first, second = third.stderr.splitlines()
    assert first.startswith("warning: outputs of 1 input are missing")
    assert second.startswith("4 inputs: 2 done before, 2 done")
    assert len(earthdata.asked(POOL)) == asked + 2


def test_the_journal_has_each(go, out):
    go(*ONE)
    [(_, outcome)] = lines(out / "_captools/download.jsonl")
    assert outcome.status == "done"
    assert outcome.input.startswith(f"https://{POOL}/")
    assert outcome.name == NAMES[1]
    assert outcome.rows_in == outcome.rows_out > 100
    assert outcome.key


def test_shards_fetch_all_together(go, out, pool):
    for number in range(2):
        assert go(*WORLD, "--shard", f"{number}/2").exit_code == 0
    assert fetched(out) == contents(pool)
    journals = sorted(path.name for path in out.glob("_captools/*"))
    assert journals == ["download-0-of-2.jsonl", "download-1-of-2.jsonl"]


def test_overwrite_fetches_again(go, earthdata, out, pool):
    go(*ONE)
    out.joinpath("_captools/download.jsonl").unlink()  # and nobody knows of the file
    (out / temporary_name(NAMES[1]).replace(f"-{os.getpid()}-", "-1-")).touch()
    assert go(*ONE, "--overwrite").exit_code == 0
    assert [request.range for request in earthdata.asked(BUCKET)] == ["", ""]
    go(*ONE, "--overwrite")
    assert earthdata.sent[NAMES[1]] == 3 * (pool / NAMES[1]).stat().st_size


def test_without_a_size_in_the_catalogue_it_is_fetched_once(go, earthdata, out, pool):
    earthdata.granules = [Granule(NAMES[1], sized=False)]
    assert go(*ONE).exit_code == 0
    assert fetched(out) == contents(pool, *ONE)
    assert "nothing to do" in go(*ONE).stderr
    assert go(*ONE, "--dry-run").stdout == f"{NAMES[1]}  0.0 MB\n"
    assert len(earthdata.asked(POOL)) == 1


def test_another_size_in_the_catalogue_is_another_file(go, earthdata, pool, tmp_path):
    go(*ONE)
    earthdata.folder = shutil.copytree(pool, tmp_path / "pool")
    with open(earthdata.folder / NAMES[1], "ab") as file:
        file.write(b"more")
    assert go(*ONE).exit_code == 0
    assert len(earthdata.asked(BUCKET)) == 2


# --- which granules ---------------------------------------------------------------


def test_a_dry_run_lists_and_leaves_no_trace(go, earthdata, out):
    result = go(*WORLD, "--dry-run", login=None)
    assert result.exit_code == 0
    shown = [line.split("  ") for line in result.stdout.splitlines()]
    assert [name for name, _ in shown] == NAMES
    assert {size for _, size in shown} == {"0.7 MB"}
    assert result.stderr == "3 granules, 2.1 MB\n"
    assert not out.exists()
    assert {request.host for request in earthdata.requests} == {CMR}


@pytest.mark.parametrize("how", ["words", "addresses", "dry run", "standard input"])
def test_a_list_is_as_good_as_a_search(how, go, earthdata, out, pool, tmp_path, run, home):
    names = NAMES[:2]
    match how:
        case "words":
            result = go(*names)
        case "addresses":
            listed = tmp_path / "list.txt"
            listed.write_text(f"https://{POOL}/x/{names[0]}?A=b\n\n/data/processed_{names[1]}\n")
            result = go(f"@{listed}")
        case "dry run":
            listed = tmp_path / "list.txt"
            lines = go("--cycle", 1, "--dry-run").stdout.splitlines()
            listed.write_text("\n".join(lines[:2]))
            result = go(f"@{listed}")
        case "standard input":
            with earthdata.here(home, login=LOGIN):
                result = run("download", "-", "-o", out, input="\n".join(names))
    assert result.exit_code == 0, result.stderr
    assert fetched(out) == contents(pool, *names)


def test_what_the_catalogue_does_not_know_fails_alone_and_can_be_tried_again(go, out, pool, run):
    strangers = ["ATL06_20200101000000_00010110_003_01.h5", "whatever.h5", NAMES[0][:-4] + "9.h5"]
    result = go(NAMES[0], *strangers)
    assert result.exit_code == 1
    assert fetched(out) == contents(pool, NAMES[0])
    failed = run("report", out, "--failed").stdout.splitlines()
    assert failed == sorted(strangers)
    said = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert ["2 more like this" in line for line in said] == [False, True]
    assert all(line.endswith(": the catalogue has no address of it") for line in said)
    assert go(*failed, NAMES[0]).stderr.count("failed: ") == 2


@pytest.mark.parametrize(
    "words",
    [
        (),
        ("--release", "007"),
        (*ONE, *WORLD),
        (*ONE, "--release", "007"),
        ("--release", "005", *WORLD),
        ("@none.txt",),
    ],
)
def test_wrong_usage_comes_before_any_work(words, go, earthdata, out):
    result = go(*words)
    assert (result.exit_code, result.stdout) == (2, "")
    assert len(result.stderr.partition("Error: ")[2].splitlines()) == 1
    assert not out.exists()
    assert earthdata.asked(POOL) == []


def test_nothing_found_is_nothing_to_do(go, out, earthdata, run, home):
    result = go("-t", 2020, 2021)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr == "no granules: nothing to do\n"
    asked = len(earthdata.requests)
    with earthdata.here(home):
        result = run("download", "-", "-o", out, input="")
    assert (result.exit_code, result.stderr) == (0, "no granules: nothing to do\n")
    assert len(earthdata.requests) == asked
    assert not out.exists()


def test_from_python_it_returns_the_files_or_raises(earthdata, home, out, capfd):
    with earthdata.here(home, login=LOGIN):
        assert captools.download(out, words=NAMES, dry_run=True) == [
            f"{name}  {megabytes}" for name, megabytes in zip(NAMES, ["0.7 MB"] * 3, strict=True)
        ]
        assert captools.download(out, words=NAMES, jobs=1) == [str(out / name) for name in NAMES]
        earthdata.fail(NAMES[1], 404)
        with pytest.raises(InputError, match="not all granules are there"):
            captools.download(out, words=NAMES, jobs=1, overwrite=True)
    assert capfd.readouterr().out == ""


def test_a_missing_extra_is_named(go, monkeypatch):
    monkeypatch.setitem(sys.modules, "earthaccess", None)
    result = go(*WORLD)
    assert result.exit_code == 1
    assert "pip install 'captools[download]'" in result.stderr


def test_a_catalogue_that_is_down_is_reported(go, earthdata, out):
    earthdata.fail(CMR, 503, text="<html>maintenance")
    result = go(*WORLD)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: the catalogue does not answer (")
    assert not out.exists()


# --- who fetches --------------------------------------------------------------------


@pytest.mark.parametrize("way", ["netrc", "environment", "token"])
def test_three_ways_to_log_in(way, go, earthdata, out, pool):
    user, password = LOGIN
    how = {
        "netrc": {},
        "environment": {"EARTHDATA_USERNAME": user, "EARTHDATA_PASSWORD": password},
        "token": {"EARTHDATA_TOKEN": earthdata.token()},
    }[way]
    assert go(*ONE, login=LOGIN if way == "netrc" else None, **how).exit_code == 0
    assert fetched(out) == contents(pool, *ONE)
    assert {request.auth for request in earthdata.asked(BUCKET)} == {""}
    assert {request.auth for request in earthdata.asked(CMR)} == {""}


def test_a_wrong_password_ends_it_all(go, earthdata, out):
    result = go(*WORLD, login=(LOGIN[0], "wrong"))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr == "error: Earthdata login refused: wrong user name or password\n"
    assert not out.exists()
    assert {request.host for request in earthdata.requests} == {URS}


def test_without_a_login_nothing_is_asked(go, earthdata, out):
    result = go(*WORLD, login=None)
    assert (result.exit_code, result.stdout) == (2, "")
    (line,) = result.stderr.partition("Error: ")[2].splitlines()
    for way in ("EARTHDATA_TOKEN", "EARTHDATA_PASSWORD", "netrc", "prompt"):
        assert way in line
    assert not out.exists()
    assert earthdata.requests == []


def test_a_token_that_has_expired_ends_the_run(go, earthdata, out):
    result = go(*WORLD, login=None, EARTHDATA_TOKEN="eyJold")
    assert result.exit_code == 1
    assert "Earthdata login refused or token expired" in result.stderr
    assert "2 inputs not attempted" in result.stderr
    assert fetched(out) == {}


# --- what goes wrong ------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"status": 401}, "Earthdata login refused or token expired"),
        ({"status": 403, "text": EULA}, "(EULA)"),
        ({"status": 404}, "is not in the archive (HTTP 404)"),
        ({"status": 400}, "HTTP 400"),
    ],
)
def test_what_no_other_try_would_mend_is_reported_at_once(how, why, go, earthdata, out, pool):
    earthdata.fail(NAMES[1], **how)
    result = go(*ONE)
    assert (result.exit_code, result.stdout) == (1, "")
    (line,) = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert f"{NAMES[1]}: " in line
    assert why in line
    assert len(earthdata.asked(POOL)) == 1
    assert fetched(out) == {}


def test_an_input_that_fails_leaves_the_others_alone(go, earthdata, out, pool):
    earthdata.fail(NAMES[1], 404)
    assert go(*WORLD).exit_code == 1
    assert fetched(out) == contents(pool, NAMES[0], NAMES[2])
    earthdata.mend()
    assert go(*WORLD).exit_code == 0
    assert fetched(out) == contents(pool)
    assert len(earthdata.asked(POOL)) == 4


@pytest.mark.parametrize(
    "how",
    [
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"status": 429, "headers": {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}},
        *({"status": status, "text": "<html>sorry"} for status in (500, 502, 503, 504)),
        {"status": 200, "text": LOGIN_PAGE},
        {"cut": 70_000},
        {"cut": 0},
        {"shorten": 9},
        {"corrupt": IN_A_CHUNK},
    ],
    ids=str,
)
def test_what_passes_is_tried_again(how, go, earthdata, out, pool):
    fault = earthdata.fail(NAMES[1], times=1, **how)
    if fault.corrupt:
        fault.corrupt = offset(pool / NAMES[1])
    began = time.monotonic()
    assert go(*ONE).exit_code == 0
    assert time.monotonic() - began > int("Retry-After': '1" in str(how))
    assert fetched(out) == contents(pool, *ONE)
    assert len(earthdata.asked(POOL)) == 2


@pytest.mark.parametrize(
    ("how", "why", "tries"),
    [
        ({"status": 503}, "HTTP 503 (5 times)", 5),
        ({"status": 200, "text": LOGIN_PAGE}, "a web page came in place of the file", 5),
        ({"cut": 1000}, "the connection broke (5 times)", 5),
        ({"shorten": 9}, "in the catalogue (5 times)", 5),
        ({"corrupt": IN_A_CHUNK}, "cannot be read", 2),
    ],
)
def test_what_does_not_pass_is_reported(how, why, tries, go, earthdata, out, pool):
    fault = earthdata.fail(NAMES[1], **how)
    if fault.corrupt:
        fault.corrupt = offset(pool / NAMES[1])
    result = go(*ONE)
    assert (result.exit_code, result.stdout) == (1, "")
    assert why in result.stderr
    assert f"{NAMES[1]}: " in result.stderr
    assert "?" not in result.stderr
    assert ".part" not in result.stderr
    assert len(earthdata.asked(POOL)) == tries
    assert not (out / NAMES[1]).exists()


def test_a_cut_connection_goes_on_where_it_broke(go, earthdata, out, pool):
    earthdata.fail(NAMES[1], cut=2 * PIECE_BYTES)
    assert go(*ONE).exit_code == 0
    assert fetched(out) == contents(pool, *ONE)
    assert earthdata.sent[NAMES[1]] == (pool / NAMES[1]).stat().st_size
    answers = -(-(pool / NAMES[1]).stat().st_size // (2 * PIECE_BYTES))
    assert len(earthdata.asked(BUCKET)) == answers > 5


def test_another_product_is_refused(go, earthdata, pool, tmp_path):
    earthdata.folder = shutil.copytree(pool, tmp_path / "pool")
    with h5py.File(earthdata.folder / NAMES[1], "a") as file:
        file.attrs["short_name"] = "ATL08"
    result = go(*ONE)
    assert result.exit_code == 1
    assert "is ATL08, not ATL06" in result.stderr


def test_a_full_disk_ends_the_run(earthdata, home, out, pool):
    most = (pool / NAMES[0]).stat().st_size // 2
    ended = call(
        *("download", *WORLD, "-o", out, "-n", 1),
        env=earthdata.environment(home, login=LOGIN),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    assert ended.code == 1
    assert f"{out / NAMES[0]}: cannot be written (File too large)" in ended.stderr
    assert "2 inputs not attempted" in ended.stderr
    assert list(out.glob("*.h5")) == []


# --- what a run that ended leaves -------------------------------------------------------


def leave(out, name, data, when=None):
    """Leave what a killed process would have."""
    out.mkdir(exist_ok=True)
    host, _, rest = temporary_name(name).rpartition(f"-{os.getpid()}-")
    path = out / f"{host}-{2**22 + 1}-{rest}"  # no process has such a number
    path.write_bytes(data)
    if when:
        os.utime(path, (when, when))
    return path


def test_a_part_is_continued(go, earthdata, out, pool):
    data = (pool / NAMES[1]).read_bytes()
    leave(out, NAMES[1], data[:1000])
    leave(out, NAMES[1], data[:-1000])
    assert go(*ONE).exit_code == 0
    assert fetched(out) == {NAMES[1]: data}  # and nothing else is left
    assert [one.range for one in earthdata.asked(BUCKET)] == [f"bytes={len(data) - 1000}-"]


@pytest.mark.parametrize("more", [[], ["--overwrite"]])
def test_a_shard_leaves_the_parts_of_others_to_them(go, earthdata, out, pool, more):
    for name in NAMES:
        leave(out, name, b"?" * 9)
        leave(out, name, (pool / name).read_bytes()[:-1000])
    assert go(*WORLD, "--shard", "0/3", *more).exit_code == 0
    assert earthdata.sent[NAMES[0]] in (1000, (pool / NAMES[0]).stat().st_size)
    parts = [path.name for path in out.glob(".*.part")]
    assert sorted(name.split(".h5")[0] + ".h5" for name in parts) == sorted(
        f".{name}" for name in NAMES[1:] for _ in range(2)
    )
    for number in (1, 2):
        assert go(*WORLD, "--shard", f"{number}/3").exit_code == 0
    assert earthdata.sent[NAMES[1]] == earthdata.sent[NAMES[2]] == 1000
    assert fetched(out) == contents(pool)


def test_an_input_that_fails_keeps_its_own_parts_only(go, earthdata, out, pool):
    for name in NAMES[:2]:
        leave(out, name, b"?" * 9)
        leave(out, name, (pool / name).read_bytes()[:-1000])
    earthdata.fail(NAMES[1], 404)
    assert go(*WORLD, "-n", 1).exit_code == 1
    assert {path.name.split(".h5")[0] for path in out.glob(".*.part")} == {f".{NAMES[1][:-3]}"}
    earthdata.mend()
    assert go(*WORLD).exit_code == 0
    assert earthdata.sent[NAMES[1]] == 1000
    assert fetched(out) == contents(pool)


HOW_SIZES_ARE_GIVEN = {"exactly": {}, "rounded": {"exact": False}, "not at all": {"sized": False}}


@pytest.mark.parametrize("how", HOW_SIZES_ARE_GIVEN)
def test_a_whole_file_that_no_journal_names_is_not_fetched(go, earthdata, out, pool, how):
    earthdata.granules = [Granule(NAMES[1], **HOW_SIZES_ARE_GIVEN[how])]
    data = (pool / NAMES[1]).read_bytes()
    out.mkdir()
    (out / NAMES[1]).write_bytes(data)
    assert go(*ONE).exit_code == 0
    assert fetched(out) == {NAMES[1]: data}
    assert earthdata.sent.total() == 0


@pytest.mark.parametrize("how", ["changed", "longer", "damaged"])
def test_what_does_not_fit_is_fetched_anew(how, go, earthdata, out, pool):
    data = (pool / NAMES[1]).read_bytes()
    left = {"changed": b"?" * 1000, "longer": data + b"?", "damaged": b"?" * 1000}[how]
    leave(out, NAMES[1], left, when=1e9 if how == "changed" else None)
    assert go(*ONE).exit_code == 0
    assert fetched(out) == {NAMES[1]: data}
    statuses = [one.status for one in earthdata.asked(BUCKET)]
    assert statuses == {"changed": [412, 200], "longer": [416, 200], "damaged": [206, 200]}[how]


def test_what_an_input_that_failed_has_is_not_fetched_again(go, earthdata, out, pool):
    earthdata.fail(NAMES[1], cut=2 * PIECE_BYTES, times=1)
    earthdata.fail(NAMES[1], cut=0)
    assert go(*ONE, "-n", 1).exit_code == 1  # in a process that is gone then
    earthdata.mend()
    assert go(*ONE).exit_code == 0
    assert fetched(out) == contents(pool, *ONE)
    assert earthdata.sent == {NAMES[1]: (pool / NAMES[1]).stat().st_size}


def test_killed_and_killed_again_it_fetches_no_byte_twice(earthdata, home, out, pool):
    fault = earthdata.fail("ATL06*", pause=0.01)
    words = ("download", *WORLD, "-o", out, "-n", 2)
    environment = earthdata.environment(home, login=LOGIN)
    kills, chance = 2, random.Random(7)
    for _ in range(kills):
        asked = len(earthdata.asked(BUCKET))
        with start(*words, env=environment) as process:
            while len(earthdata.asked(BUCKET)) == asked:
                assert process.poll() is None
                time.sleep(0.01)
            time.sleep(chance.uniform(0.05, 0.3))
            process.kill()
        assert {path.name for path in out.glob("*.h5")} <= set(NAMES)
    fault.pause = 0.0
    ended = call(*words, env=environment)
    assert ended.code == 0, ended.stderr
    assert fetched(out) == contents(pool)
    # Of what a killed process had asked for, this much was on the way: what it had read and not
    # written, and what the server had sent.
    on_the_way = 2 * kills * (PIECE_BYTES + 4 * (1 << 14))
    sizes = sum((pool / name).stat().st_size for name in NAMES)
    assert sizes <= earthdata.sent.total() <= sizes + on_the_way


def test_a_folder_that_vanishes_ends_the_run(earthdata, home, out):
    earthdata.fail("ATL06*", pause=0.01)
    environment = earthdata.environment(home, login=LOGIN)
    with start("download", *WORLD, "-o", out, "-n", 1, env=environment) as process:
        while not earthdata.asked(BUCKET):
            assert process.poll() is None
            time.sleep(0.01)
        out.rename(f"{out} elsewhere")
        _, stderr = process.communicate(timeout=30)
    assert process.returncode == 1
    assert "2 inputs not attempted" in stderr
    assert "No such file" not in stderr.splitlines()[-1]
    assert not out.exists()


def test_sigterm_finishes_what_is_under_way(earthdata, home, out, pool):
    earthdata.fail("ATL06*", pause=0.005)
    words = ("download", *WORLD, "-o", out, "-n", 1)
    environment = earthdata.environment(home, login=LOGIN)
    with start(*words, env=environment) as process:
        while not earthdata.asked(BUCKET):
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=30)
    assert process.returncode == 143
    assert stdout.splitlines() == [str(out / NAMES[0])]
    assert "interrupted: the same command goes on from here" in stderr
    assert fetched(out) == contents(pool, NAMES[0])
    assert earthdata.leaks(stdout + stderr) == []


# --- what is there stays ---------------------------------------------------------------


def test_a_file_that_cannot_be_had_again_is_not_removed(go, earthdata, out, pool):
    out.mkdir()
    mine = out / "ATL06_20181014000347_02350101_003_01.h5"
    mine.write_bytes(next(pool.iterdir()).read_bytes())
    before = mine.read_bytes()
    assert go(mine.name).exit_code == 1
    assert mine.read_bytes() == before
    earthdata.fail(ONE[0], 404)
    shutil.copy(pool / ONE[0], out)
    go(*ONE, "--overwrite")
    assert (out / ONE[0]).read_bytes() == (pool / ONE[0]).read_bytes()
    assert not list(out.glob(".*.part"))
