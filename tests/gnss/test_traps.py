"""Each trap of the format, plain and in Hatanaka form: right, refused with a reason, or counted."""

import bz2
import gzip
import io
import zipfile
from datetime import datetime, timedelta

import numpy as np
import pytest
from rinextext import START, body, cells, clock, compact, day, header, line, listed, truth, written

from captools.errors import InputError
from captools.gnss import read_observations

TYPES_2 = ["C1", "L1", "S1", "S2"]
TYPES_3 = {"G": ["C1C", "L1C", "S1C", "S2W"], "R": ["C1C", "L1C", "S1C", "S2W"]}
FORMS = pytest.mark.parametrize("form", [bytes, compact], ids=["plain", "compact"])
VERSIONS = pytest.mark.parametrize("version", ["2.11", "3.05"])


@pytest.fixture(scope="module")
def read(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traps")

    def reading(data, name="a.rnx", systems=None, codes=None, **more):
        path = folder / name
        path.write_bytes(data)
        return read_observations(path, systems, codes, **more)

    return reading


def types_of(version):
    return TYPES_2 if version < "3" else TYPES_3


def epochs_of(version, count=4):
    names = ("C1", "L1", "S1", "S2") if version < "3" else ("C1C", "L1C", "S1C", "S2W")
    return day(count, names)


def file_of(version, epochs, **more):
    return written(epochs, types_of(version), version, **more)


# --- what all files are -----------------------------------------------------------


@FORMS
@pytest.mark.parametrize("version", ["2.10", "2.11", "3.00", "3.02", "3.05", "4.00"])
def test_a_good_file(read, form, version):
    epochs = epochs_of(version)
    found = read(form(file_of(version, epochs)))
    assert cells(found) == truth(epochs)
    assert found.left_out == {}
    assert found.epochs.tolist() == [epoch.time for epoch in epochs]
    assert found.header.version == version
    assert found.header.station == "STATION"
    assert found.header.receiver == "RECEIVER TYPE"
    assert found.header.antenna == "ANTENNA TYPE"
    assert found.header.interval == 30
    second = "2" if version < "3" else "2W"
    assert found.header.codes == {"G": ("1C", second), "R": ("1C", second)}
    assert found.thousandths.dtype == "i4"
    assert found.snr.dtype == "f4"


@FORMS
@VERSIONS
def test_only_what_is_asked_for(read, form, version):
    epochs = epochs_of(version)
    found = read(form(file_of(version, epochs)), systems="G", codes=("1C",))
    wanted = {cell: value for cell, value in truth(epochs).items() if cell[1][0] == "G"}
    assert cells(found) == {cell: value for cell, value in wanted.items() if cell[2] == "1C"}
    assert cells(read(form(file_of(version, epochs)), systems="E")) == {}


@FORMS
def test_cells_are_in_order(read, form):
    found = read(form(file_of("3.05", epochs_of("3.05"))))
    order = np.lexsort([found.satellite, found.time, found.code, found.system])
    assert order.tolist() == [*range(len(order))]


@FORMS
def test_s1_is_the_code_that_is_asked_for(read, form):
    found = read(form(file_of("2.11", epochs_of("2.11"))), s1_as="1X")
    assert {*found.code.tolist()} == {b"1X", b"2"}
    assert found.header.codes["G"] == ("1X", "2")


def test_what_no_file_can_have(read):
    data = file_of("2.11", epochs_of("2.11"))
    with pytest.raises(ValueError, match="there is no satellite system 'X', but G, R, S, E, C, J"):
        read(data, systems="GX")
    for wrong in ("", "1CX", "C1", "1c"):
        with pytest.raises(ValueError, match=r"s1_as: '.*' is no code, such as 1C"):
            read(data, s1_as=wrong)
    for codes in ("1C,2W", ("1C", "S2W")):
        with pytest.raises(ValueError, match=r"codes: '.*' is no code, such as 1C"):
            read(data, codes=codes)
    with pytest.raises(InputError, match=r"a\.rnx: line 5: has a code that S1 is to be, 2"):
        read(data, s1_as="2")
    assert cells(read(data, codes="2")) == cells(read(data, codes=["2"]))


# --- values -----------------------------------------------------------------------


@FORMS
@VERSIONS
def test_zeros_are_no_values(read, form, version):
    epochs = epochs_of(version)
    signal = types_of(version)[2] if version < "3" else "S1C"
    epochs[1].satellites["G02"][signal] = 0
    epochs[3].satellites["R07"][signal] = 0
    found = read(form(file_of(version, epochs)))
    assert cells(found) == truth(epochs)
    assert found.left_out == {"zeros": 2}
    zeros = found.zeros
    assert zeros.time.tolist() == [epochs[1].time, epochs[3].time]
    assert (zeros.system.tolist(), zeros.satellite.tolist()) == ([b"G", b"R"], [2, 7])
    assert zeros.code.tolist() == [b"1C", b"1C"]


@pytest.mark.parametrize(  # rnx2crx refuses such flags in RINEX 2
    ("form", "version"), [(bytes, "2.11"), (bytes, "3.05"), (compact, "3.05")]
)
def test_flags_without_a_value_are_no_value(read, form, version):
    epochs = epochs_of(version)
    name = "S1" if version < "3" else "S1C"
    for epoch in epochs[1:3]:
        epoch.satellites["G02"][name] = 99_999
    data = file_of(version, epochs).replace(b"        99.999  ", b"               8")
    for epoch in epochs[1:3]:
        epoch.satellites["G02"][name] = None
    assert cells(read(form(data))) == truth(epochs)


@FORMS
@VERSIONS
def test_fields_come_and_go(read, form, version):
    epochs = epochs_of(version, 12)
    for number, epoch in enumerate(epochs):
        for place, name in enumerate([*epoch.satellites]):
            for one in [*epoch.satellites[name]]:
                if (number * 7 + place * 3 + len(one) * ord(one[1])) % 5 == 0:
                    epoch.satellites[name][one] = None
            if (number + place) % 4 == 0:
                del epoch.satellites[name]
    found = read(form(file_of(version, epochs)))
    assert cells(found) == truth(epochs)
    assert found.left_out == {}


@FORMS
@pytest.mark.parametrize("factor", [10, 100, 1000])
def test_scaled_values(read, form, factor):
    epochs = epochs_of("3.05", 6)
    expected = truth(epochs)
    for epoch in epochs:
        for values in epoch.satellites.values():
            values["S1C"] *= factor
    some = line(f"G {factor:4d}   1 S1C", "SYS / SCALE FACTOR")
    every = line(f"R {factor:4d}", "SYS / SCALE FACTOR")
    for epoch in epochs:
        epoch.satellites["R07"]["S2W"] *= factor
    found = read(form(file_of("3.05", epochs, more=[some, every])))
    assert cells(found) == expected


@FORMS
@pytest.mark.parametrize(("stored", "value"), [(4_612_349, 46_123), (4_612_350, 46_124)])
def test_scaled_values_are_rounded_to_thousandths(read, form, stored, value):
    epochs = epochs_of("3.05")
    for epoch in epochs:
        epoch.satellites["R07"]["S1C"] = stored
    data = file_of("3.05", epochs, more=[line("R  100", "SYS / SCALE FACTOR")])
    found = read(form(data), systems="R")
    assert {one for (*_, code), one in cells(found).items() if code == "1C"} == {value}


def test_a_scale_of_all_types_takes_the_place_of_those_before(read):
    epochs = epochs_of("3.05")
    expected = truth(epochs)
    for epoch in epochs:
        for name in ("S1C", "S2W"):
            epoch.satellites["R07"][name] *= 10
    scales = [line(text, "SYS / SCALE FACTOR") for text in ("R  100   1 S2W", "R   10")]
    assert cells(read(file_of("3.05", epochs, more=scales))) == expected


def test_a_scale_that_stands_before_the_types(read):
    epochs = epochs_of("3.05")
    expected = truth(epochs)
    for epoch in epochs:
        for name in ("S1C", "S2W"):
            epoch.satellites["R07"][name] *= 10
    lines = header("3.05", TYPES_3)
    at = next(number for number, one in enumerate(lines) if "OBS TYPES" in one)
    lines.insert(at, line("R   10", "SYS / SCALE FACTOR"))
    found = read(("\n".join([*lines, *body(epochs, TYPES_3)]) + "\n").encode())
    assert cells(found) == expected


@pytest.mark.parametrize("unit", ["DBHZ", "dB-Hz", ""])
def test_the_unit_is_db_hz(read, unit):
    epochs = epochs_of("3.05")
    data = file_of("3.05", epochs, more=[line(unit, "SIGNAL STRENGTH UNIT")])
    assert cells(read(data)) == truth(epochs)


def test_another_unit_is_refused(read):
    data = file_of("3.05", epochs_of("3.05"), more=[line("AMU", "SIGNAL STRENGTH UNIT")])
    with pytest.raises(InputError, match=r"line 8: signal strengths are in AMU, not in dB-Hz"):
        read(data)


@FORMS
@VERSIONS
@pytest.mark.parametrize("impossible", [-5000, 100_250])
def test_values_that_no_signal_has_are_damage(read, form, version, impossible):
    epochs = epochs_of(version)
    name = "S1" if version < "3" else "S1C"
    epochs[2].satellites["G31"][name] = impossible
    found = read(form(file_of(version, epochs)))
    expected = truth(epochs)
    assert found.left_out["damage"] >= 1
    assert expected.items() >= cells(found).items()
    assert {key for key in expected if key[1] != "G31"} <= {*cells(found)}
    with pytest.raises(InputError, match=r"a\.rnx: not all of it can be read \(damage "):
        read(form(file_of(version, epochs)), strict=True)


@VERSIONS
def test_digits_are_checked_in_a_plain_field(read, version):
    epochs = epochs_of(version)
    signal = "S1" if version < "3" else "S1C"
    epochs[1].satellites["G02"][signal] = 41_111
    data = file_of(version, epochs)
    assert data.count(b"  41.111  ") == 1
    for wrong in (b"41.11O", b"4I.111", b"41 111", b"4 .111", b"41.1 1", b"41,111", b"41.11-"):
        found = read(data.replace(b"  41.111  ", b"  " + wrong + b"  "))
        expected = truth(epochs)
        del expected[epochs[1].time, "G02", "1C"]
        assert cells(found) == expected, wrong
        assert found.left_out == {"damage": 1}, wrong


@pytest.mark.parametrize(
    ("text", "number"),
    [(b"      41.111  ", 41_111), (b"41.111        ", 41_111), (b"          .111", 111),
     (b"         0.111", 111), (b"     041.111  ", 41_111), (b"        41.50 ", 41_500)],
)  # fmt: skip
def test_values_that_stand_elsewhere_in_their_field(read, text, number):
    epochs = day(2)
    epochs[1].satellites["G02"]["S1C"] = 41_111
    data = file_of("3.05", epochs)
    found = read(data.replace(b"        41.111", text))
    epochs[1].satellites["G02"]["S1C"] = number
    assert cells(found) == truth(epochs)
    assert found.left_out == {}


# --- between the epochs -----------------------------------------------------------


def event(version, flag, lines, time=None):
    head = " " * 26 if version < "3" else ">" + " " * 28
    head = head if time is None else clock(time, version)
    return [f"{head}  {flag}{len(lines):3d}", *lines]


def test_bare_comments(read):
    for version in ("2.11", "3.05"):
        epochs = epochs_of(version)
        lines = file_of(version, epochs).decode().splitlines()
        start = lines.index(line("", "END OF HEADER")) + 1
        for at in range(start, len(lines) + 1):
            more = [line("RINEX FILE SPLICE", "COMMENT"), line("", "COMMENT")]
            data = "\n".join([*lines[:at], *more, *lines[at:], ""]).encode()
            found = read(data)
            assert cells(found) == truth(epochs)
            assert found.left_out == {}


@FORMS
@VERSIONS
@pytest.mark.parametrize("with_time", [False, True])
def test_events(read, form, version, with_time):
    epochs = epochs_of(version, 6)
    time = START + timedelta(seconds=45) if with_time else None
    epochs[1].before = event(version, 4, [line("hello", "COMMENT"), line("you", "COMMENT")], time)
    epochs[2].before = event(version, 2, [], time)
    epochs[3].before = event(version, 3, [line("NEW SITE", "MARKER NAME")], time)
    epochs[4].before = event(version, 5, [], time)
    found = read(form(file_of(version, epochs)))
    assert cells(found) == truth(epochs)
    assert found.left_out == {}
    assert found.header.station == "STATION"


@FORMS
@VERSIONS
def test_events_that_are_none(read, form, version):
    epochs = epochs_of(version, 5)
    data = form(file_of(version, epochs))
    at = data.index(b"  4", data.index(b"END OF HEADER")) - 1
    assert data[at : at + 1] == b"0"
    found = read(data[:at] + b"4" + data[at + 1 :])
    assert cells(found) == (truth(epochs[1:]) if form is bytes else {})
    assert found.left_out["damage"] >= 4


@FORMS
@VERSIONS
def test_events_with_a_wrong_count(read, form, version):
    epochs = epochs_of(version, 6)
    epochs[2].before = event(version, 4, [line("hello", "COMMENT"), line("you", "COMMENT")])
    data = form(file_of(version, epochs))
    assert data.count(b"  4  2") == 1
    for wrong in (b"0", b"1", b"3", b"9"):
        found = read(data.replace(b"  4  2", b"  4  " + wrong))
        assert truth(epochs).items() >= cells(found).items()
        if form is bytes:
            assert cells(found) == truth(epochs)
        if wrong > b"2":
            assert set(found.left_out) & {"counts", "damage", "cut"}


@FORMS
@VERSIONS
def test_types_that_change_by_an_event(read, form, version):
    epochs, later = epochs_of(version), epochs_of(version)
    changed = ["S1", "C1"] if version < "3" else {"G": ["S2W", "S1C", "C1C"], "R": ["S1C"]}
    for epoch in later:
        epoch.time += timedelta(seconds=600)
        for name, values in epoch.satellites.items():
            kept = changed if version < "3" else changed[name[0]]
            epoch.satellites[name] = {one: values[one] for one in kept}
    later[0].before = event(version, 4, listed(changed))
    first = file_of(version, epochs)
    data = first + ("\n".join(body(later, changed, version)) + "\n").encode()
    found = read(form(data))
    assert cells(found) == truth(epochs + later)
    assert found.left_out == {}


@FORMS
def test_types_that_change_by_two_events(read, form):
    epochs = day(6, TYPES_3["G"])
    changed = {"G": ["S2W", "S1C", "L1C", "C1C"], "R": ["S1C", "S2W", "C1C", "L1C"]}
    each = [listed({system: names}) for system, names in changed.items()]
    epochs[3].before = [one for lines in each for one in event("3.05", 4, lines)]
    lines = header("3.05", TYPES_3) + body(epochs[:3], TYPES_3) + body(epochs[3:], changed)
    found = read(form(("\n".join(lines) + "\n").encode()))
    assert cells(found) == truth(epochs)
    assert found.left_out == {}


def test_types_that_change_by_bare_lines(read):
    epochs = day(6, TYPES_3["G"])
    changed = {"G": ["S2W", "S1C", "L1C", "C1C"], "R": ["S1C", "S2W", "C1C", "L1C"]}
    epochs[3].before = listed(changed)
    lines = header("3.05", TYPES_3) + body(epochs[:3], TYPES_3) + body(epochs[3:], changed)
    assert cells(read(("\n".join(lines) + "\n").encode())) == truth(epochs)


@FORMS
@VERSIONS
def test_files_that_were_joined(read, form, version):
    epochs, later = epochs_of(version), epochs_of(version)
    changed = ["S1", "C1"] if version < "3" else {"G": ["S2W", "S1C"], "R": ["S1C", "C1C"]}
    for epoch in later:
        epoch.time += timedelta(hours=1)
        for name, values in epoch.satellites.items():
            kept = changed if version < "3" else changed[name[0]]
            epoch.satellites[name] = {one: values[one] for one in kept}
    data = form(file_of(version, epochs)) + form(written(later, changed, version))
    found = read(data)
    assert cells(found) == truth(epochs + later)
    assert found.left_out == {}


@FORMS
def test_of_a_file_before_neither_scales_nor_types_are_left(read, form):
    epochs, later = day(3, TYPES_3["G"]), day(3, TYPES_3["G"])
    expected = truth(epochs)
    for epoch in epochs:
        epoch.satellites["G02"]["S1C"] *= 10
        epoch.satellites["G01"]["S1C"] *= 10
        epoch.satellites["G31"]["S1C"] *= 10
    for epoch in later:
        epoch.time += timedelta(hours=1)
    scale = line("G   10   1 S1C", "SYS / SCALE FACTOR")
    second = file_of("3.05", later)
    found = read(form(file_of("3.05", epochs, more=[scale])) + form(second))
    assert cells(found) == expected | truth(later)
    without = b"\n".join(one for one in second.split(b"\n") if one[:6] != b"R    4")
    found = read(file_of("3.05", epochs, more=[scale]) + without)
    gps = {cell: value for cell, value in truth(later).items() if cell[1][0] == "G"}
    assert cells(found) == expected | gps
    assert found.left_out == {"damage": 3}  # what the fields of GLONASS are nobody says


@FORMS
@VERSIONS
def test_a_file_of_another_station_is_not_joined(read, form, version):
    data = form(file_of(version, epochs_of(version)))
    assert read(data + data.replace(b"STATION", b"Station")).header.station == "STATION"
    with pytest.raises(InputError, match=r"line \d+: a file of PLATEAU begins within one of STA"):
        read(data + data.replace(b"STATION", b"PLATEAU"))


@pytest.mark.parametrize("interval", ["     0.000", "    0.0001", "   -30.000", "   x      "])
def test_an_interval_that_cannot_be_is_seen_from_the_epochs(read, interval):
    data = file_of("3.05", epochs_of("3.05")).replace(b"    30.000", interval.encode())
    assert read(data).header.interval == 30


@VERSIONS
def test_a_file_of_another_version_is_not_joined(read, version):
    other = {"2.11": "3.05", "3.05": "2.11"}[version]
    data = file_of(version, epochs_of(version)) + file_of(other, epochs_of(other))
    with pytest.raises(InputError, match=rf"line \d+: RINEX {other} begins within {version}"):
        read(data)


def test_a_file_of_another_system_is_not_joined_if_blanks_may_stand_for_it(read):
    data = file_of("2.11", epochs_of("2.11"), system="G")
    other = file_of("2.11", epochs_of("2.11"), system="R")
    with pytest.raises(InputError, match=r"line \d+: a file of R begins within one of G"):
        read(data + other)
    assert read(data + file_of("2.11", epochs_of("2.11"))).left_out == {"repeats": 32}


@FORMS
@VERSIONS
def test_cycle_slips_are_no_observations_and_a_power_failure_is_none(read, form, version):
    epochs = epochs_of(version, 5)
    epochs[2].flag = 6
    epochs[3].flag = 1
    found = read(form(file_of(version, epochs)))
    assert cells(found) == truth([epoch for epoch in epochs if epoch.flag != 6])
    assert found.left_out == {}
    assert len(found.epochs) == 4


def test_counts_of_satellites_that_are_wrong(read):
    for version in ("2.11", "3.05"):
        for wrong in (3, 5):
            epochs = epochs_of(version)
            epochs[1].count = wrong
            data = file_of(version, epochs)
            found = read(data)
            seen = cells(found)
            assert truth(epochs).items() >= seen.items()
            if version > "3" or wrong == 5:
                assert (seen, found.left_out) == (truth(epochs), {"counts": 1})
            else:  # which lines belong to which satellites cannot be known
                assert seen == truth(epochs[:1] + epochs[2:])
                assert found.left_out == {"damage": 3}
            with pytest.raises(InputError, match="not all of it can be read"):
                read(data, strict=True)


@VERSIONS
def test_an_epoch_whose_first_line_is_lost(read, version):
    epochs = epochs_of(version)
    lines = file_of(version, epochs).splitlines(keepends=True)
    head = next(one for one in lines if clock(epochs[2].time, version).encode() in one)
    lines.remove(head)
    found = read(b"".join(lines))
    # Of RINEX 2, whose records have no names, the epoch before is lost with it.
    sound = [one for one in epochs if one is not epochs[2]]
    expected = truth(sound if version > "3" else [epochs[0], epochs[3]])
    assert cells(found) == expected
    assert found.left_out["damage"] == 4


@pytest.mark.parametrize("lost", [slice(8, 11), slice(8, 12), slice(9, 12)])
def test_an_epoch_that_goes_over_into_the_next_one(read, lost):
    epochs = epochs_of("3.05")
    lines = body(epochs, TYPES_3)  # an epoch has five lines
    del lines[lost]
    found = read(("\n".join([*header("3.05", TYPES_3), *lines]) + "\n").encode())
    gone = [*epochs[1].satellites][lost.start - 6 :], [*epochs[2].satellites]
    for epoch, names in zip(epochs[1:3], gone, strict=True):
        for name in names:
            del epoch.satellites[name]
    assert cells(found) == truth(epochs)
    assert found.left_out["counts"] == 1
    assert found.left_out["damage"] == 15 - lost.stop


@VERSIONS
def test_counts_of_satellites_that_are_wrong_in_hatanaka_form(read, version):
    epochs = epochs_of(version, 6)
    data = hatanaka_with_two_beginnings(version, epochs)
    for wrong in (b"3", b"5"):
        head = b"0  4" + b" " * 6 + b"G01" if version > "3" else b"0  4G01"
        assert data.count(head) == 2
        found = read(data.replace(head, head.replace(b"4", wrong, 1), 1))
        assert truth(epochs).items() >= cells(found).items()
        assert cells(found) == truth(epochs[3:])
        assert found.left_out["damage"] > 0


def hatanaka_with_two_beginnings(version, epochs):
    """Return a file whose fourth epoch starts afresh."""
    epochs[3].before = event(version, 4, [line("", "COMMENT")])
    return compact(file_of(version, epochs))


@FORMS
@VERSIONS
def test_an_epoch_twice(read, form, version):
    epochs = epochs_of(version, 4)
    epochs[2].time = epochs[1].time
    found = read(form(file_of(version, epochs)))
    assert cells(found) == truth(epochs)  # in which the last one counts
    assert found.left_out == {"repeats": 8}
    assert len(found.epochs) == 3


@VERSIONS
def test_a_satellite_twice_in_an_epoch(read, version):
    epochs = epochs_of(version)
    data = file_of(version, epochs)
    second = data.index(b"G02", data.index(b"END OF HEADER"))
    twice = bytearray(data)
    twice[second : second + 3] = b"G01"
    found = read(bytes(twice))
    expected = truth(epochs)
    for code in {cell[2] for cell in expected}:
        expected[START, "G01", code] = expected.pop((START, "G02", code))
    assert cells(found) == expected
    assert found.left_out == {"repeats": 2}


@VERSIONS
def test_a_satellite_twice_in_an_epoch_of_hatanaka_form(read, version):
    epochs = epochs_of(version, 6)
    data = hatanaka_with_two_beginnings(version, epochs).replace(b"G01G02", b"G01G01", 1)
    found = read(data)
    assert cells(found) == truth(epochs[3:])
    assert found.left_out["damage"] > 0


@FORMS
@VERSIONS
def test_a_lone_epoch_after_a_gap(read, form, version):
    epochs = epochs_of(version, 5)
    epochs[4].time += timedelta(hours=9)
    found = read(form(file_of(version, epochs)))
    assert cells(found) == truth(epochs)
    assert found.epochs.tolist()[-1] == epochs[4].time


# --- satellites -------------------------------------------------------------------


@VERSIONS
def test_blanks_in_numbers_of_satellites(read, version):
    epochs = epochs_of(version)
    data = file_of(version, epochs)
    at = data.index(b"END OF HEADER") + 13
    data = data[:at] + data[at:].replace(b"G01", b"G 1").replace(b"R07", b"R 7")
    assert cells(read(data)) == truth(epochs)
    assert cells(read(compact(data))) == truth(epochs)


@FORMS
@pytest.mark.parametrize("system", ["G", "R", "M"])
def test_a_blank_for_the_system(read, form, system):
    own = "G" if system == "M" else system
    epochs = day(3, ("C1", "S1"), (f"{own}01", f"{own}12"))
    data = written(epochs, ["C1", "S1"], "2.11", system=system, clock="GPS")
    at = data.index(b"END OF HEADER") + 13
    data = data[:at] + data[at:].replace(own.encode(), b" ")
    assert cells(read(form(data))) == truth(epochs)


def test_satellites_of_another_system_than_the_header_says(read):
    epochs = day(3, ("C1", "S1"), ("G01", "G12"))
    data = written(epochs, ["C1", "S1"], "2.11", system="R")
    assert cells(read(data)) == truth(epochs)


@FORMS
@VERSIONS
def test_many_satellites_and_types(read, form, version):
    names = [f"{system}{one:02d}" for system in "GRE" for one in range(1, 15)] + ["S37", "G99"]
    kinds = [f"{kind}{band}" for band in "12567" for kind in "CLDS"]
    if version > "3":
        kinds = [f"{one}{attribute}" for one in kinds for attribute in "CW"]
    types = kinds if version < "3" else dict.fromkeys("GRES", kinds)
    epochs = day(3, kinds, names)
    found = read(form(written(epochs, types, version)))
    assert len(kinds) == (20 if version < "3" else 40)
    assert cells(found) == truth(epochs)
    assert found.left_out == {}


@FORMS
def test_a_satellite_that_cannot_be(read, form):
    epochs = day(3, names=("G01", "G02"))
    data = file_of("3.05", epochs)
    at = data.index(b"END OF HEADER") + 13
    if form is compact:
        head, _, rest = compact(data).partition(b"END OF HEADER")
        data = head + b"END OF HEADER" + rest.replace(b"G02", b"GX2")
        found = read(data)
        assert cells(found) == {}
    else:
        found = read(data[:at] + data[at:].replace(b"G02", b"GX2"))
        assert cells(found) == truth(day(3, names=("G01",)))
    assert found.left_out["damage"] >= 3


# --- times ------------------------------------------------------------------------


@FORMS
@VERSIONS
@pytest.mark.parametrize("head", ["24  5  6  0  0 60.0000000", "24 13  6  0  0  1.0000000",
                                  "24  5 32  0  0  1.0000000", "24  2 30  0  0  1.0000000",
                                  "24  5  6 24  0  0.0000000", "24  5  6  0 60  0.0000000",
                                  "24  5  6  0  0  1.00O0000"])  # fmt: skip
def test_impossible_times(read, form, version, head):
    epochs = epochs_of(version, 5)
    epochs[2].head = f" {head}" if version < "3" else f"> 20{head}"
    found = read(form(file_of(version, epochs)))
    assert cells(found) == truth(epochs[:2] + epochs[3:])
    assert found.left_out == {"times": 8}
    assert len(found.epochs) == 4


@FORMS
@VERSIONS
@pytest.mark.parametrize(
    ("name", "later"), [("GPS", 0), ("GAL", 0), ("QZS", 0), ("IRN", 0), ("BDT", 14), ("GLO", 18)]
)
def test_all_times_are_gps_time(read, form, version, name, later):
    epochs = epochs_of(version)
    found = read(form(file_of(version, epochs, clock=name)))
    assert found.header.time_system == name
    assert found.epochs.tolist() == [one.time + timedelta(seconds=later) for one in epochs]


@FORMS
def test_a_leap_second(read, form):
    epochs = epochs_of("3.05", 3)
    epochs[0].time = datetime(2016, 12, 31, 23, 59, 59)
    epochs[1].head = "> 2016 12 31 23 59 60.0000000"
    epochs[2].time = datetime(2017, 1, 1)
    data = file_of("3.05", epochs, clock="GLO")
    found = read(form(data))
    first = datetime(2017, 1, 1, 0, 0, 16)
    assert found.epochs.tolist() == [first + timedelta(seconds=one) for one in range(3)]
    assert found.left_out == {}
    found = read(form(file_of("3.05", epochs)))  # of which GPS time has none
    assert found.left_out == {"times": 8}


@pytest.mark.parametrize(("system", "name"), [("R", "GLO"), ("E", "GAL"), ("C", "BDT")])
def test_the_time_of_a_system_if_none_is_named(read, system, name):
    epochs = day(2, ("S1C",), (f"{system}01",))
    data = written(epochs, {system: ["S1C"]}, system=system, clock="   ")
    assert read(data).header.time_system == name


@FORMS
@pytest.mark.parametrize(("year", "text"), [(1999, "99"), (2000, "00"), (1980, "80"), (2079, "79")])
def test_years_of_two_digits(read, form, year, text):
    epochs = epochs_of("2.11", 2)
    for epoch in epochs:
        epoch.time = epoch.time.replace(year=year)
    data = file_of("2.11", epochs)
    assert f"\n {text}  5  6  0  0".encode() in data
    assert cells(read(form(data))) == truth(epochs)


@FORMS
@VERSIONS
def test_fractions_of_a_second(read, form, version):
    epochs = epochs_of(version, 3)
    for number, epoch in enumerate(epochs):
        epoch.time = START + timedelta(milliseconds=50 * number + 5)
    found = read(form(file_of(version, epochs)))
    assert found.epochs.tolist() == [epoch.time for epoch in epochs]


@FORMS
@pytest.mark.parametrize(
    ("head", "time"),
    [
        ("> 2024  5  6  0  0 29.9996000", "2024-05-06T00:00:30"),
        ("> 2024  5  6 23 59 59.9999999", "2024-05-07T00:00:00"),
    ],
)
def test_times_are_rounded_to_milliseconds(read, form, head, time):
    (epoch,) = epochs_of("3.05", 1)
    epoch.head = head
    assert read(form(file_of("3.05", [epoch]))).epochs.tolist() == [datetime.fromisoformat(time)]


def test_a_blank_flag_of_rinex_2_is_no_event(read):
    epochs = epochs_of("2.11")
    data = file_of("2.11", epochs)
    assert data.count(b"  0  4G01") == 4
    assert cells(read(data.replace(b"  0  4G01", b"     4G01"))) == truth(epochs)


# --- whole files ------------------------------------------------------------------


@FORMS
@VERSIONS
def test_a_file_that_is_cut_anywhere(read, form, version):
    names = ("S1", "S2") if version < "3" else ("S1C", "S2W")
    epochs = day(2, names, ("G01", "G31"))
    expected = truth(epochs)
    last = line("  2024     5     6     0     0   30.0000000     GPS", "TIME OF LAST OBS")
    types = [*names] if version < "3" else {"G": [*names]}
    data = form(written(epochs, types, version, more=[last]))
    start = data.index(b"END OF HEADER") + 14
    before = -1
    for end in range(start, len(data)):
        found = read(data[:end])
        seen = cells(found)
        assert expected.items() >= seen.items(), end
        if len(seen) < len(expected):
            assert found.left_out.get("cut", 0) > 0, end
        assert len(seen) >= before
        before = len(seen)
    with pytest.raises(InputError, match=r"cut"):
        read(data[: len(data) * 9 // 10], strict=True)


@FORMS
@VERSIONS
def test_lines_that_end_with_two_characters(read, form, version):
    epochs = epochs_of(version)
    data = form(file_of(version, epochs)).replace(b"\n", b"\r\n")
    found = read(data)
    assert cells(found) == truth(epochs)
    assert found.left_out == {}


@FORMS
@VERSIONS
@pytest.mark.parametrize("odd", [b"\r", b"\t", b"\0", b"\x07", b"\xe9"])
def test_characters_that_do_not_belong_there(read, form, version, odd):
    data = form(file_of(version, epochs_of(version)))
    for at in (len(data) - 40, data.index(b"END OF HEADER") + 30, len(data) - 3):
        with pytest.raises(InputError, match=r"a\.rnx: line \d+: has a character that"):
            read(data[:at] + odd + data[at + 1 :])


@FORMS
@VERSIONS
def test_types_that_are_not_as_many_as_announced(read, form, version):
    data = form(file_of(version, epochs_of(version)))
    old, new = (b"     4    C1", b"     5    C1") if version < "3" else (b"G    4", b"G    3")
    wrong = data.replace(old, new)
    with pytest.raises(InputError, match=r"line \d: [35] observation types are announced, 4 "):
        read(wrong)
    if version > "3":
        assert len(read(wrong, systems="R").thousandths) == 8


@FORMS
@VERSIONS
def test_headers_that_cannot_be(read, form, version):
    data = form(file_of(version, epochs_of(version)))
    with pytest.raises(InputError, match=r"line \d+: the header has no END OF HEADER"):
        read(data.replace(b"END OF HEADER", b"END OF FOOTER"))
    with pytest.raises(InputError, match=r"a\.rnx: line \d: is a navigation file"):
        read(data.replace(b"OBSERVATION DATA", b"NAVIGATION DATA "))
    with pytest.raises(InputError, match=r"line \d: is a meteorological file"):
        read(data.replace(b"OBSERVATION DATA", b"METEOROLOGICAL D"))
    with pytest.raises(InputError, match=r"line \d: RINEX 5\.00 is not read, but 2, 3 and 4"):
        read(data.replace(f"     {version}".encode(), b"     5.00"))
    with pytest.raises(InputError, match=r"line \d+: there is no time system 'MEZ'"):
        read(data.replace(b"     GPS", b"     MEZ"))
    with pytest.raises(InputError, match=r"line 1: is no RINEX file"):
        read(data[5:])
    types = b"# / TYPES OF OBSERV" if version < "3" else b"SYS / # / OBS TYPES"
    with pytest.raises(InputError, match=r"the header names no observation types"):
        read(data.replace(types, b"COMMENT            "))


def test_types_of_the_other_form(read):
    for version, types in (("2.11", TYPES_3), ("3.05", TYPES_2)):
        lines = "\n".join([*header(version, types), ""]).encode()
        with pytest.raises(InputError, match=rf"line \d: RINEX {version} lists no observation typ"):
            read(lines)
    first = line("3.0                 COMPACT RINEX FORMAT", "CRINEX VERS   / TYPE")
    lines = "\n".join([first, *listed(TYPES_3), ""]).encode()
    with pytest.raises(InputError, match="line 2: RINEX of no version lists no"):
        read(lines)


def test_satellites_whose_types_are_not_listed(read):
    epochs = epochs_of("3.05")
    data = file_of("3.05", epochs).replace(b"R    4 C1C", b"E    4 C1C")
    found = read(data)
    assert cells(found) == {cell: v for cell, v in truth(epochs).items() if cell[1][0] == "G"}
    assert found.left_out == {"damage": 4}
    assert read(data, systems="G").left_out == {}


def test_files_of_nothing(read, tmp_path):
    for data in (b"", b"\n", b"\0\0\0", b"\x1a"):
        with pytest.raises(InputError, match=r"a\.rnx: is empty"):
            read(data)
    with pytest.raises(InputError, match="does not exist"):
        read_observations(tmp_path / "none.rnx")
    with pytest.raises(InputError, match="cannot be read"):
        read_observations(tmp_path)


# --- Hatanaka's form --------------------------------------------------------------


@pytest.mark.parametrize("order", range(8))
def test_orders_of_differences(read, order):
    epochs = day(9, ("S1C",), ("G01",))
    values = [epoch.satellites["G01"]["S1C"] for epoch in epochs]
    data = header("3.05", {"G": ["S1C"]})
    lines = [
        line("3.0                 COMPACT RINEX FORMAT", "CRINEX VERS   / TYPE"),
        line("tests", "CRINEX PROG / DATE"),
        *data,
        "> 2024  5  6  0  0  0.0000000  0  1      G01",
    ]
    kept = [0] * order
    for number, current in enumerate(values):
        difference, now = current, []
        for level in range(min(order, number)):
            now.append(difference)
            difference -= kept[level]
        kept = [*now, difference, *[0] * order][:order]
        if number:
            lines.append(f"{'':16}{number // 2:2d} {'30' if number % 2 else '&0'}")
        lines += ["", f"{order}&{difference}" if not number else str(difference)]
    found = read(("\n".join(lines) + "\n").encode())
    if 1 <= order <= 5:
        assert cells(found) == truth(epochs)
        assert found.left_out == {}
    else:
        assert cells(found) == {}
        assert found.left_out == {"damage": 9}


def test_a_value_that_goes_on_from_nothing(read):
    epochs = day(4, ("S1C", "S2W"), ("G01", "G02"))
    data = compact(written(epochs, {"G": ["S1C", "S2W"]}))
    first = f"3&{epochs[0].satellites['G02']['S1C']} ".encode()
    assert data.count(first) == 1
    found = read(data.replace(first, b" "))
    expected = {key: v for key, v in truth(epochs).items() if key[1:] != ("G02", "1C")}
    assert cells(found) == expected
    assert found.left_out == {"damage": 3}


@VERSIONS
def test_blank_lines_at_the_end(read, version):
    epochs = epochs_of(version)
    for form in (bytes, compact):
        for more in (b"\n", b"\n\n   \n", b"\x1a", b"\n\x1a"):
            found = read(form(file_of(version, epochs)) + more)
            assert cells(found) == truth(epochs)
            assert found.left_out == {}


def test_remarks_of_hatanaka_files_are_passed(read):
    epochs = day(3)
    data = compact(file_of("3.05", epochs))
    at = data.index(b"\n>") + 1
    assert cells(read(data[:at] + b"&some remark\n" + data[at:])) == truth(epochs)


def test_damage_that_leaves_the_grid_of_the_receiver(read):
    epochs = day(200, ("S1C",), ("G01", "G02"))
    data = compact(written(epochs, {"G": ["S1C"]}))
    lines = data.split(b"\n")
    place = len(lines) // 2
    while not lines[place].lstrip(b"-").isdigit() or len(lines[place]) < 4:
        place += 1
    lines[place] = lines[place][:-1] + (b"1" if lines[place][-1:] != b"1" else b"2")
    found = read(b"\n".join(lines))
    assert truth(epochs).items() >= cells(found).items()
    assert found.left_out["damage"] > 10


def test_numbers_off_the_grid_that_are_no_damage(read):
    epochs = day(120, ("S1C",), ("G01", "G02", "G03", "G04", "G05", "G06"))
    for number, epoch in enumerate(epochs):
        epoch.satellites["G02"]["S1C"] = 45_123  # always
        epoch.satellites["G03"]["S1C"] = 40_000 + (77 if number > 60 else 0)
        epoch.satellites["G04"]["S1C"] = 30_000 + 7 * max(number - 50, 0)
        epoch.satellites["G05"]["S1C"] = 30_000 + 7 * number
        epoch.satellites["G06"]["S1C"] += 1
    epochs[30].satellites["G01"]["S1C"] = 37_411
    epochs[-1].satellites["G01"]["S1C"] = 37_411
    found = read(compact(written(epochs, {"G": ["S1C"]})))
    assert cells(found) == truth(epochs)
    assert found.left_out == {}


# --- containers -------------------------------------------------------------------


def zipped(**files):
    found = io.BytesIO()
    with zipfile.ZipFile(found, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return found.getvalue()


@FORMS
def test_containers(read, form):
    ncompress = pytest.importorskip("ncompress")
    epochs = day(3)
    data = form(file_of("3.05", epochs))
    half = data.index(b"\n", len(data) // 2)
    nav = written(epochs, TYPES_3).replace(b"OBSERVATION DATA", b"NAVIGATION DATA ")
    for packed in (
        gzip.compress(data),
        gzip.compress(data[:half]) + gzip.compress(data[half:]),
        gzip.compress(data) + b"\0" * 512,
        bz2.compress(data),
        bz2.compress(data[:half]) + bz2.compress(data[half:]),
        ncompress.compress(data),
        zipped(a=data),
        zipped(folder=data, nav=nav),
        zipped(a=gzip.compress(data)),
        gzip.compress(ncompress.compress(data)),
    ):
        found = read(packed, "a")
        assert cells(found) == truth(epochs)
        assert found.left_out == {}


def test_two_members_that_are_alike(read):
    epochs = day(3)
    data = file_of("3.05", epochs)
    found = read(gzip.compress(data, mtime=0) * 2)
    assert cells(found) == truth(epochs)
    assert found.left_out == {"repeats": 24}


def test_containers_that_cannot_be(read):
    data = file_of("3.05", day(3))
    for packed, why in (
        (zipped(a=data, b=data), r"holds 2 files of observations, not one \(a, b\)"),
        (zipped(), "holds 0 files"),
        (zipped(a=data)[:-30], "zip"),
        (gzip.compress(data)[:-30], "gzip"),
        (gzip.compress(data) + b"more", "gzip"),
        (bz2.compress(data)[:-30], "bzip2"),
        (bz2.compress(data) + b"more", "bzip2"),
        (gzip.compress(gzip.compress(gzip.compress(gzip.compress(data)))), "more than 3 times"),
    ):
        with pytest.raises(InputError, match=why):
            read(packed)


def test_a_cut_file_of_compress(read):
    ncompress = pytest.importorskip("ncompress")
    epochs = day(40)
    last = line("  2024     5     6     0    19   30.0000000     GPS", "TIME OF LAST OBS")
    packed = ncompress.compress(file_of("3.05", epochs, more=[last]))
    for end in range(len(packed) // 2, len(packed), 37):
        try:
            found = read(packed[:end], "a.Z")
        except InputError:
            continue
        assert truth(epochs).items() >= cells(found).items()
        assert found.left_out["cut"] > 0


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress])
def test_bombs_are_let_go(read, pack, monkeypatch):
    from captools.gnss import containers

    monkeypatch.setattr(containers, "UNPACKED_BYTES", 1 << 20)
    for data in (pack(bytes(3 << 20)), zipped(a=pack(bytes(3 << 20))), zipped(a=bytes(3 << 20))):
        with pytest.raises(InputError, match="unpacks to more than 1048576 bytes"):
            read(data)


def test_a_file_on_a_server():
    fsspec = pytest.importorskip("fsspec")
    epochs = day(3)
    url = "memory://station/day.crx.gz"
    with fsspec.open(url, "wb") as file:
        file.write(gzip.compress(compact(file_of("3.05", epochs))))
    assert cells(read_observations(url, None, None)) == truth(epochs)
    with fsspec.open("memory://station/large.rnx", "wb") as file:  # not fetched as a small one
        file.write(file_of("3.05", epochs) + bytes(9 << 20))
    assert cells(read_observations("memory://station/large.rnx", None, None)) == truth(epochs)
    with pytest.raises(InputError, match=r"memory://station/none: does not exist"):
        read_observations("memory://station/none")
