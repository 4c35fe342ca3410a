"""What words of a command line name: an array, RINEX files, or both."""

import os
from collections.abc import Iterable
from dataclasses import dataclass

from captools.gnss.array import is_array
from captools.gnss.names import SUFFIXES
from captools.io.address import Url, is_store, parse_location
from captools.io.listing import expand

WAYS = ("rinex", "serial", "parallel")


@dataclass(frozen=True)
class Sources:
    """Where signal strengths are.

    Attributes
    ----------
    array : str, optional
        An array of them.
    paths : tuple of str
        RINEX files.
    """

    array: str | None
    paths: tuple[str, ...]

    @classmethod
    def of(cls, words: Iterable[str]) -> "Sources":
        """Return what words name; nothing only of an empty list.

        Raises
        ------
        ValueError
            If that is nothing, or more than one array.
        """
        words = list(words)
        found = [word for word in words if means_array(word)]
        paths = expand([word for word in words if word not in found], SUFFIXES)
        arrays = sorted({absolute(word) for word in found})
        if len(arrays) > 1:
            raise ValueError(f"{' '.join(arrays)}: give one array")
        if not arrays and not paths and set(words) != {"-"}:
            raise ValueError(f"no inputs: {' '.join(words)}")
        return cls(arrays[0] if arrays else None, tuple(paths))

    @property
    def are_none(self) -> bool:
        """Whether there is nothing to look at."""
        return not (self.array or self.paths)

    def for_way(self, how: str | None, per: str) -> "Sources":
        """Return the source that is meant, an array or files.

        Parameters
        ----------
        how : {"rinex", "serial", "parallel"}, optional
            The way to the statistics.
        per : {"day", "hour", "file"}
            The period.

        Raises
        ------
        ValueError
            If that is not there or not clear.
        """
        if how not in (None, *WAYS):
            raise ValueError(f"how {how!r}: is none of {', '.join(WAYS)}")
        if how == "rinex" and not self.paths:
            raise ValueError("--how rinex: give RINEX files")
        if how is None and self.array and self.paths:
            raise ValueError(
                f"{self.array} and RINEX files are given: choose by --how, or --compare them"
            )
        is_of_files = how == "rinex" or not self.array
        if per == "file" and not is_of_files:
            raise ValueError(f"--per file: {self.array} is an array, which has no files")
        return Sources(None, self.paths) if is_of_files else Sources(self.array, ())

    def for_all_ways(self, how: str | None, per: str) -> "Sources":
        """Return the array and the files; ValueError if these cannot be compared."""
        if not (self.array and self.paths):
            raise ValueError("--compare: give an array and the RINEX files that it was made of")
        if how is not None or per == "file":
            raise ValueError("--compare goes all ways, by day or hour: leave --how, --per file out")
        return self


def means_array(word: str) -> bool:
    """Return whether a word means an array, which need not be there."""
    return is_store(word) or is_array(word)


def absolute(word: str) -> str:
    """Return the address of an array, or its path from the root."""
    place = parse_location(word)
    return place if isinstance(place, Url) else os.path.abspath(place)


def files_size(paths: Iterable[str]) -> int | None:
    """Return how many bytes files have together; None if a server does not say."""
    total = 0
    for path in paths:
        if isinstance(path, Url):
            if path.size is None:
                return None
            total += path.size
        elif os.path.exists(path):
            total += os.path.getsize(path)
    return total
