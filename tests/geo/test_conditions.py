"""Conditions in words: as Python and numpy mean them, and nothing else gets through."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from captools.geo.conditions import Condition, Formula

COLUMNS = {
    "h_li": np.array([1.0, -2.0, np.nan, 1e4, 0.1], "f4"),
    "q_flag": np.array([0, 1, 0, 3, 127], "i1"),
    "rgt": np.array([1, 1387, 5, 5, 7], "i2"),
    "t_year": np.array([2018.5, 2019.0, 2020.25, np.nan, 2021.0]),
    "is_asc": np.array([True, False, True, False, True]),
}
NUMBERS = st.one_of(st.integers(-5, 5), st.sampled_from([0.1, 2019.5, 1e4, -0.25])).map(str)
NUMERIC = st.recursive(
    st.one_of(st.sampled_from(["h_li", "q_flag", "rgt", "t_year"]), NUMBERS),
    lambda inner: st.builds("({} {} {})".format, inner, st.sampled_from("+-*"), inner),
    max_leaves=4,
)
COMPARED = st.builds(
    "{} {} {}".format, NUMERIC, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMERIC
).filter(lambda words: any(name in words for name in COLUMNS))
CONDITIONS = st.recursive(
    st.one_of(st.just("is_asc"), COMPARED, COMPARED),
    lambda inner: st.one_of(
        st.builds("({} and {})".format, inner, inner),
        st.builds("({} or {})".format, inner, inner),
        st.builds("(not {})".format, inner),
    ),
    max_leaves=5,
)


def truth(words, at):
    """What Python says of one row, its numbers as doubles."""
    row = {name: values[at].item() for name, values in COLUMNS.items()}
    return bool(eval(words, {"__builtins__": {}}, row))


@given(CONDITIONS)
def test_it_holds_where_python_says_so_row_by_row(words):
    held = Condition(words).holds(COLUMNS)
    expected = [truth(words, at) for at in range(5)]
    np.testing.assert_array_equal(np.broadcast_to(held, 5), expected)
    held = Condition(words).holds_for_few(COLUMNS)
    np.testing.assert_array_equal(np.broadcast_to(held, 5), expected)


@pytest.mark.parametrize(
    ("words", "rows"),
    [
        ("h_li < 1 and is_asc", [4]),
        ("h_li < 1 or is_asc", [0, 1, 2, 4]),
        ("0 < h_li < 2 ** 2", [0, 4]),
        ("not (h_li < 1)", [0, 2, 3]),  # NaN is not less than 1
        ("h_li != h_li", [2]),
        ("rgt % 2 == 1 and -q_flag > -1", [0, 2]),
        ("is_asc == 1", [0, 2, 4]),
        ("is_asc == True and h_li > 0", [0, 4]),
        ("rgt / 2 == 2.5", [2, 3]),
        ("  t_year >= 2020  ", [2, 4]),
        ("abs(h_li) < 3", [0, 1, 4]),
        ("abs(h_li - 1) + abs(rgt) < 3", [0]),
        ("q_flag & 2 == 0", [0, 1, 2]),
        ("q_flag & 2 != 0 and rgt & 4 == 4", [3, 4]),
        ("rgt & 1386 == 1386", [1]),
    ],
)
def test_examples(words, rows):
    assert np.flatnonzero(Condition(words).holds(COLUMNS)).tolist() == rows
    assert np.flatnonzero(Condition(words).holds_for_few(COLUMNS)).tolist() == rows


def test_bits_are_of_whole_numbers():
    for column in ("h_li", "is_asc"):
        for holds in (Condition.holds, Condition.holds_for_few):
            with pytest.raises(ValueError, match=f"{column} is no column of whole numbers"):
                holds(Condition(f"{column} & 1 == 0"), COLUMNS)


def test_a_formula_gives_doubles():
    formula = Formula("abs(h_li) + rgt / 2")
    assert formula.columns == ("h_li", "rgt")
    expected = np.abs(COLUMNS["h_li"].astype("f8")) + COLUMNS["rgt"] / 2
    np.testing.assert_array_equal(formula.of(COLUMNS), expected)
    for words in ("h_li < 1", "is_asc", "not h_li"):
        with pytest.raises(ValueError, match="is not a number"):
            Formula(words).of(COLUMNS)


@pytest.mark.parametrize(
    "words",
    [
        *("", "1 <", "h_li <", "h_li < 1;", "h_li = 1", "x := 1", "lambda: 1", "h_li if 1 else 2"),
        *("__import__('os').system('true')", "h_li.dtype", "h_li[0]", "f(h_li)", "'a' < h_li"),
        *("h_li in (1, 2)", "h_li is None", "[h_li]", "{h_li}", "h_li < 1j", "h_li @ 2", "~q_flag"),
        *(
            "1 < 2",
            "True",
            "1 < 2 and is_asc",
            "h_li < None",
            "f'{h_li}'",
            "yield h_li",
            "*h_li",
            "h_li & is_asc",
            "q_flag & -1 == 0",
            "q_flag & 1.0 == 0",
            "q_flag & True == 0",
            "abs(q_flag, 1) < 1",
            "abs() < q_flag",
            "round(h_li) < 1",
        ),
    ],
)
def test_anything_else_is_refused_at_once(words):
    with pytest.raises(ValueError, match="condition"):
        Condition(words)


@pytest.mark.parametrize("words", ["h_li", "q_flag", "h_li + 1", "not q_flag", "q_flag and is_asc"])
def test_a_number_is_no_condition(words):
    with pytest.raises(ValueError, match="compare the numbers"):
        Condition(words).holds(COLUMNS)


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        ("h_li = 1", "write == to compare"),
        ("h_li < 1 && is_asc", "write and in place of &&"),
        ("h_li < 1 || is_asc", "write or in place of ||"),
        ("h_li < 1 AND is_asc", "write and, or, not in small letters"),
        ("h_li < 1 OR is_asc", "write and, or, not in small letters"),
        ("NOT (h_li < 1)", "write and, or, not in small letters"),
        ("(h_li < 1", "a bracket ( is not closed"),
        ("h_li < 1)", "a bracket ) closes none"),
        ("abs(h_li < 1]", "a bracket ] closes none"),
        ("h_li <> 1", "write != in place of <>"),
        ("h_li =< 1", "write <= or >="),
        ("!is_asc", "write not in place of !"),
        ("(h_li < 1) & (rgt > 2)", "write and, or between comparisons"),
        ("h_li < 1 | is_asc", "write and, or between comparisons"),
        ("~is_asc", "write not in place of ~"),
        ("h_li ^ 2 > 1", "write ** for a power"),
        (" ", "is empty: name columns"),
        ("h_li / 0 > 1", "divides by zero"),
        ("h_li % (1 - 1) > 1", "divides by zero"),
        ("h_li > 1 / 0", "divides by zero"),
        ("h_li > 0 ** -1", "divides by zero"),
        ("h_li > (0 - 8) ** 0.5", "has the root of a negative number"),
        (" + ".join(["h_li"] * 900) + " > 1", "has more than 100 operations in one"),
        ("-" * 900 + "h_li > 1", "has more than 100 operations in one"),
        ("(" * 900 + "h_li" + ")" * 900 + " > 1", "is not understood"),
    ],
)
def test_what_is_meant_is_said_in_one_short_line(words, remedy):
    with pytest.raises(ValueError, match=r"^condition .*") as raised:
        Condition(words)
    message = str(raised.value)
    assert f": {remedy}" in message
    assert len(message.splitlines()) == 1
    assert len(message) < 250


@pytest.mark.parametrize("word", ["or", "and"])
@pytest.mark.parametrize("count", [2, 3, 40, 300, 3000])
def test_many_comparisons_are_right(count, word):
    columns = {"rgt": np.arange(4000, dtype="i2")}
    sign, rows = ("==", count) if word == "or" else ("!=", 4000 - count)
    condition = Condition(f" {word} ".join(f"rgt {sign} {at}" for at in range(count)))
    for held in (condition.holds(columns), condition.holds_for_few(columns)):
        assert np.count_nonzero(held) == rows
        assert held[count - 1] == (word == "or")


def test_many_columns_are_right():
    columns = {f"c{at}": np.array([at, -at]) for at in range(60)}
    condition = Condition(f"{' + '.join(columns)} == 1770")
    assert condition.holds(columns).tolist() == [True, False]


@pytest.mark.parametrize("method", [Condition.holds, Condition.holds_for_few])
def test_what_is_masked_is_missing(method):
    columns = {"f_sn": np.ma.masked_equal(np.array([3, 127, 4], "i1"), 127)}
    assert method(Condition("f_sn < 128"), columns).tolist() == [True, False, True]
    assert method(Condition("f_sn != 3"), columns).tolist() == [False, True, True]
    assert method(Condition("f_sn & 1 == 1"), columns).tolist() == [True, False, False]


def test_a_column_that_is_zero_divides_as_numpy_does():
    columns = {"a": np.array([1.0, 0.0, -1.0]), "b": np.zeros(3)}
    np.testing.assert_array_equal(Formula("a / b").of(columns), [np.inf, np.nan, -np.inf])
    assert Condition("a / b > 0").holds(columns).tolist() == [True, False, False]


@pytest.mark.parametrize("words", ["9**9**9**9 > h_li", "h_li ** 1e308 > 0", "10**400 > h_li"])
def test_powers_beyond_all_bounds_end_at_once(words):
    with pytest.raises(ValueError, match="condition"):
        Condition(words).holds(COLUMNS)
