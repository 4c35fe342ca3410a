"""Waves of known frequency, wavenumber and power."""

import numpy as np
import pytest

from captools.das.wavenumbers import frequency_wavenumber

RATE, SPACING = 200, 4.0


def wave(frequency, wavenumber, times=800, channels=100):
    """Return a wave that travels towards later channels if its wavenumber is positive."""
    time = np.arange(times)[:, np.newaxis] / RATE
    distance = SPACING * np.arange(channels)
    return np.sin(2 * np.pi * (frequency * time - wavenumber * distance))


@pytest.mark.parametrize("wavenumber", [0.02, -0.03, 0.1])
@pytest.mark.parametrize("scale", [1, 1e-25])
def test_a_wave_is_where_it_belongs(wavenumber, scale):
    samples = scale * (wave(20, wavenumber) + 100)
    found = frequency_wavenumber(samples, RATE, SPACING, 14, 35)
    assert found.levels.shape == (len(found.frequencies), len(found.wavenumbers)) == (85, 100)
    assert found.frequencies[[0, -1]].tolist() == [14, 35]
    row, column = np.unravel_index(found.levels.argmax(), found.levels.shape)
    assert found.frequencies[row] == pytest.approx(20)
    assert found.wavenumbers[column] == pytest.approx(wavenumber)
    total = (10 ** (found.levels / 10.0 - 2 * np.log10(scale))).sum()
    per_cell = RATE / 800 / (SPACING * 100)
    assert total * per_cell == pytest.approx(0.5, rel=0.01)  # half the squared amplitude


def test_noise_has_its_variance():
    samples = np.random.default_rng(1).normal(0, 3, (900, 70))
    found = frequency_wavenumber(samples, RATE, SPACING)
    per_cell = RATE / 900 / (SPACING * 70)
    assert (10 ** (found.levels / 10.0)).sum() * per_cell == pytest.approx(9, rel=0.03)


def test_what_is_missing_is_as_nothing():
    samples = np.random.default_rng(1).normal(0, 3, (100, 20))
    samples[:, 4] = 0
    expected = frequency_wavenumber(samples, RATE, SPACING).levels
    samples[:, 4] = np.nan
    np.testing.assert_allclose(
        frequency_wavenumber(samples, RATE, SPACING).levels, expected, atol=1e-3
    )


@pytest.mark.parametrize(("shape", "spacing"), [((1, 9), 1), ((9, 1), 1), ((9, 9), 0)])
def test_too_little_is_refused(shape, spacing):
    with pytest.raises(ValueError, match="no wavenumbers"):
        frequency_wavenumber(np.zeros(shape), RATE, spacing)
