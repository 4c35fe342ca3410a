"""Servers fail for a while: how often to try again, and when."""

import os
import random
import time
from collections.abc import Callable
from typing import TypeVar

from captools.errors import CaptoolsError

TRIES = 5
PAUSE_SECONDS = float(os.environ.get("CAPTOOLS_PAUSE", "2"))  # before the second try
LONGEST_SECONDS = 120.0  # whatever the server asks for
PASSING = {408, 425, 429, 500, 502, 503, 504}  # HTTP answers that may be better a little later
Answer = TypeVar("Answer")


class Retryable(CaptoolsError):
    """Something failed that another try may do; its text is the reason for the user.

    Parameters
    ----------
    why : str
        The reason.
    after : float
        Seconds to wait, as the server asks for.
    """

    def __init__(self, why: str, after: float = 0.0) -> None:
        super().__init__(why)
        self.after = after


def persist(call: Callable[[], Answer]) -> Answer:
    """Return the answer of a call, which is tried again where it raises `Retryable`."""
    for number in range(1, TRIES):
        try:
            return call()
        except Retryable as again:
            pause(number, again.after)
    return call()


def pause(tries: int, after: float = 0.0) -> None:
    """Wait after so many tries that failed, twice as long after each, `after` at least.

    Up to half as long again, as thousands of workers should not come back all at once.
    """
    seconds = max(PAUSE_SECONDS * 2 ** (tries - 1), after) * random.uniform(1, 1.5)
    time.sleep(min(seconds, LONGEST_SECONDS))
