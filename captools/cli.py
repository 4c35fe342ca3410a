"""The `captools` command: finds the steps and turns their errors into exit codes.

0 every input done or empty, 1 some failed, 2 wrong usage, 130 and 143
interrupted.
"""

import ast
import contextlib
import difflib
import logging
import os
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import click

from captools import __version__, captoolkit, options, progress
from captools.errors import CaptoolsError, one_line
from captools.io import durable, remote
from captools.io import earthdata as login
from captools.parameters import joined, parted
from captools.run.printing import discard, flush, print_lines

STEPS = Path(__file__).parent / "steps"
FEW = 12  # options that need no groups
_GROUPED = {
    "Output": "outdir output compression split layout by dialect parts sort common overwrite "
    "journal",
    "Run": "jobs engine scheduler timeout shard fail_fast skip_bad quiet verbose",
    "Servers": "endpoint_url earthdata",
}
GROUPS = {name: heading for heading, names in _GROUPED.items() for name in names.split()}
# Long spellings of what has a letter alone.
MEANT = {
    **dict.fromkeys(("out", "output", "outdir", "out-dir", "output-dir"), "-o"),
    **dict.fromkeys(("bbox", "box", "bounds"), "-b"),
    **dict.fromkeys(("time", "span", "dates"), "-t"),
    **dict.fromkeys(("region", "regions", "granules"), "-g"),
    **dict.fromkeys(("compress", "compression"), "-z"),
    **dict.fromkeys(("processes", "workers", "njobs", "n-jobs"), "-n"),
}
PAIRS = ("--xy", "--lonlat")  # of columns, which may have a comma between them
RANGES = ("--limits",)  # two numbers, or a word
# What to do where -o is asked of a step that writes no file.
PRINTS = "what it prints goes to a file with > FILE"
WITHOUT_OUTPUT = {"view": "it writes no file; captools preview draws a picture"}


class _NotOurs(click.ClickException):
    """A name of another tool was called: one line that says what to call, and wrong usage."""

    exit_code = 2


class Steps(click.Group):
    """The modules of `captools.steps` as commands; one is imported when it is called."""

    def list_commands(self, context: click.Context) -> list[str]:
        """Return the names of all steps."""
        return sorted(path.stem for path in STEPS.glob("[a-z]*.py"))

    def get_command(self, context: click.Context, name: str) -> click.Command | None:
        """Return the command of a step, None if there is no such step."""
        if name not in self.list_commands(context):
            return None
        module = import_module(f"captools.steps.{name}")
        return _COMMANDS[module.KIND](module, name)

    def resolve_command(self, context: click.Context, args: list[str]) -> tuple:
        """Find the step that is called; of a name that is none, say what may be meant."""
        steps = self.list_commands(context)
        if args and args[0] not in steps and not args[0].startswith("-"):
            if said := captoolkit.answer(args[0], steps):
                raise _NotOurs(said)
            alike = difflib.get_close_matches(args[0], steps, n=1)
            hint = f" Did you mean {alike[0]}?" if alike else ""
            context.fail(f"There is no step {args[0]!r}.{hint}")
        return super().resolve_command(context, args)

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse the words before the step."""
        with _ends_well():
            return super().parse_args(context, args)

    def invoke(self, context: click.Context) -> object:
        """Parse the words of the step, and run it."""
        with _ends_well():
            return super().invoke(context)

    def main(self, *arguments: object, **more: object) -> None:
        """Run the command line and exit."""
        _open_missing_streams()
        try:
            return super().main(*arguments, **more)
        finally:
            for stream in (sys.stdout, sys.stderr):
                flush(stream)

    def format_commands(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """List the steps with the first lines of their docstrings, without importing them."""
        rows = [(name, _summary(STEPS / f"{name}.py")) for name in self.list_commands(context)]
        with formatter.section("Steps"):
            formatter.write_dl(rows)


@contextlib.contextmanager
def _ends_well() -> Iterator[None]:
    """End with a line and a code whatever comes up before a step begins."""
    try:
        yield
    except BrokenPipeError:  # help into `| head`
        discard(sys.stdout)
        sys.exit(0)
    except (CaptoolsError, OSError) as error:
        click.echo(f"error: {one_line(error)}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("interrupted", err=True)
        sys.exit(130)


class Step(click.Command):
    """A step: its options in groups, and for a word that is none the option that is meant."""

    def parse_args(self, context: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the step."""
        try:
            words = joined(parted(args, PAIRS), RANGES)
            self._check_repeated(context, words)
            return super().parse_args(context, words)
        except click.NoSuchOption as error:
            meant = MEANT.get(error.option_name.lstrip("-"))
            if any(meant in parameter.opts for parameter in self.params):
                error.possibilities = [meant]
            elif "-o" in (error.option_name, meant):
                context.fail(f"{self.name} has no -o: {WITHOUT_OUTPUT.get(self.name, PRINTS)}")
            raise

    def _check_repeated(self, context: click.Context, words: list[str]) -> None:
        """Refuse an option that is given twice and does not add up: of two, one would not count."""
        _, _, order = self.make_parser(context).parse_args(list(words))
        for parameter in self.params:
            is_value = isinstance(parameter, click.Option) and not parameter.is_flag
            if is_value and not parameter.multiple and order.count(parameter) > 1:
                why = "is given more than once, and does not add up: give one"
                raise click.BadParameter(why, context, parameter)

    def format_options(self, context: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of a step with many in groups."""
        rows: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(context):
            row = parameter.get_help_record(context)
            if row and isinstance(parameter, click.Option):
                rows.setdefault(GROUPS.get(parameter.name or "", "Options"), []).append(row)
        if sum(map(len, rows.values())) <= FEW:
            rows = {"Options": [row for group in rows.values() for row in group]}
        for heading in ("Options", *dict.fromkeys(GROUPS.values())):
            if heading in rows:
                with formatter.section(heading):
                    formatter.write_dl(rows[heading])


def _open_missing_streams() -> None:
    """Give standard streams that were closed (``>&-``) a place to go, as libraries expect."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = open(os.devnull, mode)  # noqa: SIM115 - for as long as we live
            os.set_inheritable(stream.fileno(), True)  # workers would miss it, too
            setattr(sys, name, stream)


def _summary(path: Path) -> str:
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


@click.group(
    cls=Steps, context_settings={"help_option_names": ["-h", "--help"], "show_default": True}
)
@click.version_option(__version__, prog_name="captools")
def main() -> None:
    """Reduce large instrument files to small analysis-ready ones, in parallel.

    captools STEP --help shows the options of a step.
    """


def _command(module: ModuleType, name: str, call: Callable, *more: Callable) -> click.Command:
    """Return the command of a step: its own options, then `more`, then the verbosity."""
    own = getattr(getattr(module, name), "__click_params__", [])

    def invoke(
        quiet: bool,
        verbose: bool,
        endpoint_url: str | None = None,
        earthdata: bool = False,
        no_fsync: bool = False,
        **values: object,
    ) -> None:
        level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.INFO
        _log_to_stderr(level)
        try:
            remote.use(remote.Access(endpoint_url, earthdata))
            durable.use(not no_fsync)
            if earthdata:
                login.log_in_first()
            status = call(**values)
        except ValueError as error:
            raise click.UsageError(one_line(error)) from None
        except (CaptoolsError, OSError) as error:
            logging.getLogger("captools").error("error: %s", one_line(error))
            status = 1
        except KeyboardInterrupt:
            logging.getLogger("captools").error("interrupted")
            status = 130
        sys.exit(status)

    for option in reversed((*more, options.quiet, options.verbose)):
        invoke = option(invoke)
    # click keeps the options of a function in reverse order of their appearance.
    shared = invoke.__click_params__
    return Step(
        name,
        callback=invoke,
        params=[*reversed(own), *reversed(shared)],
        help=module.__doc__,
        short_help=_summary(Path(module.__file__)),
        context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    )


def _map_command(module: ModuleType, name: str) -> click.Command:
    def call(**values: object) -> int:
        from captools.run.map import run_map

        return run_map(getattr(module, name), module, **values)

    return _command(module, name, call, *options.MAP)


def _reduce_command(module: ModuleType, name: str) -> click.Command:
    def call(**values: object) -> int:
        from captools.run.reduce import run_reduce

        return run_reduce(getattr(module, name), module, **values)

    return _command(module, name, call, *options.REDUCE)


def _query_command(module: ModuleType, name: str) -> click.Command:
    """Return the command of a query: prints its lines; a generator can return the exit code."""

    def call(**values: object) -> int:
        status = 0

        def lines() -> Iterator[str]:
            nonlocal status
            status = (yield from getattr(module, name)(**values)) or 0

        with progress.shown(), contextlib.closing(lines()) as lines_of_step:
            print_lines(lines_of_step)
        return status

    return _command(module, name, call)


_COMMANDS = {"map": _map_command, "reduce": _reduce_command, "query": _query_command}


def _log_to_stderr(level: int) -> None:
    """Show the log of captools on standard error, and only there."""
    logger = logging.getLogger("captools")
    logger.handlers = [_AboveTheBar()]
    logger.setLevel(level)
    logger.propagate = False


class _AboveTheBar(logging.Handler):
    """Writes messages to standard error without tearing a progress bar."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one message; a log on a full disk must not cost the work."""
        with contextlib.suppress(OSError):
            self._write(record)

    def _write(self, record: logging.LogRecord) -> None:
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(self.format(record), file=sys.stderr)
        else:
            click.echo(self.format(record), err=True)
