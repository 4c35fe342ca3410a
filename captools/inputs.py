"""From what the user names to the list of inputs: expand, leave out, share, check names."""

import glob
import io
import logging
import os
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from captools.address import Url, file_name, is_remote, place
from captools.flat import PRIVATE
from captools.products import Product
from captools.remote import check_protocols, listed, matching

log = logging.getLogger(__name__)


def expand(words: Iterable[str]) -> list[str]:
    """Return the sorted absolute paths of the files that the words name, each once.

    A word is a file, a folder (its ``*.h5``), a glob, ``@list.txt``, or ``-``
    for a list on standard input. It may be an address (``s3://bucket/key``); one
    that ends with ``/`` is a folder. A file that does not exist stays: it will
    fail as an input and leave the others alone.

    Raises
    ------
    ValueError
        If a list cannot be read, or what reads from an address is not there.
    """
    found = set()
    for word in words:
        paths = _expand_word(word)
        if not paths and word != "-":
            log.warning("warning: %s: no input there", word)
        found.update(map(_absolute, paths))
    if urls := [path for path in found if isinstance(path, Url)]:
        check_protocols(urls)
    return sorted(found)


def _absolute(path: str) -> str:
    """Return the address of a file, or its path from the root."""
    path = os.fspath(place(path)) if is_remote(path) else path
    return path if isinstance(path, Url) else os.path.abspath(path)


def given(words: Iterable[str]) -> list[str]:
    """Return the files that the words name, as `expand`; none only of an empty list.

    Raises
    ------
    ValueError
        If there is none, and standard input was not asked for them.
    """
    words = list(words)
    found = expand(words)
    if not found and set(words) != {"-"}:
        raise ValueError(f"no inputs: {' '.join(words)}")
    return found


def _expand_word(word: str) -> list[str]:
    if word == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            sys.stdin.reconfigure(errors="surrogateescape")  # a path need not be UTF-8
        return _listed(sys.stdin)
    if word.startswith("@"):
        try:
            with open(word[1:], encoding="utf-8", errors="surrogateescape") as file:
                return _listed(file)
        except OSError as error:
            raise ValueError(f"list {word[1:]}: cannot be read ({error})") from None
    if is_remote(word):
        word = os.fspath(place(word))
    if isinstance(word, Url):
        return _expand_url(word)
    if os.path.isdir(word):
        found = glob.glob(os.path.join(glob.escape(word), "*.h5"))
    elif glob.has_magic(word) and not os.path.exists(word):
        found = [path for path in glob.glob(word, recursive=True) if not os.path.isdir(path)]
    else:
        return [word]
    return [path for path in found if PRIVATE not in Path(path).parts]


def _expand_url(url: Url) -> list[str]:
    """Return the files that an address stands for."""
    if url.endswith("/"):
        return listed(url)
    return matching(url) if "*" in url else [url]


def _listed(lines: Iterable[str]) -> list[str]:
    """Return the lines that are not blank; Windows may begin a list with a byte-order mark."""
    return [line for line in (line.strip().lstrip("\ufeff") for line in lines) if line]


def leave_out(
    paths: Sequence[str],
    product: Product,
    regions: Collection[int] | None,
    unwanted: str | Path | None,
) -> list[str]:
    """Return the paths without those of other granule regions and without the unwanted ones.

    Parameters
    ----------
    paths : sequence of str
        The inputs.
    product : Product
        Whose names they bear.
    regions : collection of int, optional
        Regions to keep; a name that tells no region is kept.
    unwanted : str or Path, optional
        A text file of granule names; folders, prefixes and endings do not count.

    Raises
    ------
    ValueError
        If the list of the unwanted cannot be read.
    """
    names = {_plain(line, product) for line in _expand_word(f"@{unwanted}")} if unwanted else ()
    kept = []
    for path in paths:
        told = product.parse_name(file_name(path))
        elsewhere = regions is not None and told.region and told.region not in regions
        if not elsewhere and _plain(path, product) not in names:
            kept.append(path)
    return kept


def _plain(path: str, product: Product) -> str:
    name = file_name(path)
    return product.parse_name(name).plain or name.removesuffix(".h5")


def share(paths: Sequence[str], number: int, count: int) -> list[str]:
    """Return share `number` (from 0) of `count`: every count-th path, so that shares are alike.

    Examples
    --------
    >>> share(["a", "b", "c", "d", "e"], 1, 2)
    ['b', 'd']
    """
    return list(paths[number::count])


def check_names(paths: Iterable[str], product: Product, endings: Collection[str]) -> None:
    """Refuse inputs whose outputs would bear one name; warn of a granule given twice.

    Parameters
    ----------
    paths : iterable of str
        The inputs.
    product : Product
        Whose names they bear.
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
        told = product.parse_name(name)
        if told.granule:
            granules[told.granule, stem.split(told.plain)[-1]].append(name)
    for stem, path in stems.items():
        for ending in filter(stem.endswith, endings):
            if ending and (other := stems.get(stem.removesuffix(ending))):
                raise ValueError(f"outputs of {other} could be named like those of {path}")
    for (granule, _), names in granules.items():
        if len(names) > 1:
            log.warning("warning: %s is given more than once: %s", granule, ", ".join(names))
