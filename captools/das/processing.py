"""Windows of records through a chain of DASCore's methods."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from captools.das.applying import apply
from captools.das.patching import attributes, patch_of
from captools.das.programs import Program
from captools.das.reading import Reader, fill
from captools.das.records import Record
from captools.das.tasks import Part, Window
from captools.errors import InputError

TRIAL_SAMPLES = 1 << 22  # times channels, on which a chain is tried before any work


@dataclass(frozen=True)
class Processor:
    """Makes the patch of a window.

    Parameters
    ----------
    program : Program
        What is done.
    reader : Reader
        Reads the samples.
    said : mapping
        What files say of the samples of a record.
    """

    program: Program
    reader: Reader
    said: Mapping[Record, Any]

    def __call__(self, window: Window) -> Any:
        """Return the patch of a window that has a sample at least.

        Raises
        ------
        InputError
            If samples cannot be read, or DASCore refuses them.
        """
        parts = [(part, self._part(part)) for part in window.parts]
        patch = parts[0][1] if window.is_whole else self._filled(window, parts)
        return _narrowed(apply(patch, self.program.alone), window.parts[0])

    def _part(self, part: Part) -> Any:
        """Return the patch of samples without a gap, their halo cut off."""
        record, channels = part.record, self.reader.channels
        samples = fill(self.reader, part.portions, part.samples)
        patch = patch_of(samples, part.start_ns, record, channels, self.said[record])
        patch = apply(patch, self.program.near)
        step = self.program.halo.step
        if len(patch.get_coord("time")) != -(-part.samples // step):
            raise InputError(f"{record.path}: the chain leaves another number of times")
        first = part.before // step
        return _times(patch, first, first - (part.first - part.stop) // step)

    def _filled(self, window: Window, parts: list[tuple[Part, Any]]) -> Any:
        """Return patches as one, with NaN where samples are missing."""
        step = self.program.halo.step
        part, patch = parts[0]
        coord = patch.get_coord("time")
        axis, length = patch.dims.index("time"), window.samples // step
        shape = [length if at == axis else size for at, size in enumerate(patch.shape)]
        dtypes = [one.data.dtype for _, one in parts]
        data = np.full(shape, np.nan, np.result_type(np.float32, *dtypes))
        whole = np.moveaxis(data, axis, 0)
        for part, one in parts:
            at = part.first // step
            whole[at : at + one.shape[axis]] = np.moveaxis(one.data, axis, 0)
        part, patch = parts[0]
        start = coord.min() - part.first // step * coord.step
        time = coord.update(start=start, stop=start + length * coord.step)
        return patch.new(data=data, coords=patch.coords.update(time=time))


def _times(patch: Any, first: int, stop: int) -> Any:
    """Return some times of a patch; its history does not say so."""
    coords, data = patch.coords.select(array=patch.data, time=(first, stop), samples=True)
    return patch.new(data=data, coords=coords)


def _narrowed(patch: Any, part: Part) -> Any:
    """Return a patch in the precision of its record: float64 is what is reckoned in."""
    data = patch.data
    if part.record.dtype in ("float16", "float32"):
        if data.dtype == np.float64:
            return patch.new(data=data.astype(np.float32))
        if data.dtype == np.complex128:
            return patch.new(data=data.astype(np.complex64))
    return patch


def attempt(program: Program, record: Record, channels: range, window: int) -> None:
    """Try a chain on a window of noise.

    Raises
    ------
    ValueError
        If DASCore refuses it. Of windows too large to try it is not known.
    """
    samples = window + 2 * program.halo.reach
    if samples * len(channels) > TRIAL_SAMPLES:
        return
    step = program.halo.step
    noise = np.random.default_rng(0).normal(size=(samples, len(channels)))
    try:
        patch = patch_of(noise, record.start_ns, record, channels, attributes(record))
        patch = apply(patch, program.near)
        if len(patch.get_coord("time")) != -(-samples // step):
            raise ValueError("the chain leaves another number of times")
        apply(_times(patch, 0, window // step), program.alone)
    except InputError as error:
        raise ValueError(str(error)) from None
