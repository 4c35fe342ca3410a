"""A real SLURM of one node on this machine, for as long as the tests need it."""

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

DAEMONS = ("slurmctld", "slurmd", "munged", "sbatch", "srun")
CONF = """\
ClusterName=local
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
StateSaveLocation={folder}/ctld
SlurmdSpoolDir={folder}/d
SlurmctldPidFile={folder}/ctld.pid
SlurmdPidFile={folder}/d.pid
SlurmctldLogFile={folder}/ctld.log
SlurmdLogFile={folder}/d.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
MpiDefault=none
ReturnToService=2
MinJobAge=600
FirstJobId={job}
NodeName={host} NodeAddr=127.0.0.1 CPUs={cpus} RealMemory=4000 State=UNKNOWN
PartitionName=debug Nodes=ALL Default=YES MaxTime=INFINITE State=UP OverSubscribe=FORCE:4
"""


def need(what: str, missing: bool) -> None:
    """Skip where a part is missing; where CI installs it, that is a failure."""
    if missing and os.environ.get("CI"):
        pytest.fail(f"{what} is missing, and CI must have it")
    if missing:
        pytest.skip(f"{what} is not installed here")


@contextlib.contextmanager
def slurm(folder: Path) -> Iterator[dict[str, str]]:
    """Run the daemons and yield the environment in which sbatch finds them."""
    need("SLURM (Debian: slurmctld slurmd slurm-client munge)", not all(map(shutil.which, DAEMONS)))
    need("the right to run SLURM (root)", os.geteuid() != 0)
    host = subprocess.check_output(["hostname", "-s"], text=True).strip()
    for name in ("ctld", "d"):
        (folder / name).mkdir(parents=True)
    conf = folder / "slurm.conf"
    # MPICH names its shared memory after the job: what a killed job of the same number left
    # behind, in an earlier SLURM of tests, would crash a new one.
    job = random.randrange(1000, 60_000_000)
    conf.write_text(
        CONF.format(host=host, folder=folder, cpus=os.cpu_count(), ports=_free_ports(2), job=job)
    )
    os.makedirs("/run/munge", exist_ok=True)
    shutil.chown("/run/munge", "munge")
    ours = subprocess.run(["pgrep", "-x", "munged"], stdout=subprocess.DEVNULL).returncode != 0
    if ours:
        subprocess.run(["runuser", "-u", "munge", "--", "munged", "--force"], check=True)
    environment = {
        **os.environ,
        "SLURM_CONF": str(conf),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
    }
    try:
        for daemon in ("slurmctld", "slurmd"):
            subprocess.run([daemon, "-f", conf], env=environment, check=True)
        _wait_until_idle(environment, folder)
        yield environment
    finally:
        for name in ("d.pid", "ctld.pid"):
            with contextlib.suppress(OSError, ValueError, psutil.Error):
                daemon = psutil.Process(int((folder / name).read_text()))
                daemon.terminate()
                daemon.wait(30)
        others = subprocess.run(["pgrep", "-x", "slurmctld"], stdout=subprocess.DEVNULL)
        if ours and others.returncode != 0:
            subprocess.run(["pkill", "-x", "munged"], check=False)


def _free_ports(count: int) -> list[int]:
    """Return ports that nobody listens to: another SLURM may run on this machine."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


def _wait_until_idle(environment: dict[str, str], folder: Path) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        state = subprocess.run(
            ["sinfo", "-h", "-o", "%T"], env=environment, capture_output=True, text=True
        ).stdout
        if state.strip() == "idle":
            return
        time.sleep(0.2)
    logs = "".join((folder / name).read_text()[-2000:] for name in ("ctld.log", "d.log"))
    raise TimeoutError(f"SLURM does not come up: {state}\n{logs}")
