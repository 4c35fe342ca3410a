"""The picture of a cube: what stands where."""

import re
from dataclasses import replace

import matplotlib.dates
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg

from captools.das.layout import Layout, Spectrum
from captools.das.overview import Overview
from captools.maps.shading import Style
from captools.maps.spectra import make_figure

LAYOUT = Layout(
    Spectrum(200, 0.005, 80.0, "tukey:0.25"),
    hop_ns=10**8,
    origin_ns=0,
    first=16_358_082_600,  # 2021-11-01T23:11:00
    rows=599,
    channels=(10, 70, 2),
    first_distance=5.0,
    spacing=2.0,
    units="nm/m/s",
)


def overview(layout=LAYOUT, band=slice(15, 26)):
    rng = np.random.default_rng(0)
    spectrogram, along = rng.normal(0, 5, (599, 80)), rng.normal(0, 5, (599, 30))
    spectrogram[100:200] = along[100:200] = np.nan
    mean = rng.normal(0, 5, (2, 80))
    return Overview(layout, 7, band, spectrogram, mean[0], along, mean[1], 499, 0.1669)


def words(figure):
    """All that is written in a figure."""
    return " ".join(re.sub(r"\s+", " ", one.get_text()) for one in figure.findobj(is_text))


def is_text(one):
    return type(one).__name__ in ("Text", "Annotation")


def drawn(figure):
    """The pixels, from the top."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())[..., :3].astype(int)


def test_axes_have_units_and_times_are_utc():
    figure = make_figure(overview(), Style(), "my $cube")
    figure.draw_without_rendering()
    spectrogram, along, mean = figure.axes[:3]
    assert [one.get_ylabel().split("\n")[0] for one in figure.axes[:2]] == [
        "frequency (Hz)",
        "distance along the fibre (m)",
    ]
    assert (along.get_xlabel(), mean.get_xlabel()) == ("time (UTC)", "frequency (Hz)")
    # Middles of segments lie half a second after they begin, pixels half a hop around them.
    begin = np.datetime64("2021-11-01T23:11:00.450")
    ends = matplotlib.dates.date2num([begin, begin + np.timedelta64(59_900, "ms")])
    assert np.allclose(along.get_xlim(), ends, atol=1e-9, rtol=0)
    assert np.allclose(spectrogram.get_xlim(), ends, atol=1e-9, rtol=0)
    assert np.allclose(spectrogram.get_ylim(), (0.5, 80.5))
    assert np.allclose(along.get_ylim(), (5 + 20 - 2, 5 + 2 * 68 + 2))
    there = words(figure)
    for text in (
        *(r"my \$cube", "channel 24, at 53 m", "15 to 25 Hz, along the fibre", "2021-Nov-01"),
        *("dB relative to (nm/m/s)² / Hz", "power of 15 to 25 Hz dB relative to (nm/m/s)²"),
        "599 segments of 1 s, one each 0.1 s, the first from 2021-11-01T23:11:00Z on, the last "
        "from 2021-11-01T23:11:59.8Z; 30 channels; 16.69% of the spectra are missing: grey",
    ):
        assert text in there


def test_gaps_are_grey_in_place():
    found = overview()
    figure = make_figure(found, Style(), "cube")
    pixels = drawn(figure)
    for axes in figure.axes[:2]:
        left, top = axes.transAxes.transform((0, 1))
        row = pixels[pixels.shape[0] - round(top) + 150, round(left) : round(left) + 1000]
        grey = (row == 204).all(1)
        middle = (np.arange(1000) + 0.5) * 599 / 1000
        inside = (middle > 101) & (middle < 199)
        outside = (middle < 99) | (middle > 201)
        assert grey[inside].all()
        assert not grey[outside].any()


def test_a_frequency_and_a_channel_are_where_they_are_drawn():
    found = overview(band=slice(1, 81))
    found.spectrogram[:] = found.along[:] = 0
    found.spectrogram[:, 59] = found.along[:, 21] = 9  # 60 Hz; channel 52 at 109 m
    figure = make_figure(found, Style(), "cube")
    pixels = drawn(figure)
    for axes, at in zip(figure.axes[:2], (60, 109), strict=True):
        x, y = axes.transData.transform((sum(axes.get_xlim()) / 2, at))
        bottom, top = (round(axes.transAxes.transform((0, edge))[1]) for edge in (0, 1))
        column = pixels[::-1][bottom:top, round(x)]
        bright = np.flatnonzero(np.abs(column - [253, 231, 36]).sum(1) < 9)
        assert abs(bottom + bright.mean() + 0.5 - y) < 1


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"spacing": None, "first_distance": None}, "channel 24 "),
        ({"units": ""}, "dB relative to (unit of the samples)² / Hz"),
        ({"spectrum": Spectrum(200, 0.005, 80.0, "hann", "cryocube")}, "10 ln |X|², as CryoCube"),
    ],
)
def test_what_files_do_not_say(change, text):
    figure = make_figure(overview(replace(LAYOUT, **change)), Style(), "cube")
    assert text in words(figure) + " "
