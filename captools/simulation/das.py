"""Write simulated records of distributed acoustic sensing."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from captools.geo.time import parse_span, plain_time
from captools.io.atomic import appearing_folder, temporary_name
from captools.simulation.das_files import Block, write_dasdae, write_plain, write_zarr
from captools.simulation.defects import DAS_DEFECTS, check, cut
from captools.simulation.fibre import Fibre

FORMS = {"dasdae": write_dasdae, "plain": write_plain}  # a file of each piece
STORE = "zarr"  # one of all pieces
DTYPES = ("int16", "float32")
SPAN = ("2021-11-01T23:11:00", "2021-11-01T23:12:00")
OF_FILES = ("copy", "fewer-channels", "truncated")  # defects that a store cannot have
LEAST_SAMPLES = 2  # of a file
LATE_SAMPLES = 0.3  # of a record with jitter


@dataclass(frozen=True)
class Recipe:
    """What of a fibre is recorded, and in which files.

    Parameters
    ----------
    span : (str, str)
        Half-open, ISO dates.
    seconds : float
        Length of a file.
    unequal : bool
        Let lengths vary by half of that.
    rate, channels : int
        Of the fibre.
    dtype : str
        One of `DTYPES`.
    form : str
        One of `FORMS`, or `STORE`.
    seed : int
        Of the random numbers.
    defects : sequence of str
        The k-th is planted in the k-th file.

    Raises
    ------
    ValueError
        If one of them is wrong.
    """

    span: tuple[str, str] = SPAN
    seconds: float = 20.0
    unequal: bool = False
    rate: int = 200
    channels: int = 64
    dtype: str = "int16"
    form: str = "plain"
    seed: int = 0
    defects: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        parse_span(self.span)
        forms = (*FORMS, STORE)
        of_store = [one for one in self.defects if one in OF_FILES]
        wrong = {
            "seconds must be above 0": not 0 < self.seconds < math.inf,
            "rate must be 100 to 100,000 per second": not 100 <= self.rate <= 100_000,
            "channels must be at least 1": self.channels < 1,
            "seed must be at least 0": self.seed < 0,
            f"dtype must be one of {', '.join(DTYPES)}": self.dtype not in DTYPES,
            f"format must be one of {', '.join(forms)}, not {self.form!r}": self.form not in forms,
            f"{STORE} cannot have the defect {of_store}": self.form == STORE and bool(of_store),
        }
        for message, is_wrong in wrong.items():
            if is_wrong:
                raise ValueError(message)
        check(self.defects, DAS_DEFECTS)

    @property
    def fibre(self) -> Fibre:
        """What is recorded."""
        return Fibre(channels=self.channels, rate=self.rate, seed=self.seed)


@dataclass(frozen=True)
class Piece:
    """What a file holds: samples of a fibre.

    Attributes
    ----------
    first, count : int
        Number of the first sample since 1970, and how many.
    defect : str
        One of `captools.simulation.defects.DAS_DEFECTS`, or "".
    """

    first: int
    count: int
    defect: str = ""


def pieces(recipe: Recipe) -> list[Piece]:
    """Return what each file of a record holds.

    Raises
    ------
    ValueError
        If there are more defects than files.
    """
    first, stop = (_number(time, recipe.rate) for time in recipe.span)
    rng = np.random.default_rng((recipe.seed, 1))
    found: list[Piece] = []
    while first < stop:
        share = rng.uniform(0.5, 1.5) if recipe.unequal else 1.0
        count = max(LEAST_SAMPLES, round(recipe.seconds * recipe.rate * share))
        if stop - first - count < LEAST_SAMPLES:
            count = stop - first
        found.append(Piece(first, count))
        first += count
    if len(recipe.defects) > len(found):
        raise ValueError(f"more defects than files: {len(recipe.defects)}, {len(found)}")
    for number, defect in enumerate(recipe.defects):
        found[number] = _spoilt(found[number], defect)
    return found


def _number(time: str, rate: int) -> int:
    """Return the number since 1970 of the first sample that is not before a time."""
    try:
        moment = np.datetime64(plain_time(time), "us")
    except ValueError:
        raise ValueError(f"time {time!r} must be an ISO date, as 2021-11-01T23:11:00") from None
    return -(-int(moment.astype(np.int64)) * rate // 1_000_000)


def _spoilt(piece: Piece, defect: str) -> Piece:
    """Return a piece that ends too early, or too late, or bears its defect by name alone."""
    changes = {"gap": piece.count // 2, "overlap": piece.count + piece.count // 4}
    return replace(piece, count=changes.get(defect, piece.count), defect=defect)


def block_of(recipe: Recipe, piece: Piece) -> Block:
    """Return what a file holds."""
    fibre = recipe.fibre
    if piece.defect == "fewer-channels":
        fibre = replace(fibre, channels=max(1, fibre.channels // 2))
    samples = fibre.samples(piece.first, piece.count)
    if recipe.dtype == "int16":
        samples = np.rint(samples)
    seconds, within = np.divmod(piece.first + np.arange(piece.count), fibre.rate)
    times = seconds * 1_000_000_000 + within * 1_000_000_000 // fibre.rate
    if piece.defect == "jitter":
        times = times + round(LATE_SAMPLES * 1e9 / fibre.rate)
    return Block(samples.astype(recipe.dtype), times, fibre.distances, fibre.rate)


def files(folder: Path, recipe: Recipe) -> list[Callable[[], Path]]:
    """Return what writes each file of a record.

    Raises
    ------
    ValueError
        If there are more defects than files.
    """
    record = pieces(recipe)
    if recipe.form == STORE:
        return [partial(_write_store, folder, recipe, record)]
    writers: list[Callable[[], Path]] = []
    for piece in record:
        path = folder / f"{_name(recipe, piece)}.h5"
        paths = [path, path.with_stem(f"{path.stem}_copy")] if piece.defect == "copy" else [path]
        writers += [partial(_write_file, one, recipe, piece) for one in paths]
    return writers


def _name(recipe: Recipe, piece: Piece) -> str:
    """Return what a file is called, less its ending: by its start, to the millisecond."""
    start = np.datetime64(piece.first * 1000 // recipe.rate, "ms")
    return f"DAS_{str(start).replace('-', '').replace(':', '')}Z"


def _write_file(path: Path, recipe: Recipe, piece: Piece) -> Path:
    """Write one file under another name, and rename it."""
    part = path.with_name(temporary_name(path.name))
    try:
        FORMS[recipe.form](part, block_of(recipe, piece))
        cut(part, [piece.defect])
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _write_store(folder: Path, recipe: Recipe, record: list[Piece]) -> Path:
    """Write all pieces into one store, with times that jump where they do."""
    path = folder / f"{_name(recipe, record[0])}.zarr"
    blocks = (block_of(recipe, piece) for piece in record)
    with appearing_folder(path) as hidden:
        write_zarr(hidden, blocks, sum(piece.count for piece in record))
    return path
