"""Work for tests of what runs it: every input says itself what shall become of it.

In a module of its own, which worker processes can import.
"""

import ctypes
import faulthandler
import os
import signal
import time
import warnings
from pathlib import Path

from captools import process
from captools.engine.work import Result
from captools.errors import BadInputs, CaptoolsWarning, FolderError, InputError
from captools.io.atomic import Outputs, temporary_name
from captools.products import ATL06, Product
from captools.run.inspection import Check, Finding

VERSION = 1
DEATHS = {  # how a process can die, and what the engine says of it
    "sigkill": "SIGKILL(-9): memory used up?",
    "sigsegv": "SIGSEGV(-11)",
    "exit": "EXIT(3)",
}


def naming(**options: object) -> Product:
    """Return what the file names of inputs say."""
    return ATL06


def outputs(name: str, **options: object) -> list[str]:
    """Return the names that the outputs of an input can have."""
    return [f"{Path(name).stem}_{k}.h5" for k in range(10)]


def die(how: str) -> None:
    """End this process without a word, in one of the ways of `DEATHS`."""
    match how:
        case "sigkill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "sigsegv":
            faulthandler.disable()  # pytest's, in a copy of its process
            ctypes.string_at(0)
        case "exit":
            os._exit(3)


def toy(path: str, outdir: Path, *, only: int | None = None, mask: Path | None = None) -> Outputs:
    """Do what the text of an input says; ``write 2`` writes two outputs of one row of ten each."""
    what, _, more = Path(path).read_text().partition(" ")
    match what:
        case "damaged":
            raise InputError(f"{path}: is damaged")
        case "bug":
            raise ZeroDivisionError("of\nseveral lines")
        case "full":
            raise FolderError(f"{outdir}: cannot be written (no space left)")
        case "interrupt":
            raise KeyboardInterrupt
        case "die":  # at the worst moment: its output is there, and nobody knows
            with open(f"{path}.tries", "a") as tries:
                tries.write(f"{os.getpid()}\n")
            (Path(outdir) / f"{Path(path).stem}_0.h5").write_text(f"from {path}")
            how, _, times = more.partition(" ")
            if len(Path(f"{path}.tries").read_text().split()) <= int(times or 99):
                die(how)
        case "part":  # is all there is of an output when the process dies
            (Path(outdir) / temporary_name("a_0.h5")).write_text("half")
            die("sigkill")
        case "signal":  # to this process
            signal.raise_signal(int(more))
        case "signal-parent":  # and then take a while
            number, _, seconds = more.partition(" ")
            os.kill(os.getppid(), int(number))
            time.sleep(float(seconds or 0.5))
        case "vanish":
            os.rename(outdir, f"{outdir} elsewhere")  # at one stroke, whoever is writing
        case "sleep":
            time.sleep(float(more))
        case "slowly":  # but with progress
            for _ in range(int(more)):
                time.sleep(0.1)
                process.check()
        case "hold":  # and let no other thread run
            ctypes.PyDLL(None).usleep(int(1e6 * float(more)))
        case "warn":
            warnings.warn(f"{path}: something\nis odd", CaptoolsWarning, stacklevel=1)
        case "nothing":
            return Outputs(rows_in=10)
    names = [f"{Path(path).stem}_{k}.h5" for k in range(int(more) if what == "write" else 1)]
    written = Outputs([Path(outdir) / name for name in names[:only]], rows_in=10 * len(names))
    for output in written:
        output.write_text(f"from {path}")
        written.rows_out += 1
    return written


def say(text: str) -> str:
    """Return the text, or do what it says."""
    what, _, more = text.partition(" ")
    match what:
        case "damaged":
            raise InputError(f"{text}: is damaged")
        case "bad":
            raise BadInputs({"x": "x: bad", "y": "y: bad"})
        case "bug":
            raise ZeroDivisionError
        case "die":
            die(more)
        case "sleep":
            time.sleep(float(more))
    return text


def write_inputs(folder: Path, **texts: str) -> list[str]:
    """Write inputs for the toy by name and text, and return their paths."""
    folder.mkdir(exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.h5").write_text(text)
    return [str(folder / f"{name}.h5") for name in texts]


class ToyCheck(Check):
    """Finds in a file what its text says."""

    def __call__(self, path: str) -> Result:
        """Check one file."""
        what, _, more = Path(path).read_text().partition(" ")
        match what:
            case "die":
                die(more)
            case "sleep":
                time.sleep(float(more))
            case "damaged":
                return Result(Finding(path, "failed", error=f"{path}: is damaged"))
        return Result(Finding(path, "done", what=what))
