"""From inputs to exit code: a map, reduce or query step as the command line runs it.

May import engine and io; it knows nothing of places, granules or flat files."""
