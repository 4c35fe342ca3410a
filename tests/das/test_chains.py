"""Chains of methods as they are written, and how much halo they need."""

import pytest
from pieces import need_dascore

from captools.das.applying import check_methods, methods
from captools.das.chains import Quantity, parse_call, parse_chain
from captools.das.methods import reach
from captools.das.programs import arrange


@pytest.mark.parametrize(
    ("text", "words", "named"),
    [
        ("abs", (), {}),
        ("detrend time", ("time",), {}),
        ("detrend time type=constant", ("time",), {"type": "constant"}),
        ("pass_filter time=14,35 corners=8", (), {"time": (14, 35), "corners": 8}),
        ("pass_filter time=14,", (), {"time": (14, None)}),
        ("pass_filter time=...,1e1", (), {"time": (None, 10.0)}),
        ("f zerophase=false q=none", (), {"zerophase": False, "q": None}),
        ("f time=0.1s", (), {"time": Quantity(0.1, "s")}),
        ("f time=10*Hz,40Hz", (), {"time": (Quantity(10, "Hz"), Quantity(40, "Hz"))}),
        (
            "f time=(10 Hz, 40 Hz) x=-1",
            (),
            {"time": (Quantity(10, "Hz"), Quantity(40, "Hz")), "x": -1},
        ),
        ("f [2e3 m/s, 3]", ((Quantity(2000.0, "m/s"), 3),), {}),
        ("set_units m/s distance=m", ("m/s",), {"distance": "m"}),
        ("update_attrs tag='2 b, c=d'", (), {"tag": "2 b, c=d"}),
        ("f when=2021-11-01T23:11", (), {"when": "2021-11-01T23:11"}),
        ("f __import__('os')", ("__import__('os')",), {}),
    ],
)
def test_words_are_values(text, words, named):
    call = parse_call(text)
    assert (call.name, call.words, call.named) == (text.split()[0], words, named)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "3x",
        "__class__",
        "a.b",
        "f x=",
        "f x=1 x=2",
        "f x=1 y",
        "f x=(1",
        "f 1)",
        "f 'a",
        "f(1)",
    ],
)
def test_other_words_are_none(text):
    with pytest.raises(ValueError, match=r"'"):
        parse_call(text)


def test_only_methods_that_make_patches_are_known():
    need_dascore()
    check_methods(parse_chain(["pass_filter", "update_attrs", "add", "whiten"]))
    for name in ("pipe", "apply_ufunc", "viz", "io", "data", "attrs", "new", "rolling", "T"):
        assert name not in methods()
    with pytest.raises(ValueError, match="passfilter is no method of DASCore's patches: pass_fi"):
        check_methods(parse_chain(["abs", "passfilter time=1,2"]))


def halo(*texts, window=12_000, **more):
    return arrange(parse_chain(texts), 200.0, window, **more).halo


def test_the_halo_is_that_of_all_methods():
    one, other = halo("pass_filter time=14,35").samples, halo("notch_filter time=60 q=5").samples
    # Of the facts: 1.15 ln(1e-6) / ln(largest pole radius), here with 1e-7.
    assert halo("pass_filter time=14,35 corners=8").samples == round(407 * 7 / 6)
    assert halo("pass_filter time=14,35", "notch_filter time=60 q=5").samples == one + other
    assert halo("pass_filter time=14Hz,35Hz").samples == one
    assert halo("pass_filter distance=0.01,0.1", "abs", "mean distance").samples == 0
    assert halo("median_filter time=5 distance=3 samples=true").samples == 5
    assert halo("median_filter time=20ms").samples == 4


def test_after_a_decimation_samples_are_longer():
    first = halo("decimate time=4")
    assert (first.step, first.reach % 4) == (4, 0)
    both = halo("decimate time=4", "median_filter time=5 samples=true", "decimate time=5")
    alone = reach(parse_call("decimate time=5"), 50.0, 1).samples
    assert both.step == 20
    assert both.samples == first.samples + 4 * (5 + alone)
    with pytest.raises(ValueError, match="no multiple of 7"):
        halo("decimate time=7")


@pytest.mark.parametrize(
    "text",
    [
        *("standardize time", "integrate time", "whiten time=5,20", "normalize time", "demean"),
        *("dft time", "detrend time", "detrend time type=constant", "taper time=0.1", "mean"),
        *("stft time=1s", "resample time=0.01", "select time=1,2", "kurtosis time=1", "flip"),
        *("wiener_filter time=5 samples=true", "update_coords time_min=3", "rename_coords time=t"),
        "dropna distance",
    ],
)
def test_what_depends_on_all_samples_is_refused(text):
    with pytest.raises(ValueError, match="--per-window") as refusal:
        halo(text)
    assert text in str(refusal.value)
    program = arrange(parse_chain(["pass_filter time=14,35", text, "abs"]), 200.0, 400, True)
    assert [len(program.near), len(program.alone)] == [1, 2]


@pytest.mark.parametrize(
    "text", ["standardize distance", "taper distance=3", "detrend distance", "select distance=1,2"]
)
def test_along_the_fibre_all_is_well(text):
    assert halo(text).samples == 0


@pytest.mark.parametrize("other", ["abs", "median distance", "median_filter time=0.1"])
def test_a_trend_may_be_taken_from_windows_if_nothing_is_left_of_it(other):
    band = halo("pass_filter time=14,35").samples
    assert halo("detrend time", "pass_filter time=14,35").samples == band
    assert halo("demean", "set_units m", "decimate time=2", "pass_filter time=1,").samples > band
    assert halo("detrend time", "detrend distance", "pass_filter time=14,35").samples == band
    for others in (["pass_filter time=,35"], [other, "pass_filter time=14,35"]):
        with pytest.raises(ValueError, match="lower edge"):
            halo("detrend time", *others)


def test_what_fades_slowly_is_named():
    program = arrange(parse_chain(["pass_filter time=14,35", "envelope time"]), 200.0, 3000)
    assert [one.name for one in program.slow] == ["envelope"]
    assert program.halo.samples > 3000


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("pass_filter", "says no 'time'"),
        ("pass_filter time=5", "two edges"),
        ("pass_filter time=14,300", "none of 200 Hz"),
        ("pass_filter time=35,14", "35 to 14 Hz is no band"),
        ("pass_filter time=14m,35m", "time=14m,35m"),
        ("median_filter time=x", "time=x"),
        ("decimate time=0", "no factor"),
    ],
)
def test_wrong_arguments_are_named(text, why):
    need_dascore()
    with pytest.raises(ValueError, match=why) as refusal:
        halo(text)
    assert text in str(refusal.value)
