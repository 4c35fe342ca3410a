"""Simulated RINEX files: what they hold is known, and others read the same."""

import gzip
import re
from functools import cache

import hatanaka
import ncompress
import numpy as np
import pytest

from captools.gnss import read_observations
from captools.gnss.names import is_rinex, parse_name
from captools.simulation.decimals import decimals, lines
from captools.simulation.defects import RINEX_DEFECTS
from captools.simulation.rinex import FORMATS, Recipe, file_name, rinex_text, write_rinex
from captools.simulation.signals import NONE, SYSTEMS, elevation, receive
from captools.steps.simulate import simulate

DAY = np.datetime64("2024-02-29")
PLAIN = {"crx": "rnx", "d": "o"}


def text(form="rnx", defects=(), systems="JS", **more):
    recipe = Recipe(systems, form=form, interval=60, defects=defects, **more)
    return rinex_text("P057", DAY, recipe)


def read_line_by_line(content):
    """Strengths of a plain file of RINEX 3: {(epoch's line, satellite, code): text}."""
    head, _, body = content.decode().partition("END OF HEADER\n")
    types, found, epoch, system = {}, {}, "", ""
    for line in head.splitlines():
        if line[60:] == "SYS / # / OBS TYPES":
            system = line[0].strip() or system
            types.setdefault(system, []).extend(line[7:60].split())
    for line in body.splitlines():
        if line[0] == ">":
            epoch = line
        elif line[60:] != "COMMENT":
            for number, name in enumerate(types[line[0]]):
                field = line[3 + 16 * number : 17 + 16 * number].strip()
                if name[0] == "S" and field:
                    found[epoch, line[:3], name[1:]] = field
    return found


@cache
def known(station="P057", systems="JS", **more):
    """The same of what is received, in thousandths by second of the day."""
    found = {}
    for one in receive(station, DAY, systems, interval=60, **more):
        seconds = (one.epoch * 60).tolist()
        names = [f"{one.system}{number:02}" for number in one.satellite.tolist()]
        for code, values in zip(one.codes, one.thousandths.T.tolist(), strict=True):
            found |= {
                (second, name, code): value
                for second, name, value in zip(seconds, names, values, strict=True)
                if value != NONE
            }
    return found


def by_second(found):
    """Epochs as seconds of the day, values in thousandths; of an epoch twice the last counts."""
    at = re.compile(r"> 2024 02 29 (\d\d) (\d\d) +(\d+)\.0000000  0 *\d+$")
    seconds = {}
    for line, _, _ in found:
        hour, minute, second = map(int, at.match(line).groups())
        seconds[line] = hour * 3600 + minute * 60 + second
    return {
        (seconds[line], satellite, code): round(float(value) * 1000)
        for (line, satellite, code), value in found.items()
    }


# --- what is in them ---------------------------------------------------------------


@pytest.mark.parametrize("systems", ["J", "GRECJIS"])
def test_a_plain_reader_finds_what_is_received(systems):
    assert by_second(read_line_by_line(text(systems=systems))) == known(systems=systems)


def test_some_codes_of_some_systems():
    found = by_second(read_line_by_line(text(systems="EG", codes=("5Q", "2W"), seed=3)))
    assert found == known(systems="GE", codes=("2W", "5Q"), seed=3)
    assert {(satellite[0], code) for _, satellite, code in found} == {
        ("E", "5Q"),
        ("G", "5Q"),
        ("G", "2W"),
    }


def test_what_is_received_does_not_depend_on_what_else_is_asked_for():
    everything = known(systems="GRJ")
    part = known(systems="RG", codes=("1C",))
    assert part == {
        (time, satellite, code): value
        for (time, satellite, code), value in everything.items()
        if satellite[0] in "RG" and code == "1C"
    }
    assert known("P058", "J") != known(systems="J")
    assert known(systems="J", seed=1) != known(systems="J")


def test_satellites_rise_and_set_and_high_ones_are_strong():
    [signals] = receive("P057", DAY, "G")
    count = np.bincount(signals.epoch, minlength=2880)
    assert count.min() >= 6
    assert count.max() <= 18
    assert set(signals.satellite) == set(SYSTEMS["G"].satellites)
    strengths = signals.thousandths[signals.thousandths != NONE]
    assert strengths.min() > 15_000
    assert strengths.max() < 60_000
    start = int((DAY - np.datetime64("1980-01-06")) / np.timedelta64(1, "s"))
    high = elevation("G", 7, "P057", start + np.arange(0, 86400, 30))
    mine = signals.satellite == 7
    assert np.array_equal(signals.epoch[mine], np.flatnonzero(high > 5))
    strong = signals.thousandths[mine, 0]
    high = high[signals.epoch[mine]]
    assert strong[high > 45].mean() > strong[high < 15].mean() + 5_000


# --- how it is written -------------------------------------------------------------


@pytest.mark.parametrize("defect", ["", "comments", "repeated-epoch", "gap", "zeros"])
@pytest.mark.parametrize("form", PLAIN)
def test_hatanakas_own_programs_agree(form, defect):
    kept = {"systems": "RS"} if form == "d" else {"systems": "GI", "codes": ("1C", "5Q", "5A")}
    planted = (defect,) if defect else ()
    compact, plain = (text(one, planted, **kept) for one in (form, PLAIN[form]))
    # crx2rnx leaves the zero before the point out where a value is zero.
    assert hatanaka.crx2rnx(compact) == re.sub(rb" 0\.000(?!0)", b"  .000", plain)
    if defect in ("", "comments"):  # rnx2crx begins anew where differences grow long
        ours, theirs = (one.split(b"\n", 2)[2] for one in (compact, hatanaka.rnx2crx(plain)))
        assert ours == theirs


@pytest.mark.parametrize(
    ("form", "interval", "name"),
    [
        ("crx.gz", 30, "P05700SIM_R_20240600000_01D_30S_MO.crx.gz"),
        ("rnx", 1, "P05700SIM_R_20240600000_01D_01S_MO.rnx"),
        ("rnx.gz", 60, "P05700SIM_R_20240600000_01D_01M_MO.rnx.gz"),
        ("d.Z", 30, "p0570600.24d.Z"),
        ("o", 30, "p0570600.24o"),
    ],
)
def test_names(form, interval, name):
    assert file_name("P057", DAY, Recipe(form=form, interval=interval)) == name
    assert is_rinex(name)
    assert parse_name(name) == ("P057", DAY)


@pytest.mark.parametrize("form", FORMATS)
def test_compression(tmp_path, form):
    recipe = Recipe(form=form, systems="S", interval=60)
    path = write_rinex(tmp_path, "P057", DAY, recipe)
    content = path.read_bytes()
    assert write_rinex(tmp_path / "again", "P057", DAY, recipe).read_bytes() == content
    if form.endswith(".gz"):
        content = gzip.decompress(content)
    elif form.endswith(".Z"):
        content = ncompress.decompress(content)
    assert content == rinex_text("P057", DAY, recipe)
    assert [one.name for one in path.parent.iterdir() if one.is_file()] == [path.name]


def test_numbers():
    values = np.array([0, 5, -5, 1234, -99_999, 10**12])
    for least in (1, 4):
        found = [row[row > 0].tobytes().decode() for row in decimals(values, 14, least)]
        signs = ["-" if value < 0 else "" for value in values]
        assert found == [f"{s}{abs(v):0{least}}" for s, v in zip(signs, values, strict=True)]


def test_lines_end_where_their_text_does():
    rows = np.array([[*b"a b   "], [*b"\0\0c d "], [*b"      "], [*b"     e"]], "u1")
    found, starts = lines(rows)
    assert found.tobytes() == b"a b\nc d\n\n     e\n"
    assert starts.tolist() == [0, 4, 8, 9, 16]


# --- defects -----------------------------------------------------------------------


def test_zeros():
    found, whole = by_second(read_line_by_line(text(defects=("zeros",)))), known()
    zeros = {cell for cell, value in found.items() if value == 0}
    assert found.keys() == whole.keys()
    assert {code for _, _, code in zeros} == {"1C"}
    assert 0.1 < len(zeros) / sum(code == "1C" for _, _, code in whole) < 0.2
    assert all(value in (whole[cell], 0) for cell, value in found.items())


def test_a_gap():
    found = by_second(read_line_by_line(text(defects=("gap",))))
    assert found == {
        cell: value for cell, value in known().items() if not 43_200 <= cell[0] < 46_800
    }


def test_comments_in_the_middle():
    content = text(defects=("comments",))
    assert content.count(b"COMMENT\n") == 2
    assert by_second(read_line_by_line(content.replace(b"> " + b" " * 28, b"> "))) == known()


def test_the_last_of_a_repeated_epoch_is_right():
    content = text(defects=("repeated-epoch",))
    epochs = [line for line in content.split(b"\n") if line.startswith(b">")]
    twice = {line for line in epochs if epochs.count(line) == 2}
    assert len(epochs) == 1441
    assert len(twice) == 1
    assert by_second(read_line_by_line(content)) == known()
    first, second = content.split(twice.pop())[1:]
    assert first.split(b"\n")[1] != second.split(b"\n")[1]


# --- as captools reads it -----------------------------------------------------------


@pytest.mark.parametrize("form", ["crx.gz", "o"])
@pytest.mark.parametrize("defect", ["", *RINEX_DEFECTS[:-1]])
def test_captools_reads_what_is_received(tmp_path, form, defect):
    recipe = Recipe("RS", ("1C",), 60, form, defects=(defect,) if defect else ())
    found = read_observations(write_rinex(tmp_path, "P057", DAY, recipe), None, None)
    seconds = (found.time - DAY.astype("M8[ms]")).astype(int) // 1000
    names = [
        f"{system.decode()}{n:02}" for system, n in zip(found.system, found.satellite, strict=True)
    ]
    cells = zip(seconds.tolist(), names, found.code.astype(str), strict=True)
    read = dict(zip(cells, found.thousandths.tolist(), strict=True))
    whole = known(systems="RS", codes=("1C",))
    if defect == "gap":
        whole = {cell: value for cell, value in whole.items() if not 43_200 <= cell[0] < 46_800}
    if defect == "zeros":
        assert found.left_out == {"zeros": len(whole) - len(read)}
        whole = {cell: value for cell, value in whole.items() if cell in read}
        assert len(whole) == len(read)
    elif defect == "repeated-epoch":
        assert found.left_out.keys() == {"repeats"}
    else:
        assert found.left_out == {}
    assert read == whole


# --- the command -------------------------------------------------------------------


def test_files_of_stations_and_days(tmp_path, run):
    days = ("-t", "2024-02-28", "2024-03-01")
    words = ("--station", "p057,NYA1", *days, "--defect", "truncated", "-o", tmp_path)
    words += ("--interval", 60, "--code", "1c", "--system", "js")
    result = run("simulate", "--product", "RINEX", *words)
    names = [
        f"{station}00SIM_R_2024{day}0000_01D_01M_MO.crx.gz"
        for station in ("P057", "NYA1")
        for day in ("059", "060")
    ]
    assert result.stdout.split() == [str(tmp_path / name) for name in names]
    with pytest.raises(EOFError):
        gzip.decompress((tmp_path / names[0]).read_bytes())
    for name in names[1:]:
        gzip.decompress((tmp_path / name).read_bytes())


def test_from_python(tmp_path):
    [path] = simulate(tmp_path, product="RINEX", systems="s", interval=60, form="o.gz", seed=1)
    assert path.name == "sim10010.24o.gz"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--granules 3", "--granules goes with --product ATL06"),
        ("--station P57", "station 'P57'"),
        ("--station P057,p057", "must differ"),
        ("--system GX", "systems must be of GRECJIS"),
        ("--system GG", "each once"),
        ("--code 1C,9Z", "codes must be of"),
        ("--system J --code 2W", "none of the systems"),
        ("--interval 7", "interval must"),
        ("--interval 0", "interval must"),
        ("--format zip", "format must be one of"),
        ("--format o --system GC", "RINEX 2"),
        ("-t 2024-01-02 2024-01-01", "empty"),
        ("--defect missing-beam", "unknown defect"),
        ("--defect zeros --defect gap", "more defects than files: 2, 1"),
    ],
)
def test_wrong_usage(tmp_path, run, words, message):
    result = run("simulate", "--product", "RINEX", *words.split(), "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (tmp_path / "out").exists()


def test_options_of_rinex_do_not_go_with_granules(tmp_path, run):
    result = run("simulate", "--station", "P057", "-o", tmp_path / "out")
    assert result.exit_code == 2
    assert "--station goes with --product RINEX" in result.stderr
