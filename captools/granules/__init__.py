"""From instrument files to tables: opening a granule, reducing it, checking it.

May import flat, geo, io and products."""
