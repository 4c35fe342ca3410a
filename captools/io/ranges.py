"""The bytes of a file on a server: which ranges of it are fetched, and when.

HDF5 finds its way through a file in hundreds of small reads: these are served from blocks, which
are kept; a small file is one block. The chunks of columns are asked for beforehand, many at once,
and not a byte more of them than is needed.
"""

import gc
import io
import os
import threading
from bisect import bisect_right
from collections.abc import Iterable
from typing import Any

from captools.errors import InputError
from captools.io import remote
from captools.io.address import Url
from captools.io.troubles import attempt

BLOCK_BYTES = 16 << 10  # small: the metadata of HDF5 is scattered over a granule
KEPT_BLOCKS = 1024  # 16 MB
SMALL_BYTES = 8 << 20  # of a file that is fetched whole: its blocks would take more time
GAP_BYTES = 16 << 10  # between two ranges: so few are not worth another request
PIECE_BYTES = 8 << 20  # up to which neighbouring ranges become one request


class RemoteFile(io.RawIOBase):
    """A file on a server, open for reading.

    Parameters
    ----------
    url : Url
        Where it is. It must be closed.

    Raises
    ------
    InputError
        If it is not there or cannot be reached, now or when it is read.
    """

    _is_open = False

    def __init__(self, url: Url) -> None:
        from fsspec.caching import BlockCache

        self.url = url
        self._system = remote.file_system(url)
        details = remote.details(url)
        self.size = details["size"]
        self.identity = remote.identity_of(details)
        if self.size is None:
            raise InputError(f"{url}: the server does not say how long it is")
        self._at = 0
        block = self.size if self.size <= SMALL_BYTES else BLOCK_BYTES
        self._blocks = BlockCache(max(block, 1), self._range, self.size, KEPT_BLOCKS)
        self._ahead: dict[int, bytes] = {}  # by where they begin
        self._is_open = True
        _collector.rest()

    def fetch(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Fetch ranges (from, up to) that are going to be read, many at once.

        What was fetched for earlier reads goes, unless it is asked for again.
        """
        from fsspec.utils import merge_offset_ranges

        if self.size <= SMALL_BYTES:
            return
        # Of a range outside the file, HDF5 says best what is wrong.
        found = {r: self._find(*r) for r in ranges if 0 <= r[0] < r[1] <= self.size}
        wanted = [extent for extent, begin in found.items() if begin is None]
        if not wanted:
            return
        starts, stops = zip(*wanted, strict=True)
        urls = [self.url] * len(wanted)
        _, starts, stops = merge_offset_ranges(
            urls, list(starts), list(stops), max_gap=GAP_BYTES, max_block=PIECE_BYTES
        )
        pieces = self._ranges(starts, stops)
        self._ahead = {begin: self._ahead[begin] for begin in found.values() if begin is not None}
        self._ahead.update(zip(starts, pieces, strict=True))

    def _range(self, start: int, stop: int) -> bytes:
        return self._ranges([start], [min(stop, self.size)])[0]  # the last block is a short one

    def _ranges(self, starts: list[int], stops: list[int]) -> list[bytes]:
        """Return ranges of bytes; only those that did not come are asked for again."""
        pieces: dict[tuple[int, int], bytes] = {}

        def ask() -> None:
            missing = [extent for extent in wanted if extent not in pieces]
            places = [self.url] * len(missing), *zip(*missing, strict=True)
            errors = []
            answers = self._system.cat_ranges(*map(list, places), on_error="return")
            for extent, answer in zip(missing, answers, strict=True):
                if isinstance(answer, BaseException):
                    errors.append(answer)
                else:
                    pieces[extent] = _checked(self.url, answer, *extent)
            if errors:
                raise errors[0]

        wanted = list(zip(starts, stops, strict=True))
        attempt(self.url, ask)
        return [pieces[extent] for extent in wanted]

    def _find(self, start: int, stop: int) -> int | None:
        """Return where the piece begins that was fetched ahead and holds a range, if one does."""
        begins = sorted(self._ahead)
        number = bisect_right(begins, start) - 1
        if number < 0 or stop > begins[number] + len(self._ahead[begins[number]]):
            return None
        return begins[number]

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; less of it at the end of the file."""
        start, stop = self._at, min(self._at + len(buffer), self.size)
        if start >= stop:
            return 0
        begin = self._find(start, stop)
        if begin is None:
            data = self._blocks._fetch(start, stop)
        else:
            data = self._ahead[begin][start - begin : stop - begin]
        buffer[: len(data)] = data
        self._at = start + len(data)
        return len(data)

    def check_unchanged(self) -> None:
        """Raise InputError if ranges may come from different contents of the file."""
        if self.size <= SMALL_BYTES:
            return
        if remote.identity_of(remote.details(self.url)) != self.identity:
            raise InputError(f"{self.url}: has changed while it was read: read it again")

    def close(self) -> None:
        """Let go of what is kept."""
        if self._is_open:
            self._is_open = False
            self._ahead.clear()
            self._blocks._fetch_block_cached.cache_clear()
            _collector.resume()
        super().close()

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def seekable(self) -> bool:
        """Return that any part of it can be read."""
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Choose where to read next."""
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        return self._at

    def tell(self) -> int:
        """Return where to read next."""
        return self._at


def _checked(url: Url, piece: bytes, start: int, stop: int) -> bytes:
    """Return what a server sent for a range, if it is that."""
    if len(piece) > stop - start:
        raise InputError(f"{url}: the server gives no ranges of bytes: download the file first")
    if len(piece) < stop - start:
        raise OSError(f"the server sent {len(piece)} bytes where {stop - start} were asked for")
    return piece


class _Collector:
    """Python's collector of reference cycles, which rests while files on servers are open.

    HDF5 waits for their bytes, and h5py's lock is taken meanwhile. The threads of fsspec that
    bring them would wait for that lock, and all of them for ever, if they came to collect
    objects of h5py.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files = 0
        self._was_on = False

    def rest(self) -> None:
        """Rest for one more file."""
        with self._lock:
            if not self._files:
                self._was_on = gc.isenabled()
                gc.disable()
            self._files += 1

    def resume(self) -> None:
        """Go on, if this was the last file."""
        with self._lock:
            self._files -= 1
            if not self._files and self._was_on:
                gc.enable()


_collector = _Collector()
