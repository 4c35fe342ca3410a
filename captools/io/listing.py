"""Which files words of a command line name."""

import codecs
import glob
import io
import logging
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from captools.io.address import SUBFOLDER, Url, has_suffix, is_remote, is_store, parse_location
from captools.io.atomic import PRIVATE
from captools.io.remote import check_protocols, listed, matching

log = logging.getLogger(__name__)

# The longer marks first: that of UTF-16 begins that of UTF-32.
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


def expand(words: Iterable[str], suffixes: tuple[str, ...] | None = None) -> list[str]:
    """Return the sorted absolute paths of the files that the words name, each once.

    A word is a file, a folder (its ``*.h5`` and those of its subfolders
    ``cycle_01``, ``cycle_02``, ...), a glob, ``@list.txt``, or ``-`` for a list on
    standard input. It may be an address (``s3://bucket/key``); one
    that ends with ``/`` is a folder. A folder that is a store (``*.tdb``, ``*.zarr``) counts as a
    file. A file that does not exist stays: it will fail as an input and leave the
    others alone.

    Parameters
    ----------
    words : iterable of str
        The words.
    suffixes : tuple of str, optional
        Of a folder, take files of names that end with these, be they upper or lower case.

    Raises
    ------
    ValueError
        If a list cannot be read, or what reads from an address is not there.
    """
    return sorted(named(words, suffixes))


def named(words: Iterable[str], suffixes: tuple[str, ...] | None = None) -> list[str]:
    """Return the same files in the order of the words; those of one word are sorted."""
    found: dict[str, None] = {}
    for word in words:
        paths = expand_word(word, suffixes)
        if not paths and word != "-":
            log.warning("warning: %s: no input there", word)
        found.update(dict.fromkeys(sorted(map(_absolute, paths))))
    if odd := next((path for path in found if "\n" in path or "\r" in path), ""):
        raise ValueError(f"input {odd!r}: a list of files cannot hold a line break: rename it")
    if urls := [path for path in found if isinstance(path, Url)]:
        check_protocols(urls)
    return list(found)


def _absolute(path: str) -> str:
    """Return the address of a file, or its path from the root."""
    path = os.fspath(parse_location(path)) if is_remote(path) else path
    return path if isinstance(path, Url) else os.path.abspath(path)


def given(words: Iterable[str], suffixes: tuple[str, ...] | None = None) -> list[str]:
    """Return the files that the words name, as `expand`; none only of an empty list.

    Raises
    ------
    ValueError
        If there is none, and standard input was not asked for them.
    """
    words = list(words)
    found = expand(words, suffixes)
    if not found and set(words) != {"-"}:
        raise ValueError(f"no inputs: {' '.join(words)}")
    return found


def expand_word(word: str, suffixes: tuple[str, ...] | None = None) -> list[str]:
    """Return the paths that a word names; suffixes are as for `expand`."""
    if word == "-":
        if isinstance(sys.stdin, io.TextIOWrapper):
            return _listed("on standard input", sys.stdin.buffer.read())
        return _lines("".join(sys.stdin))
    if word.startswith("@"):
        try:
            with open(word[1:], "rb") as file:
                return _listed(word[1:], file.read())
        except OSError as error:
            raise ValueError(f"list {word[1:]}: cannot be read ({error})") from None
    if is_remote(word):
        word = os.fspath(parse_location(word))
    if isinstance(word, Url):
        return _expand_url(word, suffixes)
    if os.path.isdir(word) and not is_store(word):
        found = in_folder(word, suffixes)
    elif glob.has_magic(word) and not os.path.exists(word):
        found = [
            path
            for path in glob.glob(word, recursive=True)
            if is_store(path) or not os.path.isdir(path)
        ]
    else:
        return [word]
    return [path for path in found if PRIVATE not in Path(path).parts]


def in_folder(folder: str, suffixes: tuple[str, ...] | None = None) -> list[str]:
    """Return the paths of the files in a folder and in its subfolders; suffixes as for `expand`."""
    found = _everything(folder)
    parts = [path for path in found if SUBFOLDER.fullmatch(os.path.basename(path))]
    deeper = [path for part in parts for path in _everything(part)]
    return [path for path in found + deeper if has_suffix(path, suffixes)]


def _everything(folder: str) -> list[str]:
    return glob.glob(os.path.join(glob.escape(folder), "*"))


def _expand_url(url: Url, suffixes: tuple[str, ...] | None) -> list[str]:
    """Return the files that an address stands for."""
    if url.endswith("/"):
        return list(listed(url, suffixes))
    return list(matching(url)) if "*" in url else [url]


def _listed(name: str, content: bytes) -> list[str]:
    """Return the lines of a list that are not blank; a byte-order mark says its encoding.

    Without a mark it is UTF-8, in which a path need not be written: all other bytes stay.
    """
    encoding = next((of for mark, of in MARKS if content.startswith(mark)), "utf-8")
    of_bytes = encoding.startswith("utf-8")
    try:
        text = content.decode(encoding, "surrogateescape" if of_bytes else "strict")
    except UnicodeDecodeError as error:
        raise ValueError(f"list {name}: is not {encoding}, as it begins ({error})") from None
    if "\0" in text:  # no path holds one
        raise ValueError(
            f"list {name}: is no text in UTF-8, but UTF-16 or binary: "
            "write it in UTF-8, or in UTF-16 with a byte-order mark"
        )
    return _lines(text)


def _lines(text: str) -> list[str]:
    """Return the lines that are not blank, ended as on any system; a list joined may have marks."""
    lines = io.StringIO(text, newline=None)
    return [line for line in (line.strip().lstrip("\ufeff") for line in lines) if line]
