"""Power of many frequencies of a segment by the Fourier transform.

In float64, for numpy's transform is no faster in float32.
"""

import numpy as np


class Transformed:
    """Makes powers of segments by a Fourier transform; parameters as of `folding.Folded`."""

    def __init__(self, taper: np.ndarray, weights: np.ndarray, removes_mean: bool):
        self.length = len(taper)
        self.taper, self.weights, self.removes_mean = taper, weights, removes_mean
        # What one frequency can be of samples of one: as large for all of them.
        self.gain = np.sqrt(weights) * np.abs(taper).sum()

    def of(self, dtype: np.dtype, channels: int) -> "Transforms":
        """Return what does it for segments of any dtype, of a number of channels."""
        return Transforms(self, channels)


class Transforms:
    """The transform for segments of one shape, with the memory that it needs."""

    def __init__(self, plan: Transformed, channels: int):
        self.removes_mean = plan.removes_mean
        self.taper, self.weights = plan.taper, plan.weights
        self.traces = np.empty((channels, plan.length))

    def power(self, segment: np.ndarray, removed: np.ndarray | None, out: np.ndarray) -> None:
        """Write the power of a segment; arrays as of `folding.Products.power`."""
        np.copyto(self.traces, segment.T)
        if self.removes_mean:
            self.traces -= self.traces.mean(axis=1, keepdims=True)
        elif removed is not None:
            self.traces += removed[:, np.newaxis]
        self.traces *= self.taper
        spectrum = np.fft.rfft(self.traces, axis=1)[:, : len(self.weights)]
        power = spectrum.real**2
        power += spectrum.imag**2
        power *= self.weights
        np.copyto(out, power.T)
