"""DASCore among processes that begin together."""

import os
import subprocess
import sys

from pieces import need_dascore

UNITS = "import pint; pint.UnitRegistry(cache_folder=':auto:')"
LOAD = (
    "from captools.das.library import load; load()\n"
    "from dascore.units import get_quantity\n"
    "print(get_quantity('10 Hz').to('1/s').magnitude)"
)


def call(code, home):
    environment = os.environ | {"HOME": str(home), "XDG_CACHE_HOME": str(home)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


def test_units_that_another_process_has_half_written_do_no_harm(tmp_path):
    need_dascore()
    assert call(UNITS, tmp_path).returncode == 0
    kept = [*tmp_path.rglob("pint/*.pickle")]
    for path in kept:
        os.truncate(path, 10)
    assert kept
    assert call("import dascore", tmp_path).returncode != 0  # by itself it cannot begin
    done = call(LOAD, tmp_path)
    assert (done.returncode, done.stdout) == (0, "10.0\n"), done.stderr
    assert all(path.stat().st_size == 10 for path in kept)
