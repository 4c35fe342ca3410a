"""The names of CAPToolkit's scripts: which command of captools does what each of them does."""

from collections.abc import Collection

# The command with its options; "" where there is none. docs/captoolkit.md says more of each.
COMMANDS = {
    # reading
    "readgeo": "",
    "readers": "",
    "readra": "",
    "readra2": "",
    "readgla": "",
    "readgla06": "",
    "readgla12": "",
    "readglas": "",
    # correcting
    "applycor": 'calc INPUT... -o OUT -e "h_cor = h_li - dac"',
    "corrapply": 'calc INPUT... -o OUT -e "h_cor = h_li - dac"',
    "corrlaser": "",
    "corrscatt": "",
    "corrslope": "",
    "corribe": "",
    "corrtide": "",
    "geteraint": "",
    "ibecor": "",
    "scattcor": "",
    "slopecor": "",
    "slp2ibe": "",
    "tidecor": "",
    # filtering
    "cloudfilt": "",
    "filtmask": "filter INPUT... -o OUT -f MASK",
    "filtnan": "filter INPUT... -o OUT --finite COLUMN",
    "filtst": "filter INPUT... -o OUT --outliers COLUMN",
    "filttrack": "",
    "filttrackwf": "",
    "mask": "filter INPUT... -o OUT -f MASK",
    "nanfilt": "filter INPUT... -o OUT --finite COLUMN",
    "query": "",
    "sepcamp": "filter INPUT... -o OUT -t T0 T1",
    "subset": "filter INPUT... -o OUT -b W E S N",
    # tracks
    "reftrack": "",
    "septrack": "filter INPUT... -o OUT --where is_asc",
    "setorbit": "",
    # differences, fits and grids
    "crosscal": "",
    "fitsec": "",
    "fittopo": "",
    "gettopo": "",
    "interpgaus": "",
    "interpkrig": "",
    "interpmed": "",
    "interpopt": "",
    "lscip": "",
    "ointerp": "",
    "secfit": "",
    "topofit": "",
    "xing": "",
    "xover": "",
    # files
    "dummy": "",
    "hdf2txt": "export INPUT... -o OUT.csv",
    "join": "merge TILES... -o OUT.h5",
    "joingrd": "",
    "mergetile": "tile INPUT... -o OUT -d KM",
    "mergetiles": "tile INPUT... -o OUT -d KM",
    "sort": "merge INPUT -o OUT.h5 --sort",
    "sorttime": "merge INPUT -o OUT.h5 --sort",
    "sortvars": "merge INPUT -o OUT.h5 --sort",
    "split": "merge INPUT -o OUT.h5 -m N",
    "stackgrd": "",
    "txt2hdf": "",
}


def answer(name: str, steps: Collection[str]) -> str:
    """Return what to say to a user who calls one of CAPToolkit's scripts, "" if it is none.

    Parameters
    ----------
    name : str
        What was called, with or without ``.py``.
    steps : collection of str
        The commands that there are.

    Examples
    --------
    >>> answer("split.py", ["merge"])
    "split is CAPToolkit's: captools merge INPUT -o OUT.h5 -m N"
    >>> answer("xover", ["merge"])
    "xover is CAPToolkit's: no command of captools does this yet (docs/captoolkit.md)"
    """
    script = name.removesuffix(".py")
    if script not in COMMANDS and (script == name or script not in steps):
        return ""
    # Some names are those of commands: merge.py is merge.
    words = COMMANDS.get(script, f"{script} INPUT... -o OUT")
    if words.partition(" ")[0] in steps:
        return f"{script} is CAPToolkit's: captools {words}"
    return f"{script} is CAPToolkit's: no command of captools does this yet (docs/captoolkit.md)"
