"""Processes that begin as interpreters of their own."""

import subprocess
import sys

from captools.engine.fresh import FreshProcess

SCRIPT = """
from captools.engine.each import each

print("the script runs")
print([value for _, value in each(len, ["a", "bc", "def"], 2)])
"""


def test_a_script_without_a_guard_is_run_once(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["the script runs", "[1, 2, 3]"]


def test_the_script_is_known_again_afterwards():
    script = sys.modules["__main__"]
    process = FreshProcess(target=print)
    process.start()
    process.join()
    assert process.exitcode == 0
    assert sys.modules["__main__"] is script


LOCKED = """
import sys
sys.path.insert(0, sys.argv[1])
from captools.engine.fresh import FreshProcess
from locking import lock

process = FreshProcess(target=lock)
process.start()
process.join()
print(process.exitcode)
"""


def test_what_a_killed_process_leaves_is_not_talked_about(tmp_path):
    (tmp_path / "locking.py").write_text(
        "import multiprocessing, os, signal\n"
        "def lock():\n"
        "    mutex = multiprocessing.get_context('spawn').Lock()\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    words = [sys.executable, "-c", LOCKED, tmp_path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("-9\n", "")
