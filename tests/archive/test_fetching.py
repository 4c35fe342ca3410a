"""Fetching one file."""

import os
import shutil
import socket

import pytest
import requests
from earthdata import BUCKET, LOGIN, LOGIN_PAGE, POOL

from captools.archive import fetching
from captools.archive.fetching import PIECE_BYTES, fetch
from captools.errors import FolderError, InputError, LoginError
from captools.io import retrying
from captools.io.address import Url
from captools.io.atomic import temporary_name
from captools.io.retrying import Retryable
from captools.steps.download import fetch_granule

NAME = "some.h5"
ADDRESS = f"https://{POOL}/nsidc-cumulus-prod-protected/{NAME}"
DATA = os.urandom(5 * PIECE_BYTES + 123)


@pytest.fixture
def archive(earthdata, tmp_path, monkeypatch):
    """Servers that have one file of any bytes, and this process logged in."""
    earthdata.folder = tmp_path / "files"
    earthdata.folder.mkdir()
    (earthdata.folder / NAME).write_bytes(DATA)
    fetching._session.cache_clear()
    fetching._left.cache_clear()
    with earthdata.here(tmp_path / "home", login=LOGIN):
        yield earthdata
    fetching._session.cache_clear()


@pytest.fixture
def out(tmp_path):
    (tmp_path / "out").mkdir()
    return tmp_path / "out"


def any_bytes(path):
    return len(path.read_bytes())


def get(out, size=None, check=any_bytes):
    return fetch(Url(ADDRESS, size=size), out, check)


def test_the_file_comes_whole_under_its_name(archive, out):
    for _ in range(2):  # the second time nothing is asked for
        written = get(out, len(DATA))
        assert written == [out / NAME]
        assert written.rows_in == written.rows_out == len(DATA)
        assert os.listdir(out) == [NAME]
        assert (out / NAME).read_bytes() == DATA
    assert len(archive.asked(BUCKET)) == 1


def test_what_is_wrong_is_said_of_the_address(archive, out):
    def check(path):
        raise InputError(f"{path}: is odd; of {path}")

    with pytest.raises(InputError) as error:
        get(out, check=check)
    assert str(error.value) == f"{ADDRESS}: is odd; of {ADDRESS}"
    assert os.listdir(out) == []
    assert archive.sent[NAME] == 2 * len(DATA)


def test_a_server_that_stalls_is_not_waited_for(archive, out, monkeypatch):
    monkeypatch.setattr(fetching, "READ_SECONDS", 0.2)
    archive.fail(NAME, pause=0.6, times=1)
    get(out)
    assert (out / NAME).read_bytes() == DATA
    monkeypatch.setattr(fetching, "TRIES", 2)
    (out / NAME).unlink()
    archive.fail(NAME, pause=0.6)
    with pytest.raises(InputError, match="the server took too long"):
        get(out)


def test_a_server_that_does_not_know_ranges_starts_anew(archive, out, monkeypatch):
    (out / NAME).write_bytes(b"?" * 9)
    send = requests.Session.get

    def without_range(session, address, headers, **more):
        headers.pop("Range", None)
        headers.pop("If-Unmodified-Since", None)
        return send(session, address, headers=headers, **more)

    monkeypatch.setattr(requests.Session, "get", without_range)
    get(out, len(DATA))
    assert (out / NAME).read_bytes() == DATA


def test_a_file_that_grows_at_each_try_may_take_more_tries(archive, out):
    archive.fail(NAME, cut=PIECE_BYTES)
    assert len(DATA) / PIECE_BYTES > retrying.TRIES
    get(out)
    assert (out / NAME).read_bytes() == DATA
    answers = len(archive.asked(BUCKET))
    assert answers > retrying.TRIES
    # Each connection that breaks may lose what was under way.
    assert len(DATA) <= archive.sent[NAME] <= len(DATA) + (answers - 1) * PIECE_BYTES


def test_a_size_that_nobody_gives_is_believed(archive, out, monkeypatch):
    monkeypatch.setattr(fetching, "_extent", lambda response, have: (0, None))
    get(out)
    assert (out / NAME).read_bytes() == DATA


def test_without_a_network_it_says_so(archive, out, monkeypatch):
    def refuse(*address, **options):
        raise socket.gaierror(socket.EAI_NONAME, "no network")

    get(out)  # logged in
    (out / NAME).unlink()
    fetching._session.cache_clear()
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    with pytest.raises(InputError, match=r"Earthdata login cannot be reached \(5 times\)"):
        get(out)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (requests.ReadTimeout("https://x?sig=1"), "the server took too long"),
        (requests.ConnectionError("Read timed out. https://x?sig=1"), "the server took too long"),
        (requests.ConnectionError("https://x?sig=1"), "no connection"),
        (requests.exceptions.ChunkedEncodingError("https://x?sig=1"), "the connection broke"),
        (requests.TooManyRedirects("https://x?sig=1"), "TooManyRedirects"),
    ],
)
def test_no_reason_shows_an_address(error, why):
    assert fetching._why(error) == why


def test_a_folder_that_vanishes_ends_the_run(archive, out):
    def check(path):
        shutil.rmtree(out)
        raise InputError(f"{path}: does not exist")

    with pytest.raises(FolderError, match=rf"{NAME}: cannot be written \(No such file"):
        get(out, check=check)
    out.mkdir()
    with pytest.raises(FolderError, match="cannot be written"):
        get(out, check=lambda path: shutil.rmtree(out) or 1)


def test_a_part_that_another_process_takes_is_left_to_it(archive, out, monkeypatch):
    (out / NAME).write_bytes(DATA[:9])
    monkeypatch.setattr(os, "rename", lambda *paths: (_ for _ in ()).throw(FileNotFoundError))
    get(out, len(DATA))
    assert [one.range for one in archive.asked(BUCKET)] == [""]


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (400, "HTTP 400"),
        (401, "Earthdata login refused or token expired"),
        (403, "accept the licence"),
        (404, "is not in the archive"),
    ],
)
def test_what_no_other_try_would_mend_is_reported_at_once(archive, out, status, why):
    archive.fail(NAME, status)
    with pytest.raises(InputError, match=why):
        get(out)
    assert len(archive.requests) == 2 + 1  # two of them to log in


def test_a_token_that_has_expired_is_the_end(earthdata, out, tmp_path):
    fetching._session.cache_clear()
    expired = earthdata.here(tmp_path / "home", EARTHDATA_TOKEN="eyJold")
    with expired, pytest.raises(LoginError, match="refused or token expired"):
        get(out)
    fetching._session.cache_clear()


@pytest.mark.parametrize("how", [{"status": 503}, {"status": 200, "text": LOGIN_PAGE}])
def test_another_try_may_do(archive, out, how):
    archive.fail(NAME, times=4, **how)
    get(out)
    assert (out / NAME).read_bytes() == DATA
    (out / NAME).unlink()
    archive.fail(NAME, **how)
    with pytest.raises(InputError, match=r"\(5 times\)"):
        get(out)


def test_a_size_that_is_not_the_catalogue_s_is_refused(archive, out):
    with pytest.raises(InputError, match=rf"it has {len(DATA)} bytes, 7 in the catalogue"):
        get(out, 7)
    assert os.listdir(out) == []


def test_what_has_no_address_is_not_asked_for(earthdata, out):
    with pytest.raises(InputError, match=r"^some\.h5: the catalogue has no address of it"):
        fetch(Url("some.h5"), out, any_bytes)
    assert earthdata.requests == []


def test_the_longest_part_of_a_dead_process_is_continued(archive, out):
    for number, length in enumerate((9, 1000, 99)):
        name = temporary_name(NAME).replace(f"-{os.getpid()}-", f"-{2**22 + number}-")
        (out / name).write_bytes(DATA[:length])
    get(out)
    assert (out / NAME).read_bytes() == DATA
    assert [one.range for one in archive.asked(BUCKET)] == ["bytes=1000-"]


def test_a_granule_is_fetched_and_checked(archive, out, pool):
    name = min(os.listdir(pool))
    archive.folder = pool
    written = fetch_granule(Url(ADDRESS.replace(NAME, name)), out)
    assert (out / name).read_bytes() == (pool / name).read_bytes()
    assert written.rows_in > 100


@pytest.mark.parametrize("status", [412, 416])
def test_a_refusal_of_what_was_not_asked_for_is_no_crash(archive, out, status):
    archive.fail(NAME, status, times=1)
    get(out)
    assert (out / NAME).read_bytes() == DATA


def test_the_pauses_double_and_heed_the_server(monkeypatch):
    waited = []
    monkeypatch.setattr(retrying, "PAUSE_SECONDS", 2.0)
    monkeypatch.setattr(retrying.time, "sleep", waited.append)
    for tries in range(1, 5):
        retrying.pause(tries)
    retrying.pause(1, after=30.0)
    retrying.pause(1, after=1e9)
    for seconds, least in zip(waited[:5], (2, 4, 8, 16, 30), strict=True):
        assert least <= seconds <= 1.5 * least  # not all at once
    assert waited[5] == retrying.LONGEST_SECONDS
    assert (str(Retryable("why")), Retryable("why").after) == ("why", 0.0)
