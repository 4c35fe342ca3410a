"""The description of ATL06 against the contract and the product's user guide."""

import re
from datetime import datetime

import pytest

from captools.products import ATL06, DERIVED, Product

# Copied from the contract of the flat file (DESIGN.md), not from the code.
CONTRACT = {
    "lat": "latitude",
    "lon": "longitude",
    "h_li": "h_li",
    "s_li": "h_li_sigma",
    "t_dt": "delta_time",
    "q_flag": "atl06_quality_summary",
    "s_fg": "fit_statistics/signal_selection_source",
    "snr": "fit_statistics/snr_significance",
    "h_rb": "fit_statistics/h_robust_sprd",
    "dac": "geophysical/dac",
    "f_sn": "geophysical/bsnow_conf",
    "dh_fit_dx": "fit_statistics/dh_fit_dx",
    "tide_earth": "geophysical/tide_earth",
    "tide_load": "geophysical/tide_load",
    "tide_ocean": "geophysical/tide_ocean",
    "tide_pole": "geophysical/tide_pole",
}
ALWAYS = ["lat", "lon", "t_dt"]


def names(variables):
    return [column.name for column in ATL06.choose(variables)]


# --- choosing columns -------------------------------------------------------------


def test_the_default_columns_are_those_of_the_contract():
    assert {column.name: column.path for column in ATL06.choose(None)} == CONTRACT
    assert [column.name for column in DERIVED] == ["x", "y", "t_gps", "t_year", "is_asc"]


@pytest.mark.parametrize("nothing", [None, "", " , ", [], ()])
def test_no_choice_is_the_default(nothing):
    assert names(nothing) == list(CONTRACT)


@pytest.mark.parametrize("variables", ["h_li,q_flag", " h_li , q_flag,", ["h_li", "q_flag"]])
def test_plain_names_replace_the_default_and_place_and_time_always_come(variables):
    assert names(variables) == [*ALWAYS, "h_li", "q_flag"]


def test_a_column_named_twice_comes_once():
    assert names("h_li,lat,h_li") == [*ALWAYS, "h_li"]


def test_derived_columns_may_be_named_and_count_as_plain():
    assert names("x,y,t_year") == ALWAYS
    assert names("h_li,is_asc") == [*ALWAYS, "h_li"]


def test_presets_alone_add_to_the_default():
    assert names("atc") == [*CONTRACT, "x_atc", "y_atc", "segment_id"]
    assert names("dem,atc") == [*CONTRACT, "dem_h", "geoid_h", "x_atc", "y_atc", "segment_id"]


def test_presets_add_to_plain_names():
    assert names("atc,h_li") == [*ALWAYS, "h_li", "x_atc", "y_atc", "segment_id"]


def test_a_column_of_a_preset_is_a_plain_name():
    assert names("segment_id") == [*ALWAYS, "segment_id"]


def test_a_path_alone_adds_to_the_default():
    *default, added = ATL06.choose("n_photons = /fit_statistics/n_fit_photons/")
    assert [column.name for column in default] == list(CONTRACT)
    assert (added.name, added.path) == ("n_photons", "fit_statistics/n_fit_photons")


def test_a_path_adds_to_plain_names():
    assert names("w=fit_statistics/w_surface_window_final,h_li") == [*ALWAYS, "h_li", "w"]


@pytest.mark.parametrize("words", ["a=h_li,a=h_li_sigma", "a=h_li,atc,h_li,a=geophysical/dac"])
@pytest.mark.parametrize("kind", [str, lambda words: words.split(",")])
def test_two_columns_of_one_name_are_refused(words, kind):
    with pytest.raises(ValueError, match=r"two columns of one name: .*a=h_li"):
        ATL06.choose(kind(words))


def test_the_same_column_twice_comes_once():
    assert names("a=h_li,a=/h_li,atc,atc,segment_id,h_li") == [
        *ALWAYS,
        "segment_id",
        "h_li",
        "a",
        "x_atc",
        "y_atc",
    ]


def test_any_kind_of_words_chooses_the_same():
    words = ["h_li", "atc", "a=geophysical/dac"]
    for variables in (words, tuple(words), iter(words), dict.fromkeys(words), ",".join(words)):
        assert ATL06.choose(variables) == ATL06.choose(words)


def test_an_unknown_column_is_refused_with_all_that_there_are():
    with pytest.raises(ValueError, match=r"unknown column 'h_ice'") as refused:
        ATL06.choose("h_li,h_ice")
    message = str(refused.value)
    for known in (*CONTRACT, "segment_id", "dem_h", "atc", "name=path below land_ice_segments"):
        assert known in message


# The reader needs lat, lon and time as they are, and makes x, y and the like itself.
@pytest.mark.parametrize(
    "word",
    [
        *("=h_li", "9lives=h_li", "a b=h_li", "a/b=h_li", "h2=", "h2=/", "_x=h_li"),
        *("a=geophysical//dac", "a=geophysical/./dac", "a=."),  # HDF5 takes these to be damage
    ],
)
@pytest.mark.parametrize("before", ["", "h_li,"])
def test_a_bad_name_or_path_is_refused(word, before):
    with pytest.raises(ValueError, match=rf"column '{re.escape(word)}' must read name=path"):
        ATL06.choose(before + word)


@pytest.mark.parametrize("name", [*ALWAYS, "x", "y", "t_gps", "t_year", "is_asc"])
def test_what_the_reader_makes_cannot_be_given_another_source(name):
    with pytest.raises(ValueError, match=f"column '{name}=h_li' must read name=path, with a new"):
        ATL06.choose(f"{name}=h_li")


def test_every_role_is_a_column():
    roles = [
        ATL06.lat,
        ATL06.lon,
        ATL06.time,
        ATL06.height,
        *ATL06.quality["best"].columns[1:],
        ATL06.slope,
    ]
    paths = [ATL06.column(name).path for name in [*roles, ATL06.segment_id]]
    assert paths == [
        "latitude",
        "longitude",
        "delta_time",
        "h_li",
        "atl06_quality_summary",
        "fit_statistics/dh_fit_dx",
        "segment_id",
    ]


def test_every_column_has_a_unit_and_a_meaning():
    presets = [column for preset in ATL06.presets.values() for column in preset]
    for column in (*ATL06.columns, *DERIVED, *presets):
        assert column.units, column.name
        assert column.long_name, column.name


# --- file names -------------------------------------------------------------------

PLAIN = "ATL06_20190416093911_02770303_002_01"


@pytest.mark.parametrize(
    "filename",
    [
        f"{PLAIN}.h5",
        f"processed_{PLAIN}.h5",
        f"{PLAIN}_subsetted.h5",
        f"processed_{PLAIN}_gt1l.h5",
        f"{PLAIN}_gt1l_spot1_A.h5",
    ],
)
def test_a_file_name_names_the_granule_whatever_is_around_it(filename):
    name = ATL06.parse_name(filename)
    assert (name.rgt, name.cycle, name.region, name.release) == (277, 3, 3, "002")
    assert name.plain == PLAIN


def test_two_releases_of_a_granule_are_one_granule():
    of = [
        ATL06.parse_name(f"ATL06_20190416093911_02770303_{v}.h5").granule
        for v in ("002_01", "006_02")
    ]
    assert of[0] == of[1] == "ATL06_20190416093911_02770303"
    other_region = ATL06.parse_name("ATL06_20190416093911_02770304_002_01.h5").granule
    assert other_region != of[0]


def test_tracks_and_cycles_of_all_digits_are_read():
    name = ATL06.parse_name("ATL06_20240101000000_13872214_006_01.h5")
    assert (name.rgt, name.cycle, name.region, name.release) == (1387, 22, 14, "006")


@pytest.mark.parametrize(
    "filename",
    [
        "",
        "beam.h5",
        "ATL08_20190416093911_02770303_002_01.h5",
        "ATL06_20190416_02770303_002_01.h5",
        "ATL06_20190416093911_0277030_002_01.h5",
    ],
)
def test_another_name_says_nothing(filename):
    name = ATL06.parse_name(filename)
    assert (name.granule, name.rgt, name.cycle, name.region, name.release) == ("", 0, 0, 0, "")
    assert name.plain == ""


# --- the satellite ------------------------------------------------------------------


def test_the_epoch_is_2018():
    # 18 leap seconds between 1980 and 2018.
    assert ATL06.epoch == (datetime(2018, 1, 1) - datetime(1980, 1, 6)).total_seconds() + 18


def test_strong_beams_have_odd_spots_and_fly_left_when_backward():
    assert {beam for beam, spot in ATL06.spots[0].items() if spot % 2} == {"gt1l", "gt2l", "gt3l"}
    assert {beam for beam, spot in ATL06.spots[1].items() if spot % 2} == {"gt1r", "gt2r", "gt3r"}
    for spots in ATL06.spots.values():
        assert sorted(spots) == sorted(ATL06.tracks)
        assert sorted(spots.values()) == [1, 2, 3, 4, 5, 6]
    # The satellite turned round: the spot that was leftmost is rightmost.
    assert [ATL06.spots[0]["gt1l"], ATL06.spots[1]["gt3r"]] == [1, 1]


def test_regions_follow_the_orbit():
    # An orbit starts at the equator, northwards; 04 and 11 hold its turning points.
    directions = {1: "A", 2: "A", 3: "A", 4: "T", 5: "D", 6: "D", 7: "D"}
    directions |= {8: "D", 9: "D", 10: "D", 11: "T", 12: "A", 13: "A", 14: "A"}
    for region, direction in directions.items():
        assert (region in ATL06.ascending_regions) == (direction == "A")
        assert (region in ATL06.turning_regions) == (direction == "T")
        assert (region in ATL06.southern_regions) == (region >= 8)


def test_a_product_cannot_be_changed():
    with pytest.raises(AttributeError, match="cannot assign"):
        ATL06.epoch = 0.0
    assert isinstance(ATL06, Product)


@pytest.mark.parametrize("word", ["h_li=fit_statistics/h_mean", "dem_h=dem/dem_h", "mine=h_li"])
def test_a_known_or_reserved_name_keeps_its_meaning(word):
    with pytest.raises(ValueError, match="new name"):
        ATL06.choose(word, reserved=("mine",))
