"""What is in an array is what its inputs say now: read back with TileDB's own Python package."""

import gc
import json
import os
import sys
import threading
import time

import numpy as np
import pytest
from arraycells import NUMBERS
from arraycells import cells as all_cells
from arraycells import fragments as all_fragments

from captools.errors import InputError
from captools.gnss import array as arrays
from captools.gnss import ingest as ingesting
from captools.gnss.array import Array, slot
from captools.gnss.context import context_of, ready
from captools.gnss.ingest import Wanted, ingest
from captools.gnss.observations import Cells, Header, Observations
from captools.gnss.querying import Query
from captools.run import watched

ready()
tiledb = sys.modules["tiledb"]  # imported by `ready`, which keeps how NumPy prints numbers

DAY = np.datetime64("2024-05-06", "ms")
NONE = np.array([], "M8[ms]")
NO_CELLS = Cells(NONE, np.array([], "S1"), np.array([], "u1"), np.array([], "S2"))


def observations(rows, station="P057", **left_out):
    """Make what a file says: rows of (seconds of the day, system, satellite, code, thousandths)."""
    rows = sorted(rows, key=lambda row: (row[1], row[3], row[0], row[2]))
    when, system, satellite, code, strength = zip(*rows, strict=True) if rows else [()] * 5
    times = DAY + np.array(when, "m8[s]").astype("m8[ms]")
    return Observations(
        times,
        np.array(system, "S1"),
        np.array(satellite, "u1"),
        np.array(code, "S2"),
        np.array(strength, "i4"),
        NO_CELLS,
        np.unique(times),
        left_out,
        Header("3.05", station, "SEPT POLARX5", "TRM59800.00", "GPS", 30.0, {}),
    )


@pytest.fixture
def files(tmp_path, monkeypatch):
    """A function that writes a file of a name, which is read as the observations given."""
    said = {}

    def write(name, found):
        path = tmp_path / name
        path.write_text(str(len(said)))
        said[path] = found
        return path

    def read(path, *options):
        found = said[path]
        if isinstance(found, Exception):
            raise found
        return found

    monkeypatch.setattr(ingesting, "read_observations", read)
    return write


@pytest.fixture
def into(tmp_path):
    """A function that writes a file into the array x.tdb."""
    return lambda path, **more: ingest(path, tmp_path / "x.tdb", Wanted(**more), "earthscope")


def cells(folder):
    """All cells of the array x.tdb."""
    return all_cells(folder / "x.tdb")


def fragments(folder):
    return all_fragments(folder / "x.tdb")


def stored(found):
    """What an array should hold of observations."""
    rows = zip(
        found.time.astype("M8[ms]").astype(int).tolist(),
        found.system.astype(str).tolist(),
        found.satellite.tolist(),
        found.code.tolist(),
        found.thousandths.tolist(),
        strict=True,
    )
    return {
        (when, NUMBERS[system], satellite, code[0] * 256 + code[1]): np.float32(value / 1000)
        for when, system, satellite, code, value in rows
    }


def some(seed, seconds=range(0, 300, 30), **more):
    """Make observations of two systems and three codes, some of which are not there."""
    chance = np.random.default_rng(seed)
    rows = [
        (when, system, satellite, code, int(chance.integers(20_000, 56_000)))
        for when in seconds
        for system, code in (("G", "1C"), ("G", "2W"), ("E", "5Q"))
        for satellite in (3, 31, 7)
        if chance.random() < 0.8
    ]
    return observations(rows, **more)


# --- what is written ------------------------------------------------------------------


def test_cells_are_in_the_array_as_earthscope_has_them(tmp_path, files, into):
    found = observations([(0, "G", 5, "1C", 45_250), (30, "E", 11, "5Q", 38_100)], zeros=2)
    written = into(files("p0570010.24d", found))
    assert (list(written), written.rows_in, written.rows_out) == ([], 4, 2)
    assert written.removed == {"zeros": 2}
    midnight = 1_714_953_600_000
    assert cells(tmp_path) == {
        (midnight, 1, 5, 12611): np.float32(45.25),
        (midnight + 30_000, 4, 11, 13649): np.float32(38.1),
    }


def test_the_array_says_what_s1_counts_as(tmp_path, files, into):
    into(files("p0570010.24d", some(1)), s1_as="1W")
    records = map(json.loads, Array(tmp_path / "x.tdb").input_notes())
    assert [record["s1_as"] for record in records] == ["1W"]


def test_the_array_says_what_it_holds(tmp_path, files, into):
    into(files("p0570010.24d", some(1)))
    with tiledb.open(str(tmp_path / "x.tdb"), ctx=context_of(tmp_path)) as array:
        notes, schema = dict(array.meta.items()), array.schema
    assert notes["station"] == "P057"
    assert notes["receiver"] == "SEPT POLARX5"
    assert (notes["interval"], notes["time_system"]) == (30.0, "GPS")
    assert notes["numbering"] == "earthscope"
    assert [schema.domain.dim(n).name for n in range(4)] == ["time", "constell", "sat", "obs_code"]
    assert [int(schema.domain.dim(n).tile) for n in range(4)] == [86_400_000, 1, 255, 1]
    assert (schema.sparse, schema.allows_duplicates) == (True, False)


def test_a_file_of_two_days_and_all_systems_is_one_fragment(tmp_path, files, into):
    rows = [(when, *rest) for when in (86_370, 86_400, 0) for rest in MANY]
    found = observations(rows)
    into(files("p0570010.24d", found))
    assert cells(tmp_path) == stored(found)
    assert len(fragments(tmp_path)) == 1


MANY = [
    (system, number, code, 40_000 + number)
    for number, system in enumerate("IJCESRG")
    for code in ("5A", "1C")
]


def test_without_the_private_way_to_write_the_cells_are_the_same(
    tmp_path, files, into, monkeypatch
):
    monkeypatch.setattr(arrays, "write_in_order", lambda *_: False)
    found = some(1)
    into(files("p0570010.24d", found))
    assert cells(tmp_path) == stored(found)


def test_the_private_way_to_write_is_there(tmp_path, files, into, monkeypatch):
    """Else the other one would be taken without a word."""
    written = []
    in_order = arrays.write_in_order
    monkeypatch.setattr(arrays, "write_in_order", lambda *_: written.append(in_order(*_)) or True)
    into(files("p0570010.24d", some(1)))
    assert written == [True]


def test_another_numbering_is_refused(tmp_path, files, into):
    path = files("p0570010.24d", some(1))
    into(path)
    with pytest.raises(ValueError, match="has the numbering earthscope of systems, not demo"):
        ingest(path, tmp_path / "x.tdb", Wanted(), "demo")


def test_the_numbering_of_the_demonstration_has_0_for_gps(tmp_path, files):
    path = files("p0570010.24d", observations([(0, "G", 5, "1C", 45_000)]))
    ingest(path, tmp_path / "x.tdb", Wanted(), "demo")
    assert [key[1] for key in cells(tmp_path)] == [0]


def test_an_array_of_another_origin_is_refused(tmp_path, files, into):
    made = Array(tmp_path / "x.tdb")
    tiledb.Array.create(str(tmp_path / "x.tdb"), made._schema(), ctx=made._context)
    with tiledb.open(str(tmp_path / "x.tdb"), "w", ctx=made._context) as array:
        array[np.array([5]), np.array([1]), np.array([1]), np.array([12611])] = np.array([40.0])
    with pytest.raises(ValueError, match="is an array of another origin"):
        into(files("p0570010.24d", some(1)))


# --- again ----------------------------------------------------------------------------


def test_the_same_again_changes_neither_cells_nor_fragments(tmp_path, files, into):
    found = some(1, zeros=3)
    path = files("p0570010.24d", found)
    first = into(path)
    before = cells(tmp_path), fragments(tmp_path), sorted(os.listdir(tmp_path / "x.tdb/__meta"))
    second = into(path)
    after = cells(tmp_path), fragments(tmp_path), sorted(os.listdir(tmp_path / "x.tdb/__meta"))
    assert before == after
    assert (first.rows_in, first.rows_out, first.removed) == (
        (second.rows_in, second.rows_out, second.removed)
    )


def test_a_shorter_file_of_the_same_name_leaves_no_stale_cell(tmp_path, files, into):
    longer, other = some(1), some(2, range(3600, 3900, 30))
    into(files("p0570010.24d.Z", longer))
    into(files("p0570020.24d.Z", other))
    shorter = some(3, range(0, 90, 30))
    into(files("p0570010.24o", shorter))  # the same day, written in another way
    assert len(shorter.time) < len(longer.time)
    assert cells(tmp_path) == stored(shorter) | stored(other)
    assert len(fragments(tmp_path)) == 2


def test_other_options_leave_no_cell_of_the_earlier_ones(tmp_path, files, into):
    path = files("p0570010.24d", some(1))
    into(path)
    less = observations([(0, "G", 5, "1C", 45_000)])
    ingesting.read_observations.__closure__[0].cell_contents[path] = less
    into(path, codes=("1C",))
    assert cells(tmp_path) == stored(less)


def test_a_file_that_has_become_bad_leaves_nothing(tmp_path, files, into):
    other = some(2, range(3600, 3900, 30))
    into(files("p0570010.24d", some(1)))
    into(files("p0570020.24d", other))
    with pytest.raises(InputError, match="is damaged"):
        into(files("p0570010.24d", InputError("is damaged")))
    assert cells(tmp_path) == stored(other)
    again = some(3)
    into(files("p0570010.24d", again))
    assert cells(tmp_path) == stored(other) | stored(again)


def test_a_file_without_values_leaves_nothing(tmp_path, files, into):
    into(files("p0570010.24d", some(1)))
    written = into(files("p0570010.24d", observations([], zeros=5)))
    assert (written.rows_in, written.rows_out) == (5, 0)
    assert cells(tmp_path) == {}


def test_of_two_files_with_the_same_cells_the_same_one_counts_in_any_order(tmp_path, files):
    one, other = (observations([(0, "G", 5, "1C", value)]) for value in (40_000, 41_000))
    paths = [files("p0570010.24d", one), files("p057001a.24d", other)]
    found = []
    for order in (paths, paths[::-1]):
        folder = tmp_path / str(len(found))
        for path in order:
            ingest(path, folder / "x.tdb", Wanted(), "earthscope")
        found.append(cells(folder))
    assert found[0] == found[1]


# --- killed -----------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["_note", "remove", "write"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("then", ["the same", "the earlier one"])
def test_wherever_it_ends_the_next_time_the_cells_are_those_of_the_file(
    tmp_path, files, into, monkeypatch, where, when, then
):
    earlier, later, other = some(1), some(2, range(0, 90, 30)), some(3, range(3600, 3900, 30))
    path = files("p0570010.24d", earlier)
    into(files("p0570020.24d", other))
    into(path)
    text = path.read_text()
    changed = files("p0570010.24d", later)
    of = ingesting._Part if where == "_note" else Array
    original = getattr(of, where)

    def end(*arguments):
        if when == "after":
            original(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(of, where, end)
    with pytest.raises(KeyboardInterrupt):
        into(changed)
    monkeypatch.setattr(of, where, original)
    if then == "the earlier one":
        path = files("p0570010.24d", earlier)
        path.write_text(text)  # and so is its digest
        later = earlier
    into(path)
    assert cells(tmp_path) == stored(later) | stored(other)
    assert len(fragments(tmp_path)) == 2


def test_a_new_file_that_was_killed_and_then_became_bad_leaves_nothing(
    tmp_path, files, into, monkeypatch
):
    other = some(3, range(3600, 3900, 30))
    into(files("p0570020.24d", other))

    def end(*arguments):
        raise KeyboardInterrupt

    new = files("p0570010.24d", some(1))
    with monkeypatch.context() as patch:
        patch.setattr(ingesting._Part, "end", end)
        with pytest.raises(KeyboardInterrupt):
            into(new)
    assert len(fragments(tmp_path)) == 2
    with pytest.raises(InputError, match="cut"):
        into(files("p0570010.24d", InputError("cut")))
    assert cells(tmp_path) == stored(other)


def test_a_file_that_was_bad_when_it_was_killed_and_is_as_before_is_there_again(
    tmp_path, files, into, monkeypatch
):
    found, original = some(1), Array.remove
    path = files("p0570010.24d", found)
    into(path)
    text = path.read_text()
    files("p0570010.24d", InputError("cut"))

    def end(*arguments):
        original(*arguments)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Array, "remove", end)
        with pytest.raises(KeyboardInterrupt):
            into(path)
    files("p0570010.24d", found).write_text(text)  # and so is its digest
    into(path)
    assert cells(tmp_path) == stored(found)


def test_the_clock_of_another_host_may_be_ahead(tmp_path, files, into, monkeypatch):
    earlier, later = some(1), some(2, range(0, 90, 30))
    path = files("p0570010.24d", earlier)
    text = path.read_text()
    with monkeypatch.context() as patch:
        ahead = time.time_ns() + 3600 * 10**9
        patch.setattr(arrays.time, "time_ns", lambda: ahead)
        into(path)
    into(files("p0570010.24d", later))
    assert cells(tmp_path) == stored(later)
    files("p0570010.24d", earlier).write_text(text)  # and so is its digest
    into(path)
    assert cells(tmp_path) == stored(earlier)


# --- one station --------------------------------------------------------------------------


def test_another_station_is_refused_and_leaves_no_trace(tmp_path, files, into):
    found = some(1)
    into(files("p0570010.24d", found))
    with pytest.raises(InputError, match=r"is of station P058, but .*x\.tdb of P057"):
        into(files("p0580010.24d", some(2, station="P058")))
    assert cells(tmp_path) == stored(found)


@pytest.mark.parametrize("marker", ["p057", "P05700USA", " P057 "])
def test_a_marker_that_is_written_otherwise_is_the_same_station(tmp_path, files, into, marker):
    into(files("p0570010.24d", some(1)))
    into(files("p0570020.24d", some(2, range(3600, 3900, 30), station=marker)))
    assert len(fragments(tmp_path)) == 2


@pytest.mark.parametrize("marker", ["P05700CAN", "P05701USA"])
def test_long_markers_differ_in_all_their_characters(tmp_path, files, into, marker):
    found = some(1, station="P05700USA")
    into(files("p0570010.24d", found))
    with pytest.raises(InputError, match=rf"is of station {marker}, but .* of P05700USA"):
        into(files("p0570020.24d", some(2, range(3600, 3900, 30), station=marker)))
    assert cells(tmp_path) == stored(found)


def test_two_stations_that_come_at_once_are_never_both_let_in(tmp_path, files, into, monkeypatch):
    """The second one comes whenever the first one is about to touch the array."""
    one = files("p0570010.24d", some(1))
    other = files("p0580010.24d", some(2, station="P058"))
    for turn in range(14):
        folder = tmp_path / f"turn{turn}"
        ended = both(one, other, folder, turn)
        records = map(json.loads, Array(folder / "x.tdb").input_notes())
        stations = {record["station"] for record in records if "station" in record}
        assert len(stations) <= 1
        found = cells(folder)
        assert found in ({}, stored(some(1)), stored(some(2)))
        assert ended.count(None) == bool(found)


def both(one, other, folder, turn):
    """Write two files into an array, the second one after so many calls of the first; the errors.

    Both make the array first.
    """
    calls, ended, here = iter(range(100)), [], threading.get_ident()
    wanted = Wanted()

    def let(path):
        try:
            ingest(path, folder / "x.tdb", wanted, "earthscope")
            ended.append(None)
        except InputError as error:
            ended.append(error)

    def turned(original):
        def call(*arguments, **more):
            if threading.get_ident() == here and next(calls) == turn:
                thread = threading.Thread(target=let, args=(other,))
                thread.start()
                thread.join()
            return original(*arguments, **more)

        return call

    Array(folder / "x.tdb").make("earthscope")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("notes", "input_note", "input_notes", "note", "note_input", "remove", "write"):
            patch.setattr(Array, name, turned(getattr(Array, name)))
        let(one)
    return ended


def test_two_names_with_one_place_are_refused(tmp_path, files, into, monkeypatch):
    monkeypatch.setattr(ingesting, "slot", lambda name: 5)
    found = some(1)
    into(files("p0570010.24d", found))
    with pytest.raises(InputError, match=r"has the same place in .* as p0570010.24: rename it"):
        into(files("p0570020.24d", some(2)))
    assert cells(tmp_path) == stored(found)


def last_note(array):
    """Return the file of the last note on an input."""
    return max((array / "__meta").iterdir(), key=lambda path: int(path.name.split("_")[2]))


def test_a_note_that_another_process_is_writing_is_waited_for(tmp_path, files, into):
    into(files("p0570010.24d", some(1)))
    array = Array(tmp_path / "x.tdb")
    notes, newest = array.input_notes(), last_note(tmp_path / "x.tdb")
    whole = newest.read_bytes()
    newest.write_bytes(whole[:52])
    rest = threading.Timer(0.2, newest.write_bytes, [whole])
    rest.start()
    assert array.input_notes() == notes
    rest.join()


def test_a_note_that_stays_cut_is_an_error(tmp_path, files, into, monkeypatch):
    into(files("p0570010.24d", some(1)))
    monkeypatch.setattr(arrays, "PAUSES", (0.01,) * 3)
    newest = last_note(tmp_path / "x.tdb")
    newest.write_bytes(newest.read_bytes()[:52])
    with pytest.raises(InputError, match=r"x\.tdb: cannot be read"):
        Array(tmp_path / "x.tdb").input_notes()


@pytest.mark.parametrize("size", [0, 52, 100])
def test_an_input_is_done_again_whose_note_was_cut(tmp_path, files, into, monkeypatch, size):
    """As of a process that was killed while it wrote the note: TileDB does so in two pieces."""
    other, later = some(3, range(3600, 3900, 30)), some(2, range(0, 90, 30))
    into(files("p0570010.24d", some(1)))
    newest = last_note(tmp_path / "x.tdb")
    into(files("p0570020.24d", other))
    newest.write_bytes(newest.read_bytes()[:size])
    monkeypatch.setattr(arrays, "PAUSES", (0.01,) * 3)
    with pytest.raises(InputError, match="if readrinex was killed, run it again"):
        Array(tmp_path / "x.tdb").input_notes()
    into(files("p0570010.24d", later))
    assert cells(tmp_path) == stored(later) | stored(other)
    notes = map(json.loads, Array(tmp_path / "x.tdb").input_notes())
    assert {note["name"] for note in notes} == {"p0570010.24", "p0570020.24"}


def test_notes_on_other_inputs_are_not_read(tmp_path, files, into):
    """There may be ten thousand of them."""
    into(files("p0570010.24d", some(1)))
    known = Array(tmp_path / "x.tdb").input_notes()
    into(files("p0570020.24d", some(2)))
    start = arrays.INPUTS_FROM + slot("p0570020.24") * arrays.TIMES_OF_INPUT
    others = list((tmp_path / "x.tdb/__meta").glob(f"__{start + 1}_*"))
    assert others
    for path in others:
        path.write_bytes(b"cut")
    array = Array(tmp_path / "x.tdb")
    assert array.notes()["station"] == "P057"
    assert [array.input_note(slot("p0570010.24"))] == known


def test_an_array_that_another_process_makes_and_fills_is_of_ours(tmp_path, files, monkeypatch):
    array, path = Array(tmp_path / "x.tdb"), files("p0570010.24d", some(1))
    fragments_of = Array.fragments

    def fragments_later(self):
        monkeypatch.setattr(Array, "fragments", fragments_of)
        ingest(path, tmp_path / "x.tdb", Wanted(), "earthscope")
        return fragments_of(self)

    monkeypatch.setattr(Array, "fragments", fragments_later)
    assert array.make("earthscope")["station"] == "P057"


def test_places_lie_before_all_notes():
    places = {slot(f"p057{day:03}0.24") for day in range(1, 367)}
    assert len(places) == 366
    assert min(places) > 0
    assert max(places) < 1 << 40 < 1_700_000_000_000


# --- asked --------------------------------------------------------------------------------


def test_a_query_gives_the_cells_of_a_period_system_and_code(tmp_path, files, into):
    found = some(1)
    into(files("p0570010.24d", found))
    query = Query(tmp_path / "x.tdb")
    start, stop = DAY + np.timedelta64(30, "s"), DAY + np.timedelta64(120, "s")
    assert query.notes["station"] == "P057"
    assert query.span() == (found.time.min(), found.time.max())
    got = query.cells(start, stop, "G", ("1C", "5Q"))
    keep = (found.time >= start) & (found.time < stop)
    keep &= (found.system == b"G") & (found.code == b"1C")
    assert 0 < keep.sum() < len(found.time)
    assert rows_of(got) == rows_of(found, keep)
    assert got.thousandths.dtype == np.int32
    everything = query.cells(DAY, DAY + np.timedelta64(1, "D"))
    assert rows_of(everything) == rows_of(found)


def rows_of(values, keep=slice(None)):
    names = ("time", "system", "satellite", "code", "thousandths")
    return sorted(zip(*(getattr(values, name)[keep].tolist() for name in names), strict=True))


def test_all_thousandths_come_back(tmp_path, files, into):
    rows = [(n, "G", 1, "1C", n) for n in range(1, 86_400)]  # up to 86.399 dB-Hz
    into(files("p0570010.24d", observations(rows)))
    got = Query(tmp_path / "x.tdb").cells(DAY, DAY + np.timedelta64(1, "D"))
    assert sorted(got.thousandths.tolist()) == list(range(1, 86_400))


def test_no_array_is_said_to_be_none(tmp_path):
    with pytest.raises(InputError, match="is no TileDB array"):
        Query(tmp_path / "none.tdb")


def test_numbers_are_printed_as_before():
    assert repr(np.float32(1.5)) == "np.float32(1.5)"


def collect(paths):
    """Destroy what waits for it, in another process."""
    gc.collect()
    return True


def test_in_a_copy_of_the_process_nothing_of_tiledb_is_cleared_away(tmp_path, files, into):
    """It would wait for threads that the copy does not have."""
    into(files("p0570010.24d", some(1)))
    asked = Query(tmp_path / "x.tdb")
    asked.cells(DAY, DAY + np.timedelta64(1, "D"))
    asked.itself = asked  # no longer known by any name, it waits for the garbage collector
    del asked
    assert watched.call(collect, [], timeout=20.0)


def test_an_empty_array_of_others_stays_as_it_is(tmp_path):
    uri = str(tmp_path / "x.tdb")
    ctx = context_of(tmp_path)  # with one of its own, TileDB would warn of all later copies
    time = tiledb.Dim("time", domain=(0, 9), tile=10, dtype=np.int64, ctx=ctx)
    domain = tiledb.Domain(time, ctx=ctx)
    snr = tiledb.Attr("snr", dtype=np.float32, ctx=ctx)
    schema = tiledb.ArraySchema(domain=domain, attrs=[snr], sparse=True, ctx=ctx)
    tiledb.Array.create(uri, schema, ctx=ctx)
    with pytest.raises(ValueError, match="is an array of another origin"):
        Array(tmp_path / "x.tdb").make("earthscope")
    with tiledb.open(uri, ctx=ctx) as array:
        assert not [*array.meta]
