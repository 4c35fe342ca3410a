"""Tapers against scipy's."""

import numpy as np
import pytest
from scipy import signal

from captools.das.tapers import taper, tukey


@pytest.mark.parametrize("symmetric", [True, False])
@pytest.mark.parametrize("share", [0, 0.1, 0.25, 0.5, 1])
@pytest.mark.parametrize("length", [2, 3, 10, 199, 250, 1000])
def test_tukey_is_scipys(length, share, symmetric):
    expected = signal.windows.tukey(length, share, sym=symmetric)
    np.testing.assert_allclose(tukey(length, share, symmetric), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize(
    ("words", "scipys"),
    [("tukey", ("tukey", 0.25)), ("tukey:0.4", ("tukey", 0.4)), ("hann", "hann"), ("boxcar", 1)],
)
def test_names_are_scipys_periodic_ones(words, scipys):
    expected = np.ones(64) if scipys == 1 else signal.get_window(scipys, 64)
    np.testing.assert_allclose(taper(words, 64), expected, rtol=0, atol=1e-14)


@pytest.mark.parametrize("words", ["blackman", "tukey:x", "hann:2", "tukey:1.5", "tukey:nan", ""])
def test_what_is_no_taper_is_refused(words):
    with pytest.raises(ValueError, match="taper"):
        taper(words, 100)
