"""Dates in names, as people and programs write them, and the dates that a person gives."""

import pytest

from farmcd_qgis.core.dates import date_in, given_date, is_later


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("m_4709963_se_14_1_20090818", "2009-08-18"),
        ("郑州_2019年8月12日", "2019-08-12"),
        ("2019年8月", "2019-08"),
        ("20190812103045_tile", "2019-08-12"),
        ("DJI_20230405123456_0001", "2023-04-05"),
        ("S2A_MSIL2A_20190812T103045_N0213", "2019-08-12"),
        ("2009-8-18", "2009-08-18"),
        ("2009.08.18", "2009-08-18"),
        ("2009_08_18", "2009-08-18"),
        ("LC81230362019224LGN00", "2019-08-12"),
        ("LC08_L1TP_123036_20190812_20190820_01_T1", "2019-08-12"),
        ("GF2_PMS1_E113.2_N34.1_20190812_L1A0004174585", "2019-08-12"),
        ("img_2019-02-30", "2019"),
        ("change_2019_2020", "2019"),
        ("field_2019", "2019"),
        ("tile_2048_1024", None),
        ("tile_1024_2048", None),
        ("tile_2000x1500", None),
        ("clip_2048", None),
        ("20991231", None),
        ("world_2098", None),
        ("field_12345678", None),
        ("", None),
    ],
)
def test_dates_in_names(name, found):
    assert date_in(name) == found


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2009", "2009"),
        ("2009-08", "2009-08"),
        ("2009-8-18", "2009-08-18"),
        (" 2009/08/18 ", "2009-08-18"),
        ("20090818", "2009-08-18"),
        ("2009-08-18T10:00:00Z", "2009-08-18"),
        ("2009年8月18日", "2009-08-18"),
        ("18.08.2009", "2009-08-18"),
        ("31/08/2020", "2020-08-31"),
        ("08/31/2020", "2020-08-31"),
        ("31.31.2020", None),
        ("2019-13-01", None),
        ("2019-02-30", None),
        ("2099-01-01", None),
        ("yesterday", None),
        ("tile 2019", None),
        ("", None),
    ],
)
def test_dates_that_a_person_gives(text, day):
    assert given_date(text) == day


@pytest.mark.parametrize(
    ("one", "other", "later"),
    [
        ("2019-03-01", "2019", False),
        ("2019", "2019-03-01", False),
        ("2020", "2019-03-01", True),
        ("2019-04", "2019-03-01", True),
        ("2019-03-01", "2019-03-01", False),
        ("2009-08-18", "2020-08-31", False),
    ],
)
def test_a_year_is_not_later_than_a_day_of_it(one, other, later):
    assert is_later(one, other) is later
