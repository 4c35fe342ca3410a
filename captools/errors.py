"""What can go wrong through no fault of the code.

Wrong arguments are plain `ValueError`; the classes here are for what only the
files and disks of a run can show.
"""

import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager


class CaptoolsError(Exception):
    """An error whose message is one clear line for the user."""


class InputError(CaptoolsError):
    """An input cannot be used: damaged, of another product, incomplete."""


class Unreachable(InputError):
    """A server does not answer, or is busy: other inputs there fare alike."""


class BadInputs(InputError):
    """Some of the inputs that make one output cannot be used.

    Attributes
    ----------
    errors : dict of str to str
        What is wrong with each, by its path.
    """

    def __init__(self, errors: dict[str, str]) -> None:
        super().__init__("; ".join(errors.values()))
        self.errors = errors

    def __reduce__(self) -> tuple:
        """Return what it is made of, so that it reaches other processes whole."""
        return type(self), (self.errors,)


class MissingExtra(CaptoolsError):
    """A library is not installed that belongs to an extra of captools."""


class OutputError(CaptoolsError):
    """An output cannot be written."""


class FatalError(CaptoolsError):
    """No later input would fare better."""


class FolderError(OutputError, FatalError):
    """The output folder takes no more files."""


class LoginError(FatalError):
    """The archive does not let this user in."""


class CaptoolsWarning(UserWarning):
    """Something was left out or guessed; the result stands."""


@contextmanager
def naming_bad(errors: dict[str, str], path: str | os.PathLike[str]) -> Iterator[None]:
    """Keep what is wrong with one of many inputs; a server out of reach ends the work on all."""
    try:
        yield
    except Unreachable:
        raise
    except InputError as error:
        errors[os.fspath(path)] = str(error)


def one_line(error: BaseException) -> str:
    """Return the message of `error` on one line, never empty."""
    return " ".join(str(error).split()) or type(error).__name__


def unexpected(item: object, error: Exception) -> str:
    """Return what to say of a bug of ours: the error with the line of code that raised it."""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    where = f"{os.path.basename(frame.filename)}:{frame.lineno}"
    what = f"{type(error).__name__} at {where}: {one_line(error)}"
    return f"{item}: unexpected {what}; please report it"
