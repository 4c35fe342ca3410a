"""Pixels against plain loops."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from realrecords import PRODML, read

from captools.das.envelopes import envelope_levels
from captools.das.filters import Band, power_response
from captools.das.pixels import boxes, grey, limits, means, sums
from captools.das.taps import analytic

few = st.integers(1, 30)


@given(few, few)
def test_boxes_are_what_is_common(values, pixels):
    expected = [
        [
            max(
                Fraction(0),
                min(Fraction(v + 1, values), Fraction(p + 1, pixels))
                - max(Fraction(v, values), Fraction(p, pixels)),
            )
            * values
            for v in range(values)
        ]
        for p in range(pixels)
    ]
    np.testing.assert_allclose(boxes(values, pixels), np.array(expected, float), atol=1e-14)


def loop(levels, rows, columns):
    """Return the mean of each box, level by level."""
    times, channels = boxes(levels.shape[0], rows), boxes(levels.shape[1], columns)
    picture = np.full((rows, columns), np.nan)
    for row in range(rows):
        for column in range(columns):
            share = np.outer(times[row], channels[column])
            share[~np.isfinite(levels)] = 0
            if share.sum() > 0:
                picture[row, column] = (
                    np.nansum(np.where(share > 0, levels, 0) * share) / share.sum()
                )
    return picture


@pytest.mark.parametrize("size", [(3, 2), (16, 16), (40, 5), (7, 60)])
@pytest.mark.parametrize("offset", [0, -160, 5000])
def test_a_picture_is_the_means_of_its_boxes(size, offset):
    levels = (np.random.default_rng(1).normal(offset, 9, (37, 23))).astype(np.float32)
    times, channels = boxes(37, size[0]), boxes(23, size[1])
    whole = means(*sums(levels, times, channels))
    np.testing.assert_allclose(whole, loop(levels, *size), rtol=1e-6, atol=1e-4)
    parts = [sums(levels[:, part], times, channels[:, part]) for part in (slice(9), slice(9, 23))]
    np.testing.assert_allclose(
        means(*map(sum, zip(*parts, strict=True))), whole, rtol=1e-6, atol=1e-5
    )


def test_what_is_missing_or_dead_does_not_count():
    levels = np.random.default_rng(1).normal(20, 9, (40, 20)).astype(np.float32)
    levels[:, 3] = -np.inf  # dead
    levels[10:20, 4:9] = np.nan
    levels[:, 10:15] = np.nan  # a pixel's channels, and more
    picture = means(*sums(levels, boxes(40, 8), boxes(20, 8)))
    np.testing.assert_allclose(picture, loop(levels, 8, 8), rtol=1e-5)
    assert np.isnan(picture[:, 4:6]).all()
    assert np.isfinite(picture[:, :2]).all()
    empty = np.full((40, 20), np.nan, np.float32)
    assert np.isnan(means(*sums(empty, boxes(40, 8), boxes(20, 8)))).all()


def test_limits_and_grey():
    picture = np.linspace(-50, 50, 101)
    picture[7] = np.nan
    assert limits(picture) == (-50, 50)
    low, high = limits(picture, 10)
    assert np.mean(picture < low) == pytest.approx(0.1, abs=0.01)
    assert np.mean(picture > high) == pytest.approx(0.1, abs=0.01)
    shades = grey(picture, -10, 10)
    assert shades[7] == 0
    assert (np.delete(shades[:41], 7) == 1).all()
    assert (shades[60:] == 255).all()
    assert (np.diff(shades[40:61].astype(int)) >= 12).all()
    assert grey(np.array([1.0, 2.0]), 1, 1).tolist() == [1, 255]
    assert np.isnan(limits(np.full(3, np.nan))).all()


@pytest.mark.parametrize(("values", "pixels"), [(0, 4), (4, 0)])
def test_no_picture_is_refused(values, pixels):
    with pytest.raises(ValueError, match="no picture"):
        boxes(values, pixels)


def test_a_real_picture_is_that_of_one_transform_in_float64(real_data):
    samples = read(real_data, PRODML)
    band, rate, step = Band(14, 35), 200, 4
    taps = analytic(band, rate, step)
    spectrum = np.fft.rfft(samples.astype(float), axis=0)
    response = 2 * power_response(np.fft.rfftfreq(len(samples), 1 / rate), band, rate)
    both = np.zeros(samples.shape, complex)
    both[: len(spectrum)] = spectrum * response[:, np.newaxis]
    expected = 20 * np.log10(np.abs(np.fft.ifft(both, axis=0)))[taps.halo : -taps.halo : step]
    found = envelope_levels(samples, taps)
    times, channels = boxes(len(found), 64), boxes(512, 64)
    one, other = (means(*sums(levels, times, channels)) for levels in (found, expected))
    low, high = limits(other)
    shades = [grey(picture, low, high).astype(int) for picture in (one, other)]
    assert np.abs(shades[0] - shades[1]).max() <= 1
    assert len(np.unique(shades[0])) > 100
