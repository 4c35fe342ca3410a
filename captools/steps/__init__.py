"""The commands: a module here is a command, and nothing else registers it.

Its name is the command, its docstring the help, and the function of the same
name does the work. ``KIND`` says how it is run: ``map`` (each input on its own,
with journal and resume), ``reduce`` (all inputs into one output, or none) or
``query`` (looks and prints, or makes something without inputs). A map step also
has ``VERSION``, to be raised when its results change, so that finished inputs
are done again; and ``outputs(name, **options)``, the names that the outputs of an
input can have, so that none of an earlier attempt stay behind.

A map step may have more:

- ``naming(**options)``: returns whose file names say region and granule of an input.

And one whose input is not just one file of the user's:

- ``SUFFIXES``, a tuple: how the names of inputs in folders end, in lower case; else ``.h5``.
- ``plan(paths, **options)``: makes `captools.io.address.Input` of the files given, sorted, and
  always the same; it comes before ``--shard``.
- ``prepare(outdir, **options)``: makes the store that all inputs fill, and leaves one that is
  there; several shards may call it at once. ``outputs`` then returns ``[]``, and the function
  gets where the store is to be, which in an object store is its address.
- ``has_store(outdir, **options)``, beside ``prepare``: whether the store is there, whole. If it is
  not, all inputs are done again.
- ``is_filled(item, outdir, **options)``, beside ``prepare``: whether all that an input wrote is in
  the store. If it is not, the input is done again.
- ``FORKS = False``, if a process in which a library was used must not be copied.
"""
