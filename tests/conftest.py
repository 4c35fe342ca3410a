"""Fixtures that several modules of tests share."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from unittest import mock

import pytest
from click.testing import CliRunner, Result
from fewbeams import write_small_granule
from hypothesis import settings

from captools.cli import main
from captools.simulation.granule import write_granule

if TYPE_CHECKING:
    from earthdata import Earthdata

# A busy machine must not fail a test: how long one takes is not what tests are about.
settings.register_profile(
    "patient", deadline=None, max_examples=int(os.environ.get("CAPTOOLS_EXAMPLES", "50"))
)
settings.load_profile("patient")

# Not tests: imported where they run.
collect_ignore = ["attack.py", "benchmarks"]

# One worker where no test says how many: starting them is most of what small inputs take.
os.environ["SLURM_CPUS_PER_TASK"] = "1"

# Set in many containers, it would hide what only users see: output is buffered.
os.environ.pop("PYTHONUNBUFFERED", None)

ROOT = Path(__file__).parents[1]

# Begun first, so that no process is left with one of them while the others have nothing to do.
LONGEST = (
    *("test_cluster.py", "test_readme.py", "test_cli.py", "test_pool.py", "test_map.py"),
    *("test_view.py", "test_gallery.py", "test_remote.py", "test_download.py", "test_check.py"),
    "test_contract.py",
)

# What depends on the versions of Python and of the libraries, where ids begin with one of these:
# every library and every step, in about a minute (pytest -m portable).
PORTABLE = (
    "captools/",  # examples in docstrings: how numbers are shown
    "tests/archive/test_catalogue.py",  # icepyx, earthaccess, requests
    "tests/engine/test_cluster.py::test_a_dask_cluster_of_its_own",
    "tests/engine/test_each.py::test_values_come_in_the_order_of_the_items",
    "tests/flat/test_attributes.py::test_xarray_gives_str",  # h5py, netCDF4
    *("tests/flat/test_frames.py", "tests/flat/test_reader.py"),  # h5py, pandas, dask, xarray
    *("tests/geo/test_conditions.py", "tests/geo/test_coords.py"),  # numexpr, pyproj, astropy
    *("tests/geo/test_masks.py", "tests/geo/test_polygons.py"),  # shapely, pyogrio, rasterio
    "tests/io/test_columns.py::test_any_layout_is_read_as_h5py_reads_it",  # deflate
    "tests/gnss/test_station_array.py::test_cells_are_in_the_array",  # tiledb
    "tests/io/test_earthdata.py",
    "tests/io/test_matrix.py",
    "tests/io/test_remote.py::test_a_granule_is_read_where_earthdata_keeps_it",  # fsspec, aiohttp
    "tests/maps/test_raster.py",
    "tests/products/test_reading.py",
    "tests/steps/test_contract.py::test_it_succeeds",  # click, tqdm
    "tests/steps/test_export.py",  # pyarrow, duckdb, geopandas
    "tests/steps/test_preview.py::test_all_ways_to_colour",  # datashader, colorcet
    "tests/steps/test_preview.py::test_the_axes_of_a_figure",  # matplotlib
    "tests/steps/test_readatl06.py::test_every_kept_row_of_a_real_granule",  # astropy
    "tests/steps/test_reproject.py",
    "tests/steps/test_snr.py::test_all_ways_print_the_same",  # tiledb
    "tests/steps/test_view.py::test_the_map_has_the_points",  # bokeh, panel
    "tests/test_package.py",
)


# What has a server, a browser or a cluster of its own; all else is pytest -m "not served".
SERVED = (
    *("tests/archive/test_fetching.py", "tests/steps/test_download.py", "tests/steps/test_view.py"),
    *("tests/engine/test_cluster.py", "tests/gnss/test_servers.py"),
    *("tests/io/test_object_store.py", "tests/io/test_remote.py"),
    "tests/granules/test_checking.py::test_files_on_a_server",
    "tests/run/test_reduce.py::test_a_set_that_cannot_be_sent",
    "tests/run/test_seams.py::test_three_mpi_ranks_fill_one_array",
    "tests/steps/test_dascube.py::test_a_cube_in_an_object_store",
    *("tests/test_gallery.py", "tests/test_readme.py", "tests/test_tutorial.py"),
)


@pytest.hookimpl(tryfirst=True)  # before those without a mark are left out
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the files that take longest in front, and mark what is portable."""
    place = {name: number for number, name in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.path.name, len(place)))
    for item in items:
        if item.nodeid.startswith(PORTABLE):
            item.add_marker("portable")
        if item.nodeid.startswith(SERVED):
            item.add_marker("served")


# A shell starts its background jobs with Ctrl-C ignored, and captools lets it be so: tests of
# Ctrl-C must not depend on how they were started themselves.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def _copies() -> Iterator[None]:
    """Let workers be copies of this process, as those of a command are: xdist's thread is idle."""
    count, idle = threading.active_count, threading.active_count() - 1
    with mock.patch.object(threading, "active_count", side_effect=lambda: count() - idle):
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Give the folder of real files (never part of the project), or skip."""
    folder = ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"no real data: {folder} is not there")
    return folder


@pytest.fixture(scope="session")
def granule(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a simulated granule of region 11: both directions, all longitudes. Not to be changed."""
    return write_granule(tmp_path_factory.mktemp("granule"), 700, 3, 11, segments=300, bad=0.3)


@pytest.fixture(scope="session")
def run() -> Callable[..., Result]:
    """Give a function that calls the command line in this process, by default on one core.

    It does the inputs in this process too, for workers take a second to start: a test that is
    about workers says how many it wants.
    """
    here = mock.patch("captools.engine.local.in_worker", lambda work, item, timeout: work(item))

    def call(*words: str | os.PathLike[str], **options: object) -> Result:
        words = [*map(str, words)]
        with contextlib.nullcontext() if {"-n", "--jobs", "--timeout"} & {*words} else here:
            # An exception that is no exit is a bug: it shall end the test with its traceback.
            return CliRunner().invoke(main, words, catch_exceptions=False, **options)

    return call


@pytest.fixture(scope="session")
def granules(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of three small simulated granules of two beams. Not to be changed."""
    folder = tmp_path_factory.mktemp("granules")
    for region in (10, 11, 12):
        write_small_granule(folder, 1, 1, region, segments=40)
    return folder


@pytest.fixture(scope="session")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a folder of three granules for NASA's servers to have. Not to be changed."""
    folder = tmp_path_factory.mktemp("pool")
    for region in (10, 11, 12):
        write_small_granule(folder, 1, 1, region, segments=60, release="007")
    return folder


@pytest.fixture
def earthdata(pool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator["Earthdata"]:
    """Give servers like NASA's, which have what is in `pool`; nobody waits long for them."""
    import unplotted  # noqa: F401 - before icepyx
    from earthdata import Earthdata, Granule

    monkeypatch.setattr("captools.io.retrying.PAUSE_SECONDS", 0.01)
    monkeypatch.setenv("CAPTOOLS_PAUSE", "0.01")  # of processes started from here
    with Earthdata(pool, tmp_path / "servers") as servers:
        servers.granules += [Granule(path.name) for path in sorted(pool.iterdir())]
        yield servers


@pytest.fixture
def log(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> pytest.LogCaptureFixture:
    """Give what captools logs, whatever the command line did to its logger in earlier tests."""
    logger = logging.getLogger("captools")
    monkeypatch.setattr(logger, "handlers", [caplog.handler])
    monkeypatch.setattr(logger, "propagate", False)
    caplog.set_level(logging.INFO, logger="captools")
    return caplog
