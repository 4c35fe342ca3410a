"""Many files to records: what is kept, and that nothing is written beside the data."""

import json
import os
from unittest import mock

import numpy as np
import pytest

from captools.das import scanning
from captools.das.records import NoRecord
from captools.das.runs import groups
from captools.das.scanning import KEPT, scan
from captools.errors import InputError
from captools.steps.simulate import simulate


@pytest.fixture(autouse=True)
def here():
    """Files are opened in this process, for workers take seconds to start."""
    with mock.patch("captools.engine.local.in_worker", lambda work, item, timeout: work(item)):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A record with a gap and an overlap, in pieces, and what else lies beside it."""
    folder = tmp_path_factory.mktemp("das") / "records"
    defects = ("gap", "overlap", "jitter", "copy", "truncated")
    simulate(folder, product="DAS", channels=4, seconds=8, defects=defects)
    (folder / "empty.h5").touch()
    (folder / "page.h5").write_text("<html>Please log in</html>")
    (folder / "junk.h5").write_bytes(bytes(range(256)))
    return folder


def names(folder):
    """The files of a folder, as command lines name them."""
    return [str(path) for path in sorted(folder.glob("*.h5"))]


def snapshot(folder):
    """All below a folder: content, time of change."""
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.rglob("*")}


def opened(monkeypatch):
    """Let no file be opened but those that come into the list returned."""
    seen = []
    examine = scanning.examine
    monkeypatch.setattr(scanning, "examine", lambda path: seen.append(path) or examine(path))
    return seen


def test_good_and_bad_are_told_apart_and_nothing_is_written_beside_them(folder):
    before = snapshot(folder)
    found = scan(names(folder)[::-1])
    assert snapshot(folder) == before
    refused = {os.path.basename(one.path): one.why for one in found.refused}
    assert list(refused) == ["DAS_20211101T231132.000Z.h5", "empty.h5", "junk.h5", "page.h5"]
    truncated, empty, junk, page = refused.values()
    assert "is truncated" in truncated
    assert "is empty (0 bytes)" in empty
    assert "is not HDF5" in junk
    assert "is a web page" in page
    starts = [record.start_ns for record in found.records]
    assert starts == sorted(starts)
    (group,) = groups(found.records)
    assert [run.samples for run in group.runs] == [800, 2000 + 1200 + 1600, 1600 * 2 + 800]
    assert [os.path.basename(one.path) for one in group.duplicates] == [
        "DAS_20211101T231124.000Z_copy.h5"
    ]
    assert [round(one.seconds, 4) for one in group.overlaps] == [1.9985]


def test_what_was_seen_before_is_not_opened(folder, tmp_path, monkeypatch):
    seen = opened(monkeypatch)
    first = scan(names(folder), keep=tmp_path)
    assert sorted(seen) == names(folder)
    seen.clear()
    assert scan(names(folder), keep=tmp_path) == first
    assert seen == []
    assert [path.name for path in (tmp_path / "_captools").iterdir()] == [KEPT]


def test_a_file_that_has_changed_is_opened_again(tmp_path, monkeypatch):
    paths = simulate(tmp_path / "in", product="DAS", channels=2, seconds=30)
    first = scan(names(tmp_path / "in"), keep=tmp_path)
    status = paths[1].stat()
    os.utime(paths[1], ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    seen = opened(monkeypatch)
    second = scan(names(tmp_path / "in"), keep=tmp_path)
    assert seen == [str(paths[1])]
    assert second.records[1].mtime_ns == first.records[1].mtime_ns + 1
    paths[0].unlink()
    assert [one.why for one in scan([*names(tmp_path / "in"), str(paths[0])]).refused] == [
        "does not exist"
    ]


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b'{"by": [0, "0.1"], "files": {}}', b'{"by": null}', b"\xff\xfe"],
)
def test_what_is_kept_is_made_anew_if_it_cannot_be_used(folder, tmp_path, content):
    kept = tmp_path / "_captools" / KEPT
    kept.parent.mkdir()
    kept.write_bytes(content)
    paths = names(folder)[:1]
    assert len(scan(paths, keep=tmp_path).records) == 1
    assert list(json.loads(kept.read_bytes())["files"]) == paths


def test_what_another_version_of_dascore_says_is_not_taken(folder, tmp_path, monkeypatch):
    scan(names(folder)[:1], keep=tmp_path)
    monkeypatch.setattr(scanning, "_readers", lambda: [1, "another"])
    seen = opened(monkeypatch)
    scan(names(folder)[:1], keep=tmp_path)
    assert seen == names(folder)[:1]


def test_a_file_that_kills_its_process_is_named_and_not_kept(folder, tmp_path, monkeypatch):
    def examine(path):
        raise InputError(f"{path}: its process died")

    monkeypatch.setattr(scanning, "examine", examine)
    (path,) = names(folder)[:1]
    found = scan([path], keep=tmp_path)
    assert found.refused == (NoRecord(path, "its process died", -1, -1),)
    assert json.loads((tmp_path / "_captools" / KEPT).read_bytes())["files"] == {}


def test_a_file_given_twice_counts_once(folder):
    path = names(folder)[0]
    assert len(scan([path, path]).records) == 1


def test_a_fibre_of_another_length_is_another_group(tmp_path):
    simulate(tmp_path, product="DAS", channels=4, seconds=30, defects=["fewer-channels"])
    first, second = groups(scan(names(tmp_path)).records)
    assert (first.first.channels, second.first.channels) == (2, 4)


def test_infinite_and_missing_distances_come_back(tmp_path):
    simulate(tmp_path / "in", product="DAS", channels=1, seconds=60)
    (path,) = names(tmp_path / "in")
    (first,) = scan([path], keep=tmp_path).records
    (second,) = scan([path], keep=tmp_path).records
    assert np.isnan(first.spacing)
    assert np.isnan(second.spacing)
    assert first.as_json() == second.as_json()
