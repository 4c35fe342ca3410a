"""`captools download --earthscope`, from servers of our own."""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from earthscope import ARCHIVE, LOGIN, EarthScope

from captools.archive import earthscope as ours
from captools.archive import fetching
from captools.errors import LoginError
from captools.run.journal import lines
from captools.simulation.rinex import Recipe, write_rinex

DAYS = ("2024-02-28", "2024-02-29", "2024-03-01")
NAMES = [f"p057{number:03}0.24d.Z" for number in (59, 60, 61)]
WORDS = ("--station", "P057", "-t", "2024-02-28", "2024-03-02")


@pytest.fixture(scope="session")
def kept(tmp_path_factory):
    """Give a folder with what the archive has: three days of one station. Not to be changed."""
    folder = tmp_path_factory.mktemp("archive")
    recipe = Recipe("GR", ("1C",), 30, "d.Z")
    for day in map(np.datetime64, DAYS):
        number = int((day - np.datetime64("2024-01-01")).astype(int)) + 1
        write_rinex(folder / f"2024/{number:03}", "P057", day, recipe)
    return folder


@pytest.fixture
def servers(kept, tmp_path, monkeypatch):
    monkeypatch.setattr("captools.io.retrying.PAUSE_SECONDS", 0.01)
    with EarthScope(kept, tmp_path / "servers") as servers:
        yield servers


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def go(servers, home, out, run):
    """Give a function that downloads to ``out`` and lets no secret out."""

    def go(*words):
        fetching._session.cache_clear()  # as in a new process
        fetching._left.cache_clear()
        with servers.here(home):
            result = run("download", "--earthscope", *words, "-o", out)
        said = result.stdout + result.stderr
        said += "".join(path.read_text() for path in out.glob("_captools/*"))
        assert not [secret for secret in servers.given if secret in said]
        assert "Traceback" not in said
        return result

    return go


def tokens(home):
    return json.loads((home / ".earthscope/default/tokens.json").read_text())


def whole(kept, *names):
    return {path.name: path.read_bytes() for path in kept.rglob("*.Z") if path.name in names}


def fetched(out):
    return {path.name: path.read_bytes() for path in out.iterdir() if path.is_file()}


# --- fetching ----------------------------------------------------------------------


def test_it_fetches_what_is_not_there_yet(go, servers, home, kept, out, run):
    servers.grant(home)
    first = go(*WORDS)
    assert first.exit_code == 0, first.output
    assert first.stdout.split() == [str(out / name) for name in NAMES]
    assert fetched(out) == whole(kept, *NAMES)
    assert servers.asked(ARCHIVE) == [200] * 3
    assert servers.asked(LOGIN) == []
    [(_, outcome), *_] = lines(out / "_captools/download.jsonl")
    assert outcome.status == "done"
    assert outcome.rows_out > 50_000
    assert outcome.input.startswith(f"https://{ARCHIVE}/archive/gnss/rinex/obs/2024/")

    again = go(*WORDS)
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    assert len(servers.asked(ARCHIVE)) == 3
    (out / NAMES[1]).unlink()
    assert go(*WORDS).exit_code == 0
    assert len(servers.asked(ARCHIVE)) == 4
    assert fetched(out) == whole(kept, *NAMES)
    assert "download" in run("report", out).stdout


def test_days_that_the_archive_has_not(go, servers, home, out):
    servers.grant(home)
    result = go("--station", "P057,NONE", "-t", "2024-03-01", "2024-03-03")
    assert result.exit_code == 1
    assert result.stdout.split() == [str(out / NAMES[2])]
    assert "none0610.24d.Z: is not in the archive (HTTP 404)" in result.stderr
    assert "4 inputs: 1 done, 0 empty, 3 failed" in result.stderr


def test_a_broken_connection_is_taken_up_where_it_broke(go, servers, home, kept, out):
    servers.grant(home)
    servers.cut += [70_000, 80_000]  # a piece of 64 KiB and some
    assert go(*WORDS[:2], "-t", "2024-02-29", "2024-03-01").exit_code == 0
    assert servers.asked(ARCHIVE) == [200, 206, 206]
    assert fetched(out) == whole(kept, NAMES[1])


def test_what_comes_is_checked(go, servers, home, kept, out, tmp_path):
    servers.grant(home)
    servers.folder = tmp_path / "bad"
    for number, content in ((59, b"<html>sorry</html>"), (60, b"\x1f\x9d\x90"), (61, b"")):
        path = servers.folder / f"2024/{number:03}/p057{number:03}0.24d.Z"
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    result = go(*WORDS)
    assert result.exit_code == 1
    assert fetched(out) == {}
    assert "0 done, 0 empty, 3 failed" in result.stderr


def test_a_dry_run_asks_nobody(go, servers):
    result = go("--station", "p058,P057", "-t", "2023-12-31", "2024-01-02", "--dry-run")
    assert result.exit_code == 0
    place = f"https://{ARCHIVE}/archive/gnss/rinex/obs"
    assert result.stdout.split() == [
        f"{place}/2023/365/p0573650.23d.Z",
        f"{place}/2023/365/p0583650.23d.Z",
        f"{place}/2024/001/p0570010.24d.Z",
        f"{place}/2024/001/p0580010.24d.Z",
    ]
    assert servers.requests == []


# --- logging in --------------------------------------------------------------------


def test_without_a_login_it_says_what_to_do(go, servers, out):
    result = go(*WORDS)
    assert result.exit_code == 2
    assert "no EarthScope login" in result.stderr
    assert not out.exists()


def test_on_a_terminal_it_asks_to_log_in(servers, home, monkeypatch, log):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr(ours, "POLL_SECONDS", 0.01)
    with servers.here(home):
        ours.prepare()
        assert ours.access_token() in servers.access
    assert f"open https://{LOGIN}/activate?user_code=ABCD-EFGH" in log.text
    assert "ABCD-EFGH" in log.text
    assert servers.asked(LOGIN) == [200, 403, 403, 200]
    path = home / ".earthscope/default/tokens.json"
    assert path.stat().st_mode & 0o777 == 0o600
    assert tokens(home).keys() == {"access_token", "id_token", "refresh_token"}
    assert sorted(one.name for one in path.parent.iterdir()) == ["tokens.json"]


def test_who_does_not_log_in_is_refused(servers, home, monkeypatch):
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    servers.refuses = True
    with servers.here(home), pytest.raises(LoginError, match="refused"):
        ours.prepare()
    assert not (home / ".earthscope").exists()


def test_a_token_that_ends_soon_is_changed_once(go, servers, home, kept, out):
    servers.life = 200.0
    old = servers.grant(home)
    servers.life = 3600.0
    assert go(*WORDS).exit_code == 0
    assert servers.asked(LOGIN) == [200]
    new = tokens(home)
    assert new["refresh_token"] in servers.refresh  # the old one is not good any more
    assert new["refresh_token"] != old["refresh_token"]
    assert new["access_token"] != old["access_token"]
    assert (home / ".earthscope/default/tokens.json").stat().st_mode & 0o777 == 0o600
    assert fetched(out) == whole(kept, *NAMES)


def test_the_token_goes_to_no_other_server(go, servers, home):
    servers.grant(home)
    servers.sends_on = True
    result = go(*WORDS)
    assert result.exit_code == 1
    assert "EarthScope login refused or ended" in result.stderr
    assert servers.asked(LOGIN) == [200]  # without it, or the server says so at the end


def test_of_many_workers_one_changes_the_token(servers, home):
    servers.life = 200.0
    servers.grant(home)
    servers.life = 3600.0
    with servers.here(home), ThreadPoolExecutor(8) as threads:
        found = {task.result() for task in [threads.submit(ours.access_token) for _ in range(8)]}
    assert found == {tokens(home)["access_token"]}
    assert servers.asked(LOGIN) == [200]


def test_a_home_that_takes_no_tokens(servers, home, monkeypatch):
    servers.life = 200.0
    servers.grant(home)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(ours.os, "replace", refuse)
    with servers.here(home), pytest.raises(LoginError, match="cannot be kept"):
        ours.access_token()
    assert not [one for one in home.rglob("*") if one.name.startswith(".tokens.json")]


@pytest.mark.parametrize("what", ["refresh", "access"])
def test_a_login_that_is_not_good_any_more_ends_the_run(go, servers, home, out, what):
    if what == "refresh":
        servers.life = -1.0
    servers.grant(home)
    getattr(servers, what).clear()
    result = go(*WORDS)
    assert result.exit_code == 1
    assert "EarthScope login refused or ended: remove" in result.stderr
    assert len(servers.requests) <= 2
    assert fetched(out) == {} if out.exists() else True


@pytest.mark.parametrize("content", ["", "[]", "{", '{"access_token": "a.b.c"}', '{"a": 1}'])
def test_a_file_of_tokens_that_is_none(go, servers, home, content):
    path = home / ".earthscope/default/tokens.json"
    path.parent.mkdir(parents=True)
    path.write_text(content)
    result = go(*WORDS)
    assert result.exit_code in (1, 2)
    assert "EarthScope login" in result.stderr
    assert servers.requests == []


def test_a_server_that_is_out_of_reach(servers, home, monkeypatch):
    servers.life = -1.0
    servers.grant(home)
    monkeypatch.setattr(ours, "LOGIN", "https://no.such.host")
    begun = time.monotonic()
    with servers.here(home), pytest.raises(Exception, match="cannot be reached"):
        ours.access_token()
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (WORDS[:2], "--station and -t"),
        (WORDS[2:], "--station and -t"),
        ((*WORDS, "--cycle", 3), "not at EarthScope"),
        ((*WORDS, "-b", 0, 1, 0, 1), "not at EarthScope"),
        (("ATL06_x.h5", *WORDS), "not at EarthScope"),
        (("--station", "P0577", *WORDS[2:]), "four letters or digits"),
        ((*WORDS[:3], "2024-03-02", "2024-02-28"), "empty"),
    ],
)
def test_wrong_usage(go, servers, words, message):
    result = go(*words)
    assert result.exit_code == 2
    assert message in result.stderr


def test_stations_go_with_earthscope(run, out):
    result = run("download", "--station", "P057", "-b", 0, 1, 0, 1, "-o", out)
    assert result.exit_code == 2
    assert "--station goes with --earthscope" in result.stderr
