"""One step with its options, done to one input: whatever happens is an outcome."""

import contextlib
import hashlib
import json
import os
import time
import warnings
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import cast

from captools.engine.work import Result
from captools.errors import (
    CaptoolsError,
    CaptoolsWarning,
    FatalError,
    FolderError,
    one_line,
    unexpected,
)
from captools.io import durable, remote
from captools.io.address import Input, Url, file_name, is_remote, parse_location
from captools.io.atomic import Outputs, sweep
from captools.io.remote import Access
from captools.run.folders import Folder
from captools.run.journal import Outcome, now


@dataclass(frozen=True)
class Task:
    """A map step with its options, to be called with one input after another.

    Calling it never raises but to stop the process: what goes wrong with an
    input is its outcome.
    """

    function: Callable[..., Outputs]
    names: Callable[..., list[str]]  # the step's `outputs`: what an input's may be called
    folder: Folder
    options: dict
    version: int
    access: Access = field(default_factory=Access)
    durable: bool = field(default_factory=durable.used)  # as the process that makes the task
    keeps: bool = False  # outputs are replaced, never removed: there may be no other copy

    def __call__(self, path: str) -> Result:
        """Do one input."""
        began = time.perf_counter()
        remote.use(self.access)
        durable.use(self.durable, sums=True)
        outcome = Outcome(path, "failed")
        fatal = False
        try:
            outcome.key = self.key(path)
            self._apply(path, outcome)
        except CaptoolsError as error:
            outcome.error = one_line(error)
            fatal = isinstance(error, FatalError)
        except Exception as error:  # a bug of ours must not cost the other inputs
            fatal = not self.folder.is_there
            outcome.error = self._vanished() if fatal else unexpected(path, error)
        self.clear(path, dict(outcome.written()))
        outcome.seconds = round(time.perf_counter() - began, 4)
        outcome.ended = now()
        return Result(outcome, fatal)

    def lost(self, path: str, why: str, died: bool = False, reading: str | None = None) -> Result:
        """Return the end of an input that was not seen to end by itself."""
        remote.use(self.access)
        error = f"{path}: {why}"
        # No key: reading the input for it may be what hangs.
        outcome = Outcome(path, "failed", ended=now(), error=error)
        self.clear(path)
        if not self.keeps:  # otherwise the next try continues it
            with contextlib.suppress(OSError):
                sweep(self.folder.journal)
        return Result(outcome, died=died)

    def outputs(self, path: str) -> list[str]:
        """Return the names that the outputs of an input can have."""
        return self.names(file_name(path), **self.options)

    def fills_store(self, path: str) -> bool:
        """Return whether an input has no outputs of its own: it fills its part of a store."""
        return not self.outputs(path)

    def clear(self, path: str, but: Collection[str] = ()) -> None:
        """Remove what an input may have left, but not these outputs that it has now.

        A run that was killed leaves outputs that no journal names.
        """
        if self.keeps:
            return
        self.folder.clear([name for name in self.outputs(path) if name not in but], path)

    @property
    def method(self) -> str:
        """What stands for the step and its options."""
        return hashlib.sha256(self._what.encode()).hexdigest()[:16]

    def _apply(self, path: str, outcome: Outcome) -> None:
        # The step would create a vanished folder again, without what was in it.
        if not self.folder.is_there:
            raise FolderError(self._vanished())
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always", CaptoolsWarning)
            step = self._made_of(path)
            in_store = self.fills_store(path)
            written = step(self.folder.location) if in_store else self.folder.make(step)
        outcome.status = "done" if written or written.rows_out else "empty"
        outcome.outputs = [os.fspath(output) for output in written]
        outcome.subfolder = written.subfolder
        stamps = [written.stamps[file_name(output)] for output in outcome.outputs]
        outcome.sizes = [stamp.size for stamp in stamps]
        outcome.mtimes = [stamp.mtime for stamp in stamps]
        outcome.digests = [stamp.digest for stamp in stamps]
        outcome.rows_in, outcome.rows_out = written.rows_in, written.rows_out
        outcome.removed, outcome.missed = written.removed, written.missed
        outcome.warnings = [" ".join(str(warning.message).split()) for warning in caught]

    def _made_of(self, path: str) -> Callable[[Path | Url], Outputs]:
        """Return the step as a function of the folder to write to."""
        return lambda outdir: self.function(path, outdir, **self.options)

    def _vanished(self) -> str:
        return f"{self.folder.journal}: the output folder has vanished"

    def key(self, path: str) -> str:
        """Return what stands for the content of an input and all that is done with it.

        It is "" if a file is not there.
        """
        identity = _identity(path)
        if identity is None:
            return ""
        content = f"{identity} {self._what}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @cached_property
    def _what(self) -> str:
        """The step and its options; an option that is a file stands for its content too.

        What is not asked for does not count, so that a step may get an option more.
        """
        options = {name: value for name, value in self.options.items() if _is_asked(value)}
        for name, value in options.items():
            if isinstance(value, Path):
                status = _whole(value).stat()
                options[name] = (value.name, status.st_size, status.st_mtime_ns)
        name = getattr(self.function, "func", self.function).__name__  # of a partial, too
        return json.dumps([name, self.version, options], sort_keys=True)


def _is_asked(value: object) -> bool:
    """Return whether an option is asked for; 0 is a value, though it equals False."""
    return not (value is None or value is False or value == ())


def _whole(path: Path) -> Path:
    """Return the file of which an option names a part, ``FILE:PART``, or all."""
    name, _, _ = path.name.rpartition(":")
    return path if path.exists() or not name else path.with_name(name)


def _identity(item: str) -> str | None:
    """Return what changes with the content of an input, None if a file is missing."""
    if not isinstance(item, Input):
        return _identity_of_file(item)
    files = [(file_name(path), _identity_of_file(path)) for path in item.paths]
    if any(identity is None for _, identity in files):
        return None
    return json.dumps([files, item.part], sort_keys=True)


def _identity_of_file(path: str) -> str | None:
    """Return what changes with the content of a file, None if it is not there."""
    if is_remote(path):
        return remote.identity(cast(Url, parse_location(path))) or None
    try:
        status = os.stat(path)
    except OSError:
        return None
    return f"{status.st_size} {status.st_mtime_ns}"
