"""Even series of times, by times that the test has laid out."""

import numpy as np
import pytest

from captools.das.evenness import MOST, even_distances, even_step, stretches, within_reason

START = 1_600_000_000_000_000_000


def test_a_rate_that_no_number_of_microseconds_makes():
    micros = np.round(np.arange(100_000) / 3000 * 1e6).astype(np.int64)
    times = START + 1000 * micros
    assert even_step(times) == pytest.approx(1e9 / 3000, abs=0)
    assert list(stretches([times], even_step(times))) == [(0, START, 100_000)]


@pytest.mark.parametrize("blocks", [1, 3, 7])
def test_jumps_end_a_stretch(blocks):
    times = START + 5_000_000 * np.arange(1000)
    times[300:] += 60_000_000_000  # a gap
    times[301:] -= 10_000_000  # one sample alone, then back by two
    times[800:] += 1_000_000  # jitter
    parts = np.array_split(times, blocks)
    assert even_step(times) == 5_000_000
    assert list(stretches(parts, 5_000_000)) == [
        (0, START, 300),
        (300, int(times[300]), 1),
        (301, int(times[301]), 699),
    ]


def test_a_clock_that_drifts_begins_a_stretch_now_and_then():
    times = START + np.round(5_000_100.0 * np.arange(200_000)).astype(np.int64)
    found = list(stretches([times], 5_000_000))
    assert sum(samples for _, _, samples in found) == len(times)
    assert len(found) == 8  # 20 ms in all, and a new one every 2.5 ms
    for offset, start, samples in found:
        made = start + 5_000_000 * np.arange(samples)
        assert np.abs(made - times[offset : offset + samples]).max() <= 2_500_000


def test_no_times_are_no_stretch():
    assert list(stretches([np.array([], np.int64)], 1.0)) == []


def test_times_must_grow():
    with pytest.raises(ValueError, match="do not grow"):
        even_step(np.array([5, 5, 5]))


def test_times_that_jump_all_the_time_are_refused():
    with pytest.raises(ValueError, match="jump 1,000 times and more"):
        within_reason(((n, 100 * n, 1) for n in range(MOST + 1)), 1.0)


@pytest.mark.parametrize("shift", [-(10**15), -40_000_000, 40_000_000, 10**15])
@pytest.mark.parametrize("number", [0, 1, 500, 998, 999])
def test_a_time_that_stands_for_itself_is_damage(number, shift):
    times = START + 5_000_000 * np.arange(1000)
    times[number] += shift
    step = even_step(times)
    assert step == 5_000_000
    with pytest.raises(ValueError, match=f"sample {number} is out of order"):
        within_reason(stretches([times], step), step)


def test_files_that_were_joined_may_go_back():
    times = START + 5_000_000 * np.arange(1000)
    times[500:] -= 500_000_000
    found = within_reason(stretches([times], 5_000_000), 5_000_000)
    assert [count for _, _, count in found] == [500, 500]
    times = START + np.round(5_000_100.0 * np.arange(175_001)).astype(np.int64)  # a slow clock
    found = within_reason(stretches([times], 5_000_000), 5_000_000)
    assert sum(count for _, _, count in found) == len(times)


def test_channels_evenly_spaced_or_not():
    assert even_distances(np.array([-4.0, -2.0, 0.0])) == (-4.0, 2.0)
    first, spacing = even_distances(np.array([0.0, 1.0, 5.0]))
    assert first == 0.0
    assert np.isnan(spacing)
    assert np.isnan(even_distances(np.array([7.0]))[1])
