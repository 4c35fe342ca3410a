"""Times of several ways to do one thing, measured side by side."""

import os
import statistics
import time
from collections.abc import Callable


def on_one_core() -> None:
    """Stay on one core from here on, so that nothing gains from the others."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def seconds(call: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Return how long a call takes."""
    began = clock()
    call()
    return clock() - began


def medians(
    calls: dict[str, Callable[[], object]],
    rounds: int,
    before: Callable[[], object] = bool,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return the median seconds of each call; they take turns, after a round that does not count.

    What else the machine does then hits all of them alike. What `before` does before each call
    is not counted. A clock may be ``time.process_time``, which counts this process alone.
    """
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(rounds + 1):
        for name, call in calls.items():
            before()
            took = seconds(call, clock)
            if number:
                times[name].append(took)
    return {name: statistics.median(values) for name, values in times.items()}
