"""Our reader, and others, read the same.

``CAPTOOLS_EXAMPLES=1000`` writes so many files of each kind instead of a few.
"""

import gzip
import os
from dataclasses import replace
from datetime import timedelta

import hatanaka
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rinextext import START, Epoch, cells, compact, line_by_line, truth, written

from captools.gnss import read_observations

COLUMNS = ("time", "system", "satellite", "code")


def assert_alike(ours, others):
    for name in (*COLUMNS, "thousandths", "epochs"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(others, name), name)
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(ours.zeros, name), getattr(others.zeros, name))
    assert ours.left_out == others.left_out
    assert ours.header.compact
    assert str(replace(ours.header, compact=False)) == str(others.header)


def test_real_hatanaka_files_as_the_plain_files_they_were(real_data, tmp_path):
    folder = real_data / "rinex"
    paths = [*folder.glob("*.crx*"), *folder.glob("*.??d"), *folder.glob("faults/*.crx.gz")]
    assert len(paths) == 13
    for path in paths:
        if path.name.startswith("NYA100NOR_S_2024128"):  # as the day before, and large
            continue
        plain = tmp_path / "a.rnx"
        plain.write_bytes(hatanaka.decompress(path))
        assert_alike(read_observations(path, None, None), read_observations(plain, None, None))


@pytest.mark.parametrize(
    "name", ["york0440.15d", "P43300USA_R_20190012056_17M_15S_MO.crx", "ac660270.18o.Z",
             "demo.10o", "demo3.10o", "faults/plain.crx.gz", "faults/zeros.rnx.gz",
             "faults/comments_bare.rnx.gz", "faults/types_change_event4.rnx.gz",
             "faults/event2_3_5.rnx.gz", "CEDA00USA_R_20182100000_23H_15S_MO.rnx.gz"],
)  # fmt: skip
def test_real_files_as_a_plain_reader_reads_them(real_data, name):
    path = real_data / "rinex" / name
    plain = hatanaka.decompress(path)
    assert cells(read_observations(path, None, None)) == line_by_line(plain)


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
@pytest.mark.filterwarnings("ignore:Converting non-nanosecond:UserWarning")  # by older xarray
@pytest.mark.parametrize("name", ["demo.10o", "demo3.10o", "ac660270.18o.Z"])
def test_real_files_as_georinex_reads_them(real_data, tmp_path, name):
    georinex = pytest.importorskip("georinex")
    path = tmp_path / "a.18o"
    path.write_bytes(hatanaka.decompress(real_data / "rinex" / name))
    assert cells(read_observations(path, None, None)) == as_georinex_reads(georinex, path)


def as_georinex_reads(georinex, path):
    """Return the cells that georinex finds."""
    data = georinex.load(path)
    found = {}
    for name in data.data_vars:
        if not name.startswith("S") or name.endswith(("lli", "ssi")):
            continue
        code = "1C" if name == "S1" else name[1:]
        for at, satellite in enumerate(data.sv.values):
            for time, value in zip(data.time.values, data[name].values[:, at], strict=True):
                if value > 0:
                    moment = time.astype("M8[us]").item()
                    found[moment, str(satellite).replace(" ", "0"), code] = round(value * 1000)
    return found


# --- files of all kinds -----------------------------------------------------------

NUMBERS = st.one_of(
    st.none(),
    st.just(0),
    st.integers(0, 100_000),
    st.integers(80, 240).map(lambda one: one * 250),
    st.integers(20, 55).map(lambda one: one * 1000),
)
OTHERS = st.one_of(st.none(), st.integers(-9_999_999_999, 99_999_999_999))
SYSTEMS = "GRSECJI"


@st.composite
def files(draw, version):
    """Return epochs and types, as a receiver might write them."""
    count = draw(st.integers(1, 17))
    if version < "3":
        names = [f"{kind}{band}" for band in "1257" for kind in "SCLDP"]
        types = draw(st.lists(st.sampled_from(names), min_size=1, max_size=12, unique=True))
        of = dict.fromkeys(SYSTEMS, types)
    else:
        names = [f"{kind}{band}{one}" for band in "1257" for kind in "SCLD" for one in "CWX"]
        some = st.lists(st.sampled_from(names), min_size=1, max_size=18, unique=True)
        of = types = {system: draw(some) for system in SYSTEMS}
    numbers = {system: range(20, 59) if system == "S" else range(1, 64) for system in SYSTEMS}
    satellites = st.lists(
        st.sampled_from([f"{one}{number:02d}" for one in SYSTEMS for number in numbers[one]]),
        min_size=1,
        max_size=16,
        unique=True,
    )
    kept = draw(satellites)
    epochs, time = [], START
    for _ in range(count):
        kept = draw(st.one_of(st.just(kept), satellites))
        epochs.append(
            Epoch(
                {
                    name: {one: draw(NUMBERS if one[0] == "S" else OTHERS) for one in of[name[0]]}
                    for name in kept
                },
                time,
                draw(st.sampled_from([0, 0, 0, 1])),
            )
        )
        time += timedelta(
            milliseconds=draw(st.sampled_from([30_000, 30_000, 1000, 50, 86_400_000]))
        )
    return epochs, types


@pytest.mark.parametrize("version", ["2.11", "3.05"])
@settings(max_examples=int(os.environ.get("CAPTOOLS_EXAMPLES", "20")))
@given(data=st.data())
def test_any_file_is_read_as_it_was_written(tmp_path_factory, data, version):
    epochs, types = data.draw(files(version))
    plain = written(epochs, types, version)
    path = tmp_path_factory.mktemp("any") / "a.rnx.gz"
    assert line_by_line(plain) == truth(epochs)
    for content in (plain, compact(plain)):
        path.write_bytes(gzip.compress(content))
        found = read_observations(path, None, None)
        assert cells(found) == truth(epochs)
        assert {*found.left_out} <= {"zeros"}
        assert found.epochs.tolist() == [epoch.time for epoch in epochs]
