"""Many files to their records, in parallel, and kept for the next time."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

from captools import process, progress
from captools.das.examining import examine, stamp
from captools.das.records import NoRecord, Record
from captools.engine.each import each
from captools.errors import CaptoolsError, MissingExtra, one_line
from captools.io.address import is_remote
from captools.io.atomic import PRIVATE, appearing

KEPT = "das-records.json"  # in the folder of the journal
VERSION = 1  # of what is kept: of another version nothing is taken


@dataclass(frozen=True)
class Scan:
    """What files are.

    Attributes
    ----------
    records : tuple of Record
        In the order of time, then of path.
    refused : tuple of NoRecord
        What is none, in the order of path.
    """

    records: tuple[Record, ...]
    refused: tuple[NoRecord, ...]


def scan(
    paths: Sequence[str],
    jobs: int | None = None,
    timeout: float | None = None,
    keep: Path | None = None,
) -> Scan:
    """Return what files are; those that were seen before are not opened.

    Parameters
    ----------
    paths : sequence of str
        The files, and zarr stores.
    jobs : int, optional
        Processes; by default the cores that this one may use.
    timeout : float, optional
        Seconds after which a file is refused.
    keep : Path, optional
        An output folder: in its journal's folder is written what files are, and looked up. A file
        of another size or time of change is opened again.

    Raises
    ------
    MissingExtra
        If a library of the extra ``das`` is needed and not installed.
    OutputError
        If nothing can be kept.
    """
    place = None if keep is None else keep / PRIVATE / KEPT
    known = {} if place is None else _kept(place)
    found = {path: known[path] for path in paths if path in known and _is_same(path, known[path])}
    new = [path for path in dict.fromkeys(paths) if path not in found]
    lost: list[NoRecord] = []
    for path, one in _examined(new, jobs, timeout):
        if isinstance(one, CaptoolsError):
            lost.append(NoRecord(path, one_line(one).removeprefix(f"{path}: "), -1, -1))
        else:
            found[path] = one
    if place is not None and new:
        _keep(place, known | found)
    everything = [*(one for path in paths for one in found.get(path, ())), *lost]
    records = {one for one in everything if isinstance(one, Record)}
    refused = {one for one in everything if isinstance(one, NoRecord)}
    return Scan(
        tuple(sorted(records, key=lambda one: (one.start_ns, one.path, one.offset, one.dataset))),
        tuple(sorted(refused, key=lambda one: (one.path, one.why))),
    )


def _examined(
    paths: Sequence[str], jobs: int | None, timeout: float | None
) -> Iterator[tuple[str, Any]]:
    """Yield files with what is in them, or with what else has happened, and show how far it is."""
    shown = progress.Progress(len(paths))
    try:
        with process.interruptible(), closing(each(examine, paths, jobs, timeout)) as values:
            for path, found in values:
                if isinstance(found, MissingExtra):
                    raise found
                shown.update(isinstance(found, CaptoolsError) or _refused(found))
                shown.log_if_due()
                yield path, found
    finally:
        shown.close()


def _refused(found: Iterable[Record | NoRecord]) -> bool:
    return any(isinstance(one, NoRecord) for one in found)


def _is_same(path: str, found: Sequence[Record | NoRecord]) -> bool:
    """Return whether a file has the size and time of change with which it was seen."""
    if is_remote(path) or not found:
        return False
    try:
        return stamp(path) == (found[0].size, found[0].mtime_ns)
    except OSError:
        return False


# --- what is kept ---------------------------------------------------------------


def _kept(place: Path) -> dict[str, list[Record | NoRecord]]:
    """Return what is known of files from before; nothing, if another version has written it."""
    try:
        content = json.loads(place.read_bytes())
        if content["by"] != _readers():
            return {}
        return {
            path: [_from_json(one) for one in several] for path, several in content["files"].items()
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # it will be written anew


def _keep(place: Path, files: dict[str, list[Record | NoRecord]]) -> None:
    """Write what is known of files; another shard may do so at the same time."""
    seen = {path: [_as_json(one) for one in several] for path, several in sorted(files.items())}
    with appearing(place) as file:
        file.write(json.dumps({"by": _readers(), "files": seen}, allow_nan=False).encode())


def _as_json(one: Record | NoRecord) -> dict[str, Any]:
    return one.as_json() if isinstance(one, Record) else asdict(one)


def _from_json(found: dict[str, Any]) -> Record | NoRecord:
    return NoRecord(**found) if "why" in found else Record.from_json(found)


def _readers() -> list[Any]:
    """Return what has a say in what a file is."""
    try:
        return [VERSION, metadata.version("dascore")]
    except metadata.PackageNotFoundError:
        return [VERSION, ""]
