"""Commands as processes of their own, for what a test in one process cannot show."""

import contextlib
import os
import pty
import subprocess
import sys
import termios
from pathlib import Path
from typing import NamedTuple

COMMAND = [sys.executable, "-c", "from captools.__main__ import main; main()"]


class Ended(NamedTuple):
    """What is left of a process."""

    code: int
    stdout: str
    stderr: str


class Process(subprocess.Popen):
    """A process that does not outlive its block, in which a test may have failed."""

    def __exit__(self, *exception: object) -> None:
        """End it, if it has not ended, and wait."""
        self.kill()
        super().__exit__(*exception)


def start(*words: str | os.PathLike, **options: object) -> Process:
    """Start ``captools WORDS...`` with its streams as pipes."""
    options = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE} | options
    options = {"stderr": subprocess.PIPE, "text": True} | options
    return Process([*COMMAND, *map(str, words)], **options)


def call(*words: str | os.PathLike, input: str = "", **options: object) -> Ended:
    """Run ``captools WORDS...`` to its end."""
    with start(*words, **options) as process:
        stdout, stderr = process.communicate(input, timeout=60)
        return Ended(process.returncode, stdout, stderr)


def call_on_terminal(stream: str, *words: str | os.PathLike) -> Ended:
    """Run ``captools WORDS...`` with its ``stdout`` or ``stderr`` on a terminal of its own."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    with start(*words, **{stream: theirs}) as process, open(ours, "rb", buffering=0) as screen:
        os.close(theirs)
        shown = b""
        with contextlib.suppress(OSError):  # EIO is how a terminal ends
            while chunk := screen.read(4096):
                shown += chunk
        stdout, stderr = process.communicate(timeout=60)
        streams = {"stdout": stdout, "stderr": stderr} | {stream: shown.decode()}
        return Ended(process.returncode, **streams)


def lines_of(path: Path) -> list[bytes]:
    """Return the whole lines of a file that may not be there yet."""
    with contextlib.suppress(FileNotFoundError):
        return [line for line in path.read_bytes().splitlines(True) if line.endswith(b"\n")]
    return []
