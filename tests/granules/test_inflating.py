"""What is read of a granule is inflated once, for time goes there."""

from collections import Counter

import pytest

from captools.io.columns import StoredColumn
from captools.simulation.granule import write_granule
from captools.simulation.layout import Layout
from captools.steps.readatl06 import readatl06


@pytest.mark.parametrize("bbox", [None, (-180, 180, -88, -60)])
def test_no_chunk_is_inflated_twice(bbox, tmp_path, monkeypatch):
    granule = write_granule(tmp_path, 1, 1, 10, segments=2_500, layout=Layout(chunk=1_000))
    inflated: Counter = Counter()
    chunk = StoredColumn._chunk

    def counted(column, at, places):
        inflated[column, at] += 1
        return chunk(column, at, places)

    monkeypatch.setattr(StoredColumn, "_chunk", counted)
    assert readatl06(granule, tmp_path, bbox=bbox)
    assert set(inflated.values()) == {1}
