"""An array in an object store holds what one on a disk holds."""

import shutil

import pyarrow.parquet as pq
import pytest
from arraycells import cells, simulated
from objectstore import BUCKET, object_store_apart

import captools
from captools.gnss.querying import Query
from captools.io import remote
from captools.io.address import Url
from captools.io.remote import Access

DAYS = ["2024-01-01", "2024-01-02"]
ARRAY = f"s3://{BUCKET}/p057.tdb"
SIMULATE = ("simulate", "--product", "RINEX", "--station", "P057", "--interval", "60")
SIMULATE += ("--system", "G", "--code", "1C")
RECIPE = {"systems": "G", "codes": ("1C",), "interval": 60}
NOON = 1_704_067_200_000 + 43_200_000  # of the first day


@pytest.fixture(scope="module")
def store():
    with object_store_apart() as store:
        yield store
    remote.use(Access())


@pytest.fixture(scope="module")
def call(store, run):
    """The command line, which finds the store."""
    return lambda *words: run(*words, "--endpoint-url", store.endpoint)


@pytest.fixture(scope="module")
def days(run, tmp_path_factory):
    """A folder of two days. Not to be changed."""
    folder = tmp_path_factory.mktemp("days") / "days"
    assert run(*SIMULATE, "-t", DAYS[0], "2024-01-03", "-o", folder).exit_code == 0
    return folder


@pytest.fixture(scope="module")
def truth():
    """What an array of these days holds."""
    return simulated("P057", DAYS, **RECIPE)


@pytest.fixture(scope="module")
def words(call, days, tmp_path_factory):
    """How the array there was filled, by two shards. It is not to be changed."""
    words = ("readrinex", days, "-o", ARRAY, "--journal", tmp_path_factory.mktemp("j") / "journal")
    for number in range(2):
        result = call(*words, "--shard", f"{number}/2")
        assert result.exit_code == 0, result.stderr
    return words


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


def test_days_go_into_an_array_there_and_stay_so(store, call, words, truth):
    assert cells(ARRAY, config(store)) == truth
    before = store.times()
    assert "nothing to do" in call(*words).stderr
    shutil.rmtree(words[-1])
    assert call(*words).exit_code == 0
    assert store.times() == before


def test_a_shorter_delivery_leaves_no_stale_cell_there(store, call, run, truth, tmp_path):
    array, day = f"s3://{BUCKET}/other.tdb", ("-t", *DAYS, "-o", tmp_path / "day")
    words = ("readrinex", tmp_path / "day", "-o", array, "--journal", tmp_path / "journal")
    first = {cell: value for cell, value in truth.items() if cell[0] < NOON + 43_200_000}
    gap = range(NOON, NOON + 3_600_000)
    shorter = {cell: value for cell, value in first.items() if cell[0] not in gap}
    assert 0 < len(shorter) < len(first) < len(truth)
    for defect, expected in (((), first), (("--defect", "gap"), shorter)):
        shutil.rmtree(tmp_path / "day", ignore_errors=True)
        assert run(*SIMULATE, *day, *defect).exit_code == 0
        assert call(*words).exit_code == 0
        assert cells(array, config(store)) == expected


def test_it_is_asked_and_exported_there(store, words, truth, tmp_path):
    remote.use(Access(store.endpoint))
    with Query(Url(ARRAY)) as query:
        assert query.notes["station"] == "P057"
        start, stop = query.span()
    assert [str(start)[:10], str(stop)[:10]] == DAYS
    captools.export(ARRAY, tmp_path / "out")
    found = [pq.read_metadata(tmp_path / f"out/{day}.parquet").num_rows for day in DAYS]
    first = sum(cell[0] < NOON + 43_200_000 for cell in truth)
    assert found == [first, len(truth) - first]


def test_statistics_of_it_are_those_of_the_files(store, call, words, days, monkeypatch):
    for path in days.iterdir():
        store.put(path, "days/")
    drawn = []
    monkeypatch.setattr("captools.gnss.comparing.draw_speeds", lambda *said: drawn.append(said))
    result = call("snr", ARRAY, f"s3://{BUCKET}/days/", "--compare", "-o", "speed.png")
    assert result.exit_code == 0, result.stderr
    assert "2 RINEX files (" in drawn[0][-1]
    from_array = call("snr", ARRAY, "--how", "serial").stdout
    assert len(from_array.splitlines()) == 1 + len(DAYS)


def test_a_store_that_is_not_there_is_one_line(call, days, tmp_path):
    words = ("-o", "s3://none-such/p057.tdb", "--journal", tmp_path / "journal")
    result = call("readrinex", days, *words)
    assert result.exit_code == 1
    assert "s3://none-such/p057.tdb: cannot be" in result.stderr
    assert len(result.stderr.splitlines()) == 1
