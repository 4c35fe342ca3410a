"""Names of RINEX files: which are taken from folders, and what they say."""

import numpy as np
import pytest

from captools.gnss.names import SUFFIXES, is_rinex, parse_name
from captools.io.address import Url

OBSERVATIONS = (
    ("CEBR00ESP_R_20182000000_01D_30S_MO.crx.gz", "CEBR", "2018-07-19"),
    ("CEDA00USA_R_20182100000_23H_15S_MO.rnx.gz", "CEDA", "2018-07-29"),
    ("P43300USA_R_20190012056_17M_15S_GO.CRX", "P433", "2019-01-01"),
    ("p0570010.24d.Z", "P057", "2024-01-01"),
    ("OB712480.23O.gz", "OB71", "2023-09-05"),
    ("algo365a15.99o", "ALGO", "1999-12-31"),
    ("p0570011.24o", "P057", "2024-01-01"),  # the first of several files of a day
    ("zimm0600.00o.zip", "ZIMM", "2000-02-29"),
    ("zimm0600.80d.bz2", "ZIMM", "1980-02-29"),
)
OTHERS = (
    *("NYA100NOR_S_20241270000_01D_MN.rnx.gz", "NYA100NOR_S_20241270000_01D_05M_MM.rnx"),
    *("brdc0010.24n.gz", "p0570010.24m", "igs.sp3", "all.h5", "list.txt", "a.crx.xz"),
)


@pytest.mark.parametrize(("name", "station", "day"), OBSERVATIONS)
def test_observations(name, station, day):
    for path in (name, f"/some/folder/{name}", Url(f"s3://bucket/2024/{name}")):
        assert is_rinex(path)
        assert parse_name(path) == (station, np.datetime64(day))
    assert name.lower().endswith(SUFFIXES)  # found in folders


@pytest.mark.parametrize("name", OTHERS)
def test_what_lies_beside_them(name):
    assert not is_rinex(name)
    assert not name.lower().endswith(SUFFIXES)


def test_what_is_named_as_one_likes():
    for name in ("mine.rnx", "plain.rnx.gz", "demo.10o"):
        assert is_rinex(name)
    assert parse_name("mine.rnx") == parse_name("demo.10o") == ("", None)
    for no_day in ("york4440.15d", "york3660.15d", "york0000.15d"):
        assert parse_name(no_day) == ("YORK", None)
