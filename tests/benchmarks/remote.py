"""Which share of a large granule comes over the wire when it lies in an object store.

Run by hand: ``PYTHONPATH=tests python tests/benchmarks/remote.py``. A simulated granule of
100,000 segments a beam in moto's S3 on loopback. Bytes are those of the bodies of all answers,
counted where botocore reads them; moto itself takes most of the time.
"""

import argparse
import os
import tempfile
from pathlib import Path

from aiobotocore.response import StreamingBody
from granules import box_of
from objectstore import object_store

from captools.io import remote
from captools.io.remote import Access
from captools.simulation.granule import write_granule
from captools.steps.readatl06 import readatl06

counted: list[int] = []


def count_bytes() -> None:
    """Note the length of every body that is read from now on."""
    read = StreamingBody.read

    async def noted(body: StreamingBody, *words: object) -> bytes:
        data = await read(body, *words)
        counted.append(len(data))
        return data

    StreamingBody.read = noted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--segments", type=int, default=100_000)
    args = parser.parse_args()
    count_bytes()
    with tempfile.TemporaryDirectory() as folder, object_store() as store:
        granule = write_granule(folder, 1, 1, 10, segments=args.segments)
        size = os.path.getsize(granule)
        url = store.put(Path(granule))
        remote.use(Access(endpoint_url=store.endpoint))
        box = box_of(granule, 0.05)
        works = {
            "all rows, default columns": (None, None),
            "a box that keeps 5 %": (box, 25),
            "a box that misses in latitude": ((-180, 180, 80, 81), 15),
            "a box that misses in longitude": ((0, 1, -90, 90), 15),
        }
        print(f"| granule of {size / 1e6:.0f} MB | requests | MB | % of the file | wanted below |")
        print("|---|---|---|---|---|")
        for work, (bbox, wanted) in works.items():
            counted.clear()
            far = readatl06(url, Path(folder) / "far", bbox=bbox)
            near = readatl06(granule, Path(folder) / "near", bbox=bbox)
            if [p.read_bytes() for p in far] != [p.read_bytes() for p in near]:
                raise AssertionError(f"{work}: not the same as from the disk")
            total = sum(counted)
            print(
                f"| {work} | {len(counted)} | {total / 1e6:.1f} | {total / size * 100:.1f} "
                f"| {wanted or ''} |"
            )


if __name__ == "__main__":
    main()
