"""From what the user names to the list of inputs: expand, leave out, share, check names."""

import logging
import os
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple, Protocol

from captools.io.address import file_name
from captools.io.listing import expand_word

log = logging.getLogger(__name__)


class Naming(Protocol):
    """How the inputs of a step are named, as a product is."""

    def parse_name(self, filename: str) -> Any:
        """Return what a file name says: `granule`, `plain` and `region`, "" and 0 if nothing."""
        ...


class _Nothing(NamedTuple):
    """What a name says that follows no rule."""

    granule: str = ""
    plain: str = ""
    region: int = 0


class AnyName:
    """How inputs are named that follow no rule."""

    def parse_name(self, filename: str) -> _Nothing:
        """Return that it says nothing."""
        return _Nothing()


def leave_out(
    paths: Sequence[str],
    naming: Naming,
    regions: Collection[int] | None,
    unwanted: Iterable[str | Path] | None,
) -> list[str]:
    """Return the paths without those of other granule regions and without the unwanted ones.

    Parameters
    ----------
    paths : sequence of str
        The inputs.
    naming : Naming
        What their names say.
    regions : collection of int, optional
        Regions to keep; a name without a region is kept.
    unwanted : iterable of path, optional
        Text files of granule names; folders, prefixes and endings do not count.

    Raises
    ------
    ValueError
        If the list of the unwanted cannot be read.
    """
    names = {_plain(line, naming) for one in unwanted or () for line in expand_word(f"@{one}")}
    kept = []
    for path in paths:
        parsed = naming.parse_name(file_name(path))
        elsewhere = regions is not None and parsed.region and parsed.region not in regions
        if not elsewhere and _plain(path, naming) not in names:
            kept.append(path)
    return kept


def _plain(path: str, naming: Naming) -> str:
    name = file_name(path)
    return naming.parse_name(name).plain or name.removesuffix(".h5")


def check_regions(words: Iterable[str], regions: Collection[int] | None) -> None:
    """Raise ValueError if regions stand among the inputs, as after ``-g 10 11 12``."""
    stray = [word for word in words if word.isdecimal() and not os.path.exists(word)]
    if regions and stray:
        said = ",".join(map(str, [*regions, *stray]))
        raise ValueError(f"-g takes its numbers with commas between them: -g {said}")


def share(paths: Sequence[str], number: int, count: int) -> list[str]:
    """Return share `number` (from 0) of `count`: every count-th path, so that shares are alike.

    Examples
    --------
    >>> share(["a", "b", "c", "d", "e"], 1, 2)
    ['b', 'd']
    """
    return list(paths[number::count])


def naming_of(step: ModuleType, options: dict) -> Naming:
    """Return how the inputs of a step are named."""
    return step.naming(**options) if hasattr(step, "naming") else AnyName()


def check_step_names(step: ModuleType, paths: Iterable[str], options: dict) -> None:
    """Check the names of a step's inputs as `check_names`."""
    endings = {name.removesuffix(".h5") for name in step.outputs("", **options)}
    check_names(paths, naming_of(step, options), endings)


def check_names(paths: Iterable[str], naming: Naming, endings: Collection[str]) -> None:
    """Refuse inputs whose outputs would bear one name; warn of a granule given twice.

    Parameters
    ----------
    paths : iterable of str
        The inputs.
    naming : Naming
        What their names say.
    endings : collection of str
        What a step adds to the file name (less ``.h5``) of an input to name its outputs.

    Raises
    ------
    ValueError
        If two inputs have the same file name, less ``.h5``, or one has that of
        another with one of the endings: so might their outputs.
    """
    stems: dict[str, str] = {}
    granules = defaultdict(list)
    for path in paths:
        name = file_name(path)
        stem = name.removesuffix(".h5")
        if stem in stems:
            raise ValueError(
                f"{stems[stem]} and {path} would write outputs of the same name: give one of them"
            )
        stems[stem] = path
        parsed = naming.parse_name(name)
        if parsed.granule:
            granules[parsed.granule, stem.split(parsed.plain)[-1]].append(name)
    for stem, path in stems.items():
        for ending in filter(stem.endswith, endings):
            if ending and (other := stems.get(stem.removesuffix(ending))):
                raise ValueError(f"outputs of {other} could be named like those of {path}")
    for (granule, _), names in granules.items():
        if len(names) > 1:
            log.warning("warning: %s is given more than once: %s", granule, ", ".join(names))
