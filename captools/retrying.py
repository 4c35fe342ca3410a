"""Servers fail for a while: how often to try again, and when."""

import os
import random
import time

from captools.errors import CaptoolsError

TRIES = 5
PAUSE = float(os.environ.get("CAPTOOLS_PAUSE", "2"))  # seconds before the second try
LONGEST = 120.0  # seconds, whatever the server asks for


class Again(CaptoolsError):
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


def pause(tries: int, after: float = 0.0) -> None:
    """Wait after so many tries that failed, twice as long after each, `after` at least.

    Up to half as long again, as thousands of workers should not come back all at once.
    """
    time.sleep(min(max(PAUSE * 2 ** (tries - 1), after) * random.uniform(1, 1.5), LONGEST))
