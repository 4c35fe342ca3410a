"""What the headers of many flat files say alike, and a warning where they should and do not."""

import warnings

import numpy as np

from captools.errors import CaptoolsWarning
from captools.flat.reader import FlatFile

_COMMON = (
    *("region", "release", "sc_orient", "reference_frame", "tide_system", "beam_type"),
    *("step", "options", "history", "product", "height", "identity", "applied"),
)
# Heights of different ones do not go together.
_MATTERS = ("product", "release", "reference_frame", "tide_system")


class Alike:
    """The headers of files that are put together.

    Attributes
    ----------
    attrs : dict
        What all of them say alike.
    """

    def __init__(self) -> None:
        self.attrs: dict[str, object] = {}
        self._seen = 0
        self._values: dict[str, tuple[str, str]] = {}  # the first of each, and who says it
        self._differ: dict[str, str] = {}

    def add(self, file: FlatFile) -> None:
        """Take in one more header."""
        if not self._seen:
            self.attrs = {name: file.attrs[name] for name in _COMMON if name in file.attrs}
        self._seen += 1
        self.attrs = {
            name: value
            for name, value in self.attrs.items()
            if np.array_equal(file.attrs.get(name, None), value)
        }
        for name in _MATTERS:
            value = str(file.attrs.get(name, ""))
            if not value:
                continue
            first, where = self._values.setdefault(name, (value, file.path.name))
            if value != first:
                self._differ.setdefault(
                    name, f"{name} is {first} in {where}, {value} in {file.path.name}"
                )

    def warn(self) -> None:
        """Warn once, if files differ in what matters."""
        if self._differ:
            warnings.warn(
                f"inputs differ, and what they hold may not go together: "
                f"{'; '.join(self._differ.values())}",
                CaptoolsWarning,
                stacklevel=4,
            )
