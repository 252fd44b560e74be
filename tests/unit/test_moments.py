"""Times as an admin types them, in his own zone, on days when the clocks are changed as well."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from cti_bridge.domain.moments import iso_time, parse_moment

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC).timestamp()
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("90s", "2026-11-22T11:58:30+00:00"),
        ("30m", "2026-11-22T11:30:00+00:00"),
        (" 2h ", "2026-11-22T10:00:00+00:00"),
        ("7d", "2026-11-15T12:00:00+00:00"),
        ("2w", "2026-11-08T12:00:00+00:00"),
        ("2026-11-01", "2026-11-01T00:00:00+01:00"),
        ("2026-11-01T10:30", "2026-11-01T10:30:00+01:00"),
        ("2026-11-01 10:30:15", "2026-11-01T10:30:15+01:00"),
        ("2026-11-01T10:30+03:00", "2026-11-01T10:30:00+03:00"),
        ("2026-11-01T10:30Z", "2026-11-01T10:30:00+00:00"),
        pytest.param("2026-07-01", "2026-07-01T00:00:00+02:00", id="summer time"),
        pytest.param("2026-03-29T02:30", "2026-03-29T03:30:00+02:00", id="leapt over in spring"),
        pytest.param("2026-10-25T02:30", "2026-10-25T02:30:00+02:00", id="twice in autumn, the first is meant"),
    ],
)
def test_a_time_is_meant_as_it_is_written(text: str, moment: str) -> None:
    assert parse_moment(text, now=NOW, zone=BERLIN) == datetime.fromisoformat(moment).timestamp()


def test_a_day_ago_is_24_hours_ago_whatever_the_clocks_did() -> None:
    after_the_change = datetime(2026, 10, 25, 12, 0, tzinfo=BERLIN).timestamp()
    assert after_the_change - parse_moment("1d", now=after_the_change, zone=BERLIN) == 86400


@pytest.mark.parametrize(
    "text", ["", "7", "d", "-7d", "7 days", "1.5d", "yesterday", "2026-13-01", "2026-02-30", "25:00", "٧d", "1d2h"]
)
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(ValueError, match="not a time such as 7d"):
        parse_moment(text, now=NOW, zone=BERLIN)


def test_the_far_ends_of_the_calendar_are_times_or_refused() -> None:
    assert parse_moment("999999w", now=NOW) == 0
    assert iso_time(parse_moment("9998-12-31T23:59-14:00", now=NOW), zone=BERLIN)
    for text in ("0001-01-01", "0001-01-01T00:00+14:00", "9999-12-31T23:59-14:00"):
        with pytest.raises(ValueError, match="not a time"):
            parse_moment(text, now=NOW)


def test_a_moment_is_shown_with_its_offset() -> None:
    assert iso_time(NOW, zone=BERLIN) == "2026-11-22T13:00:00.000+01:00"
