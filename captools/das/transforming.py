"""Power of many frequencies of a segment by the Fourier transform.

In float64, for numpy's transform is no faster in float32.
"""

import numpy as np


class Transformed:
    """Makes powers of segments by a Fourier transform; parameters as of `folding.Folded`."""

    def __init__(self, taper: np.ndarray, weights: np.ndarray, removes_mean: bool):
        self.taper, self.weights, self.removes_mean = taper, weights, removes_mean
        self.gain = np.sqrt(weights * (taper**2).sum())

    def of(self, dtype: np.dtype, channels: int) -> "Transforms":
        """Return what does it for segments of any dtype, of a number of channels."""
        return Transforms(self, channels)


class Transforms:
    """The transform for segments of one shape, with the memory that it needs."""

    def __init__(self, plan: Transformed, channels: int):
        self.plan = plan
        self.traces = np.empty((channels, len(plan.taper)))

    def begin(self, floats: np.ndarray) -> None:
        """Take the samples, shape (time, channels), that segments are of from now on."""
        self.floats = floats

    def power(self, start: int, removed: np.ndarray | None, out: np.ndarray) -> None:
        """Write the power of a segment, as `folding.Products.power` does."""
        np.copyto(self.traces, self.floats[start : start + len(self.plan.taper)].T)
        if self.plan.removes_mean:
            self.traces -= self.traces.mean(axis=1, keepdims=True)
        elif removed is not None:
            self.traces += removed[:, np.newaxis]
        self.traces *= self.plan.taper
        spectrum = np.fft.rfft(self.traces, axis=1)[:, : len(self.plan.weights)]
        power = spectrum.real**2
        power += spectrum.imag**2
        power *= self.plan.weights
        np.copyto(out, power.T)
