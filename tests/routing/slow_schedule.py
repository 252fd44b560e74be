"""A second, slow reading of opening hours, minute by minute, to compare the schedules of the rules with.

It knows the forms that the guide to the rules lists, and what it says about midnight: a later part replaces what
earlier ones say of a day, one behind a comma adds to it, `off` takes away, and what goes on past midnight counts on the
next day unless another part is about that day.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

DAY = 24 * 60
WEEKDAYS = ("Mo", "Tu", "We", "Th", "Fr", "Sa", "Su")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Days = Callable[[date], bool]


@dataclass(frozen=True)
class Part:
    """One part of some hours: as it is written, on which days, and in which minutes of them; none: `off`.

    An end behind 24:00 is on the next day. `adds` is a part behind a comma.
    """

    text: str
    days: Days
    spans: tuple[tuple[int, int], ...]
    adds: bool = False


def written(parts: list[Part]) -> str:
    """The parts as the rule file has them."""
    text = parts[0].text
    for part in parts[1:]:
        text += f"{', ' if part.adds else '; '}{part.text}"
    return text


def open_minutes(parts: list[Part], day: date) -> set[int]:
    """The minutes of this day at which these hours are open."""
    minutes: set[int] | None = None
    for part in parts:
        about_today = part.days(day)
        if not part.spans:
            minutes = None if about_today else minutes
            continue
        own = _minutes(part, 0) if about_today else set()
        going_on = _minutes(part, DAY) if part.days(day - timedelta(days=1)) else set()
        if part.adds:
            minutes = (minutes or set()) | own | going_on if about_today or going_on else minutes
        elif about_today or (minutes is None and going_on):
            minutes = own | going_on
    return minutes or set()


def _minutes(part: Part, behind: int) -> set[int]:
    """The minutes of one day, those of the next one with `behind` a whole day."""
    return {
        minute - behind for begins, ends in part.spans for minute in range(begins, ends) if 0 <= minute - behind < DAY
    }


def is_open(parts: list[Part], wall: datetime) -> bool:
    """Whether they are open when the clocks on the wall show this."""
    return wall.hour * 60 + wall.minute in open_minutes(parts, wall.date())


def clock(minutes: int) -> str:
    """Minutes since midnight as a time; hours may be more than 24."""
    return f"{minutes // 60:02}:{minutes % 60:02}"


def on_weekdays(first: int, last: int) -> tuple[str, Days]:
    """Weekdays from one to another, over the end of the week if need be."""
    wanted = {(first + step) % 7 for step in range((last - first) % 7 + 1)}
    text = WEEKDAYS[first] if first == last else f"{WEEKDAYS[first]}-{WEEKDAYS[last]}"
    return text, lambda day: day.weekday() in wanted


def in_months(first: int, last: int) -> tuple[str, Days]:
    """Months from one to another, over the end of the year if need be; counted from 0."""
    wanted = {(first + step) % 12 for step in range((last - first) % 12 + 1)}
    text = MONTHS[first] if first == last else f"{MONTHS[first]}-{MONTHS[last]}"
    return text, lambda day: day.month - 1 in wanted


def in_weeks(first: int, last: int) -> tuple[str, Days]:
    """Weeks of the year, as ISO 8601 counts them."""
    return f"week {first}-{last}", lambda day: first <= day.isocalendar().week <= last


def on_date(month: int, number: int) -> tuple[str, Days]:
    """One day of every year; the month counted from 0."""
    return f"{MONTHS[month]} {number}", lambda day: (day.month - 1, day.day) == (month, number)


def nth_weekday(weekday: int, nth: int) -> tuple[str, Days]:
    """Such as the first (1) or the last (-1) Monday of every month."""

    def holds(day: date) -> bool:
        in_front = (day.day - 1) // 7 + 1
        next_month = (day.replace(day=28) + timedelta(days=4)).replace(day=1)
        behind = -1 - ((next_month - day).days - 1) // 7
        return day.weekday() == weekday and nth in {in_front, behind}

    return f"{WEEKDAYS[weekday]}[{nth}]", holds
