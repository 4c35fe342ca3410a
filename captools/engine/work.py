"""What an engine is given, and what comes back."""

from typing import Any, NamedTuple, Protocol


class Result(NamedTuple):
    """How an item ended, and what that means for the others."""

    outcome: Any  # whatever the work makes of an item
    fatal: bool = False  # no later item would fare better
    died: bool = False  # its process died; another try may go better


class Work(Protocol):
    """What an engine is given, to be called with one item after another in any process.

    It never raises but to stop the process: what goes wrong is part of the result.
    """

    def __call__(self, item: Any, /) -> Result:
        """Do one item."""
        ...

    def lost(
        self, item: Any, /, why: str, died: bool = False, reading: str | None = None
    ) -> Result:
        """Return the result of an item that was not seen to end by itself.

        `reading` is the file that its process was at, if it said so.
        """
        ...
