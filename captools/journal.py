"""The journal: what became of every input, one JSON line each, written as it ends.

A run writes its own file only and reads those of all shards, so that thousands
of tasks share a folder without a lock.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from captools.errors import FolderError
from captools.flat import PRIVATE

_NAME = re.compile(r"(?P<step>[a-z][a-z0-9_]*)(-\d+-of-\d+)?\.jsonl")


@dataclass
class Outcome:
    """What became of one input."""

    input: str
    status: str  # done, empty or failed
    outputs: list[str] = field(default_factory=list)
    rows_in: int = 0
    rows_out: int = 0
    seconds: float = 0.0
    ended: str = ""
    warnings: list[str] = field(default_factory=list)
    error: str | None = None
    key: str = ""

    def line(self) -> bytes:
        """Return the outcome as a line of the journal."""
        return json.dumps(asdict(self), ensure_ascii=False).encode("utf-8", "replace") + b"\n"


def now() -> str:
    """Return the time in UTC, as journals tell it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def files(outdir: Path, step: str | None = None) -> dict[Path, str]:
    """Return the journals of a folder and the step of each, of one step or of all."""
    folder = Path(outdir) / PRIVATE
    found = {}
    for path in sorted(folder.glob("*.jsonl")):
        match = _NAME.fullmatch(path.name)
        if match and step in (None, match["step"]):
            found[path] = match["step"]
    return found


def lines(path: Path) -> Iterator[tuple[int, Outcome]]:
    """Yield offset and content of the lines of a journal, those torn by a crash left out."""
    offset = 0
    with open(path, "rb") as file:
        for line in file:
            with contextlib.suppress(ValueError, TypeError):
                yield offset, Outcome(**json.loads(line))
            offset += len(line)


def newest_of_all(outdir: Path) -> dict[str, list[Outcome]]:
    """Return, by step, the newest outcome of every input that a folder's journals know."""
    newest: dict[str, dict[str, Outcome]] = {}
    for path, step in files(outdir).items():
        known = newest.setdefault(step, {})
        for _, outcome in lines(path):
            if outcome.input not in known or outcome.ended >= known[outcome.input].ended:
                known[outcome.input] = outcome
    return {
        step: sorted(known.values(), key=lambda outcome: outcome.input)
        for step, known in newest.items()
    }


class Journal:
    """The newest outcome of each of a list of inputs, and where to write more.

    Memory is a few numbers per listed input, from the start on; what is
    finished stays on disk and is read back when asked for.

    Parameters
    ----------
    outdir : Path
        The output folder.
    step : str
        Name of the step.
    shard : (int, int), optional
        Number of the share and of all shares.
    inputs : sequence of str
        Absolute paths.

    Raises
    ------
    OSError
        If the folder cannot be made or the journal not be written.
    """

    def __init__(
        self, outdir: Path, step: str, shard: tuple[int, int] | None, inputs: Sequence[str]
    ) -> None:
        folder = Path(outdir) / PRIVATE
        folder.mkdir(parents=True, exist_ok=True)
        name = f"{step}-{shard[0]}-of-{shard[1]}.jsonl" if shard else f"{step}.jsonl"
        self.path = folder / name
        self._writing = os.open(self.path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o666)
        self._files = list(files(outdir, step))
        self._own = self._files.index(self.path)
        self._number = {path: number for number, path in enumerate(inputs)}
        self._file = np.full(len(inputs), -1, dtype=np.int32)
        self._offset = np.zeros(len(inputs), dtype=np.int64)
        self._load()
        self._torn = not _ends_whole(self.path)

    def _load(self) -> None:
        newest = np.full(len(self._file), -np.inf)
        for at, path in enumerate(self._files):
            for offset, outcome in lines(path):
                number = self._number.get(outcome.input)
                if number is None:
                    continue
                ended = datetime.fromisoformat(outcome.ended).timestamp()
                if ended >= newest[number]:
                    newest[number] = ended
                    self._file[number], self._offset[number] = at, offset

    def newest(self, path: str) -> Outcome | None:
        """Return the newest outcome of an input, None if it was never tried or nothing is left."""
        number = self._number[path]
        if self._file[number] < 0:
            return None
        # The folder may vanish under a run, with all that was in it.
        with (
            contextlib.suppress(FileNotFoundError),
            open(self._files[self._file[number]], "rb") as file,
        ):
            file.seek(self._offset[number])
            return Outcome(**json.loads(file.readline()))
        return None

    def append(self, outcome: Outcome) -> None:
        """Write an outcome, whole or (on a full disk) as a torn line that readers ignore.

        Raises
        ------
        FolderError
            If it cannot be written.
        """
        line = b"\n" * self._torn + outcome.line()
        self._torn = True
        try:
            complete = os.write(self._writing, line) == len(line)
        except OSError as error:
            raise FolderError(f"{self.path}: cannot be written ({error.strerror})") from None
        if not complete:
            raise FolderError(f"{self.path}: cannot be written (no space left)")
        self._torn = False
        number = self._number[outcome.input]
        # Other runs may append to the same file: the position after the write tells where.
        end = os.lseek(self._writing, 0, os.SEEK_CUR)
        self._file[number], self._offset[number] = self._own, end - len(outcome.line())

    def close(self) -> None:
        """Close the file."""
        os.close(self._writing)


def _ends_whole(path: Path) -> bool:
    """Tell whether a journal ends with a whole line."""
    with open(path, "rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
