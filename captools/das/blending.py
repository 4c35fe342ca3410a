"""Power of few frequencies of segments that overlap, without a product for each segment.

Under a cosine a spectrum is blended with itself, some frequencies below and above. The ends of a
periodic Tukey taper are half a cosine. So where that is a whole number of waves in a segment, the
tapered spectrum is that of the samples as they are, S, less a blend of that of the samples at both
ends, E: S(k) - E(k) / 2 - (c E(k - q) + c* E(k + q)) / 4, with q waves in a segment, and c of
magnitude one, which is the phase of these waves where the segment begins.

S and E are sums over parts of a hop, which are cut where an end begins within them. Each piece is
transformed once, for all segments that have it, with phases counted from the first segment on.
"""

from collections.abc import Iterator
from itertools import pairwise

import numpy as np

from captools.das.folding import waves
from captools.das.summing import Sums
from captools.das.tapers import ends, tukey

PARTS_UP_TO = 32  # of a segment: the spectra of all are kept in memory
WAVES_UP_TO = 16  # of the cosine, in a segment
OTHERWISE = 400  # products of as many samples take as long as what else is done here


class Blended:
    """Makes powers of segments that follow each other in steps of a hop, their means removed.

    Parameters
    ----------
    taper, weights
        As of `folding.Folded`.
    hop : int
        Samples from one segment to the next; the length is a multiple of it.
    """

    def __init__(self, taper: np.ndarray, weights: np.ndarray, hop: int):
        length, self.hop = len(taper), hop
        self.parts, self.frequencies = length // hop, len(weights)
        self.shift = shift = _waves(taper)
        begin, end = ends(taper)
        self.pieces = _pieces(hop, begin % hop, -end % hop)
        self.of_ends = [*_of_ends(self.pieces, self.parts, begin, length - end)]
        root = np.sqrt(weights.max())
        self.ratios = weights / weights.max()
        # Of frequencies below and above those that are wanted, too.
        there = waves(self.frequencies + 2 * shift, np.arange(length), length)
        there *= waves(2, -shift * np.arange(length), length)[1] * root
        self.waves = np.stack([there.real, there.imag]).reshape(2, -1, self.parts, hop)
        turns = waves(self.frequencies, np.arange(self.parts), self.parts)
        self.phases = waves(2, shift * np.arange(self.parts), self.parts)[1] / 4
        mean = waves(self.frequencies, np.arange(length), length) @ taper / length
        mean = turns * mean[:, np.newaxis]
        # Of the mean, for each unit of the sum of a segment.
        self.mean = np.concatenate([mean.real, mean.imag]).T
        self.gain = 2 * np.sqrt(length * weights)

    @staticmethod
    def pays(taper: np.ndarray, hop: int) -> bool:
        """Whether this can be, and is faster than to make each segment by itself."""
        length = len(taper)
        if hop < 1 or length % hop or not 2 <= length // hop <= PARTS_UP_TO:
            return False
        return 2 * hop + OTHERWISE < 0.8 * length and _waves(taper) > 0

    def of(self, dtype: np.dtype, channels: int) -> "Blend":
        """Return what does it for segments of a dtype and number of channels."""
        return Blend(self, dtype, channels)


class Blend:
    """Goes along samples from one segment to the next, with the memory that it needs."""

    def __init__(self, plan: Blended, dtype: np.dtype, channels: int):
        self.plan = plan
        frequencies, shift, parts = plan.frequencies, plan.shift, plan.parts
        shape = 2, frequencies + 2 * shift, channels
        self.waves = [
            [
                plan.waves[:, :, part, piece].reshape(2 * shape[1], -1).astype(dtype)
                for piece in plan.pieces
            ]
            for part in range(parts)
        ]
        # Two columns, the second of zeros, for numpy leaves a product of one not to BLAS.
        self.mean = np.zeros((parts, 2 * frequencies, 2), dtype)
        self.mean[..., 0] = plan.mean
        self.sum = np.zeros((2, channels), dtype)
        self.phases = plan.phases.real.astype(dtype), plan.phases.imag.astype(dtype)
        self.pieces = np.empty((len(plan.pieces), *shape), dtype)
        self.products = self.pieces.reshape(len(plan.pieces), -1, channels)
        self.plain = Sums(parts, shape, dtype)
        self.ends = np.empty((parts, *shape), dtype)
        below, here, above = (slice(at, at + frequencies) for at in (0, shift, 2 * shift))
        self.here = slice(None), here
        self.views = [(end[:, below], end[:, here], end[:, above]) for end in self.ends]
        self.spectrum, self.some = np.empty((2, 2, frequencies, channels), dtype)
        self.odd = np.flatnonzero(plan.ratios != 1)
        self.ratios = plan.ratios[self.odd, np.newaxis].astype(dtype)

    def begin(self, floats: np.ndarray) -> None:
        """Take the samples, shape (time, channels), that segments are of from now on."""
        self.floats = floats
        self.ends.fill(0)
        self.plain.begin()

    def power(self, start: int, removed: np.ndarray | None, out: np.ndarray) -> None:
        """Write the power of the next segment, as `folding.Products.power` does."""
        place, plain = self.plain.advance(self._part)
        below, here, above = self.views[place]
        spectrum, some = self.spectrum, self.some
        self.sum[0] = plain[0, self.plan.shift]
        np.matmul(self.mean[place], self.sum, out=some.reshape(2 * len(out), -1))
        np.subtract(plain[self.here], some, out=spectrum)
        along, across = (phase[place] for phase in self.phases)
        spectrum -= np.multiply(here, here.dtype.type(0.5), out=some)
        np.add(below, above, out=some)
        spectrum -= np.multiply(some, along, out=some)
        np.subtract(below, above, out=some)
        some *= across
        spectrum[0] += some[1]
        spectrum[1] -= some[0]
        np.multiply(spectrum, spectrum, out=spectrum)
        np.add(spectrum[0], spectrum[1], out=out)
        out[self.odd] *= self.ratios

    def _part(self, number: int, out: np.ndarray) -> None:
        """Write the spectrum of one part, the next hop of samples, and add what is of ends."""
        plan = self.plan
        samples = self.floats[number * plan.hop : (number + 1) * plan.hop]
        for wave, piece, product in zip(
            self.waves[number % plan.parts], plan.pieces, self.products, strict=True
        ):
            np.matmul(wave, samples[piece], out=product)
        np.add(self.pieces[0], self.pieces[1], out=out)
        for piece in self.pieces[2:]:
            out += piece
        for age, which in plan.of_ends:
            end = self.ends[(number - age) % plan.parts]
            made = out if which is None else self.pieces[which]
            if age or which:
                end += made
            else:
                np.copyto(end, made)


def _pieces(hop: int, *cuts: int) -> list[slice]:
    """Return the pieces of a part, two at least."""
    where = sorted({0, *cuts, hop})
    return [slice(*both) for both in pairwise(where if len(where) > 2 else [0, hop // 2, hop])]


def _of_ends(
    pieces: list[slice], parts: int, begin: int, end: int
) -> Iterator[tuple[int, int | None]]:
    """Yield what of a segment's parts is of its ends, which reach to `begin` and from `end` on.

    That is the number of the part in the segment, and of the piece, None for all of a part.
    """
    hop = pieces[-1].stop
    for part in range(parts):
        left, right = begin - part * hop, end - part * hop
        inside = [n for n, one in enumerate(pieces) if one.stop <= left or one.start >= right]
        yield from ((part, which) for which in ([None] if len(inside) == len(pieces) else inside))


def _waves(taper: np.ndarray) -> int:
    """Return how many waves in a segment the cosine of a Tukey taper has; 0 if it is none such."""
    for count in range(1, WAVES_UP_TO + 1):
        if np.allclose(taper, tukey(len(taper), 1 / count), rtol=0, atol=1e-12):
            return count
    return 0
