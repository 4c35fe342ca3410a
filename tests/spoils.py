"""All ways that we know to spoil a granule or a flat file."""

import os
import random
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
from flatfiles import damage, make_endless

Spoil = Callable[[Path, random.Random], None]


def _change(path: Path, dice: random.Random, new: Callable[[bytes], bytes], size: int) -> None:
    """Replace some bytes at a random place."""
    content = bytearray(path.read_bytes())
    at = dice.randrange(max(1, len(content) - size))
    content[at : at + size] = new(bytes(content[at : at + size]))
    path.write_bytes(content)


def cut(path: Path, dice: random.Random) -> None:
    """Cut a file short."""
    os.truncate(path, dice.randrange(path.stat().st_size))


def one_bit(path: Path, dice: random.Random) -> None:
    """Flip a bit."""
    _change(path, dice, lambda old: bytes([old[0] ^ 1 << dice.randrange(8)]), 1)


def many_bytes(path: Path, dice: random.Random) -> None:
    """Change some bytes here and there."""
    for _ in range(dice.randrange(2, 20)):
        _change(path, dice, lambda old: dice.randbytes(1), 1)


def zeros(path: Path, dice: random.Random) -> None:
    """Lose a block of the disk."""
    _change(path, dice, lambda old: bytes(len(old)), 512)


def noise(path: Path, dice: random.Random) -> None:
    """Have bytes of another file in place of a block."""
    _change(path, dice, lambda old: dice.randbytes(len(old)), 512)


def other_file(path: Path, dice: random.Random) -> None:
    """Have something else under the name."""
    contents = (b"", b"<!DOCTYPE html><html>", b"\x89PNG\r\n\x1a\n", b"CDF\x01", b"lat,lon\n1,2\n")
    path.write_bytes(
        dice.choice([*contents, b"\x89HDF\r\n\x1a\n" + bytes(99), dice.randbytes(999)])
    )


def pipe(path: Path, dice: random.Random) -> None:
    """Have a pipe under the name."""
    path.unlink()
    os.mkfifo(path)


def bit_of_a_chunk(path: Path, dice: random.Random) -> None:
    """Flip a bit of compressed values."""
    with h5py.File(path) as file:
        damage(path, dice.choice([name for name in _columns(file) if file[name].chunks]))


def endless(path: Path, dice: random.Random) -> None:
    """Put zeros among the strings, which HDF5 follows for ever."""
    make_endless(path)


def _replaced(
    path: Path, dice: random.Random, make: Callable[[h5py.Group, str, np.ndarray], None]
) -> None:
    """Replace a column by what `make` makes of its group, its name and itself."""
    with h5py.File(path, "r+") as file:
        old = file[dice.choice(_columns(file))]
        values, attributes, parent = old[()], dict(old.attrs), old.parent
        name = old.name.rpartition("/")[2]
        del parent[name]
        make(parent, name, values)
        if isinstance(parent.get(name, getlink=True), h5py.HardLink):
            parent[name].attrs.update(attributes)


def not_stored(path: Path, dice: random.Random) -> None:
    """Have a column of which no value, or only the first ones, were ever written."""

    def make(group: h5py.Group, name: str, values: np.ndarray) -> None:
        new = group.create_dataset(name, values.shape, values.dtype, chunks=(16,))
        new[: dice.choice([0, 16])] = values[:1]

    _replaced(path, dice, make)


def too_long(path: Path, dice: random.Random) -> None:
    """Claim many more rows than there are."""

    def make(group: h5py.Group, name: str, values: np.ndarray) -> None:
        rows = dice.choice([10**8, 10**12])
        group.create_dataset(name, (rows,), values.dtype, chunks=(1 << 16,), maxshape=(None,))

    _replaced(path, dice, make)


def elsewhere(path: Path, dice: random.Random) -> None:
    """Have the values in another file, which may hold anything."""
    other = path.with_suffix(".bin")

    def make(group: h5py.Group, name: str, values: np.ndarray) -> None:
        how = dice.choice(["external", "virtual", "link"])
        if how == "external":
            other.write_bytes(bytes(values.nbytes))
            external = [(str(other), 0, values.nbytes)]
            group.create_dataset(name, values.shape, values.dtype, external=external)
        elif how == "virtual":
            layout = h5py.VirtualLayout(values.shape, values.dtype)
            layout[:] = h5py.VirtualSource(str(other), "a", values.shape)
            group.create_virtual_dataset(name, layout)
        else:
            group[name] = h5py.ExternalLink(str(other), "/a")

    _replaced(path, dice, make)


def other_kind(path: Path, dice: random.Random) -> None:
    """Have something in the place of a column that is none, or one of another length."""

    def make(group: h5py.Group, name: str, values: np.ndarray) -> None:
        kinds: list[Callable[[], object]] = [
            lambda: group.create_group(name),
            lambda: group.create_dataset(name, data=values.astype("S8")),
            lambda: group.create_dataset(name, data=values.astype("c16")),
            lambda: group.create_dataset(name, data=np.stack([values, values])),
            lambda: group.create_dataset(name, data=values[:-1]),
            lambda: group.create_dataset(name, data=np.array(values[0])),
            lambda: group.create_dataset(name, dtype="f8"),
        ]
        dice.choice(kinds)()

    _replaced(path, dice, make)


def odd_header(path: Path, dice: random.Random) -> None:
    """Have odd values in attributes."""
    values = ["", "[" * 60_000, "\n", "$x", "nan", np.nan, 2**63 - 1, np.zeros(3), b"\xff"]
    values.append(h5py.Empty("f8"))
    with h5py.File(path, "r+") as file:
        where = file[dice.choice(["/", *_columns(file)])]
        names = [*where.attrs, "crs", "bounds_xy", "bounds_lonlat", "t_span", "options", "history"]
        where.attrs[dice.choice([*names, "rgt", "cycle", "units"])] = dice.choice(values)


def _columns(file: h5py.File) -> list[str]:
    """Return the paths of the columns of a flat file, or of a beam."""
    group = file.get("gt1l/land_ice_segments", file)
    return [item.name for item in group.values() if isinstance(item, h5py.Dataset)]


ANY: dict[str, Spoil] = {
    "cut short": cut,
    "one bit": one_bit,
    "some bytes": many_bytes,
    "a block of zeros": zeros,
    "a block of noise": noise,
    "another file": other_file,
    "a pipe": pipe,
    "not stored": not_stored,
    "too many rows": too_long,
    "elsewhere": elsewhere,
    "of another kind": other_kind,
    "an odd header": odd_header,
    "a bit of a chunk": bit_of_a_chunk,
}
NOT_THERE = {"not stored", "too many rows", "elsewhere"}  # what h5py makes up, or takes from others
RARE: dict[str, Spoil] = {"strings without end": endless}  # each costs its timeout
