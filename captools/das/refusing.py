"""What is no record of sound, although DASCore reads it."""

import re
from typing import Any

import numpy as np

SLOWEST_SECONDS = 1.0  # between samples; temperatures and the like are slower
_SPECTRUM = re.compile(r"\bPSD\b|\bFFT\b|spectr|sqrt\(Hz\)", re.IGNORECASE)
_TEMPERATURE = re.compile(
    r"(?<![a-z])(k|°c|degc|degree_?c|kelvin|celsius)(?![a-z])|temperature", re.IGNORECASE
)


def refusal(attributes: Any) -> str:
    """Return why a patch is no record, by what DASCore says of it; "" if nothing is wrong.

    Parameters
    ----------
    attributes : dascore.PatchAttrs
        Of a scan.
    """
    dims, coords = attributes.dim_tuple, attributes.coords
    if {*dims} != {"time", "distance"}:
        return f"is no table of times by distances, but of {' by '.join(dims) or 'nothing'}"
    time = coords["time"]
    if not time.dtype.startswith("datetime64") or np.isnat([time.min, time.max]).any():
        return "has times without a date"
    said = attributes.model_dump()
    if "start_frequency" in said:
        return "holds powers of frequency bands, no samples"
    category, *words = (
        str(said.get(name) or "") for name in ("data_category", "data_type", "data_units")
    )
    if category == "DTS" or _TEMPERATURE.search(" ".join(words)):
        return "holds temperatures (DTS), no samples of sound"
    return _slowness(time.step)


def _slowness(step: Any) -> str:
    """Return what is wrong with the step of the times, "" for nothing."""
    if step is None or np.isnat(step):
        return ""
    seconds = float(step / np.timedelta64(1, "s"))
    if seconds > SLOWEST_SECONDS:
        return f"has a sample every {seconds:g} s: too slow for sound"
    return "" if seconds > 0 else "has times that do not grow"


def is_spectrum(dataset: str) -> bool:
    """Return whether a dataset is one of spectra, by its name.

    Examples
    --------
    >>> is_spectrum("fa1/Source1/Zone1/PSD [dB re 1 nStrain|sqrt(Hz)]")
    True
    >>> is_spectrum("fa1/Source1/Zone1/StrainRate")
    False
    """
    return bool(_SPECTRUM.search(dataset))
