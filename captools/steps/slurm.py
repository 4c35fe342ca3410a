"""Print a batch script for SLURM, to be submitted as it is or changed first.

array shares the inputs of a map step among the tasks of an array; mpi runs a
step as one job over all its tasks. What each needs stands at its top.

\b
Examples:
  captools slurm array > array.sbatch
  captools slurm mpi > mpi.sbatch
"""

from pathlib import Path

import click

KIND = "query"
SCRIPTS = Path(__file__).parents[1] / "batch"


@click.argument("script", type=click.Choice(["array", "mpi"]), metavar="array|mpi")
def slurm(script: str) -> list[str]:
    """Return the lines of a batch script.

    Parameters
    ----------
    script : {"array", "mpi"}
        Which one.

    Raises
    ------
    ValueError
        If there is no such script.
    """
    path = SCRIPTS / f"{script}.sbatch"
    if script not in {one.stem for one in SCRIPTS.glob("*.sbatch")}:
        raise ValueError(f"there is no batch script {script!r}: array or mpi")
    return path.read_text(encoding="utf-8").splitlines()
