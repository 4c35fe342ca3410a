"""Points in a polygon of many vertices, against shapely's own answer.

Run by hand: ``python tests/benchmarks/masks.py``. 190,000 vertices and 80,000 points, on one core,
taking turns. Both begin with a new polygon, as a process does that loads a mask.
"""

import argparse

import numpy as np
import shapely
from timing import medians, on_one_core

from captools.geo.polygons import Polygons


def ring(vertices: int) -> np.ndarray:
    """Return a ring of so many vertices, each some way off a circle of 1000 km: shape (n, 2)."""
    angle = np.linspace(0, 2 * np.pi, vertices, endpoint=False)
    radius = 1e6 * (1 + 0.02 * np.random.default_rng(0).standard_normal(vertices))
    return np.c_[radius * np.cos(angle), radius * np.sin(angle)]


def main() -> None:
    """Print the times of both, and their ratio."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--vertices", type=int, default=190_000)
    parser.add_argument("--points", type=int, default=80_000)
    parser.add_argument("--rounds", type=int, default=5)
    words = parser.parse_args()
    on_one_core()
    corners = ring(words.vertices)
    x, y = np.random.default_rng(1).uniform(-1.3e6, 1.3e6, (2, words.points))

    def ours() -> np.ndarray:
        return Polygons(np.array([shapely.Polygon(corners)])).contain(x, y)

    def theirs() -> np.ndarray:
        polygon = shapely.Polygon(corners)
        shapely.prepare(polygon)
        return shapely.intersects_xy(polygon, x, y)

    np.testing.assert_array_equal(ours(), theirs())
    times = medians({"captools": ours, "shapely": theirs}, words.rounds)
    for name, seconds in times.items():
        print(f"{name:10} {seconds:6.2f} s")
    print(f"shapely / captools: {times['shapely'] / times['captools']:.1f}")


if __name__ == "__main__":
    main()
