"""An array in an object store holds what one on a disk holds."""

import shutil

import pyarrow.parquet as pq
import pytest
from arraycells import cells, simulated
from objectstore import BUCKET, object_store_apart

from captools.gnss.querying import Query
from captools.io import remote
from captools.io.address import Url
from captools.io.remote import Access

DAYS = ["2024-01-01", "2024-01-02", "2024-01-03"]
ARRAY = f"s3://{BUCKET}/p057.tdb"
SIMULATE = ("simulate", "--product", "RINEX", "--station", "P057", "--interval", "60")
SIMULATE += ("--system", "G", "--code", "1C")
RECIPE = {"systems": "G", "codes": ("1C",), "interval": 60}


@pytest.fixture(scope="module")
def server():
    with object_store_apart() as store:
        yield store


@pytest.fixture
def store(server):
    """An empty bucket."""
    server.remove()
    yield server
    remote.use(Access())


@pytest.fixture
def call(store, run):
    """The command line, which finds the store."""
    return lambda *words: run(*words, "--endpoint-url", store.endpoint)


@pytest.fixture
def days(run, tmp_path):
    folder = tmp_path / "days"
    assert run(*SIMULATE, "-t", DAYS[0], "2024-01-04", "-o", folder).exit_code == 0
    return folder


def config(store):
    """How TileDB finds the store."""
    return {
        "vfs.s3.endpoint_override": store.endpoint.removeprefix("http://"),
        "vfs.s3.scheme": "http",
        "vfs.s3.use_virtual_addressing": "false",
        "vfs.s3.region": "us-west-2",
        "vfs.s3.aws_access_key_id": "nobody",
        "vfs.s3.aws_secret_access_key": "nothing",
    }


def test_days_go_into_an_array_there_and_stay_so(store, call, days, tmp_path):
    words = ("readrinex", days, "-o", ARRAY, "--journal", tmp_path / "journal")
    for number in range(2):
        result = call(*words, "--shard", f"{number}/2")
        assert result.exit_code == 0, result.stderr
    truth = simulated("P057", DAYS, **RECIPE)
    assert cells(ARRAY, config(store)) == truth
    before = store.times()
    assert "nothing to do" in call(*words).stderr
    shutil.rmtree(tmp_path / "journal")
    assert call(*words).exit_code == 0
    assert store.times() == before


def test_a_shorter_delivery_leaves_no_stale_cell_there(store, call, run, days, tmp_path):
    words = ("readrinex", days, "-o", ARRAY, "--journal", tmp_path / "journal")
    assert call(*words).exit_code == 0
    min(days.iterdir()).unlink()
    assert run(*SIMULATE, "-t", *DAYS[:2], "-o", days, "--defect", "gap").exit_code == 0
    assert call(*words).exit_code == 0
    assert run("readrinex", days, "-o", tmp_path / "near.tdb").exit_code == 0
    near = cells(tmp_path / "near.tdb")
    assert cells(ARRAY, config(store)) == near
    assert 0 < len(near) < len(simulated("P057", DAYS, **RECIPE))


def test_it_is_asked_and_exported_there(store, call, days, tmp_path):
    assert call("readrinex", days, "-o", ARRAY, "--journal", tmp_path / "journal").exit_code == 0
    remote.use(Access(store.endpoint))
    with Query(Url(ARRAY)) as query:
        assert query.notes["station"] == "P057"
        start, stop = query.span()
    assert [str(start)[:10], str(stop)[:10]] == [DAYS[0], DAYS[-1]]
    result = call("export", ARRAY, "-o", tmp_path / "out")
    assert result.exit_code == 0, result.stderr
    found = [pq.read_table(tmp_path / f"out/{day}.parquet").num_rows for day in DAYS]
    assert found == [len(simulated("P057", [day], **RECIPE)) for day in DAYS]


def test_statistics_of_it_are_those_of_the_files(store, call, days, tmp_path):
    result = call("readrinex", days, "-o", ARRAY, "--journal", tmp_path / "journal")
    assert result.exit_code == 0, result.stderr
    for path in days.iterdir():
        store.put(path, "days/")
    result = call("snr", ARRAY, f"s3://{BUCKET}/days/", "--compare", "-o", tmp_path / "speed.png")
    assert result.exit_code == 0, result.stderr
    from_array = call("snr", ARRAY, "--how", "serial").stdout
    assert len(from_array.splitlines()) == 1 + len(DAYS)


def test_a_store_that_is_not_there_is_one_line(call, days, tmp_path):
    words = ("-o", "s3://none-such/p057.tdb", "--journal", tmp_path / "journal")
    result = call("readrinex", days, *words)
    assert result.exit_code == 1
    assert "s3://none-such/p057.tdb: cannot be" in result.stderr
    assert len(result.stderr.splitlines()) == 1
