"""Which step writes files of which ending, so that none is written under a name of another kind."""

from pathlib import Path

ENDINGS = {
    "merge": (".h5", ".hdf5", ".hdf"),
    "export": (".parquet", ".csv.gz", ".csv"),
    "preview": (".png", ".jpg", ".jpeg", ".pdf", ".svg", ".tif", ".tiff"),
}


def check_ending(output: Path, step: str) -> None:
    """Raise ValueError if the ending of an output is that of another step, which is named.

    Examples
    --------
    >>> check_ending(Path("all.h5"), "merge")
    """
    for other, endings in ENDINGS.items():
        ending = next((one for one in endings if output.name.lower().endswith(one)), "")
        if ending and other != step:
            ours = ", ".join(ENDINGS.get(step, ())) or "a folder"
            raise ValueError(
                f"output {output}: captools {other} writes {ending}, {step} writes {ours}"
            )
