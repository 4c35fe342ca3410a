"""The command, also as ``python -m captools``; it imports nothing before it heeds Ctrl-C."""

import os
import sys


def main(words: list[str] | None = None) -> None:
    """Run the command line; Ctrl-C while it is still being imported leaves one line."""
    # Read when numpy is imported, by workers too. Cores are for processes: threads of one only wait
    # for each other, and sums in other shares are other bytes.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        from captools.cli import main as command
        from captools.extras import own_process

        own_process()
        command(words, prog_name="captools")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


def shim(script: str) -> None:
    """Run the step that a script in bin/ is named after."""
    main([os.path.basename(script).removesuffix(".py"), *sys.argv[1:]])


if __name__ == "__main__":
    main()
