"""The journal: what became of every input, one JSON line each, written as it ends.

A run writes its own file only and reads those of all shards, so that thousands
of tasks share a folder without a lock.
"""

import errno
import json
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path

import numpy as np

from captools.errors import FolderError
from captools.io.address import SUBFOLDER, file_name
from captools.io.atomic import PRIVATE, temporary_name
from captools.io.durable import Stamp
from captools.limits import Limits

STATUSES = ("done", "empty", "failed")
LINE_BYTES = 1 << 24  # what is longer is no line of a journal, such as the zeros of a broken disk
AHEAD_SECONDS = 60.0  # that the clock of another host may well be
_NAME = re.compile(r"(?P<step>[a-z][a-z0-9_]*)(-(?P<number>\d+)-of-(?P<count>\d+))?\.jsonl")


@dataclass
class Outcome:
    """What became of one input."""

    input: str
    status: str  # done, empty or failed
    outputs: list[str] = field(default_factory=list)
    subfolder: str = ""  # in the output folder, where the outputs are
    sizes: list[int] = field(default_factory=list)  # of the outputs, as are mtimes and digests
    mtimes: list[int | None] = field(default_factory=list)
    digests: list[int | None] = field(default_factory=list)
    rows_in: int = 0
    rows_out: int = 0
    seconds: float = 0.0
    ended: str = ""
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    key: str = ""
    removed: dict[str, int] = field(default_factory=dict)  # rows, by condition
    lies: Limits = field(default_factory=Limits)  # see `Outputs`; not in the journal

    def line(self) -> bytes:
        """Return the outcome as a line of the journal; what need not be said is left out."""
        content = asdict(self) | {"input": str(self.input)}  # an address without its secrets
        del content["lies"]
        for name in ("removed", "subfolder"):
            if not content[name]:
                del content[name]
        return json.dumps(content).encode() + b"\n"

    @property
    def name(self) -> str:
        """The file name of the input, by which its outputs are named."""
        return file_name(self.input)

    def written(self) -> Iterator[tuple[str, Stamp | None]]:
        """Yield the name of each output and what it was; older versions did not say that.

        The name is that in the output folder, which may have been moved since.
        """
        stamps = zip(self.sizes, self.mtimes, self.digests, strict=False)
        for output, stamp in zip_longest(self.outputs, stamps):
            name = os.path.join(self.subfolder, os.path.basename(output))
            yield name, Stamp(*stamp) if stamp else None

    @property
    def time(self) -> datetime:
        """When the input ended."""
        return datetime.fromisoformat(self.ended)

    @property
    def is_sound(self) -> bool:
        """Whether the fields are what they should be, as those of a line need not be."""
        texts = [self.input, self.ended, self.key, self.error or "", self.subfolder]
        texts += [*self.outputs, *self.warnings]
        numbers = (self.rows_in, self.rows_out, self.seconds, *self.removed.values())
        stamps = (self.sizes, self.mtimes, self.digests)
        return (
            self.status in STATUSES
            and isinstance(self.outputs, list)
            and isinstance(self.warnings, list)
            and all(isinstance(text, str) for text in texts)
            and all(isinstance(number, int | float) for number in numbers)
            and all(isinstance(one, list) and len(one) in (0, len(self.outputs)) for one in stamps)
            and all(isinstance(number, int | None) for one in stamps for number in one)
            and all(map(os.path.basename, self.outputs))
            and (not self.subfolder or SUBFOLDER.fullmatch(self.subfolder) is not None)
            and self.time.timestamp() > 0
        )


_FIELDS = {field.name for field in fields(Outcome)} - {"lies"}


def now() -> str:
    """Return the time in UTC, as journals write it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def files(outdir: Path, step: str | None = None) -> dict[Path, str]:
    """Return the journals of a folder and the step of each, of one step or of all."""
    folder = Path(outdir) / PRIVATE
    found = {}
    with suppress(FileNotFoundError, NotADirectoryError), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match and step in (None, match["step"]) and entry.is_file():
                found[folder / entry.name] = match["step"]
    return dict(sorted(found.items()))


def absent_shards(outdir: Path) -> list[tuple[str, int, list[int]]]:
    """Return step, number of all shards and those without a journal, where others have one."""
    there: dict[tuple[str, int], set[int]] = {}
    for path in files(outdir):
        match = _NAME.fullmatch(path.name)
        if match and match["count"]:
            there.setdefault((match["step"], int(match["count"])), set()).add(int(match["number"]))
    absent = [(*of, sorted({*range(of[1])} - numbers)) for of, numbers in sorted(there.items())]
    return [one for one in absent if one[2]]


def begin_anew(outdir: Path, step: str) -> None:
    """Let nothing count that journals say of a step so far: the store that it filled is gone.

    Raises
    ------
    OSError
        If that cannot be written.
    """
    path = _anew(outdir, step)
    path.parent.mkdir(parents=True, exist_ok=True)
    hidden = path.with_name(temporary_name(path.name))
    hidden.write_text(now())
    os.replace(hidden, path)


def _began_anew(outdir: Path, step: str) -> float:
    """Return when what journals say of a step began to count, in seconds since 1970."""
    path = _anew(outdir, step)
    return datetime.fromisoformat(path.read_text()).timestamp() if path.is_file() else -np.inf


def _anew(outdir: Path, step: str) -> Path:
    return Path(outdir) / PRIVATE / f"{step}.anew"


def lines(path: Path) -> Iterator[tuple[int, Outcome]]:
    """Yield offset and content of the lines of a journal, those torn by a crash left out."""
    offset, is_begun = 0, False  # a line that is too long comes in pieces
    with open(path, "rb") as file:
        while piece := file.readline(LINE_BYTES):
            if not is_begun and (outcome := _parse(piece)) is not None:
                yield offset, outcome
            is_begun = not piece.endswith(b"\n")
            offset += len(piece)


def _parse(line: bytes) -> Outcome | None:
    """Return the outcome in a line, None if torn or odd; what a later version adds is ignored."""
    try:
        content = json.loads(line)
        outcome = Outcome(**{name: content[name] for name in _FIELDS & content.keys()})
        return outcome if outcome.is_sound else None
    except (ValueError, TypeError, AttributeError, OverflowError, RecursionError):
        return None


class Record:
    """The newest outcome of each of a list of inputs, as journals have it.

    Outputs are named after the input's file name, so that this is what stands
    for an input: the newest line that names it says whose the outputs are.
    Memory is a few numbers per listed input, from the start on; all else stays
    on disk and is read back when asked for.

    Parameters
    ----------
    paths : sequence of Path
        The journals.
    names : iterable of str
        File names of the inputs.
    since : float
        What ended before counts no more (seconds since 1970).
    """

    def __init__(self, paths: Sequence[Path], names: Iterable[str], since: float) -> None:
        self._files = [open(path, "rb") for path in paths]  # noqa: SIM115 - closed in `close`
        self._number = {name: number for number, name in enumerate(names)}
        self._file = np.full(len(self._number), -1, dtype=np.int32)
        self._offset = np.zeros(len(self._number), dtype=np.int64)
        newest = np.full(len(self._number), since)
        latest = datetime.now(UTC).timestamp() + AHEAD_SECONDS
        for at, path in enumerate(paths):
            # Within a journal the last line is the newest, whatever the clock says.
            ended, offsets = np.full_like(newest, -np.inf), np.zeros_like(self._offset)
            for offset, outcome in lines(path):
                number = self._number.get(outcome.name)
                if number is not None:
                    ended[number], offsets[number] = outcome.time.timestamp(), offset
            ended[ended > latest] = np.finfo(float).min  # of a wrong clock: any other line wins
            newer = (ended >= newest) & (ended > -np.inf)
            newest[newer], self._file[newer] = ended[newer], at
            self._offset[newer] = offsets[newer]

    def newest(self, path: str) -> Outcome | None:
        """Return the newest outcome of an input, None if it was never tried."""
        number = self._number[file_name(path)]
        if self._file[number] < 0:
            return None
        file = self._files[self._file[number]]
        file.seek(self._offset[number])
        return _parse(file.readline(LINE_BYTES))

    def close(self) -> None:
        """Close the files."""
        for file in self._files:
            file.close()


def records(outdir: Path) -> Iterator[tuple[str, Iterator[Outcome]]]:
    """Yield each step that has written to a folder, with the newest outcomes of its inputs."""
    steps = files(outdir)
    for step in sorted(set(steps.values())):
        paths = [path for path, of in steps.items() if of == step]
        names = sorted({outcome.name for path in paths for _, outcome in lines(path)})
        with closing(Record(paths, names, _began_anew(outdir, step))) as record:
            yield step, (outcome for name in names if (outcome := record.newest(name)))


class Journal(Record):
    """The record of a step in a folder, and where to write more of it.

    Parameters
    ----------
    outdir : Path
        The output folder.
    step : str
        Name of the step.
    shard : (int, int), optional
        Number of the share and of all shares.
    inputs : iterable of str
        Paths.

    Raises
    ------
    OSError
        If the folder cannot be made or the journal not be written.
    """

    def __init__(
        self, outdir: Path, step: str, shard: tuple[int, int] | None, inputs: Iterable[str]
    ) -> None:
        folder = Path(outdir) / PRIVATE
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{step}-{shard[0]}-of-{shard[1]}.jsonl" if shard else f"{step}.jsonl"
        self.path = folder / name
        if self.path.exists() and not self.path.is_file():  # opening a FIFO would wait for ever
            raise FileExistsError(errno.EEXIST, f"{name} is no file")
        self._writing = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        paths = list(files(outdir, step))
        self._own = paths.index(self.path)
        super().__init__(paths, map(file_name, inputs), _began_anew(outdir, step))
        self._torn = not _ends_whole(self.path)

    def append(self, outcome: Outcome) -> None:
        """Write an outcome, whole or (on a full disk) as a torn line that readers ignore.

        Raises
        ------
        FolderError
            If it cannot be written.
        """
        line = outcome.line()
        written = b"\n" * self._torn + line
        self._torn = True
        try:
            complete = os.write(self._writing, written) == len(written)
        except OSError as error:
            raise FolderError(f"{self.path}: cannot be written ({error.strerror})") from None
        if not complete:
            raise FolderError(f"{self.path}: cannot be written (no space left)")
        self._torn = False
        number = self._number[outcome.name]
        # Other runs may append to the same file: the position after the write shows where.
        end = os.lseek(self._writing, 0, os.SEEK_CUR)
        self._file[number], self._offset[number] = self._own, end - len(line)

    def close(self) -> None:
        """Close the files."""
        super().close()
        os.close(self._writing)


def _ends_whole(path: Path) -> bool:
    """Return whether a journal ends with a whole line."""
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
