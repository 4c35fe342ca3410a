"""A function done to many items: values in order, and errors in their places."""

import gc
import time

import psutil
import pytest
from toy import DEATHS, say

from captools.engine import each as module
from captools.engine.each import each
from captools.errors import BadInputs, CaptoolsError, InputError


@pytest.mark.parametrize("jobs", [1, 3])
def test_values_come_in_the_order_of_the_items(jobs):
    items = ["sleep 0.4", "b", "c", "b"]
    assert list(each(say, items, jobs)) == [(item, item) for item in items]


def test_items_can_be_anything():
    items = [(1, "a"), {"b": 2}, None]
    assert list(each(type, items, 1)) == [(item, type(item)) for item in items]


def test_no_items_give_nothing():
    assert list(each(say, [], 1)) == []


@pytest.mark.parametrize("batch", [2, 1000])
def test_what_goes_wrong_is_the_value_of_its_item_alone(monkeypatch, batch):
    monkeypatch.setattr(module, "BATCH_ITEMS", batch)
    items = ["damaged", "a", "bad", "bug", "die sigkill", "sleep 60", "b"]
    found = list(each(say, items, 2, timeout=5))
    assert [item for item, _ in found] == items
    damaged, a, bad, bug, dead, slow, b = (value for _, value in found)
    assert (a, b) == ("a", "b")
    assert (type(damaged), str(damaged)) == (InputError, "damaged: is damaged")
    assert (type(bad), bad.errors) == (BadInputs, {"x": "x: bad", "y": "y: bad"})
    assert type(bug) is CaptoolsError
    assert str(bug).startswith("bug: unexpected ZeroDivisionError at toy.py:")
    assert str(dead) == f"die sigkill: its process died ({DEATHS['sigkill']})"
    assert str(slow) == "sleep 60: took longer than 5 s (--timeout)"


def test_only_a_batch_of_values_is_kept(monkeypatch):
    monkeypatch.setattr(module, "BATCH_ITEMS", 3)
    asked = []

    class Watched(list):
        def __getitem__(self, which):
            asked.append(which)
            return super().__getitem__(which)

    found = each(say, Watched(["sleep 0.5", *"abcdefgh"]), 2)
    for number in range(9):
        next(found)
        assert len(asked) == number // 3 + 1
    assert list(found) == []


def test_who_wants_no_more_ends_what_is_under_way():
    began, before = time.monotonic(), set(psutil.Process().children())
    found = each(say, ["a", "sleep 60", "sleep 60"], 2)
    assert next(found) == ("a", "a")
    found.close()
    gc.collect()
    assert time.monotonic() - began < 30
    left = set(psutil.Process().children()) - before
    assert [one for one in left if "resource_tracker" not in " ".join(one.cmdline())] == []
