"""Reading columns against what no reader can do without: libdeflate over their chunks.

Run by hand: ``python tests/benchmarks/inflating.py``. All 16 default columns of
the six beams of a simulated granule of 100,000 segments a beam, from opening
each column to its values with NaN for fills; the compressed chunks that are only
inflated lie in memory already. One process, one core, warm file cache.
"""

import argparse
import tempfile

import deflate
import h5py
from h5py import h5d
from timing import medians, on_one_core

from captools.io.columns import StoredColumn
from captools.io.hdf5 import descriptor, open_file
from captools.products import ATL06
from captools.simulation.granule import write_granule


def chunks_of(file: h5py.File, paths: list[bytes]) -> list[tuple[bytes, int]]:
    """Return the compressed chunks of columns, with their inflated sizes."""
    chunks = []
    for path in paths:
        dataset = file[path]
        size = dataset.chunks[0] * dataset.dtype.itemsize
        for offset in range(0, dataset.shape[0], dataset.chunks[0]):
            chunks.append((dataset.id.read_direct_chunk((offset,))[1], size))
    return chunks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--segments", type=int, default=100_000)
    args = parser.parse_args()
    on_one_core()
    with tempfile.TemporaryDirectory() as place:
        granule = write_granule(place, 1, 1, 10, segments=args.segments)
        paths = [
            f"{beam}/{ATL06.group}/{column.path}".encode()
            for beam in ATL06.tracks
            for column in ATL06.columns
        ]
        with open_file(granule) as file:
            chunks = chunks_of(file, paths)

            def floor() -> None:
                for stored, size in chunks:
                    deflate.zlib_decompress(stored, size)

            def ours() -> None:
                for path in paths:
                    StoredColumn(h5d.open(file.id, path), descriptor(file)).read()

            def h5py_alone() -> None:
                for path in paths:
                    file[path][:]

            took = medians(
                {"libdeflate alone": floor, "captools": ours, "h5py": h5py_alone}, args.rounds
            )
    print("| reading 96 columns | ms | times libdeflate alone |\n|---|---|---|")
    for name, value in took.items():
        print(f"| {name} | {value * 1e3:.0f} | {value / took['libdeflate alone']:.2f} |")
    print("\nWanted: captools at most 1.25.")


if __name__ == "__main__":
    main()
