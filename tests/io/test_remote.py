"""Reading where the data live: object stores and web servers give what the disk gives."""

import gc
import os
import pickle
import shutil
import signal
import socket
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest import mock

import fsspec
import h5py
import numpy as np
import pytest
from earthdata import BUCKET as POOL_BUCKET
from earthdata import LOGIN_PAGE, POOL, Earthdata, Granule
from hypothesis import given, settings
from hypothesis import strategies as st
from objectstore import BUCKET, KEYS, OTHERS, object_store
from processes import start
from test_columns import layouts
from test_matrix import matrices, write

from captools.errors import InputError
from captools.io import earthdata as login
from captools.io import ranges, remote, retrying
from captools.io.address import Url, is_remote, parse_location
from captools.io.columns import StoredColumn, fetch_ahead
from captools.io.hdf5 import open_file
from captools.io.listing import expand
from captools.io.matrix import StoredMatrix
from captools.io.remote import Access
from captools.io.retrying import Retryable
from captools.io.troubles import Unreachable, attempt
from captools.simulation.granule import write_granule
from captools.simulation.layout import Layout
from captools.steps.readatl06 import readatl06

NASA = OTHERS[1]

pytestmark = pytest.mark.filterwarnings("ignore::captools.errors.CaptoolsWarning")


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(retrying, "PAUSE_SECONDS", 0.01)


@pytest.fixture(autouse=True)
def whose_keys():
    """Let nobody remember whether another test had keys."""
    remote._is_anonymous.cache_clear()
    yield
    remote._is_anonymous.cache_clear()


@pytest.fixture
def by_ranges(monkeypatch):
    """Let no file be small enough to come as a whole."""
    monkeypatch.setattr(ranges, "SMALL_BYTES", 0)


@pytest.fixture(scope="module")
def server():
    with object_store() as store:
        yield store


@pytest.fixture
def store(server):
    """Give an empty bucket."""
    before = remote.used()
    remote.use(Access(endpoint_url=server.endpoint))
    yield server
    server.remove()
    remote.use(before)


@pytest.fixture
def fetched(monkeypatch):
    """Record the ranges that are asked for, by file name."""
    asked = []
    answer = ranges.RemoteFile._ranges

    def noted(self, starts, stops):
        asked.extend(zip(starts, stops, strict=True))
        return answer(self, starts, stops)

    monkeypatch.setattr(ranges.RemoteFile, "_ranges", noted)
    return asked


def outputs(path, folder, **options):
    return {one.name: one.read_bytes() for one in readatl06(path, folder, **options)}


# --- addresses --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("s3://bucket/key.h5", "key.h5"),
        ("s3://bucket/a/b?c.h5", "b?c.h5"),
        ("https://host/a/x.h5", "x.h5"),
        ("https://host/a/x.h5?signature=a/b.h5", "x.h5"),
    ],
)
def test_an_address_has_a_file_name(address, name):
    assert Url(address).name == name
    assert parse_location(address).name == name
    assert is_remote(address)
    assert os.fspath(Url(address)) == address


def test_a_signature_is_not_shown():
    url = Url("https://host/x.h5?signature=secret")
    assert f"{url}" == str(url) == "https://host/x.h5"
    assert url == "https://host/x.h5?signature=secret"


def test_what_a_listing_says_travels_with_the_address():
    url = pickle.loads(pickle.dumps(Url("s3://bucket/key.h5", "etag 12")))
    assert (url, url.identity, remote.identity(url)) == ("s3://bucket/key.h5", "etag 12", "etag 12")


@pytest.mark.parametrize("path", ["x.h5", "/a/b.h5", "a:b/c.h5", "", "://x.h5"])
def test_a_path_is_no_address(path):
    assert not is_remote(path)
    assert isinstance(parse_location(path), Path)


# --- the same as from a disk ------------------------------------------------------


@settings(max_examples=60)
@given(layouts(), st.data())
def test_what_is_fetched_ahead_is_all_that_reading_needs(layout, data):
    dtype, length, options, written = layout
    truth = np.ones(length, dtype)
    truth[:written] = np.random.default_rng(length).integers(-100, 100, written)
    first, last = sorted(data.draw(st.integers(0, length)) for _ in range(2))
    chosen = data.draw(st.sets(st.integers(0, length - 1))) if length else ()
    with fsspec.open("memory://any.h5", "wb") as target, h5py.File(target, "w") as file:
        file.create_dataset("column", data=truth, fillvalue=1, **options)
    for rows in (slice(None), slice(first, last), np.array(sorted(chosen), dtype=np.intp)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(ranges, "SMALL_BYTES", 0)
            with open_file(Url("memory://any.h5")) as file:
                column = StoredColumn(file["column"].id)
                fetch_ahead(file, [column], rows)
                patch.setattr(ranges.RemoteFile, "_ranges", pytest.fail)
                assert column.read(rows).tobytes() == truth[rows].tobytes()


@settings(max_examples=60)
@given(matrices())
def test_what_is_fetched_ahead_of_a_matrix_is_all_that_reading_needs(matrix):
    values, options, written, pick, rows, truth = matrix
    with fsspec.open("memory://matrix.h5", "wb") as target, h5py.File(target, "w") as file:
        whole = values.copy()
        whole[written:] = 1  # what is not stored is not read
        write(file, whole, options, len(whole))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranges, "SMALL_BYTES", 0)
        with open_file(Url("memory://matrix.h5")) as file:
            stored = StoredMatrix(file["matrix"].id, pick)
            fetch_ahead(file, [stored], rows)
            patch.setattr(ranges.RemoteFile, "_ranges", pytest.fail)
            assert stored.read(rows).tobytes() == truth.tobytes()


@pytest.mark.parametrize("small", [0, ranges.SMALL_BYTES])
def test_real_granules_give_the_same_bytes_from_an_object_store(
    store, real_data, tmp_path, monkeypatch, small
):
    monkeypatch.setattr(ranges, "SMALL_BYTES", small)
    paths = sorted((real_data / "atl06").glob("*.h5"))[:: 1 if small else 4]
    assert len(paths) > 2
    for path in paths:
        url = store.put(path, "atl06/")
        assert outputs(url, tmp_path / "far") == outputs(path, tmp_path / "near")


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    """Give a granule of several chunks a column, which only descends."""
    return write_granule(
        tmp_path_factory.mktemp("large"), 1, 1, 10, segments=36_000, layout=Layout(6_000)
    )


def box_of(granule, part):
    with h5py.File(granule) as file:
        lat = file["gt1l/land_ice_segments/latitude"][:]
    south, north = np.quantile(lat, [0.5 - part / 2, 0.5 + part / 2])
    return -180, 180, south, north


@pytest.mark.parametrize(
    ("bbox", "share"), [(0.05, 0.25), ((-180, 180, 80, 81), 0.15), (None, 0.9)]
)
def test_of_a_large_granule_what_is_needed_comes_and_no_more(
    store, large, tmp_path, fetched, by_ranges, bbox, share
):
    bbox = box_of(large, bbox) if isinstance(bbox, float) else bbox
    far = outputs(store.put(large), tmp_path / "far", bbox=bbox)
    assert far == outputs(large, tmp_path / "near", bbox=bbox)
    assert (far == {}) == (share == 0.15)
    assert 0 < sum(stop - start for start, stop in fetched) < share * large.stat().st_size


def test_a_small_file_comes_in_one_request(store, granule, tmp_path, fetched):
    outputs(store.put(granule), tmp_path / "out")
    assert fetched == [(0, granule.stat().st_size)]


# --- folders ----------------------------------------------------------------------


def test_a_folder_stands_for_its_hdf5_files_and_not_for_deeper_ones(store, granule, tmp_path):
    wanted = [store.put(granule, f"a/{name}.h5") for name in "xy"]
    for key in ("a/z.txt", "a/b/z.h5", "a.h5", "a/_captools/z.h5"):
        store.put(granule, key)
    found = expand([f"s3://{BUCKET}/a/"])
    assert found == wanted
    assert [remote.identity(url) for url in found] == [remote.identity(Url(url)) for url in found]
    assert expand([f"s3://{BUCKET}/a/*.h5"]) == wanted
    assert expand([f"s3://{BUCKET}/a/x*"]) == wanted[:1]
    assert expand([f"s3://{BUCKET}/a/", wanted[0]]) == wanted
    shouted = store.put(granule, "a/w.TXT")
    assert expand([f"s3://{BUCKET}/a/"], (".txt",)) == [shouted, f"s3://{BUCKET}/a/z.txt"]


def test_an_empty_folder_is_none(store, log):
    assert expand([f"s3://{BUCKET}/void/", f"s3://{BUCKET}/void/*.h5"]) == []
    assert len(log.records) == 2


def test_another_content_is_another_identity(store, granule):
    url = Url(store.put(granule))
    first = remote.identity(url)
    store.client.put_object(Bucket=BUCKET, Key=url.name, Body=b"something else")
    assert remote.identity(url) != first != ""
    assert remote.identity(Url(f"{url}x")) == ""


# --- what goes wrong at an object store -------------------------------------------


class _Refusing(BaseHTTPRequestHandler):
    """Answers every request with a status and the code that S3 would give."""

    def do_GET(self):
        status, code = self.server.answer
        body = f"<Error><Code>{code}</Code><Message>{code} it is.</Message></Error>".encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.server.asked += 1
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *words):
        pass


@pytest.fixture
def refusing(monkeypatch):
    """Give a server that answers as it is asked to."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    server.asked = 0
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    before = remote.used()
    remote.use(Access(endpoint_url=f"http://127.0.0.1:{server.server_address[1]}"))
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    yield server
    remote.use(before)
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ((403, "AccessDenied"), "access refused (403"),
        ((400, "ExpiredToken"), "access refused (400"),
        ((404, "NoSuchKey"), "does not exist"),
        ((503, "SlowDown"), "cannot be reached (503"),
        ((500, "InternalError"), "cannot be reached (500"),
    ],
)
def test_what_an_object_store_refuses_is_named(refusing, tmp_path, monkeypatch, answer, why):
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    refusing.answer = answer
    with pytest.raises(InputError, match=r"^s3://bucket/x\.h5: ") as error:
        readatl06("s3://bucket/x.h5", tmp_path)
    assert why in str(error.value)
    assert (refusing.asked > 3) == (answer[0] >= 500)


def test_a_store_out_of_reach_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("s3fs.core.S3FileSystem.retries", 1)
    for name, value in KEYS.items():
        monkeypatch.setenv(name, value)
    before = remote.used()
    remote.use(Access(endpoint_url="http://127.0.0.1:1"))
    with pytest.raises(InputError, match=r"^s3://bucket/x\.h5: cannot be reached \(.*5 times"):
        readatl06("s3://bucket/x.h5", tmp_path)
    with pytest.raises(InputError, match=r"^s3://bucket/a/: cannot be reached"):
        expand(["s3://bucket/a/"])
    remote.use(before)


def test_a_public_bucket_needs_no_keys(store, granule, tmp_path, monkeypatch):
    url = store.put(granule)
    store.client.put_object_acl(Bucket=BUCKET, Key=granule.name, ACL="public-read")
    for name in KEYS:
        monkeypatch.delenv(name)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert outputs(url, tmp_path / "far") == outputs(granule, tmp_path / "near")


@pytest.mark.parametrize("protocol", ["odd", "ftp", "hdfs"])
def test_an_unknown_protocol_is_wrong_usage(run, tmp_path, protocol):
    for step in ("readatl06", "merge"):
        result = run(step, f"{protocol}://host/x.h5", "-o", tmp_path / "out.h5")
        assert result.exit_code == 2
        assert f"{protocol}://: cannot be read from, but s3://, https://" in result.stderr
    assert not (tmp_path / "out.h5").exists()


@pytest.mark.parametrize("step", ["readatl06", "merge", "check"])
def test_a_missing_extra_is_named_before_any_work(run, tmp_path, monkeypatch, step):
    monkeypatch.setitem(sys.modules, "s3fs", None)
    output = () if step == "check" else ("-o", tmp_path / "out.h5")
    result = run(step, "s3://bucket/x.h5", *output)
    assert result.exit_code == 1
    assert "pip install 'captools[remote]'" in result.stderr
    assert not (tmp_path / "out.h5").exists()


def test_keys_that_cannot_be_found_cost_the_input_with_its_name(run, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    result = run("readatl06", "s3://bucket/x.h5", "-o", tmp_path / "out")
    assert result.exit_code == 1
    assert "failed: s3://bucket/x.h5: no keys of the object store" in result.stderr
    assert "Traceback" not in result.stderr


# --- web servers, and Earthdata's --------------------------------------------------


@pytest.fixture
def pool(tmp_path, granule):
    """Give Earthdata's servers, with a granule and us logged in."""
    (tmp_path / "pool").mkdir()
    shutil.copy(granule, tmp_path / "pool")
    before = remote.used()
    with (
        Earthdata(tmp_path / "pool", tmp_path / "client") as fake,
        fake.here(tmp_path / "home", EARTHDATA_TOKEN=fake.token()),
    ):
        remote.use(Access(earthdata=True))
        # They remember logins and addresses of the servers of other tests.
        login.earthdata_login.cache_clear()
        fsspec.get_filesystem_class("https").clear_instance_cache()
        yield fake
        remote.use(before)


def address(granule):
    return f"https://{POOL}/{Granule(granule.name).path}/{granule.name}"


def test_a_granule_is_read_where_earthdata_keeps_it(pool, granule, tmp_path, by_ranges):
    assert outputs(address(granule), tmp_path / "far") == outputs(granule, tmp_path / "near")
    asked = pool.asked(POOL_BUCKET)
    assert {request.auth for request in asked} == {""}  # the token is for the pool alone
    assert all(request.range for request in asked if request.method == "GET")


@pytest.mark.parametrize(
    "how",
    [
        {"status": 503},
        {"status": 500},
        {"status": 429, "headers": {"Retry-After": "1"}},
        {"cut": 2000},
    ],
)
def test_a_server_that_is_in_trouble_for_a_while_is_asked_again(
    pool, granule, tmp_path, how, by_ranges
):
    pool.fail(granule.name, times=2, **how)
    assert outputs(address(granule), tmp_path / "far") == outputs(granule, tmp_path / "near")


@pytest.mark.parametrize(
    ("how", "why"),
    [
        ({"status": 404}, "does not exist"),
        ({"status": 401}, "login refused (401)"),
        ({"status": 403, "text": "EULA"}, "access refused (403"),
        ({"status": 503}, "cannot be reached (503"),
        ({"status": 200, "text": LOGIN_PAGE}, "is a web page saved as .h5 (a login page?)"),
        ({"cut": 2000}, "cannot be reached ("),
        ({"shorten": 9000}, "is truncated ("),
    ],
)
def test_what_a_server_refuses_is_named(pool, granule, tmp_path, how, why):
    pool.fail(granule.name, **how)
    with pytest.raises(InputError) as error:
        readatl06(address(granule), tmp_path / "far")
    assert str(error.value).startswith(f"{address(granule)}: ")
    assert why in str(error.value)
    assert not list((tmp_path / "far").glob("*"))


@pytest.mark.parametrize(
    "address", ["https://elsewhere.org/x.h5", "http://urs.earthdata.nasa.gov/x"]
)
def test_nobody_else_gets_the_token(pool, address):
    assert "Bearer" not in str(remote.file_system(Url(address)).kwargs)
    ours = remote.file_system(Url(f"https://{POOL}/x.h5"))
    assert "Bearer" in str(ours.kwargs)


def test_keys_to_its_object_store_come_from_earthdata(server, pool, granule, tmp_path, monkeypatch):
    login._keys_of_hour.cache_clear()
    remote.use(Access(endpoint_url="http://127.0.0.1:1", earthdata=True))  # of our own store
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.endpoint)
    url = server.put(granule, bucket=NASA)
    for number in range(2):
        far = outputs(url, tmp_path / f"far{number}")
        assert far == outputs(granule, tmp_path / "near")
    (asked,) = [request for request in pool.requests if "s3credentials" in request.path]
    assert asked.auth == "Bearer"


def test_keys_of_earthdata_are_for_its_own_buckets(store, pool, granule):
    login._keys_of_hour.cache_clear()
    remote.use(Access(endpoint_url=store.endpoint, earthdata=True))
    with mock.patch.dict(os.environ, KEYS):
        remote.put(granule, Url(f"s3://{BUCKET}/{granule.name}"))
    assert store.contents() == {granule.name: granule.read_bytes()}
    assert not [request for request in pool.requests if "s3credentials" in request.path]
    theirs = remote.file_system(Url(f"s3://{NASA}/x.h5"))
    ours = remote.file_system(Url(f"s3://{BUCKET}/x.h5"))
    assert (theirs.key is None, ours.key) == (False, None)
    assert (theirs.endpoint_url, ours.endpoint_url) == (None, store.endpoint)


def test_a_login_that_fails_for_a_while_is_tried_again(pool, granule, tmp_path, monkeypatch):
    tries = []

    def log_in():
        tries.append(None)
        if len(tries) < 3:
            raise Retryable("Earthdata login cannot be reached")
        return answer()

    answer = login.log_in
    monkeypatch.setattr(login, "log_in", log_in)
    assert outputs(address(granule), tmp_path / "far") == outputs(granule, tmp_path / "near")
    assert len(tries) == 3


def test_refused_keys_are_named(pool, tmp_path):
    login._keys_of_hour.cache_clear()
    pool.fail("*s3credentials*", 403)
    url = f"s3://{NASA}/x.h5"
    with pytest.raises(InputError, match=f"^{url}: Earthdata gives no keys to its object store"):
        readatl06(url, tmp_path)
    login._keys_of_hour.cache_clear()
    pool.mend()
    pool.fail("*s3credentials*", 503, times=1)
    assert remote.file_system(Url(url)).key


def test_an_expired_token_is_named(pool, granule, tmp_path):
    pool.expire()
    with pytest.raises(InputError, match=r"login refused \(401\)"):
        readatl06(address(granule), tmp_path / "far")


def test_a_connection_that_ends_in_mid_read_costs_the_granule_with_its_name(
    pool, granule, tmp_path, by_ranges
):
    url = Url(address(granule))
    with open_file(url) as file:
        pool.fail(granule.name, cut=10)
        with pytest.raises(InputError, match=r"\.h5: cannot be reached"):
            file["gt3r/land_ice_segments/h_li"][()]


def test_a_server_out_of_reach_is_named(tmp_path):
    with pytest.raises(InputError, match=r"^http://127\.0\.0\.1:1/x\.h5: cannot be reached"):
        readatl06("http://127.0.0.1:1/x.h5", tmp_path)


@pytest.fixture
def mute():
    """Give a server that takes connections and says nothing, and the address of a file there."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(60)
        yield server, f"http://127.0.0.1:{server.getsockname()[1]}/x.h5"


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("step", ["merge", "check"])
def test_a_signal_ends_what_waits_for_a_server(mute, tmp_path, step, number, code):
    output = () if step == "check" else ("-o", tmp_path / "all.h5")
    server, address = mute
    with start(step, address, *output) as process, server.accept()[0] as connection:
        connection.recv(1)  # it has asked, and waits by now
        process.send_signal(number)
        assert process.wait(15) == code
        assert "Traceback" not in process.stderr.read()
    assert list(tmp_path.iterdir()) == []


# --- h5py's lock ------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch):
    """Record whether Python collects cycles when bytes are asked for in fsspec's thread."""
    enabled, system = [], type(fsspec.filesystem("https"))
    answer = system._cat_file

    async def noted(self, *words, **more):
        enabled.append(gc.isenabled())
        return await answer(self, *words, **more)

    monkeypatch.setattr(system, "_cat_file", noted)
    return enabled


def test_no_cycles_are_collected_where_hdf5_may_be_waiting(
    pool, granule, tmp_path, by_ranges, asked
):
    # The thread would wait for h5py's lock, and HDF5, which has it, for the thread.
    pool.fail(granule.name, 503, times=2)
    with open_file(Url(address(granule))):
        outputs(address(granule), tmp_path / "far")
    pool.fail(granule.name, 404)
    with pytest.raises(InputError):
        readatl06(address(granule), tmp_path / "far")
    assert len(asked) > 10
    assert not any(asked)
    assert gc.isenabled()


@pytest.mark.parametrize("how", [{"status": 404}, {"status": 200, "text": LOGIN_PAGE}])
def test_cycles_are_collected_again_when_a_file_was_none(pool, granule, tmp_path, how):
    pool.fail(granule.name, **how)
    with pytest.raises(InputError) as error:
        readatl06(address(granule), tmp_path / "far")
    assert gc.isenabled()
    del error


def test_who_collects_no_cycles_is_not_made_to(pool, granule, tmp_path):
    gc.disable()
    try:
        outputs(address(granule), tmp_path / "far")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_an_error_that_is_asked_about_again_holds_no_frames():
    # Else the last to hold it, a thread of fsspec, would free what is of h5py in them.
    errors = []

    def call():
        for error in errors:
            assert error.__traceback__ is error.__cause__.__traceback__ is None
        try:
            raise ConnectionError("broken")
        except ConnectionError as cause:
            errors.append(OSError("no answer"))
            raise errors[-1] from cause

    with pytest.raises(Unreachable) as caught:
        attempt(Url("https://host/x.h5"), call)
    assert len(errors) == retrying.TRIES
    assert caught.value.__context__.__traceback__ is None


def test_of_many_ranges_only_those_that_did_not_come_are_asked_for_again(pool, granule, by_ranges):
    extents = [(start, start + 100) for start in range(0, 300_000, 100_000)]
    with open_file(Url(address(granule))) as file:
        pool.requests.clear()
        pool.fail(granule.name, 503, times=1)
        pieces = file.source._ranges(*zip(*extents, strict=True))
    data = granule.read_bytes()
    assert pieces == [data[start:stop] for start, stop in extents]
    statuses = [one.status for one in pool.requests]
    assert (statuses.count(206), statuses.count(503)) == (3, 1)


# --- what changes meanwhile -------------------------------------------------------


def test_an_object_replaced_while_it_is_read_is_no_result(
    store, large, tmp_path, by_ranges, monkeypatch
):
    url = store.put(large)
    fetch, times = ranges.RemoteFile.fetch, []

    def replaced(self, extents):
        times.append(fetch(self, extents))
        if len(times) == 3:
            data = bytearray(large.read_bytes())
            data[-1] ^= 1
            store.client.put_object(Bucket=BUCKET, Key=large.name, Body=bytes(data))

    monkeypatch.setattr(ranges.RemoteFile, "fetch", replaced)
    with pytest.raises(InputError, match="has changed while it was read"):
        readatl06(url, tmp_path / "out", bbox=box_of(large, 0.05))
    assert list((tmp_path / "out").iterdir()) == []


def test_by_hand_a_step_writes_to_this_machine_only(granule, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ValueError, match="is not on this machine"):
        readatl06(granule, "s3://bucket/out")
    assert list(tmp_path.iterdir()) == []


def test_other_names_of_a_protocol_are_one_address(tmp_path, monkeypatch):
    assert (
        parse_location("S3://bucket/x.h5")
        == parse_location("s3a://bucket/x.h5")
        == "s3://bucket/x.h5"
    )
    assert expand(["s3a://bucket/x.h5", "S3n://bucket/x.h5"]) == ["s3://bucket/x.h5"]
    monkeypatch.setattr("sys.stdin", ["s3a://bucket/x.h5\n", f"file://{tmp_path}/y.h5\n"])
    assert expand(["-"]) == [f"{tmp_path}/y.h5", "s3://bucket/x.h5"]


def test_a_path_may_be_written_as_an_address(granule, tmp_path):
    shutil.copy(granule, tmp_path)
    assert expand([f"file://{tmp_path}/"]) == expand([f"file://{tmp_path}/*.h5"])
    assert expand([f"file://{tmp_path}/"]) == [f"{tmp_path}/{granule.name}"]
    assert outputs(f"file://{granule}", tmp_path / "far") == outputs(granule, tmp_path / "near")


def test_a_password_in_an_address_is_refused_and_not_shown(run, tmp_path):
    result = run("readatl06", "https://me:secret@host/x.h5", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "https://host/x.h5: a password would be logged" in result.stderr
    assert "secret" not in result.stderr
    assert not (tmp_path / "out").exists()


def test_what_a_server_does_not_say_is_no_identity():
    assert remote.identity_of({"size": None}) == remote.identity_of({"size": 3}) == ""
