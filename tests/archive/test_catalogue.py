"""Searching the catalogue, through the real icepyx."""

import logging
import tomllib
import warnings
from datetime import UTC, datetime, timedelta
from importlib.metadata import version
from pathlib import Path

import pytest
from earthdata import CMR, COLLECTIONS, Granule

from captools.archive import catalogue
from captools.archive.catalogue import look_up, megabytes, search
from captools.errors import CaptoolsError
from captools.products import ATL06

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def cmr(earthdata, tmp_path):
    """An empty catalogue."""
    earthdata.granules.clear()
    with earthdata.here(tmp_path / "home"):
        yield earthdata


def granule(start="20190221121851", rgt=841, cycle=2, release="007", version=1, **more):
    return Granule(f"ATL06_{start}_{rgt:04}{cycle:02}03_{release}_{version:02}.h5", **more)


def many(count, release="007"):
    for number in range(count):
        start = datetime(2019, 1, 1, tzinfo=UTC) + timedelta(minutes=97 * number)
        yield granule(f"{start:%Y%m%d%H%M%S}", number % 1387 + 1, number // 1387 + 2, release)


def names(found):
    return [address.rpartition("/")[2] for address in found]


def asked(cmr):
    return cmr.asked(CMR, "*granules*")


def test_all_pages_come_sorted_and_each_granule_once(cmr):
    cmr.granules += many(2300)
    found = search(ATL06, (-180, 180, -90, 90))
    assert names(found) == sorted(one.name for one in cmr.granules)
    assert len(asked(cmr)) == 3  # the last has none
    assert {request.query["page_size"][0] for request in asked(cmr)} == {"2000"}


def test_the_newest_release_comes_unless_one_is_named(cmr):
    cmr.granules += [granule(release="006"), granule(release="007")]
    assert names(search(ATL06, rgts=[841])) == [cmr.granules[1].name]
    assert names(search(ATL06, rgts=[841], release="006")) == [cmr.granules[0].name]
    assert "005" not in COLLECTIONS
    with pytest.raises(ValueError, match="no ATL06 of release 005"):
        search(ATL06, rgts=[841], release="005")


def test_cycles_and_tracks_choose_together(cmr):
    cmr.granules += [granule(rgt=rgt, cycle=cycle) for rgt in (1, 2, 300) for cycle in (2, 3, 4)]
    found = search(ATL06, cycles=[2, 4], rgts=[1, 300])
    tracks = {(ATL06.parse_name(name).rgt, ATL06.parse_name(name).cycle) for name in names(found)}
    assert tracks == {(1, 2), (1, 4), (300, 2), (300, 4)}
    assert len(search(ATL06, cycles=[3])) == len(search(ATL06, rgts=[2])) == 3


def test_many_tracks_are_asked_for_in_parts(cmr):
    cmr.granules += many(120)
    assert len(search(ATL06, rgts=range(1, 120))) == 119
    assert max(len(r.query["readable_granule_name[]"]) for r in asked(cmr)) == catalogue.NAMES


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((-60, -30, 55, 75), [-60, 55, -30, 75]),
        ((300, 330, 55, 75), [-60, 55, -30, 75]),
        ((350, 10, 55, 75), [-10, 55, 10, 75]),
        ((170, -170, -80, -70), [170, -80, -170, -70]),
        ((170, 190, -80, -70), [170, -80, -170, -70]),
        ((180, -170, -80, -70), [-180, -80, -170, -70]),
        ((170, -180, -80, -70), [170, -80, 180, -70]),
        ((0, 360, -80, -70), [-180, -80, 180, -70]),
        ((-180, 180, -80, -70), [-180, -80, 180, -70]),
        ((-90, 300, -80, -70), [-180, -80, 180, -70]),
        ((12.3, 45.6, -80, -70), [12.3, -80, 45.6, -70]),
    ],
)
def test_a_box_is_given_in_the_order_and_range_of_the_catalogue(cmr, box, expected):
    cmr.granules += [
        granule("20190221121851", bbox=(-50, 60, -40, 70)),
        granule("20190222121851", bbox=(175, -79, -175, -71)),
    ]
    search(ATL06, box)
    (sent,) = {request.query["bounding_box"][0] for request in asked(cmr)}
    assert [float(number) for number in sent.split(",")] == expected


def test_a_box_across_the_antimeridian_finds_what_is_there(cmr):
    cmr.granules += [granule(bbox=(175, -79, -175, -71)), granule(rgt=2, bbox=(0, -79, 9, -71))]
    for box in [(170, -170, -80, -70), (170, 190, -80, -70)]:
        assert names(search(ATL06, box)) == [cmr.granules[0].name]


@pytest.mark.parametrize(
    ("span", "is_there"),
    [
        # From 12:18:51 to 12:24:51.
        (("2019-02-21T12:18:51", "2019-02-21T12:18:52"), True),
        (("2019-02-21T12:00", "2019-02-21T12:18:51"), False),
        (("2019-02-21T12:00", "2019-02-21T12:18:51.5"), True),
        (("2019-02-21T12:24:51", "2019-02-22"), True),
        (("2019-02-21T12:24:52", "2019-02-22"), False),
        (("2019-02-20", "2019-02-21"), False),
        (("2019-02-21", "2019-02-22"), True),
        (("2019", "2019.5"), True),
        (("2018", "2019"), False),
    ],
)
def test_a_time_span_is_half_open(cmr, span, is_there):
    cmr.granules.append(granule())
    assert len(search(ATL06, span=span)) == is_there


def test_names_are_looked_up_in_parts_whatever_stands_around_them(cmr):
    cmr.granules += [*many(120), *many(3, "006")]
    wanted = [one.name for one in cmr.granules]
    given = [f"/data/processed_{wanted[0]}", f"https://host/x/{wanted[1]}?X=1", *wanted[2:]]
    unknown = granule(release="001").name
    found = look_up(ATL06, [*given, wanted[5], f"{wanted[7]}  1.0 MB", unknown, "any/thing.h5"])
    assert names(found) == sorted({*wanted, unknown, "thing.h5"})
    assert [one for one in found if "/" not in one] == [unknown, "thing.h5"]
    assert len(asked(cmr)) == 2 * (3 + 1)


def test_a_name_is_no_pattern(cmr):
    cmr.granules.append(granule())
    assert look_up(ATL06, ["ATL06_*.h5"]) == ["ATL06_*.h5"]


def test_a_granule_has_an_address_and_a_size(cmr):
    cmr.granules += [granule(rgt=1, size=1234567), granule(rgt=2, size=50 << 20)]
    odd, even = search(ATL06, cycles=[2])
    assert odd.startswith("https://data.nsidc.earthdatacloud.nasa.gov/")
    assert odd.endswith(cmr.granules[0].name)
    assert (odd.size, even.size) == (1234567, None)  # 50.0 may be rounded
    assert odd.identity != even.identity
    assert (megabytes(odd), megabytes(even)) == (1234567 / 2**20, 50.0)
    assert megabytes(look_up(ATL06, ["unknown"])[0]) == 0


def test_a_size_that_the_catalogue_does_not_give_is_unknown(cmr):
    cmr.granules.append(granule(sized=False))
    (found,) = search(ATL06, rgts=[841])
    assert found.endswith(cmr.granules[0].name)
    assert (found.size, megabytes(found)) == (None, 0)
    # Else whoever wants to know whether it has changed would have to ask the archive.
    assert found.identity


def test_a_record_without_an_address_is_a_bare_name():
    link = {"rel": "http://x/data#", "href": "https://nsidc.org/data/atl06", "inherited": True}
    entry = {"granule_size": "1.5", "links": [link], "producer_granule_id": "ATL06_1.h5"}
    assert catalogue._listed(entry) == "ATL06_1.h5"


def test_nothing_found_is_no_error(cmr):
    assert search(ATL06, (0, 1, 0, 1)) == []


@pytest.mark.parametrize("where", [f"{CMR}/search/collections*", f"{CMR}/search/granules"])
@pytest.mark.parametrize(
    "how",
    [
        {"status": 503, "text": "<html>down"},
        {"status": 429, "text": '{"errors": ["slow"]}'},
        {"status": 500, "text": '{"errors": ["oh"]}'},
        {"status": 200, "text": "<html>maintenance"},
    ],
)
def test_another_try_may_do(cmr, where, how):
    cmr.granules.append(granule())
    fault = cmr.fail(where, times=2, **how)
    assert len(search(ATL06, rgts=[841])) == 1
    assert fault.times == 0
    cmr.fail(where, **how)
    with pytest.raises(CaptoolsError, match=r"the catalogue does not answer \([\w ]+\)$"):
        search(ATL06, rgts=[841])


def test_an_answer_that_is_short_is_asked_for_again(cmr, monkeypatch):
    cmr.granules += many(3)
    query = catalogue._query(ATL06, catalogue.WORLD, None, None)
    hits = iter([9, 3])

    def get_avail(params):
        query.granules.avail = [{}] * 3
        assert next(hits) == 3

    monkeypatch.setattr(query.granules, "get_avail", get_avail, raising=False)
    assert catalogue._asked(lambda: catalogue._answer(query)) == [{}] * 3


def test_without_a_network_it_says_so(cmr):
    cmr.__exit__(None)
    with pytest.raises(CaptoolsError, match="no connection"):
        search(ATL06, rgts=[841])


def test_what_icepyx_says_stays_unsaid_and_what_it_sets_is_set_back(cmr, capfd):
    cmr.granules.append(granule(release="006"))
    root = logging.getLogger()
    before = list(root.handlers), root.level, list(warnings.filters)
    search(ATL06, (170, -170, -80, -70), ("2019", "2020"), cycles=[99], release="006")
    assert (list(root.handlers), root.level, list(warnings.filters)) == before
    assert capfd.readouterr() == ("", "")


def test_libraries_that_do_not_go_together_are_named_with_what_to_install(cmr, monkeypatch):
    import earthaccess.results

    # As it is since earthaccess 0.19, and icepyx up to 2.0.2 calls it.
    concept = property(lambda found: found["meta"]["concept-id"])
    monkeypatch.setattr(earthaccess.results.DataCollection, "concept_id", concept)
    with pytest.raises(CaptoolsError) as caught:
        search(ATL06, rgts=[841])
    message = str(caught.value)
    versions = [f"{name} {version(name)}" for name in ("icepyx", "earthaccess")]
    assert message.startswith(f"{' and '.join(versions)} ")
    assert message.endswith(f"pip install --upgrade icepyx '{catalogue.FITTING}'")
    assert "\n" not in message


def test_what_it_says_to_install_is_what_the_extra_brings():
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert catalogue.FITTING in extras["optional-dependencies"]["download"]


def test_other_errors_of_values_are_not_taken_for_a_missing_release():
    def ask():
        raise ValueError("something else")

    with pytest.raises(ValueError, match="something else"):
        catalogue._asked(ask)
