"""A map step for tests of what runs steps: every input says itself what shall become of it.

In a module of its own, which worker processes can import.
"""

import os
import signal
import time
import warnings
import weakref
from pathlib import Path

from captools.errors import CaptoolsWarning, FolderError, InputError
from captools.flat import Written


class Thing:
    """Anything that can be referred to weakly."""


def toy(path: str, outdir: Path, *, only: int | None = None, mask: Path | None = None) -> Written:
    """Do what the text of an input says; ``write 2`` writes two outputs of one row of ten each."""
    what, _, number = Path(path).read_text().partition(" ")
    match what:
        case "damaged":
            raise InputError(f"{path}: is damaged")
        case "bug":
            raise ZeroDivisionError("of\nseveral lines")
        case "full":
            raise FolderError(f"{outdir}: cannot be written (no space left)")
        case "interrupt":
            raise KeyboardInterrupt
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "signal":
            signal.raise_signal(int(number))
        case "unheard":  # what a handler raises in here is lost
            thing = Thing()
            reference = weakref.ref(thing, lambda _: signal.raise_signal(int(number)))
            del thing
            assert reference() is None
        case "vanish":
            os.rename(outdir, f"{outdir} elsewhere")  # at one stroke, whoever is writing
        case "sleep":
            time.sleep(float(number))
        case "warn":
            warnings.warn(f"{path}: something\nis odd", CaptoolsWarning, stacklevel=1)
        case "nothing":
            return Written(rows_in=10)
    names = [f"{Path(path).stem}_{k}.h5" for k in range(int(number) if what == "write" else 1)]
    written = Written([Path(outdir) / name for name in names[:only]], rows_in=10 * len(names))
    for output in written:
        output.write_text(f"from {path}")
        written.rows_out += 1
    return written


def write_inputs(folder: Path, **texts: str) -> list[str]:
    """Write inputs for the toy by name and text, and return their paths."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.h5").write_text(text)
    return [str(folder / f"{name}.h5") for name in texts]
