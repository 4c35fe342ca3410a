"""Inputs: what the user's words stand for, what is left out, how they are shared."""

import copy
import io
import os
import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captools.io.address import Url
from captools.io.listing import expand
from captools.products import ATL06
from captools.run.inputs import check_names, leave_out, share

NAME = "ATL06_20190416093911_02770303_002_01"
REGION_11 = "ATL06_20190222155404_08580211_001_01"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A folder as users have it; the tests run inside."""
    for name in ("b.h5", "a.h5", "notes.txt", ".hidden.h5", "_captools/own.h5", "deeper/c.h5"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def names(paths):
    return [os.path.basename(path) for path in paths]


def test_a_folder_is_its_h5_files_sorted_and_no_deeper(folder):
    assert expand([str(folder)]) == [f"{folder}/a.h5", f"{folder}/b.h5"]


def test_subfolders_by_cycle_belong_to_a_folder(folder):
    ours = ["cycle_01/d.h5", "cycle_123/e.h5"]
    others = ["cycle_1/f.h5", "my_cycle_01/g.h5", "cycle_01/deeper/h.h5", "cycle_01/cycle_02/i.h5"]
    others += ["cycle_01/.j.h5", "cycle_01/_captools/k.h5", "cycle_01/l.txt", ".cycle_01/m.h5"]
    for name in (*ours, *others):
        (folder / name).parent.mkdir(exist_ok=True, parents=True)
        (folder / name).touch()
    (folder / "cycle_77").touch()  # no folder
    assert expand([str(folder)]) == [f"{folder}/{name}" for name in ("a.h5", "b.h5", *ours)]
    # Given by itself, the first has a subfolder of its own.
    assert names(expand([f"{folder}/cycle_01"])) == ["i.h5", "d.h5"]
    assert names(expand(["cycle_123", "."])) == ["a.h5", "b.h5", "d.h5", "e.h5"]
    assert names(expand(["."], (".txt",))) == ["l.txt", "notes.txt"]


def test_relative_words_become_absolute_paths(folder):
    assert expand(["deeper/../b.h5", "."]) == [f"{folder}/a.h5", f"{folder}/b.h5"]


def test_a_path_given_in_several_ways_counts_once(folder):
    (folder / "list.txt").write_text("b.h5\nb.h5\n")
    words = ["b.h5", f"{folder}/b.h5", "./b.h5", "[b].h5", "@list.txt", "."]
    assert names(expand(words)) == ["a.h5", "b.h5"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("*.h5", ["a.h5", "b.h5"]), ("[b-z].h5", ["b.h5"]), ("*/*.h5", ["c.h5"]), ("?.txt", [])],
)
def test_a_quoted_glob_is_expanded_but_not_into_captools(folder, pattern, found):
    assert names(expand([pattern])) == found


@pytest.mark.parametrize("word", ["_captools", "_captools/*.h5", "_capto*"])
def test_the_folder_of_captools_gives_no_input(folder, word):
    # An unquoted `OUT/*` names the folder itself.
    assert names(expand([word])) == []


def test_a_file_whose_name_looks_like_a_glob_is_that_file(folder):
    (folder / "x[1].h5").touch()
    assert names(expand(["x[1].h5"])) == ["x[1].h5"]


def test_a_folder_whose_name_looks_like_a_glob_is_that_folder(folder):
    (folder / "run[1]").mkdir()
    (folder / "run[1]" / "d.h5").touch()
    assert names(expand(["run[1]"])) == ["d.h5"]


def test_a_list_gives_a_path_per_line_and_skips_blank_lines(folder):
    (folder / "list.txt").write_text("  b.h5\r\n\n/elsewhere/with space.h5\n")
    assert expand(["@list.txt"]) == ["/elsewhere/with space.h5", f"{folder}/b.h5"]


def test_a_dash_is_a_list_on_standard_input(folder, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("b.h5\na.h5\n\n"))
    assert names(expand(["-", "deeper"])) == ["a.h5", "b.h5", "c.h5"]


@pytest.mark.parametrize("word", ["@list.txt", "@deeper"])
def test_a_list_that_cannot_be_read_is_wrong_usage_and_named(folder, word):
    with pytest.raises(ValueError, match=f"list {word[1:]}: cannot be read"):
        expand([word])


LISTED = "\ufeffb.h5\r\na.h5\n".encode() + b"caf\xe9.h5\n"


@pytest.mark.parametrize("word", ["@list.txt", "-"])
def test_a_list_may_begin_with_a_mark_of_windows_and_hold_names_that_are_no_utf_8(
    folder, monkeypatch, word
):
    (folder / "list.txt").write_bytes(LISTED)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(LISTED), encoding="utf-8"))
    found = [os.fsencode(path) for path in names(expand([word]))]
    assert found == [b"a.h5", b"b.h5", b"caf\xe9.h5"]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-8-sig"])
@pytest.mark.parametrize("word", ["@list.txt", "-"])
def test_a_mark_says_the_encoding_of_a_list(folder, monkeypatch, word, encoding):
    mark = "\ufeff" if encoding.endswith(("le", "be")) else ""
    content = f"{mark}b.h5\r\n\r\ncafé.h5\r\n".encode(encoding)
    (folder / "list.txt").write_bytes(content)
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content), encoding="utf-8"))
    assert names(expand([word])) == ["b.h5", "café.h5"]


@pytest.mark.parametrize(
    "content", ["b.h5\n".encode("utf-16-le"), b"\xff\xfeb.h5\n", b"\x89HDF\r\n\x1a\n\0\0"]
)
def test_a_list_that_is_no_text_is_wrong_usage_and_named(folder, content):
    (folder / "list.txt").write_bytes(content)
    with pytest.raises(ValueError, match=r"list list\.txt: is no"):
        expand(["@list.txt"])


def test_a_named_file_that_does_not_exist_stays_an_input(folder, log):
    assert names(expand(["a.h5", "gone.h5"])) == ["a.h5", "gone.h5"]
    assert log.messages == []


@pytest.mark.parametrize("word", ["void", "z*.h5"])
def test_a_word_that_finds_nothing_is_a_warning(folder, log, word):
    (folder / "void").mkdir()
    assert names(expand([word, "a.h5"])) == ["a.h5"]
    (message,) = log.messages
    assert message.startswith("warning:")
    assert word in message


# --- left out -------------------------------------------------------------------


def test_only_the_regions_asked_for_are_kept():
    paths = [f"/d/{NAME}.h5", f"/d/processed_{REGION_11}.h5", "/d/of_no_known_region.h5"]
    assert leave_out(paths, ATL06, (11, 12), None) == paths[1:]
    assert leave_out(paths, ATL06, None, None) == paths


@pytest.mark.parametrize(
    "line", [f"{NAME}.h5", NAME, f"/other/place/{NAME}.h5", f"processed_{NAME}.h5"]
)
@pytest.mark.parametrize("prefix", ["", "processed_"])
def test_unwanted_granules_go_whatever_their_path_and_prefix(tmp_path, line, prefix):
    (tmp_path / "unwanted.txt").write_text(f"{line}\nnot_here.h5\n")
    paths = [f"/d/{prefix}{NAME}.h5", f"/d/{REGION_11}.h5"]
    assert leave_out(paths, ATL06, None, [tmp_path / "unwanted.txt"]) == paths[1:]


def test_unwanted_names_that_are_no_granule_names_count_too(tmp_path):
    (tmp_path / "unwanted.txt").write_text("/x/track_b.h5\n")
    paths = ["/d/track_a.h5", "/d/track_b.h5"]
    assert leave_out(paths, ATL06, None, [tmp_path / "unwanted.txt"]) == paths[:1]


def test_a_list_of_the_unwanted_that_is_not_there_is_wrong_usage(tmp_path):
    with pytest.raises(ValueError, match=r"unwanted\.txt"):
        leave_out(["/d/a.h5"], ATL06, None, [tmp_path / "unwanted.txt"])


# --- shares -------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.text(), unique=True), st.integers(min_value=1, max_value=40))
def test_shares_are_disjoint_complete_and_alike_in_size(paths, count):
    shares = [share(paths, number, count) for number in range(count)]
    assert sorted(path for part in shares for path in part) == sorted(paths)
    sizes = [len(part) for part in shares]
    assert max(sizes) - min(sizes) <= 1


# --- names --------------------------------------------------------------------


@pytest.mark.parametrize("second", ["/e/a.h5", "/e/a"])
def test_inputs_whose_outputs_would_bear_one_name_are_refused_and_both_named(second):
    with pytest.raises(ValueError, match=r"/d/a\.h5.*" + second):
        check_names(["/d/a.h5", "/d/b.h5", second], ATL06, {""})


def test_inputs_whose_outputs_could_bear_one_name_are_refused_and_both_named():
    paths = ["/d/a.h5", "/e/a_gt1l.h5"]
    with pytest.raises(ValueError, match=r"/d/a\.h5.*/e/a_gt1l\.h5"):
        check_names(paths, ATL06, {"", "_gt1l", "_gt1r"})
    check_names(paths, ATL06, {"", "_gt1r"})


@pytest.mark.parametrize(
    "again",
    [
        f"processed_{NAME}.h5",
        f"{NAME[:-6]}003_01.h5",  # another release
        f"{NAME[:-2]}02.h5",  # another version
    ],
)
def test_a_granule_in_two_versions_or_prefixes_is_a_warning_with_both_names(log, again):
    check_names([f"/d/{NAME}.h5", f"/d/{again}", f"/d/{REGION_11}.h5"], ATL06, {""})
    (message,) = log.messages
    assert message.startswith("warning:")
    assert f"{NAME}.h5" in message
    assert again in message
    assert REGION_11 not in message


def test_the_beams_of_a_granule_are_not_the_same_granule_twice(log):
    # Inputs of later steps: one file per beam.
    check_names([f"/d/{NAME}_gt1l.h5", f"/d/{NAME}_gt1r.h5", f"/d/{NAME}_gt1l_A.h5"], ATL06, {""})
    assert log.messages == []


@pytest.mark.parametrize("over", [copy.deepcopy, lambda one: pickle.loads(pickle.dumps(one))])
def test_what_a_catalogue_lists_is_an_address_and_takes_along_what_is_known_of_it(over):
    listed = over(Url("https://host/a.h5", "1.5", 1572864))
    assert (listed, listed.identity, listed.size) == ("https://host/a.h5", "1.5", 1572864)
    assert (Url("a.h5").identity, Url("a.h5").size) == ("", None)
