"""NASA's archive: which granules there are, and fetching them.

May import io, geo and products."""
