"""Which simulated RINEX files there are: one for each station and day."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from captools.geo.time import days_of
from captools.simulation.rinex import Recipe, check_stations, write_rinex


@dataclass(frozen=True)
class Network:
    """Which files to write.

    Parameters
    ----------
    stations : str
        Names with commas between.
    span : (start, end)
        Half-open; the days of it.
    systems : str, optional
        Letters; by default those of `Recipe`.
    codes : str, optional
        With commas between; by default all that a system has.
    interval : int, optional
        Seconds between epochs; by default that of `Recipe`.
    form : str, optional
        One of `captools.simulation.rinex.FORMATS`; by default that of `Recipe`.
    seed : int
        Of the noise.
    defects : sequence of str
        The k-th is planted in the k-th file.
    """

    stations: str = "SIM1"
    span: tuple[str, str] = ("2024-01-01", "2024-01-02")
    systems: str | None = None
    codes: str | None = None
    interval: int | None = None
    form: str | None = None
    seed: int = 0
    defects: tuple[str, ...] = ()


def files(folder: Path, network: Network) -> list[Callable[[], Path]]:
    """Return what writes each file, by station and day.

    Raises
    ------
    ValueError
        If something in `network` is wrong.
    """
    stations = network.stations.upper().split(",")
    check_stations(stations)
    days = list(itertools.product(stations, days_of(network.span)))
    if network.seed < 0:
        raise ValueError("seed must be at least 0")
    if len(network.defects) > len(days):
        raise ValueError(f"more defects than files: {len(network.defects)}, {len(days)}")
    wanted = _wanted(network)
    recipes = [
        Recipe(seed=network.seed, defects=network.defects[number : number + 1], **wanted)
        for number in range(len(days))
    ]
    return [
        partial(write_rinex, folder, station, day, recipe)
        for (station, day), recipe in zip(days, recipes, strict=True)
    ]


def _wanted(network: Network) -> dict[str, Any]:
    """Return what is said of all files."""
    wanted = {
        "systems": network.systems and network.systems.upper(),
        "codes": network.codes and network.codes.upper().split(","),
        "interval": network.interval,
        "form": network.form,
    }
    return {name: value for name, value in wanted.items() if value is not None}
