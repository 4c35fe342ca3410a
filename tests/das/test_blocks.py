"""Channels that are read at once: chunks of a store are decoded once, whatever the memory."""

import numpy as np
import pytest
from pieces import record, write

from captools.das import blocks, pngs
from captools.das.blocks import cut, widths
from captools.das.imaging import Asked, image_inputs, write_images
from captools.das.reading import Reader
from captools.das.recipes import Recipe
from captools.das.scanning import Scan
from captools.simulation.das_files import Block, write_zarr

SAMPLES = np.random.default_rng(7).integers(-99, 99, (6000, 24), np.int16)


@pytest.fixture
def store(tmp_path):
    """A store whose chunks have all channels."""
    pytest.importorskip("zarr")
    times = np.arange(len(SAMPLES)) * 5_000_000
    write_zarr(tmp_path / "a.zarr", [Block(SAMPLES, times, 2.0 * np.arange(24), 200)], 6000)
    about = {"format": "zarr", "dataset": "RawData", "time_axis": 1, "dtype": "int16"}
    return record(tmp_path / "a.zarr", samples=6000, channels=24, **about)


@pytest.mark.parametrize("channels", [range(7), range(6), range(2, 14), range(3, 40, 7), range(0)])
def test_parts_of_channels_are_all_of_them_and_end_where_chunks_do(channels):
    parts = [list(channels[part]) for part in cut(channels, 4)]
    assert [number for part in parts for number in part] == list(channels)
    chunks = [{number // 4 for number in part} for part in parts]
    assert all(len(some) == 1 for some in chunks)
    assert len(chunks) == len({number // 4 for number in channels})


def test_chunks_are_read_whole_if_memory_allows(store, monkeypatch):
    parts = [(store, 6000)]
    with Reader(range(24)) as reader:
        assert reader.together(store) == 24
        assert widths(reader, parts).read % 24 == 0
        monkeypatch.setattr(blocks, "BLOCK_BYTES", 5 * 12001)
        assert widths(reader, parts) == (5, 24)
        monkeypatch.setattr(blocks, "CHUNK_BYTES", 24 * 12000)
        assert widths(reader, parts) == (5, 5)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 2 * 12001)
    with Reader(range(0, 24, 5)) as reader:  # all between are read, too
        assert widths(reader, parts) == (2, 10)


def test_datasets_without_chunks_need_no_more(tmp_path):
    (plain,) = write(tmp_path, SAMPLES, [], time_axis=0)
    with Reader(range(24)) as reader:
        assert reader.together(plain) == 1


def test_each_part_of_a_store_is_read_once(tmp_path, store, monkeypatch):
    asked = Asked("10s", Recipe("envelope", 14, 35, size=(12, 20)), (0, 60))
    read, slab = [], Reader._slab
    monkeypatch.setattr(Reader, "_slab", lambda *words: read.append(words[-1]) or slab(*words))
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 5 * 12001)
    inputs = image_inputs(Scan((store,), ()), asked)
    found = write_images(inputs, asked, tmp_path / "store")
    assert read == [range(24)]
    monkeypatch.undo()
    plain = image_inputs(Scan(tuple(write(tmp_path, SAMPLES, [])), ()), asked)
    expected = write_images(plain, asked, tmp_path / "plain")
    assert [path.name for path in found] == [path.name for path in expected]
    for one, other in zip(found, expected, strict=True):
        assert np.abs(picture(one) - picture(other)).max() <= 1


def picture(path):
    return pngs.read(path).astype(int)
