"""Checks the hours of a schedule when the rule file is read: are they written right, and do they mean anything here.

The notation is OpenStreetMap's `opening_hours`. Its reader takes more than a telephone schedule can mean: dates that no
year has (which then hold every day), sunsets without a place, hours that are only perhaps open; and of `||` it makes
one thing when asked for a moment and another when asked for a period. That is refused.
"""

import re
from calendar import isleap
from collections.abc import Iterator
from dataclasses import dataclass

from opening_hours import OpeningHours

MAX_HOURS = 1000
EXAMPLE = "such as `Mo-Fr 09:00-20:00; Sa 10:00-16:00; PH off`"
_NOTE = re.compile(r'"[^"]*"')
_WHERE = re.compile(r"--> \d+:(\d+)")
_OTHERWISE = re.compile(r"Failed to parse expression: (\S.*)")
_WORDS = {
    "unknown": "`unknown` is neither open nor closed",
    "||": "`||` is not possible here",
    "SH": "`SH`: school holidays are not known here",
    **dict.fromkeys(("sunrise", "sunset", "dawn", "dusk"), "where the sun rises and sets is not known here"),
}
_INSTEAD = {
    "unknown": "leave it out, or write `off`",
    "||": "put a comma before what is to be added to other hours",
    "SH": "name the days in `exceptions`",
}
_WORD = re.compile(r"\b(?:unknown|SH|sunrise|sunset|dawn|dusk)\b|\|\|")
_HOLIDAYS = re.compile(r"\bPH\b")
_LAST_DAY = {"Feb": 29, "Apr": 30, "Jun": 30, "Sep": 30, "Nov": 30}
_DATE = re.compile(
    r"(?:\b(?P<year>\d{4})\s+)?\b(?P<month>Feb|Apr|Jun|Sep|Nov)\s*(?P<day>\d{1,2})(?![\d:])"
    r"(?:\s*-\s*(?P<last>\d{1,2})(?![\d:]))?"
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something wrong at this offset of the hours, in characters from 0."""

    offset: int
    message: str
    hint: str = ""


def calendar(hours: str, country: str) -> OpeningHours:
    """The hours as a calendar that is asked in wall-clock time; `country` is empty where none was named.

    Raises ValueError when these are no hours.
    """
    try:
        return OpeningHours(hours, country=country or None, auto_country=False, auto_timezone=False)
    except Exception as error:
        raise ValueError(str(error)) from None
    except BaseException as error:
        # a panic of the Rust part is no Exception; whatever it is about, the hours are unusable
        if type(error).__name__ != "PanicException":
            raise
        raise ValueError("") from None


def is_country(code: str) -> bool:
    """Whether the public holidays of this country are known."""
    try:
        calendar("PH off", code)
    except ValueError:
        return False
    return bool(code)


def faults(hours: str, country: str) -> list[Fault]:
    """Everything wrong with these hours; none when `calendar` can be made of them and means what it says."""
    if len(hours) > MAX_HOURS:
        return [Fault(0, f"the hours are longer than {MAX_HOURS} characters", "name single days in `exceptions`")]
    try:
        calendar(hours, "")
    except ValueError as error:
        return [_unreadable(hours, str(error))]
    plain = _NOTE.sub(lambda note: " " * len(note[0]), hours)
    found = [Fault(match.start(), _WORDS[match[0]], _INSTEAD.get(match[0], "")) for match in _WORD.finditer(plain)]
    found += [Fault(offset, f"there is no {day}", "it would hold every day") for offset, day in _no_dates(plain)]
    if not country and (match := _HOLIDAYS.search(plain)):
        found.append(Fault(match.start(), "`PH`: public holidays of which country?", "add `country`, such as RU"))
    return found


def _unreadable(hours: str, said: str) -> Fault:
    if where := _WHERE.search(said):
        offset = min(int(where[1]) - 1, len(hours))
        rest = " ".join(hours[offset:].split())
        shown = f"`{rest[:30]}…`" if len(rest) > 30 else f"`{rest}`"
        return Fault(offset, f"the hours cannot be read from {shown} on" if rest else "the hours end too soon", EXAMPLE)
    otherwise = _OTHERWISE.search(said)
    return Fault(0, "the hours cannot be read" + (f": {otherwise[1]}" if otherwise else ""), EXAMPLE)


def _no_dates(plain: str) -> Iterator[tuple[int, str]]:
    """Dates that no year has, or not the year that stands before them."""
    for match in _DATE.finditer(plain):
        month, year = match["month"], match["year"]
        last = _LAST_DAY[month]
        if month == "Feb" and year and not isleap(int(year)):
            last = 28
        for day in (match["day"], match["last"]):
            if day and int(day) > last:
                yield match.start(), " ".join(filter(None, (year, month, day)))
