"""Files of a folder that appear together, or not at all."""

import contextlib
import os
from pathlib import Path
from typing import Protocol, Self

from captools.errors import FolderError
from captools.io.address import local_path
from captools.io.atomic import Outputs, output_error
from captools.io.durable import seal, settle_folder


class Abandoned(Protocol):
    """A file that may still be open when its batch ends."""

    def abandon(self) -> None:
        """Close the file, whatever state it is in."""
        ...


class Batch:
    """Files that appear in a folder, or in a subfolder of it, together or not at all.

    The folder is made, unless `makes` says that it is there: if it is not, who made it has given
    up meanwhile.
    """

    def __init__(
        self,
        folder: str | Path,
        compression: str = "none",
        subfolder: str = "",
        makes: bool = True,
    ) -> None:
        self.folder = local_path(folder)  # here are temporary files, which the next run looks for
        self.place = self.folder / subfolder
        self.compression = None if compression == "none" else compression
        self._makes = makes
        self.written = Outputs()
        self.written.subfolder = subfolder
        self.replaced: list[Path] = []  # to be removed when all files are whole, before they appear
        self.hidden: list[Path] = []
        self.files: list[Abandoned] = []  # that are being written

    def __enter__(self) -> Self:
        if not self._makes:
            return self
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise FolderError(f"{self.folder}: cannot be made ({error.strerror})") from None
        return self

    def __exit__(self, kind, error, trace) -> None:
        for file in self.files:
            file.abandon()
        if kind is not None:
            _unlink(self.hidden)
            return
        path, renamed = self.place, []
        try:
            for hidden, path in zip(self.hidden, self.written, strict=True):
                self.written.stamps[path.name] = seal(hidden)
            for earlier in self.replaced:
                earlier.unlink(missing_ok=True)
            if self.written and self.place != self.folder:
                self.place.mkdir(exist_ok=True)
            for hidden, path in zip(self.hidden, self.written, strict=True):
                os.replace(hidden, path)
                renamed.append(path)
            for folder in {self.place, self.folder} if renamed else ():
                settle_folder(folder)
        except OSError as error:
            _unlink(self.hidden + renamed)
            raise output_error(path, error) from None

    def remove_hidden(self) -> None:
        """Remove the files: one of them cannot be written."""
        _unlink(self.hidden)


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        with contextlib.suppress(OSError):  # the folder itself may be gone
            path.unlink()
