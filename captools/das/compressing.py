"""Power of few frequencies of segments that overlap, by products of matrices with few numbers.

Frequencies far below Nyquist's see little of the samples: of what they see in a part of a segment,
a hop long, a third as many numbers are enough. These are made once of each part, for all segments
that have it, and a segment's spectrum is a product with them: for any taper, for removal of the
mean too. Which numbers, singular values tell; what they leave out is less than float32 rounds.

As with `folding`, the segment is folded about its middle: the numbers of a part and of its mirror
image differ in nothing but signs. Under a periodic taper the middle is a sample, so parts share
their first and last ones, half of which belongs to each.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from captools.das.folding import Mirror, add_squares, waves
from captools.das.tapers import ends

PARTS_UP_TO = 32  # of a segment
MORE = 14  # numbers of a part than twice its time by its frequencies: about so many are needed
LEFT_OUT = 2e-8  # of what a frequency sees of white noise
WORK_UP_TO = 2e8  # products, for singular values: a second or so


class Compressed:
    """Makes powers of segments that follow each other in steps of a hop.

    Parameters
    ----------
    taper, weights, removes_mean
        As of `folding.Folded`.
    hop : int
        Samples from one segment to the next; the length is a multiple of it.
    """

    def __init__(self, taper: np.ndarray, weights: np.ndarray, removes_mean: bool, hop: int):
        length, more = len(taper), int(Mirror(taper).is_periodic)
        self.hop, self.parts, self.length = hop, length // hop, length
        self.size, self.pairs = hop + more, (self.parts + 1) // 2
        root = np.sqrt(weights)[:, np.newaxis]
        places = np.arange(length + more) - (length + more - 1) / 2
        there = waves(len(weights), places, length) * np.append(taper, taper[:more]) * root
        self.offset = there[:, :length].real.sum(axis=1)
        mean = self.offset[:, np.newaxis] / length if removes_mean else 0
        if removes_mean:
            self.offset = np.zeros(len(weights))
        seen = np.stack([there.real - mean, there.imag])
        # Half of the first sample is missing, and half of the one after the last is too much.
        self.first = seen[0, :, :more] / 2
        parts = np.stack([seen[..., at * hop : at * hop + self.size] for at in range(self.pairs)])
        if more:
            parts[..., [0, -1]] /= 2
        if self.parts % 2:
            parts[-1] /= 2  # the part in the middle is its own mirror image
        self.gain = 2 * np.sqrt(length * weights)
        begin, _ = ends(taper)
        bent = begin // hop if begin % hop and self.pairs > 1 else self.pairs
        limit = LEFT_OUT * self.gain
        self.groups = [
            group
            for sign in (1, -1)
            for group in _groups((parts + sign * parts[..., ::-1]) / 2, bent, limit, sign > 0)
        ]

    @staticmethod
    def pays(taper: np.ndarray, frequencies: int, hop: int) -> bool:
        """Whether this can be, and takes less than products with all samples of a segment."""
        length = len(taper)
        if hop < 1 or length % hop or not 2 <= length // hop <= PARTS_UP_TO:
            return False
        numbers = 2 * frequencies * hop / length + MORE
        products = numbers * (hop + frequencies * (length // hop))
        work = frequencies * length * hop
        return products < 0.8 * frequencies * length and work < WORK_UP_TO

    def of(self, dtype: np.dtype, channels: int) -> "Compression":
        """Return what does it for segments of a dtype and number of channels."""
        return Compression(self, dtype, channels)


@dataclass(frozen=True)
class _Group:
    """Numbers that some parts of a segment have, and what frequencies make of them.

    Attributes
    ----------
    first : int
        The first of these parts.
    is_even : bool
        Whether the numbers of a part and of its mirror image are the same, or negatives.
    basis : array of float64, shape (numbers, size)
        What makes them of the samples of a part.
    seen : array of float64, shape (parts, 2, frequencies, numbers)
        Parts of the cosine and the sine of a spectrum.
    """

    first: int
    is_even: bool
    basis: np.ndarray
    seen: np.ndarray


def _groups(parts: np.ndarray, bent: int, limit: np.ndarray, is_even: bool) -> Iterator[_Group]:
    """Yield the numbers of all parts, and what one needs besides, in which the taper bends."""
    basis = _basis(np.delete(parts, slice(bent, bent + 1), axis=0), limit)
    yield _Group(0, is_even, basis, parts @ basis.T)
    rest = parts[bent : bent + 1]
    rest = rest - rest @ basis.T @ basis
    basis = _basis(rest, limit)
    if len(basis):
        yield _Group(bent, is_even, basis, rest @ basis.T)


def _basis(parts: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return vectors, shape (numbers, size), of which all rows of parts are made, but for a limit.

    Parameters
    ----------
    parts : array of float64, shape (parts, 2, frequencies, size)
    limit : array of float64, shape (frequencies,)
        How long what is left out of a row may be.
    """
    rows = (parts / limit[:, np.newaxis]).reshape(-1, parts.shape[-1])
    left, values, vectors = np.linalg.svd(rows, full_matrices=False)
    rest = np.cumsum(((left * values) ** 2)[:, ::-1], axis=1)[:, ::-1].max(axis=0, initial=0)
    vectors = vectors[rest > 1]
    # Mixed evenly: else what is loud would be a few large numbers, which float32 rounds the most.
    number = np.arange(len(vectors))
    even = np.cos(np.pi * np.outer(number, number + 0.5) / max(1, len(vectors)))
    even[:1] /= np.sqrt(2)
    return even @ vectors * np.sqrt(2 / max(1, len(vectors)))


class Compression:
    """Goes along samples from one segment to the next, with the memory that it needs."""

    def __init__(self, plan: Compressed, dtype: np.dtype, channels: int):
        self.plan = plan
        self.basis = np.concatenate([group.basis for group in plan.groups]).astype(dtype)
        self.offset = plan.offset.astype(dtype)[:, np.newaxis]
        cosines, sines = np.concatenate(
            [
                group.seen.transpose(1, 2, 0, 3).reshape(2, len(plan.offset), -1)
                for group in plan.groups
            ],
            axis=2,
        )
        self.cosines = np.concatenate([cosines, plan.first], axis=1).astype(dtype)
        self.sines = np.ascontiguousarray(sines, dtype)
        self.cosine = np.empty((self.cosines.shape[1], channels), dtype)
        self.sine = np.empty((self.sines.shape[1], channels), dtype)
        self.made = np.empty((len(plan.offset), channels), dtype)
        self.numbers = np.empty((0, len(self.basis), channels), dtype)

    def begin(self, floats: np.ndarray) -> None:
        """Take the samples, shape (time, channels), that segments are of from now on."""
        self.floats = floats
        hop, size = self.plan.hop, self.plan.size
        count, channels = len(floats) // hop, floats.shape[1]
        if len(self.numbers) != count:
            self.numbers = np.empty((count, *self.numbers.shape[1:]), floats.dtype)
        whole = (len(floats) - size) // hop + 1
        steps = hop * floats.strides[0], *floats.strides
        parts = np.lib.stride_tricks.as_strided(floats, (whole, size, channels), steps)
        np.matmul(self.basis, parts, out=self.numbers[:whole])
        if whole < count:  # after the last segment anything may follow
            last = np.concatenate([floats[whole * hop :], floats[-1:]])
            np.matmul(self.basis, last, out=self.numbers[whole])
        self.views = [*self._views()]

    def _views(self) -> Iterator[tuple[np.ndarray, int, np.ndarray, np.ndarray]]:
        """Yield the numbers of each group, its first part, where sums go, and differences."""
        number = row = 0
        for group in self.plan.groups:
            count, parts = len(group.basis), len(group.seen)
            some = self.numbers[:, number : number + count]
            rows = slice(row, row + parts * count)
            into = [one[rows].reshape(parts, count, -1) for one in (self.cosine, self.sine)]
            sums, differences = into if group.is_even else into[::-1]
            yield some, group.first, sums, differences
            number, row = number + count, rows.stop

    def power(self, start: int, removed: np.ndarray | None, out: np.ndarray) -> None:
        """Write the power of a segment, as `folding.Products.power` does."""
        plan = self.plan
        begin = start // plan.hop
        for numbers, first, sums, differences in self.views:
            near = begin + first
            far = begin + plan.parts - 1 - first
            these = numbers[near : near + len(sums)]
            those = numbers[far - len(sums) + 1 : far + 1][::-1]
            np.add(these, those, out=sums)
            np.subtract(these, those, out=differences)
        if plan.size > plan.hop:
            after = self.floats[min(start + plan.length, len(self.floats) - 1)]
            np.subtract(self.floats[start], after, out=self.cosine[-1])
        np.matmul(self.cosines, self.cosine, out=out)
        np.matmul(self.sines, self.sine, out=self.made)
        if removed is not None:
            out += self.offset * removed
        add_squares(out, self.made)
