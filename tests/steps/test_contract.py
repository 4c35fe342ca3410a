"""What every step keeps to, by kind.

The steps are those that the command line finds. A new one needs a line in `EXAMPLES`, and this
module checks the rest.
"""

import os
import shutil
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import pytest
from flatfiles import assert_no_heap
from pieces import need_dascore

from captools import cli

STEPS = cli.main.list_commands(None)
KINDS = {step: import_module(f"captools.steps.{step}").KIND for step in STEPS}
INPUTS = ("granules", "reduced", "rinex", "das")


@dataclass(frozen=True)
class Example:
    """How a step is called, where the folders `INPUTS` and ``void`` are.

    `words` make it succeed; any of the endings in `wrong`, put behind them, make it wrong usage.
    Steps that take inputs call them by one of the former, and their output ``out...``.
    """

    words: tuple[str, ...]
    wrong: tuple[str, ...]

    @property
    def inputs(self):
        """The folder of the inputs."""
        return next(word for word in self.words if word in INPUTS)

    @property
    def out(self):
        """The output."""
        return Path(self.words[self.words.index("-o") + 1])


class Examples(dict):
    """How each step is called; of a step that is not there, a word on what to do."""

    def __missing__(self, step):
        pytest.fail(f"{step}: has no example in EXAMPLES of this module: add one", pytrace=False)


EXAMPLES = Examples()
EXAMPLES |= {
    "readatl06": Example(
        words=("granules", "-o", "out"),
        wrong=(
            *("--engine x", "--scheduler tcp://127.0.0.1:1", "--timeout 0", "--timeout x"),
            *("-n 0", "-n many", "--shard 2/2", "--shard 1", "--shard -1/2"),
            *("-b 0 1 10 -10", "-b 0 1 -91 0", "-b 0 x 0 1", "-b 0 1 0", "-b 0 1 0 nan"),
            *("-t 2020 2019", "-t 2019 2019", "-t 2019-02-30 2020", "-t never 2020", "-t 2019"),
            *("-v nonsense", "-v h_li,nonsense", "-v x=h_li", "-v a/b=h_li"),
            *("-p 99999999", "-p nonsense", "-f void/none.gpkg", "-f void", "-l void/none.txt"),
            *("-g 0", "-g 15", "-g x", "-g 10,,11", "-z zip", "--quality good", "--dialect x"),
            *("--segment-tolerance 0", "--segment-tolerance -1", "--segment-tolerance x"),
            *("-o granules", "-o file", "-o file/below", "-o"),
            *("@void/none.txt",),
        ),
    ),
    "read": Example(
        words=("granules", "-o", "out"),
        wrong=(
            *("--product x", "--product void/none.toml", "--quality good", "-v nonsense"),
            *("--segment-tolerance 0", "--product ATL08 --segment-tolerance 2", "--dialect x"),
            "--product ATL11_CROSSINGS --split",
            *("--engine x", "-n 0", "--shard 2/2", "-b 0 1 10 -10", "-t 2020 2019", "-z zip"),
            *("-p nonsense", "-f void/none.gpkg", "-l void/none.txt", "-g 0", "--layout x"),
            *("-o granules", "-o file", "-o file/below", "-o", "@void/none.txt"),
        ),
    ),
    "filter": Example(
        words=("reduced", "-o", "out", "--where", "h_li < 1e9"),
        wrong=(
            *("--where 1", "--where h_li;", "--where", "--cell 0", "--window 0", "--nmad -1"),
            *(
                "--cell 3",
                "--radius 2",
                "--min-obs 9",
                "--sparse drop",
                "--detrend plane",
                "--max-abs 9",
            ),
            *("--outliers h_li --radius 0", "--outliers h_li --radius 1 --cell 3"),
            *("--outliers h_li --radius 31 --cell 3", "--outliers h_li --detrend cubic"),
            *("--outliers h_li --max-abs 0", "--where h_li=1", "--where h_li<1&&is_asc"),
            *("--min-obs 0", "--sparse some", "-b 0 1 10 -10", "-t 2020 2019", "-z zip", "-g 0"),
            *("-f void/none.gpkg", "-o reduced", "-o file", "-o file/below", "@void/none.txt"),
        ),
    ),
    "calc": Example(
        words=("reduced", "-o", "out", "-e", "h_cor = h_li - dac"),
        wrong=(
            *(
                "-e h_cor",
                "-e 1=h_li",
                "-e a==h_li",
                "-e h_cor=dac",
                "-e h_elv=h_li",
                "-e a=1/0+dac",
            ),
            *("--units m", "--units nonsense=m", "--height nonsense", "--undo h_cor", "--undo ,"),
            *("-z zip", "-g 0", "-o reduced", "-o file", "-o file/below", "@void/none.txt"),
        ),
    ),
    "reproject": Example(
        words=("reduced", "-o", "out", "-p", "3976"),
        wrong=(
            *("-p nonsense", "-p 99999999", "--from nonsense", "--xy x", "-z zip", "-g 0"),
            *("-o reduced", "-o file", "-o file/below", "@void/none.txt"),
        ),
    ),
    "readrinex": Example(
        words=("rinex", "-o", "out"),
        wrong=(
            *("--system X", "--system ,", "--code 11", "--code 1C,", "--s1-as x", "-z zip"),
            *("--numbering x", "--layout x", "--layout array -z gzip", "-n 0", "--shard 2/2"),
            *("-o rinex", "-o file", "-o file/below", "-o", "-o file/x.tdb", "@void/none.txt"),
            "rinex/SIM100SIM_R_20240010000_01D_01M_SO.crx",
        ),
    ),
    "merge": Example(
        words=("reduced", "-o", "out.h5"),
        wrong=("-m 0", "-m x", "-z zip", "-o", "-o file/below.h5", "@void/none.txt"),
    ),
    "export": Example(
        words=("reduced", "-o", "out.csv"),
        wrong=("-v ,", "-o out.txt", "-o void", "-o", "-o file/below.csv", "@void/none.txt"),
    ),
    "tile": Example(
        words=("reduced", "-o", "out", "-d", "100"),
        wrong=(
            *("-d 0", "-d x", "-d nan", "-r -1", "-r 101", "-z zip", "--extent 0 1 1 0"),
            *("-o reduced", "-o file", "-o file/below", "-o", "@void/none.txt"),
        ),
    ),
    "preview": Example(
        words=("reduced", "-o", "out.png"),
        wrong=(
            *(
                "-o out.xyz",
                "--agg median",
                "--how odd",
                "--cmap nonsense",
                "--clip 1",
                "-p nonsense",
            ),
            *("--size 0 1", "--size x y", "--extent 1 0 0 1", "-b 0 1 10 -10", "--xy x"),
            *("--diff 2019 x", "--diff 2019", "--percentiles -1 101", "-o file/below.png"),
            *("--bare -o out.pdf", "@void/none.txt", "--width 1", "--dpi 0", "--point -1"),
            *("--threshold 2", "--background nowhere", "--by spot --agg min"),
            *("--kind pie", "--kind time --bare", "--overlay none.shp", "--hillshade none.tif"),
        ),
    ),
    "download": Example(
        words=("-b", "-180", "180", "-90", "90", "-o", "out"),
        wrong=(
            *("-n 0", "-n many", "--timeout 0", "--shard 2/2", "-b 0 1 10 -10", "-t 2020 2019"),
            *("--cycle 0", "--cycle x", "--rgt 0", "--rgt 1388", "--release 6", "--release abc"),
            *("--release 001", "granules", "@void/none.txt", "-o file", "-o file/below", "-o"),
        ),
    ),
    "check": Example(
        words=("reduced",),
        wrong=("-n 0", "-n many", "--timeout 0", "--timeout x", "-o out", "@void/none.txt"),
    ),
    "info": Example(
        words=("reduced",),
        wrong=("-n 0", "-n many", "--timeout 0", "--timeout x", "-o out", "@void/none.txt"),
    ),
    "dasinfo": Example(
        words=("das",),
        wrong=(
            *("-n 0", "-n many", "--timeout 0", "--timeout x", "@void/none.txt"),
            *("-o das", "-o file", "-o file/below", "-o"),
        ),
    ),
    "dascube": Example(
        words=("das", "-o", "out", "--segment", "0.2s", "--overlap", "0"),
        wrong=(
            *("--segment 0", "--segment x", "--overlap 1", "--overlap x", "--fmax 0"),
            *("--taper x", "--like x", "--channels 2:1", "--distance 2 1", "-t 2021 x"),
            *("-n 0", "--shard 2/2", "--engine x", "-o das", "-o file", "-o file/below", "-o"),
            *("@void/none.txt", "--journal x"),
        ),
    ),
    "dasimages": Example(
        words=("das", "-o", "out", "--window", "5s", "--band", "14", "35"),
        wrong=(
            *("--order 0", "--rate 0", "--what x", "--limits 2 1", "--limits x", "--gaps x"),
            *("--what fk --gaps fill", "--what waterfall --rate 9", "--what fk --rate 9"),
            *("--channels 2:1", "-t 2021 x", "--engine x", "-o das", "-o file", "-o file/below"),
        ),
    ),
    "dasprocess": Example(
        words=("das", "-o", "out", "--do", "pass_filter time=14,35", "--window", "2s"),
        wrong=(
            *("--do", "--do x", "--do pass_filter", "--do abs=", "--window 0", "--window x"),
            *("--to x", "--gaps x", "--channels 2:1", "--distance 2 1", "-t 2021 x"),
            *("-n 0", "--shard 2/2", "--engine x", "-o das", "-o file", "-o file/below", "-o"),
            *("@void/none.txt", "--journal x"),
        ),
    ),
    "report": Example(words=("reduced",), wrong=("@void/none.txt", "-o out")),
    "snr": Example(
        words=("rinex",),
        wrong=(
            *("--per week", "--how odd", "--by code", "--system X", "--code S1C", "--code ,"),
            *("-t 2024-02-30 2025-01-01", "-t 2024-01-02 2024-01-01", "-n 0", "--engine x"),
            *("--compare", "-o out.txt", "-o void", "void/none.tdb", "@void/none.txt"),
        ),
    ),
    "slurm": Example(words=("array",), wrong=("mpi", "-o out")),
    "simulate": Example(
        words=("-o", "out", "--granules", "2", "--segments", "20"),
        wrong=(
            *("--granules 0", "--granules x", "--segments 0", "--region 15", "--cycle 0"),
            *("--noise -1", "--bad 2", "--seed -1", "--release 6", "--defect none"),
            *("-o file", "-o file/below", "granules"),
        ),
    ),
    "view": Example(
        words=("reduced", "--no-browser"),
        wrong=(
            *("-v ,", "-v h_li,,x", "--xy x", "-p nonsense", "-p 99999999", "-b 0 1 10 -10"),
            *("-b 0 1 -91 0", "--port x", "--port 65536", "-o out", "@void/none.txt"),
        ),
    ),
}
OF_KIND = {
    kind: [step for step in STEPS if KINDS[step] == kind] for kind in ("map", "reduce", "query")
}
WRONG = [(step, ending) for step, example in EXAMPLES.items() for ending in example.wrong]
WRITE_HDF5 = {"calc", "dasprocess", "download", "filter", "merge", "read", "readatl06"}
WRITE_HDF5 |= {"readrinex", "reproject", "simulate", "tile"}
SHARED = ["-q", "--quiet", "--verbose", "-h", "--help"]
SHARED_BY_KIND = {
    "map": [
        "-o",
        "-n",
        "--jobs",
        "--shard",
        "--overwrite",
        "--fail-fast",
        "--engine",
        "--scheduler",
        "--timeout",
    ],
    "reduce": ["-o", "--skip-bad"],
    "query": [],
}

every_step = pytest.mark.parametrize("step", STEPS)
every_map = pytest.mark.parametrize("step", OF_KIND["map"])
# What a store holds without one of its inputs, and by several processes, its own tests say; and
# which windows lack samples without one of their files.
every_map_to_files = pytest.mark.parametrize(
    "step", sorted({*OF_KIND["map"]} - {"dascube", "dasimages", "dasprocess"})
)
every_reduce = pytest.mark.parametrize("step", OF_KIND["reduce"])
# A picture is drawn all the same, and says how many files are missing: see test_preview.
every_strict_reduce = pytest.mark.parametrize("step", sorted({*OF_KIND["reduce"]} - {"preview"}))


@pytest.fixture(scope="session")
def reduced(granules, tmp_path_factory):
    """A folder of flat files with its journal. Not to be changed."""
    folder = tmp_path_factory.mktemp("reduced") / "reduced"
    with pytest.raises(SystemExit) as end:
        cli.main(["readatl06", str(granules), "-o", str(folder), "-q", "-n", "1"])
    assert end.value.code == 0
    return folder


@pytest.fixture(scope="session")
def rinex(tmp_path_factory):
    """A folder of three days of a receiver. Not to be changed."""
    folder = tmp_path_factory.mktemp("rinex") / "rinex"
    few = ("--system", "S", "--code", "1C", "--interval", "60", "-t", "2024-01-01", "2024-01-04")
    with pytest.raises(SystemExit) as end:
        cli.main(["simulate", "--product", "RINEX", *few, "-o", str(folder), "-q"])
    assert end.value.code == 0
    return folder


@pytest.fixture(scope="session")
def das(tmp_path_factory):
    """A folder of three records of a fibre. Not to be changed."""
    need_dascore()  # once, for all processes that are copies of this one
    folder = tmp_path_factory.mktemp("das") / "das"
    few = ("--product", "DAS", "--channels", "4", "--seconds", "20")
    with pytest.raises(SystemExit) as end:
        cli.main(["simulate", *few, "-o", str(folder), "-q"])
    assert end.value.code == 0
    return folder


def made(folder, *inputs):
    """Make a folder what examples are meant for."""
    for name, source in zip(INPUTS, inputs, strict=True):
        shutil.copytree(source, folder / name)
    (folder / "void").mkdir()
    (folder / "file").touch()
    return folder


@pytest.fixture
def place(granules, reduced, rinex, das, tmp_path, monkeypatch):
    """The folder that examples are meant for, as the current one."""
    monkeypatch.chdir(tmp_path)
    return made(tmp_path, granules, reduced, rinex, das)


@pytest.fixture(scope="module")
def untouched(granules, reduced, rinex, das, tmp_path_factory):
    """A folder that examples are meant for, and all that is in it."""
    folder = made(tmp_path_factory.mktemp("untouched"), granules, reduced, rinex, das)
    return folder, snapshot(folder)


@pytest.fixture
def nothing_done(untouched, monkeypatch):
    """Run a test there, which shall change nothing."""
    folder, before = untouched
    monkeypatch.chdir(folder)
    yield
    assert snapshot(folder) == before


@pytest.fixture(autouse=True)
def archive_answers(request):
    """`download` finds servers of our own and a login, and no other step a network."""
    if getattr(request.node, "callspec", None) is None or "download" not in request.node.name:
        yield
        return
    home = request.getfixturevalue("tmp_path_factory").mktemp("home")
    with request.getfixturevalue("earthdata").here(home, login=("captain", "correct horse")):
        yield


@pytest.fixture(autouse=True)
def view_ends(monkeypatch):
    """`view` serves until a signal comes; here it only gives its address."""
    address = "http://127.0.0.1:1/"
    monkeypatch.setattr("captools.maps.serving.serve", lambda page, port, browser: iter([address]))


def snapshot(folder):
    """Every file below a folder, with its content and the time of its last change."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    found = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}
    return found | {path: None for path in folder.rglob("*") if path.is_dir()}


def results(folder):
    """The content of every output in a folder, or of all of a store, which names no outputs."""
    if is_store(folder):
        found = (path for path in folder.rglob("*") if "_captools" not in path.parts)
        return {
            str(path.relative_to(folder)): path.read_bytes() for path in found if path.is_file()
        }
    return {path.name: path.read_bytes() for path in outputs(folder)}


def outputs(folder):
    """The outputs of a map step."""
    return [path for path in folder.glob("*.*") if path.suffix in (".h5", ".png")]


def is_store(folder):
    return (folder / "zarr.json").is_file()


def spoil(inputs):
    """Truncate the second of the inputs in a folder, and return its path."""
    path = sorted(path for path in inputs.iterdir() if path.is_file())[1]
    os.truncate(path, path.stat().st_size // 2)
    return path


def assert_no_temporary_file(folder):
    assert [path for path in folder.rglob(".*") if path.name != ".pytest_cache"] == []
    assert list(folder.rglob("*.part")) == []


# --- all steps --------------------------------------------------------------------


def test_every_step_is_in_the_table_of_this_test():
    # Else a step, or all of a kind, would go unchecked without a word.
    assert set(EXAMPLES) == set(STEPS)
    assert {"readatl06", "report", "simulate"} <= set(STEPS)
    files = Path(cli.__file__).with_name("steps").glob("*.py")
    assert {path.stem for path in files} - {"__init__"} == set(STEPS)


def test_every_step_is_of_a_known_kind():
    assert sorted(step for steps in OF_KIND.values() for step in steps) == STEPS


@every_step
def test_the_list_of_commands_has_it_with_a_summary(run, step):
    lines = [line.split(maxsplit=1) for line in run("--help").stdout.splitlines()]
    (summary,) = [words[1] for words in lines if words[:1] == [step] and len(words) == 2]
    assert len(summary) > 10


@every_step
def test_help_says_what_it_does_shows_an_example_and_explains_every_option(run, step):
    command = cli.main.get_command(None, step)
    result = run(step, "--help")
    assert result.exit_code == 0
    assert run(step, "-h").stdout == result.stdout
    text = " ".join(result.stdout.split())
    assert f"captools {step} " in text.partition("Options:")[0].partition("Example")[2]
    options = [one for one in command.params if one.param_type_name == "option"]
    assert options != []
    for option in options:
        assert option.help, option.name
        assert " ".join(option.help.split()[:3]) in text
        assert not option.hidden
        for spelling in option.opts:
            assert f" {spelling}" in text
    for spelling in SHARED + SHARED_BY_KIND[KINDS[step]]:
        assert f" {spelling}" in text


@every_step
def test_it_succeeds_and_leaves_no_temporary_file_nor_a_heap_of_strings(run, place, step):
    result = run(step, *EXAMPLES[step].words)
    assert result.exit_code == 0, result.stderr
    assert (result.stdout == "") == is_store(place / "out")
    assert_no_temporary_file(place)
    files = [*place.glob("out*.h5"), *place.glob("out/**/*.h5")]
    assert bool(files) == (step in WRITE_HDF5)
    for path in (*files, *place.glob("granules/*.h5"), *place.glob("das/*.h5")):
        assert_no_heap(path)


@every_step
def test_quiet_success_says_nothing_but_the_result(run, place, step):
    assert run(step, *EXAMPLES[step].words, "-q").stderr == ""


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize(("step", "ending"), WRONG)
def test_a_bad_value_is_wrong_usage_before_any_work(run, step, ending):
    result = run(step, *EXAMPLES[step].words, *ending.split())
    assert (result.exit_code, result.stdout) == (2, ""), result.stderr
    assert "Error: " in result.stderr
    assert len(result.stderr.partition("Error: ")[2].splitlines()) == 1


@pytest.mark.usefixtures("nothing_done")
@every_step
@pytest.mark.parametrize("quiet", [[], ["-q"]])
def test_an_unknown_option_is_wrong_usage_before_any_work(run, step, quiet):
    result = run(step, *EXAMPLES[step].words, "--no-such-option", *quiet)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "--no-such-option" in result.stderr


# `info` without words describes the installation: see test_info.
@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("step", sorted({*STEPS} - {"info"}))
def test_no_word_at_all_is_wrong_usage(run, step):
    result = run(step)
    assert (result.exit_code, result.stdout) == (2, "")
    assert "Missing" in result.stderr


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("step", OF_KIND["map"] + OF_KIND["reduce"])
@pytest.mark.parametrize("inputs", [[], ["void"], ["void/*.h5"], ["void", "void/*.h5"]])
def test_no_input_is_wrong_usage(run, step, inputs):
    words = [word for word in EXAMPLES[step].words if word != EXAMPLES[step].inputs]
    result = run(step, *words, *inputs)
    assert (result.exit_code, result.stdout) == (2, "")


@pytest.mark.usefixtures("nothing_done")
@pytest.mark.parametrize("step", OF_KIND["map"] + OF_KIND["reduce"])
def test_an_empty_list_on_standard_input_is_no_error_and_makes_nothing(run, step):
    words = ["-" if word == EXAMPLES[step].inputs else word for word in EXAMPLES[step].words]
    result = run(step, *words, input="")
    assert (result.exit_code, result.stdout) == (0, "")
    assert "nothing to do" in result.stderr


# --- map steps --------------------------------------------------------------------


@every_map_to_files
def test_one_bad_input_fails_alone_and_is_named(run, place, step):
    run(step, *EXAMPLES[step].words)
    good = results(place / "out")
    shutil.rmtree(place / "out")
    bad = spoil(place / EXAMPLES[step].inputs)
    result = run(step, *EXAMPLES[step].words)
    assert result.exit_code == 1
    (failed,) = [line for line in result.stderr.splitlines() if line.startswith("failed: ")]
    assert str(bad) in failed
    assert "Traceback" not in result.stderr
    expected = {
        name: data for name, data in good.items() if not name.startswith(bad.name.split(".")[0])
    }
    assert results(place / "out") == expected
    assert 0 < len(expected) < len(good)
    assert result.stdout.splitlines() == sorted(f"out/{name}" for name in expected)
    assert_no_temporary_file(place)


@every_map_to_files
def test_one_process_and_two_give_the_same_bytes(run, place, step):
    assert run(step, *EXAMPLES[step].words, "-n", 1).exit_code == 0
    serial = results(place / "out")
    shutil.rmtree(place / "out")
    assert run(step, *EXAMPLES[step].words, "-n", 2).exit_code == 0
    assert serial != {}
    assert results(place / "out") == serial


@every_map
def test_a_second_run_does_nothing_and_says_so_and_both_print_exactly_the_outputs(run, place, step):
    first = run(step, *EXAMPLES[step].words)
    before = snapshot(place)
    second = run(step, *EXAMPLES[step].words)
    assert second.exit_code == 0
    assert "nothing to do" in second.stderr
    assert second.stdout == first.stdout
    assert sorted(first.stdout.splitlines()) == sorted(map(str, outputs(Path("out"))))
    assert snapshot(place) == before  # times of change and the journal included


@every_map
def test_all_shards_together_do_what_one_run_does(run, place, step):
    run(step, *EXAMPLES[step].words)
    whole = results(place / "out")
    shutil.rmtree(place / "out")
    printed = []
    for number in range(2):
        result = run(step, *EXAMPLES[step].words, "--shard", f"{number}/2")
        assert result.exit_code == 0
        printed += result.stdout.splitlines()
    assert results(place / "out") == whole
    named = [] if is_store(place / "out") else whole
    assert sorted(printed) == sorted(f"out/{name}" for name in named)


# --- reduce steps -------------------------------------------------------------------


def existing(path):
    """The content of an output file, or of all files of an output folder, by name."""
    paths = [path] if path.is_file() else sorted(path.rglob("*"))
    return {one.name: one.read_bytes() for one in paths if one.is_file()}


@every_strict_reduce
def test_a_bad_input_means_no_output(run, place, step):
    bad = spoil(place / EXAMPLES[step].inputs)
    result = run(step, *EXAMPLES[step].words)
    assert (result.exit_code, result.stdout) == (1, "")
    assert str(bad) in result.stderr
    assert not (place / EXAMPLES[step].out).exists()
    assert_no_temporary_file(place)


@every_strict_reduce
def test_skip_bad_leaves_it_out_and_says_so(run, place, step):
    bad = spoil(place / EXAMPLES[step].inputs)
    result = run(step, *EXAMPLES[step].words, "--skip-bad")
    assert result.exit_code == 0
    assert str(bad) in result.stderr
    with_bad = existing(place / EXAMPLES[step].out)
    bad.unlink()
    run(step, *EXAMPLES[step].words)
    assert existing(place / EXAMPLES[step].out) == with_bad != {}


@every_reduce
def test_a_second_run_builds_anew(run, place, step):
    run(step, *EXAMPLES[step].words)
    first = existing(place / EXAMPLES[step].out)
    bad = spoil(place / EXAMPLES[step].inputs)
    bad.unlink()
    run(step, *EXAMPLES[step].words)
    assert existing(place / EXAMPLES[step].out) != first
