"""The inputs of a step that makes them of files, and what it may know of its run meanwhile."""

from collections.abc import Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from captools.io.address import Url
from captools.run.inputs import check_step_names


@dataclass(frozen=True)
class Purpose:
    """What inputs are planned for.

    Attributes
    ----------
    outdir : Path or Url, optional
        The output folder.
    journal : Path, optional
        The folder that keeps the journal; None from Python, where there is none.
    jobs : int, optional
        Processes that may be used.
    timeout : float, optional
        Seconds for an input.
    """

    outdir: Path | Url | None = None
    journal: Path | None = None
    jobs: int | None = None
    timeout: float | None = None


_NONE = Purpose()
_purpose = ContextVar("purpose", default=_NONE)


def purpose() -> Purpose:
    """Return what inputs are planned for at this moment."""
    return _purpose.get()


def planned(
    step: ModuleType, paths: Iterable[str], options: dict, what_for: Purpose = _NONE
) -> list[str]:
    """Return the inputs that a step makes of files, or these if it has no plan.

    Raises
    ------
    ValueError
        If two of them could write outputs of the same name, or the step refuses them.
    """
    made = list(paths)
    if made and hasattr(step, "plan"):
        token = _purpose.set(what_for)
        try:
            made = step.plan(made, **options)
        finally:
            _purpose.reset(token)
    check_step_names(step, made, options)
    return made
