"""The command, also as ``python -m captools``; it imports nothing before it heeds Ctrl-C."""

import os
import sys


def main(words: list[str] | None = None) -> None:
    """Run the command line; Ctrl-C while it is still being imported leaves one line."""
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
