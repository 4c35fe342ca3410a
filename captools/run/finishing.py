"""What a step does once, when its inputs are done, such as to draw all outputs in one picture.

The step has `finish(outdir, **options)`, and `FINISHING`, the names of the options that it takes:
no result of an input depends on them. Each shard does it at its end, with all that there is then.
"""

from pathlib import Path
from types import ModuleType

from captools.errors import CaptoolsError, unexpected
from captools.io.address import Url


def parted(step: ModuleType, options: dict) -> tuple[dict, dict]:
    """Return the options of a step's inputs, and those of what it does when they are done."""
    names = getattr(step, "FINISHING", ())
    last = {name: options[name] for name in names if name in options}
    return {name: value for name, value in options.items() if name not in names}, last


def finish(step: ModuleType, outdir: Path | Url, options: dict) -> None:
    """Do what a step does when its inputs are done.

    Raises
    ------
    CaptoolsError
        If it cannot be done.
    """
    if not any(options.values()):
        return
    try:
        step.finish(outdir, **options)
    except CaptoolsError:
        raise
    except Exception as error:  # the inputs are done, and shall be said to be
        raise CaptoolsError(unexpected(outdir, error)) from None
