"""Signal strengths of real files, and of files with one fault each, whose truth is known."""

import csv
from collections import defaultdict

import numpy as np
import pytest

from captools.errors import InputError
from captools.gnss import read_observations


def table(path):
    with path.open(encoding="utf-8") as file:
        return [*csv.DictReader(file, delimiter="\t")]


def chosen(cells, system, code):
    return (cells.system == system.encode()) & (cells.code == code.encode())


def test_every_row_of_the_real_files(real_data):
    folder = real_data / "rinex"
    rows = defaultdict(list)
    for row in table(folder / "expected.tsv"):
        rows[row["file"]].append(row)
    for name, those in rows.items():
        if those[0]["n"] == "refused":
            with pytest.raises(InputError, match=r"line 2: 6 observation types are announced, 7 "):
                read_observations(folder / name, None, None)
            continue
        found = read_observations(folder / name, None, None)
        if not name.startswith("badtime"):  # whose epochs are counted, though at no real time
            assert len(found.epochs) == int(those[0]["epochs"]), name
        found_columns = {*zip(found.system.tolist(), found.code.tolist(), strict=True)}
        columns = {(row["system"].encode(), row["code"].encode()) for row in those}
        assert found_columns == columns - {(b"-", b"-")}, name
        for row in those:
            values = found.thousandths[chosen(found, row["system"], row["code"])]
            assert len(values) == int(row["n"]), row
            assert chosen(found.zeros, row["system"], row["code"]).sum() == int(
                row["zeros_left_out"]
            )
            if len(values):
                statistics = (values.mean() / 1000, values.std() / 1000)
                assert statistics == pytest.approx(
                    (float(row["mean"]), float(row["std"])), abs=6e-5
                )
                least, most = (round(float(row[one]) * 1000) for one in ("min", "max"))
                assert (values.min(), values.max()) == (least, most), row


def test_every_fault(real_data):
    folder = real_data / "rinex" / "faults"
    truth = {row["name"]: row for row in table(folder / "expected.tsv")}
    seen = 0
    for path in sorted(folder.glob("*.gz")):
        row = truth[path.name.partition(".")[0]]
        found = read_observations(path)
        assert np.unique(found.code).tolist() == [b"1C"], path
        assert len(found.thousandths) == int(row["n"]), path
        assert found.thousandths.mean() / 1000 == pytest.approx(float(row["mean"]), abs=6e-5)
        seen += 1
    assert seen == 19
