"""Bytes: where files are, how they are read, and how they appear.

May import errors, extras, process and progress alone."""
