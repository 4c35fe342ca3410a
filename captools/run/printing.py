"""Results on standard output, a line each; that nobody reads on, as of `head`, is no failure."""

import contextlib
import os
import sys
from collections.abc import Iterable
from typing import TextIO

import click


def print_lines(lines: Iterable[str]) -> None:
    """Print lines, and ask for no more of them when nobody reads on."""
    for line in lines:
        try:
            click.echo(os.fsencode(line))  # a path need not be UTF-8
        except BrokenPipeError:
            discard(sys.stdout)
            return


def flush(stream: TextIO) -> None:
    """Write what a stream still holds; if the disk behind it is full, which was said, drop it."""
    try:
        stream.flush()
    except OSError:
        discard(stream)


def discard(stream: TextIO) -> None:
    """Let what a stream still holds go nowhere: else Python would complain at its end."""
    with contextlib.suppress(OSError, ValueError):  # a test's standard output is no file
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
