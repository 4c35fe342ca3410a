"""What is known of a record: its times, and the same from plain types."""

import json

import numpy as np

from captools.das.records import Record

RECORD = Record(
    path="a.h5",
    format="PRODML 2.1",
    start=np.datetime64("2021-11-01T23:11:15.000000001"),
    step=0.0015,
    samples=3,
    channels=2,
    first_distance=-4.0,
    spacing=float("nan"),
    units="",
    time_axis=0,
    dataset="/Acquisition/Raw[0]/RawData",
    dtype="int16",
    size=10,
    mtime_ns=7,
)


def test_a_record_is_half_open():
    assert RECORD.stop == np.datetime64("2021-11-01T23:11:15.004500001")
    assert RECORD.stop_ns - RECORD.start_ns == 4_500_000


def test_it_comes_back_from_json():
    again = Record.from_json(json.loads(json.dumps(RECORD.as_json(), allow_nan=False)))
    assert np.isnan(again.spacing)
    assert again.as_json() == RECORD.as_json()
    assert again.start == RECORD.start
    assert again.start.dtype == "datetime64[ns]"
