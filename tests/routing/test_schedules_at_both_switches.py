"""Every form of a schedule on the days on which the clocks change, in both hemispheres, and where they never do."""

import itertools
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opening_hours import OpeningHours
from slow_schedule import (
    DAY,
    Part,
    clock,
    in_months,
    in_weeks,
    is_open,
    nth_weekday,
    on_date,
    on_weekdays,
    open_minutes,
    written,
)  # fmt: skip

from cti_bridge.routing.load import load_rules
from cti_bridge.routing.schedule import Schedule

BERLIN, NEW_YORK, SYDNEY = "Europe/Berlin", "America/New_York", "Australia/Sydney"
LORD_HOWE, SANTIAGO, MOSCOW = "Australia/Lord_Howe", "America/Santiago", "Europe/Moscow"
COUNTRY = {BERLIN: "DE", NEW_YORK: "US", SYDNEY: "AU", LORD_HOWE: "AU", SANTIAGO: "CL", MOSCOW: "RU"}


def schedule(hours: str, zone: str, more: str = "") -> Schedule:
    text = f"version: 1\nschedules:\n  it: {{hours: '{hours}', timezone: {zone}, country: {COUNTRY[zone]}{more}}}\n"
    return load_rules(f"{text}queues: {{desk: }}\ndefault: {{queue: desk}}\n").schedules["it"]


def minutes_open(it: Schedule, day: date) -> int:
    """For how many real minutes it is open while the wall calendar of its zone shows this day."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=it.zone).astimezone(UTC)
    moments = (noon + timedelta(minutes=minute) for minute in range(-DAY, DAY))
    return sum(it.is_open(moment) is True for moment in moments if it.local(moment).date() == day)


SWITCHES = {
    # the zone, the day, and how many minutes longer it is than 24 hours; what is missing or there twice is around 02:00
    "Berlin, forward": (BERLIN, date(2026, 3, 29), -60),
    "Berlin, back": (BERLIN, date(2026, 10, 25), 60),
    "New York, forward": (NEW_YORK, date(2026, 3, 8), -60),
    "New York, back": (NEW_YORK, date(2026, 11, 1), 60),
    "Sydney, forward": (SYDNEY, date(2026, 10, 4), -60),
    "Sydney, back": (SYDNEY, date(2026, 4, 5), 60),
    "Lord Howe, half an hour forward": (LORD_HOWE, date(2026, 10, 4), -30),
    "Lord Howe, half an hour back": (LORD_HOWE, date(2026, 4, 5), 30),
    "Moscow, in March": (MOSCOW, date(2026, 3, 29), 0),
    "Moscow, in October": (MOSCOW, date(2026, 10, 25), 0),
}
FORMS: dict[str, tuple[str, str, int]] = {
    # the hours, more of the schedule, and for how long they are open on a Sunday of 24 hours; {} is that day
    "always": ("24/7", "", 24 * 60),
    "never": ("off", "", 0),
    "every day": ("00:00-24:00", "", 24 * 60),
    "on weekdays": ("Sa-Su 01:00-04:00", "", 180),
    "on other weekdays": ("Mo-Fr 01:00-04:00", "", 0),
    "several times a day": ("Su 00:30-03:30,12:00-13:00,22:00-24:00", "", 360),
    "past midnight, from the evening before": ("Sa 22:00-04:00", "", 240),
    "past midnight, both evenings": ("20:00-04:00", "", 480),
    "past midnight, written as more than 24 hours": ("Sa 22:00-28:00", "", 240),
    "past midnight, and a part that adds": ("Sa 22:00-04:00, Su 10:00-12:00", "", 360),
    "past midnight, and a part that replaces": ("Sa 22:00-04:00; Su 10:00-12:00", "", 120),
    "past midnight, and an earlier part about the next day": ("Su 10:00-12:00; Sa 22:00-04:00", "", 120),
    "past midnight, added to an earlier part": ("Su 10:00-12:00, Sa 22:00-04:00", "", 360),
    "replaced by a later part": ("Mo-Su 00:00-24:00; Su 01:00-04:00", "", 180),
    "taken away": ("Mo-Su 00:00-24:00; Su off", "", 0),
    "in months": ("Jan-Dec Su 01:00-04:00", "", 180),
    "in weeks": ("week 1-53 Su 01:00-04:00", "", 180),
    "in this week only": ("week {week} Su 01:00-04:00", "", 180),
    "on a weekday of every month": ("Su[{nth}] 01:00-04:00", "", 180),
    "on one day": ("{month} {day:02} 01:00-04:00", "", 180),
    "in one year": ("2026 Su 01:00-04:00", "", 180),
    "other hours by an exception": ("Mo-Fr 09:00-20:00", ", exceptions: [{{date: {date}, hours: '01:00-04:00'}}]", 180),
    "closed by an exception": ("24/7", ", exceptions: [{{from: {date}, to: {date}, hours: off}}]", 0),
}
WITHOUT_THE_HOUR = {"never", "on other weekdays", "past midnight, and a part that replaces",
                    "past midnight, and an earlier part about the next day", "taken away",
                    "closed by an exception"}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("switch", SWITCHES)
def test_every_form_is_open_for_as_long_as_the_clocks_show_it(switch: str, form: str) -> None:
    zone, day, longer = SWITCHES[switch]
    hours, more, usually = FORMS[form]
    words = {
        "date": day.isoformat(), "month": f"{day:%b}", "day": day.day, "week": day.isocalendar().week,
        "nth": (day.day - 1) // 7 + 1,
    }  # fmt: skip
    it = schedule(hours.format(**words), zone, more.format(**words))

    assert minutes_open(it, day) == usually + (0 if form in WITHOUT_THE_HOUR else longer)


@pytest.mark.parametrize(
    ("zone", "holiday", "eve"),
    [(SYDNEY, date(2026, 4, 6), date(2026, 4, 5)), (LORD_HOWE, date(2026, 4, 6), date(2026, 4, 5))],
    ids=["Sydney", "Lord Howe"],
)
def test_a_holiday_after_the_switch_is_off_from_its_own_midnight(zone: str, holiday: date, eve: date) -> None:
    it = schedule("Mo-Su 20:00-04:00; PH off", zone)

    assert minutes_open(it, holiday) == 0
    assert minutes_open(it, eve) == 480 + (60 if zone == SYDNEY else 30)


# Any hours, against a slow reading of them ------------------------------------------------------------------------

HOLIDAYS = {zone: OpeningHours("PH", country=country, auto_country=False, auto_timezone=False)
            for zone, country in COUNTRY.items()}  # fmt: skip
"""Which days are holidays is for the calendars to say; what comes of it is tested."""
weekdays = st.builds(on_weekdays, st.integers(0, 6), st.integers(0, 6))
months = st.builds(in_months, st.integers(0, 11), st.integers(0, 11))
weeks = st.integers(1, 52).flatmap(lambda first: st.builds(in_weeks, st.just(first), st.integers(first, 53)))
single_days = st.sampled_from([(2, 29), (9, 25), (2, 8), (10, 1), (9, 4), (3, 5), (8, 6)]).map(lambda d: on_date(*d))
nth_weekdays = st.builds(nth_weekday, st.integers(0, 6), st.sampled_from([1, 2, 4, -1, -2]))
together = st.builds(
    lambda one, other: (f"{one[0]} {other[0]}", lambda day: one[1](day) and other[1](day)), months | weeks, weekdays
)
every_day = st.just(("", lambda day: True))
spans = st.lists(
    st.tuples(st.integers(0, 287), st.integers(1, 200)).map(lambda at: (at[0] * 5, (at[0] + at[1]) * 5)),
    min_size=1, max_size=2,
)  # fmt: skip


def holidays(zone: str) -> tuple[str, Callable[[date], bool]]:
    return "PH", lambda day: HOLIDAYS[zone].is_open(datetime(day.year, day.month, day.day, 12))  # noqa: DTZ001


@st.composite
def any_hours(draw: st.DrawFn, zone: str) -> list[Part]:
    parts = []
    for number in range(draw(st.integers(1, 4))):
        text, days = draw(
            st.one_of(weekdays, weekdays, months, weeks, single_days, nth_weekdays, together, st.just(holidays(zone)))
            if number or draw(st.booleans())
            else every_day
        )
        times = [] if draw(st.integers(0, 4)) == 0 else draw(spans)
        shown = ",".join(f"{clock(begins)}-{clock(ends)}" for begins, ends in times) or "off"
        parts.append(Part(f"{text} {shown}".strip(), days, tuple(times), number > 0 and draw(st.booleans())))
    return parts


def switches(zone: str) -> list[datetime]:
    """The hours of the years 2026 and 2027 in which the clocks of a zone change; a Sunday in spring where none does."""
    there, start = ZoneInfo(zone), datetime(2026, 1, 1, tzinfo=UTC)
    hours = [start + timedelta(hours=hour) for hour in range(2 * 365 * 24)]
    changes = [
        before for before, after in itertools.pairwise(hours)
        if before.astimezone(there).utcoffset() != after.astimezone(there).utcoffset()
    ]  # fmt: skip
    return changes or [datetime(2026, 3, 29, tzinfo=UTC)]


drawn_hours = st.sampled_from([(zone, moment) for zone in COUNTRY for moment in switches(zone)]).flatmap(
    lambda both: st.tuples(st.just(both), any_hours(both[0]))
)


@given(drawn_hours)
def test_any_hours_are_open_in_each_minute_in_which_a_slow_reading_of_them_is(
    drawn: tuple[tuple[str, datetime], list[Part]],
) -> None:
    (zone, switch), parts = drawn
    it, there = schedule(written(parts), zone), ZoneInfo(zone)
    slow: dict[date, set[int]] = {}

    for minute in range(-26 * 60, 26 * 60):
        moment = switch + timedelta(minutes=minute)
        wall = moment.astimezone(there)
        if wall.date() not in slow:
            slow[wall.date()] = open_minutes(parts, wall.date())
        expected = wall.hour * 60 + wall.minute in slow[wall.date()]
        assert it.is_open(moment) is expected, (it.hours, wall)


@given(drawn_hours, st.integers(-3000, 3000))
def test_a_period_begins_and_ends_where_the_slow_reading_changes(
    drawn: tuple[tuple[str, datetime], list[Part]], minute: int
) -> None:
    (zone, switch), parts = drawn
    it = schedule(written(parts), zone)
    moment = switch + timedelta(minutes=minute)

    period = it.period(moment)

    assert period.open is is_open(parts, it.local(moment))
    for change in (one for one in (period.begins, period.ends) if one is not None):
        assert is_open(parts, change) is not is_open(parts, change - timedelta(minutes=1))
