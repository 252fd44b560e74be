"""Reads `schedules`, and the conditions `open` and `unless_open` that ask for them."""

import re
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from cti_bridge.routing.conditions import Opening
from cti_bridge.routing.document import Items, Node, Scalar, Table, lines_of, place_inside
from cti_bridge.routing.hours_text import calendar, faults, is_country
from cti_bridge.routing.problems import Place, Problem, Problems, quoted, suggestion
from cti_bridge.routing.scalars import Fields, read_items, read_name, read_text, read_zone
from cti_bridge.routing.schedule import Schedule

SCHEDULE_KEYS = ("hours", "country", "timezone", "exceptions")
EXCEPTION_KEYS = ("date", "from", "to", "hours", "note")
OPENING_KEYS = ("open", "unless_open")
MAX_SCHEDULES = 200
MAX_EXCEPTIONS = 100
MAX_NOTE = 80
LOOK_AHEAD_DAYS = 366
_TIMES = re.compile(r"\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2}(?:\s*,\s*\d{1,2}:\d{2}\s*-\s*\d{1,2}:\d{2})*")
_TIME = re.compile(r"(\d{1,2}):(\d{2})\s*-\s*(\d{1,2}):(\d{2})")
_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_YEARS = range(2000, 2200)
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_NEVER = calendar("off", "")
"""Stands for hours that cannot be read, so that who names the schedule is not blamed, too."""


@dataclass(frozen=True, slots=True)
class _OtherHours:
    """Other hours on single days, both included; `hours` are times or `off`."""

    first: date
    last: date
    hours: str
    note: str
    line: int
    column: int

    def as_hours(self) -> str:
        """The same in the notation of the hours, as a part to be put behind them."""
        days = "-".join(f"{day.year} {_MONTHS[day.month - 1]} {day.day:02}" for day in sorted({self.first, self.last}))
        word = "" if self.hours == "off" else " open"
        note = f' "{self.note}"' if self.note else ""
        return f"{days} {self.hours}{word}{note}"


class SchedulesReader:
    """Reads the section `schedules` of a file; `timezone` is that of schedules without their own."""

    def __init__(self, text: str, timezone: str, problems: Problems) -> None:
        self._lines = lines_of(text)
        self._timezone = timezone
        self._problems = problems

    def read(self, node: Node) -> dict[str, Schedule]:
        """The schedules by name; one with a mistake is there as well, and never open."""
        if not isinstance(node, Table) or not node.entries:
            hint = 'such as `office: {hours: "Mo-Fr 09:00-20:00"}`'
            self._problems.add(node, "`schedules` must be a mapping of names to hours", hint)
            return {}
        if len(node.entries) > MAX_SCHEDULES:
            self._problems.add(node, f"more than {MAX_SCHEDULES} schedules")
        return {
            name: self._schedule(key, name, value)
            for key, value in node.entries[:MAX_SCHEDULES]
            if (name := read_name(key, "schedule", self._problems)) is not None
        }

    def _schedule(self, key: Scalar, name: str, node: Node) -> Schedule:
        fields = Fields(node, f"schedule {quoted(key.text)}", SCHEDULE_KEYS, self._problems)
        country = self._country(fields.get("country"))
        at = fields.required("hours") if isinstance(node, Table) else None
        hours = self._hours(at, country) if at is not None else None
        exceptions = self._exceptions(fields.get("exceptions"))
        whole = _NEVER
        if hours is not None:
            parts = [hours.strip().rstrip(";"), *(one.as_hours() for one in exceptions)]
            try:
                whole = calendar("; ".join(parts), country or "")
            except ValueError:  # each part was good by itself
                self._problems.add(key, f"schedule {quoted(name)}: hours and exceptions do not go together")
        return Schedule(name, hours or "off", self._zone(fields.get("timezone")), whole, Place(key.line, key.column))

    def _country(self, node: Node | None) -> str | None:
        """The country's code, empty when none is named, None after a mistake."""
        if node is None:
            return ""
        code = read_text(node, "`country`", self._problems)
        if code is not None and not is_country(code):
            self._problems.add(node, f"country {quoted(code)} is not known", "two capital letters, such as RU")
            return None
        return code

    def _zone(self, node: Node | None) -> zoneinfo.ZoneInfo:
        name = read_zone(node, "`timezone`", "timezone", self._problems) if node is not None else None
        for candidate in (name or self._timezone, "UTC"):
            try:
                return zoneinfo.ZoneInfo(candidate)
            except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
                continue  # it was complained about where it stands
        raise AssertionError("there is always UTC")

    def _hours(self, node: Node, country: str | None) -> str | None:
        hours = read_text(node, "`hours`", self._problems)
        if hours is None or not isinstance(node, Scalar):
            return None
        found = faults(hours, "?" if country is None else country)
        for fault in found:
            self._problems.add(place_inside(self._lines, node, fault.offset), fault.message, fault.hint)
        return None if found else hours

    def _exceptions(self, node: Node | None) -> list[_OtherHours]:
        items = read_items(node, "`exceptions`", self._problems) if node is not None else ()
        if node is not None and len(items) > MAX_EXCEPTIONS:
            self._problems.add(node, f"more than {MAX_EXCEPTIONS} exceptions")
        read = [one for item in items[:MAX_EXCEPTIONS] if (one := self._exception(item)) is not None]
        read.sort(key=lambda one: (one.first, one.line))
        for index, one in enumerate(read[1:]):
            if one.first <= (other := max(read[: index + 1], key=lambda earlier: earlier.last)).last:
                place = max(one, other, key=lambda exception: (exception.line, exception.column))
                first = min(one, other, key=lambda exception: (exception.line, exception.column))
                message = f"two exceptions for {max(one.first, other.first).isoformat()}"
                self._problems.add(Place(place.line, place.column), message, f"the other one is in line {first.line}")
        return read

    def _exception(self, node: Node) -> _OtherHours | None:
        fields = Fields(node, "an exception", EXCEPTION_KEYS, self._problems)
        if not isinstance(node, Table):
            return None
        single = fields.get("date")
        ends = (fields.get("from"), fields.get("to"))
        if single is not None and (ends[0] is not None or ends[1] is not None):
            self._problems.add(node, "an exception has either `date` or `from` and `to`")
        elif single is None and (ends[0] is None or ends[1] is None):
            self._problems.add(node, "an exception needs `date`, or `from` and `to`", "such as `date: 2026-12-31`")
        at = fields.required("hours")
        hours = self._day_hours(at) if at is not None else None
        note = self._note(fields.get("note"))
        first, last = (self._date(one) for one in ((single, single) if single is not None else ends))
        if first is not None and last is not None and last < first:
            self._problems.add(ends[1] or node, "`to` is before `from`")
        elif first is not None and last is not None and hours is not None:
            return _OtherHours(first, last, hours, note, node.line, node.column)
        return None

    def _date(self, node: Node | None) -> date | None:
        if node is None:
            return None
        text = node.text if isinstance(node, Scalar) else ""
        try:
            day = date.fromisoformat(text) if _DATE.fullmatch(text) else None
        except ValueError:
            day = None
        if day is None or day.year not in _YEARS:
            self._problems.add(node, f"{quoted(text)} is not a date", "such as 2026-12-31")
            return None
        return day

    def _day_hours(self, node: Node) -> str | None:
        """`off`, or times of one day."""
        text = (read_text(node, "`hours`", self._problems) or "").strip()
        if not text or text == "off":
            return text or None
        if not _TIMES.fullmatch(text) or not all(_within_a_day(match) for match in _TIME.finditer(text)):
            hint = "such as `off` or `10:00-13:00, 14:00-16:00`"
            message = f"the hours of an exception are `off` or times of that day, not {quoted(text)}"
            self._problems.add(node, message, hint)
            return None
        return text

    def _note(self, node: Node | None) -> str:
        note = (read_text(node, "`note`", self._problems) or "").strip() if node is not None else ""
        if node is not None and (len(note) > MAX_NOTE or not note.isprintable() or '"' in note):
            self._problems.add(node, f"`note` is one line of at most {MAX_NOTE} characters without a quotation mark")
            return ""
        return note


def _within_a_day(times: re.Match[str]) -> bool:
    begins, ends = (int(times[index]) * 60 + int(times[index + 1]) for index in (1, 3))
    minutes = int(times[2]) < 60 and int(times[4]) < 60
    return minutes and begins < ends <= 24 * 60


def read_openings(fields: Fields, schedules: Mapping[str, Schedule], problems: Problems) -> tuple[Opening, ...]:
    """The conditions `open` and `unless_open` of a rule or a step."""
    found: dict[str, tuple[Schedule, ...]] = {}
    for key in OPENING_KEYS:
        if (node := fields.get(key)) is not None:
            found[key] = _named(node, key, schedules, problems)
            for schedule in found[key]:
                if key != "open" and schedule in found.get("open", ()):
                    problems.add(node, f"{quoted(schedule.name)} cannot be open and not open", "this never holds")
    return tuple(Opening(named, key == "open") for key, named in found.items() if named)


def _named(node: Node, key: str, schedules: Mapping[str, Schedule], problems: Problems) -> tuple[Schedule, ...]:
    items = node.items if isinstance(node, Items) else (node,)
    if not items:
        problems.add(node, f"`{key}` names no schedule")
    named = []
    for item in items:
        name = read_text(item, f"`{key}`", problems)
        if name is not None and name in schedules:
            named.append(schedules[name])
        elif name is not None:
            hint = suggestion(name, schedules, f"known: {', '.join(schedules)}" if schedules else "there are none")
            problems.add(item, f"schedule {quoted(name)} is not in `schedules`", hint)
    return tuple(dict.fromkeys(named))


def never_open(schedules: Mapping[str, Schedule], at: datetime) -> tuple[Problem, ...]:
    """A warning for each schedule that is not open at any time within a year from this moment."""
    return tuple(
        Problem(
            schedule.place.line,
            schedule.place.column,
            f"warning: schedule {quoted(schedule.name)} is never open within a year",
            "are its dates over?",
        )
        for schedule in schedules.values()
        if schedule.first_opening(at, LOOK_AHEAD_DAYS) is None
    )
