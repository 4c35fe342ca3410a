"""Files with damaged bytes: an error of ours or the truth, and what is not read is counted.

``CAPTOOLS_DAMAGED=1000`` damages so many files instead of a few.
"""

import bz2
import gzip
import math
import os
import random
import re
import warnings
from datetime import timedelta

import hatanaka
import pytest
from rinextext import START, Epoch, cells, compact, truth, written

from captools.errors import InputError
from captools.gnss import read_observations

COUNT = int(os.environ.get("CAPTOOLS_DAMAGED", "80"))
TYPES = {
    "G": ["C1C", "L1C", "D1C", "S1C", "C2W", "L2W", "D2W", "S2W", "C5X", "L5X"],
    "E": ["C1C", "L1C", "D1C", "S1C", "C5X", "L5X"],
}
NAMES = ("G01", "G02", "G05", "G17", "G31", "E04", "E11", "E30")
LIKELY = b"0123456789 &-\n"


def pass_by(count):
    """Return epochs as of satellites that rise and set: on a grid of 0.25 dB-Hz, with noise."""
    chance = random.Random(1)
    epochs = []
    for number in range(count):
        satellites = {}
        for place, name in enumerate(NAMES):
            phase = (number + 15 * place) / 37
            if math.sin(phase) > 0.1:
                distance = 22e9 - 3e9 * math.sin(phase)
                strength = 250 * round(100 + 90 * math.sin(phase) + chance.gauss(0, 2))
                weak = strength - 250 * chance.randrange(30) if math.sin(phase) > 0.3 else None
                of = {"C": distance, "L": 5 * distance, "D": 3e6 * math.cos(phase)}
                values = {
                    one: round(of.get(one[0], 0) + chance.gauss(0, 400)) for one in TYPES[name[0]]
                }
                satellites[name] = values | {"S1C": strength}
                if name[0] == "G":
                    satellites[name]["S2W"] = weak
        epochs.append(Epoch(satellites, START + timedelta(seconds=30 * number)))
    return epochs


@pytest.fixture(scope="module")
def epochs():
    return pass_by(60)


def damaged(data, chance, start=0):
    """Return bytes of which one is another."""
    at = chance.randrange(start, len(data))
    kind = chance.random()
    new = data[at] ^ 1 << chance.randrange(8) if kind < 0.5 else chance.choice(LIKELY)
    return data[:at] + bytes([new]) + data[at + 1 :]


def mangled(data, chance):
    """Return bytes of which a few are others, missing, doubled, or somewhere else."""
    for _ in range(chance.randrange(1, 6)):
        a, b = sorted(chance.randrange(len(data)) for _ in range(2))
        b = min(b, a + chance.choice((1, 2, 3, 50, 500)))
        piece = chance.choice((b"", data[a:b] * 2, chance.randbytes(b - a), data[b : 2 * b - a]))
        data = data[:a] + piece + data[b:]
    return data


def is_taken(data):
    """Return whether the usual program takes a file without a word."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            hatanaka.crx2rnx(data)
    except (hatanaka.HatanakaException, UserWarning):
        return False
    return True


def read_or_refused(path):
    """Return what is read of a file, None if it is refused as it should be."""
    why = None
    try:
        return read_observations(path, None, None)
    except InputError as error:
        why = str(error)
    assert why.startswith(f"{path}: ")
    assert "\n" not in why
    return None


def test_hatanaka_files_with_a_damaged_byte(epochs, tmp_path):
    data, expected = compact(written(epochs, TYPES)), truth(epochs)
    chance, path = random.Random(2), tmp_path / "a.crx"
    taken = wrong = 0
    for _ in range(COUNT):
        path.write_bytes(damaged(data, chance, data.index(b"END OF HEADER")))
        if not is_taken(path.read_bytes()):
            continue
        taken += 1
        found = read_or_refused(path)
        if found is None:
            continue
        wrong += not cells(found).items() <= expected.items()
    assert taken > COUNT / 3
    assert wrong <= 0.02 * taken


def test_a_difference_that_looks_like_the_beginning_of_an_arc(epochs, tmp_path):
    """Of another order than the arc has: no program writes that."""
    data = compact(written(epochs, {"G": ["S1C", "S2W"], "E": ["S1C"]}))
    expected, path = truth(epochs), tmp_path / "a.crx"
    places = [found.start() + 1 for found in re.finditer(rb"(?<= )[1245]\d\d+(?=[ \n])", data)]
    for at in places:
        path.write_bytes(data[:at] + b"&" + data[at + 1 :])
        found = read_or_refused(path)
        assert found is None or cells(found).items() <= expected.items()
    assert len(places) > 50


@pytest.mark.parametrize("version", ["2.11", "3.05"])
@pytest.mark.parametrize("form", [bytes, compact])
def test_no_damage_is_a_bug(epochs, tmp_path, version, form):
    names = {one: one[:2] for one in TYPES["G"]}
    types = TYPES
    if version < "3":
        types = [*names.values()]
        epochs = [
            Epoch(
                {
                    satellite: {names[one]: number for one, number in values.items()}
                    for satellite, values in epoch.satellites.items()
                },
                epoch.time,
            )
            for epoch in epochs
        ]
    data = form(written(epochs[:12], types, version))
    chance = random.Random(3)
    for packed, count in ((data, COUNT // 2), (gzip.compress(data), 10), (bz2.compress(data), 10)):
        for change in (damaged, mangled):
            for _ in range(count):
                path = tmp_path / "a.rnx"
                path.write_bytes(change(packed, chance))
                found = read_or_refused(path)
                if found is not None:
                    assert (found.thousandths > 0).all()
                    assert (found.thousandths <= 100_000).all()
                    assert len(found.time) == len(found.code) == len(found.satellite)
