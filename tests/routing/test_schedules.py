"""Schedules: open or closed at every moment, when the clocks change, on holidays, at midnight and at year's end."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cti_bridge.routing.load import load_rules
from cti_bridge.routing.moment import kept_moment, moment_text, read_moment
from cti_bridge.routing.schedule import Schedule
from cti_bridge.routing.schedules import never_open

OFFICE = "Mo-Fr 09:00-20:00; Sa 10:00-16:00; PH off"


def schedule(hours: str, zone: str = "Europe/Moscow", more: str = "") -> Schedule:
    text = f"version: 1\nschedules:\n  it: {{hours: '{hours}', timezone: {zone}, country: RU{more}}}\n"
    return load_rules(f"{text}queues: {{desk: }}\ndefault: {{queue: desk}}\n").schedules["it"]


def at(text: str, zone: str = "Europe/Moscow") -> datetime:
    return read_moment(text, ZoneInfo(zone))


@pytest.mark.parametrize(
    ("hours", "moment", "told"),
    [
        (OFFICE, "2026-11-23 08:59:59", "closed: Sa 16:00-Mo 09:00"),
        (OFFICE, "2026-11-23 09:00", "open: Mo 09:00-20:00"),
        (OFFICE, "2026-11-23 19:59:59", "open: Mo 09:00-20:00"),
        (OFFICE, "2026-11-23 20:00", "closed: Mo 20:00-Tu 09:00"),
        (OFFICE, "2026-11-28 17:00", "closed: Sa 16:00-Mo 09:00"),
        ("20:00-04:00", "2026-11-23 23:00", "open: Mo 20:00-Tu 04:00"),
        ("20:00-04:00", "2026-11-24 03:59", "open: Mo 20:00-Tu 04:00"),
        ("20:00-04:00", "2026-11-24 04:00", "closed: Tu 04:00-20:00"),
        ("Mo-Fr 20:00-24:00", "2026-11-23 23:59", "open: Mo 20:00-24:00"),
        ("Fr 22:00-06:00, Sa 10:00-16:00", "2026-11-28 02:00", "open: Fr 22:00-Sa 06:00"),
        ("Fr 22:00-06:00; Sa 10:00-16:00", "2026-11-28 02:00", "closed: Sa 00:00-10:00"),
        ("24/7", "2026-11-23 12:00", "open: for more than a year"),
        ("off", "2026-11-23 12:00", "closed: for more than a year"),
        ("2020-2026 Mo-Fr 09:00-18:00", "2027-02-01 12:00", "closed: since 2026-12-31 18:00"),
        ("2028-2030 Mo-Fr 09:00-18:00", "2027-02-01 12:00", "closed: until 2028-01-03 09:00"),
        ("Feb 29 10:00-12:00", "2028-02-29 11:00", "open: Tu 10:00-12:00"),
        ("Feb 29 10:00-12:00", "2026-06-01 11:00", "closed: for more than a year"),
        ("Dec 31-Jan 1 10:00-12:00", "2027-01-01 11:00", "open: Fr 10:00-12:00"),
        ("Dec 31 20:00-26:00", "2027-01-01 01:30", "open: Th 20:00-Fr 02:00"),
        ("Mo[-1] 09:00-10:00", "2026-11-30 09:30", "open: Mo 09:00-10:00"),
        ('Mo-Fr 09:00-18:00; Sa off "Сб выходной"', "2026-11-28 12:00", "closed: Fr 18:00-Mo 09:00 (Сб выходной)"),
    ],
)
def test_a_schedule_says_whether_it_is_open_and_from_when_until_when(hours: str, moment: str, told: str) -> None:
    it = schedule(hours)

    assert it.in_words(at(moment)) == told
    assert it.is_open(at(moment)) == told.startswith("open")


@pytest.mark.parametrize(
    "holiday",
    ["2026-01-01", "2026-01-02", "2026-01-07", "2026-02-23", "2027-03-08", "2026-05-01", "2028-05-09", "2026-06-12",
     "2026-11-04"],
)  # fmt: skip
def test_a_public_holiday_of_the_country_is_off(holiday: str) -> None:
    assert not schedule("Mo-Su 00:00-24:00; PH off").is_open(at(f"{holiday} 12:00"))
    assert schedule("Mo-Su 00:00-24:00").is_open(at(f"{holiday} 12:00"))


def test_another_country_has_other_holidays() -> None:
    text = "version: 1\nschedules: {it: {hours: 24/7; PH off, country: DE}}\nqueues: {a: }\ndefault: {queue: a}\n"
    it = load_rules(text).schedules["it"]

    assert it.is_open(at("2026-11-04 12:00"))
    assert not it.is_open(at("2026-10-03 12:00"))


EXCEPTIONS = """, exceptions: [{date: 2026-12-31, hours: '09:00-13:00, 14:00-15:00', note: Короткий день},
   {from: 2027-01-01, to: 2027-01-10, hours: off, note: Каникулы}, {date: 2026-11-04, hours: '10:00-12:00'}]"""


@pytest.mark.parametrize(
    ("moment", "told"),
    [
        ("2026-12-30 15:30", "open: We 09:00-20:00"),
        ("2026-12-31 12:00", "open: Th 09:00-13:00 (Короткий день)"),
        ("2026-12-31 13:30", "closed: Th 13:00-14:00"),
        ("2026-12-31 15:30", "closed: 2026-12-31 15:00 to 2027-01-11 09:00"),
        ("2027-01-05 12:00", "closed: 2026-12-31 15:00 to 2027-01-11 09:00 (Каникулы)"),
        ("2027-01-10 23:59", "closed: 2026-12-31 15:00 to 2027-01-11 09:00 (Каникулы)"),
        ("2027-01-11 09:00", "open: Mo 09:00-20:00"),
        ("2026-11-04 11:00", "open: We 10:00-12:00"),
    ],
)
def test_an_exception_replaces_the_hours_of_its_days(moment: str, told: str) -> None:
    assert schedule(OFFICE, more=EXCEPTIONS).in_words(at(moment)) == told


def test_an_exception_may_last_over_the_end_of_the_year() -> None:
    it = schedule("Mo-Su 09:00-18:00", more=", exceptions: [{from: 2026-12-30, to: 2027-01-02, hours: '10:00-11:00'}]")

    opens = [
        begins.isoformat()[5:13] for day in range(5) for begins, _ in it.openings(date(2026, 12, 29) + timedelta(day))
    ]
    assert opens == ["12-29T09", "12-30T10", "12-31T10", "01-01T10", "01-02T10"]
    assert it.is_open(at("2027-01-03 09:00"))


def test_an_exception_is_about_a_day_from_midnight_to_midnight() -> None:
    it = schedule("20:00-04:00", more=", exceptions: [{date: 2026-11-23, hours: off}]")

    assert it.openings(date(2026, 11, 22))[-1] == (
        datetime.fromisoformat("2026-11-22T20:00"),
        datetime.fromisoformat("2026-11-23"),
    )
    assert it.openings(date(2026, 11, 23)) == []
    assert it.is_open(at("2026-11-24 02:00"))


# When the clocks change -----------------------------------------------------------------------------------------------

BERLIN, NEW_YORK, MOSCOW = "Europe/Berlin", "America/New_York", "Europe/Moscow"


@pytest.mark.parametrize(
    ("zone", "moment", "expected"),
    [
        # forward: 02:00 becomes 03:00, so 02:30 is never there and 03:00 comes an hour sooner
        (BERLIN, "2026-03-29T00:29Z", False),
        (BERLIN, "2026-03-29T00:30Z", True),
        (BERLIN, "2026-03-29T00:59Z", True),
        (BERLIN, "2026-03-29T01:00Z", False),
        # back: 03:00 becomes 02:00, so 02:00-02:30 is there twice
        (BERLIN, "2026-10-24T23:30Z", True),
        (BERLIN, "2026-10-25T00:29Z", True),
        (BERLIN, "2026-10-25T00:30Z", False),
        (BERLIN, "2026-10-25T01:00Z", True),
        (BERLIN, "2026-10-25T01:29Z", True),
        (BERLIN, "2026-10-25T01:30Z", False),
        (NEW_YORK, "2026-03-08T06:30Z", True),
        (NEW_YORK, "2026-03-08T06:59Z", True),
        (NEW_YORK, "2026-03-08T07:00Z", False),
        (NEW_YORK, "2026-11-01T05:29Z", False),
        (NEW_YORK, "2026-11-01T05:30Z", True),
        (NEW_YORK, "2026-11-01T06:00Z", False),
        (NEW_YORK, "2026-11-01T06:30Z", True),
        (NEW_YORK, "2026-11-01T07:29Z", True),
        (NEW_YORK, "2026-11-01T07:30Z", False),
        # Moscow's clocks do not change
        (MOSCOW, "2026-03-28T22:30Z", True),
        (MOSCOW, "2026-03-28T23:29Z", True),
        (MOSCOW, "2026-10-24T23:29Z", True),
        (MOSCOW, "2026-10-24T23:30Z", False),
    ],
)
def test_the_clocks_on_the_wall_count_when_they_change(zone: str, moment: str, expected: bool) -> None:
    assert schedule("Mo-Su 01:30-02:30", zone).is_open(datetime.fromisoformat(moment)) is expected


SWITCHES = {BERLIN: ("2026-03-29", "2026-10-25"), NEW_YORK: ("2026-03-08", "2026-11-01"), MOSCOW: ("2026-03-29",)}
HOURS = [OFFICE, "20:00-04:00", "00:00-24:00", "Su 02:00-03:00", "01:00-01:30,02:15-02:45", "Mo-Sa 09:00-18:00; PH off"]


@pytest.mark.parametrize(("zone", "day"), [(zone, day) for zone, days in SWITCHES.items() for day in days])
@pytest.mark.parametrize("hours", HOURS)
def test_every_schedule_is_as_its_wall_clock_says_through_both_switches(hours: str, zone: str, day: str) -> None:
    it, there = schedule(hours, zone), schedule(hours, "UTC")
    midnight = at(day, zone).astimezone(UTC)

    for minutes in range(-180, 30 * 60, 5):
        moment = midnight + timedelta(minutes=minutes)
        shown = moment.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC)
        assert it.is_open(moment) is there.is_open(shown), moment
        assert it.period(moment).open is it.is_open(moment), moment


@pytest.mark.parametrize("zone", ["UTC", BERLIN, "Asia/Kamchatka", "Pacific/Apia"])
def test_one_moment_is_one_answer_however_its_zone_is_written(zone: str) -> None:
    it = schedule(OFFICE)
    moment = at("2026-11-23 09:00")

    assert it.is_open(moment.astimezone(ZoneInfo(zone)))
    assert it.is_open(moment.astimezone(UTC))
    assert it.is_open(datetime.fromisoformat(moment.isoformat()))


# Moments --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("2026-11-23 11:00", "2026-11-23T11:00:00+03:00"),
        ("2026-11-23", "2026-11-23T00:00:00+03:00"),
        ("2026-11-23T11:00:07+01:00", "2026-11-23T13:00:07+03:00"),
        ("2026-10-25 02:30 Europe/Berlin", "2026-10-25T03:30:00+03:00"),
        ("2026-11-01 12:00 America/New_York", "2026-11-01T20:00:00+03:00"),
    ],
)
def test_a_time_may_be_written_with_or_without_a_zone(text: str, kept: str) -> None:
    moment = at(text)

    assert moment_text(moment) == kept
    assert kept_moment(kept) == moment


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("tomorrow", "is not a time"),
        ("2026-13-01 11:00", "is not a time"),
        ("", "is not a time"),
        ("2026-11-23 11:00 Mars/Phobos", "is not known"),
        ("2026-03-29 02:30 Europe/Berlin", "the clocks go forward"),
        ("0001-01-01 00:00", "too far away"),
        ("9999-12-31T23:59-12:00", "too far away"),
    ],
)
def test_a_time_that_is_none_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        at(text)


@pytest.mark.parametrize("fact", [None, 5, "x", "2026-11-23T11:00:00", "9999-12-31T23:59:59-12:00", ["x"]])
def test_a_kept_moment_that_is_none_is_unknown(fact: object) -> None:
    assert kept_moment(fact) is None


# Never open -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("hours", "never"),
    [
        ("off", True),
        ("2025 Mo-Fr 09:00-18:00", True),
        ("2026 Dec 31 09:00-18:00", False),
        ("Feb 29 09:00-18:00", True),
        ("Mo-Fr 09:00-18:00; Mo-Su off", True),
        ("Dec 31 23:59-24:00", False),
    ],
)
def test_hours_that_are_over_are_named(hours: str, never: bool) -> None:
    warnings = never_open({"it": schedule(hours)}, at("2026-11-23 11:00"))

    assert [warning.format("r.yaml") for warning in warnings] == [
        "r.yaml:3:3: warning: schedule `it` is never open within a year (are its dates over?)"
    ] * never
