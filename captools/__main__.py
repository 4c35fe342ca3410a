"""``python -m captools`` is the command, too."""

import sys


def main() -> None:
    """Run the command line; Ctrl-C while it is still being imported leaves one line."""
    try:
        from captools.cli import main as command

        command(prog_name="captools")
    except KeyboardInterrupt:
        sys.stderr.write("interrupted\n")
        sys.exit(130)


if __name__ == "__main__":
    main()
