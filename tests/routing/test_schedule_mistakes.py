"""Each mistake about schedules is named with its place, what is wrong and what to do."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cti_bridge.routing.hours_text import calendar, faults
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import Place, RulesError
from cti_bridge.routing.schedule import Schedule
from cti_bridge.routing.schedules import MAX_EXCEPTIONS, MAX_SCHEDULES

HEAD = "version: 1\nqueues: {desk: }\ndefault: {queue: desk}\n"
OFFICE = 'schedules: {office: {hours: "Mo-Fr 09:00-20:00"}}\n'
FROM = "the hours cannot be read from"
EXAMPLE = "such as `Mo-Fr 09:00-20:00; Sa 10:00-16:00; PH off`"
NOT_OF_A_DAY = "the hours of an exception are `off` or times of that day, not"
TIMES = "such as `off` or `10:00-13:00, 14:00-16:00`"


def mistakes(text: str) -> list[str]:
    with pytest.raises(RulesError) as caught:
        load_rules(HEAD + text + "\n")
    return [problem.format("r.yaml") for problem in caught.value.problems]


HOURS = {
    "hours without minutes": ("Mo-Fr 9-20", 37, f"{FROM} `9-20` on ({EXAMPLE})"),
    "weekdays in Russian": ("Пн-Пт 09:00-20:00", 31, f"{FROM} `Пн-Пт 09:00-20:00` on ({EXAMPLE})"),
    "a weekday that is none": ("Mo-Xx 09:00-20:00", 34, f"{FROM} `Xx 09:00-20:00` on ({EXAMPLE})"),
    "sixty minutes": ("Mo 09:00-20:60", 43, f"{FROM} `60` on ({EXAMPLE})"),
    "an end that is missing": ("Mo 09:00-", 40, f"the hours end too soon ({EXAMPLE})"),
    "years the wrong way round": (
        "2027-2026 Mo",
        31,
        f"the hours cannot be read: Inverted year ranges are ambiguous, do you mean '2026-2027'? ({EXAMPLE})",
    ),
    "a day that no year has": ("Feb 30 09:00-12:00", 31, "there is no Feb 30 (it would hold every day)"),
    "a day that the month has not": (
        "Mo 09:00-12:00; Nov 28-31 off",
        47,
        "there is no Nov 31 (it would hold every day)",
    ),
    "a day that the year has not": ("2027 Feb 29 off", 31, "there is no 2027 Feb 29 (it would hold every day)"),
    "holidays of nowhere": ("24/7; PH off", 37, "`PH`: public holidays of which country? (add `country`, such as RU)"),
    "school holidays": (
        "SH 09:00-12:00",
        31,
        "`SH`: school holidays are not known here (name the days in `exceptions`)",
    ),
    "the sun": ("09:00-sunset", 37, "where the sun rises and sets is not known here"),
    "a fallback": (
        "Mo-Fr 09:00-20:00 || 24/7",
        49,
        "`||` is not possible here (put a comma before what is to be added to other hours)",
    ),
    "perhaps open": ("Mo unknown", 34, "`unknown` is neither open nor closed (leave it out, or write `off`)"),
    "very long": (
        "Mo,".replace(",", " " * 1000),
        31,
        "the hours are longer than 1000 characters (name single days in `exceptions`)",
    ),
}


@pytest.mark.parametrize(("hours", "column", "words"), HOURS.values(), ids=HOURS.keys())
def test_a_mistake_in_the_hours_is_named_where_it_stands(hours: str, column: int, words: str) -> None:
    assert mistakes(f"schedules: {{office: {{hours: '{hours}'}}}}") == [f"r.yaml:4:{column - 1}: {words}"]


def test_a_mistake_in_hours_over_several_lines_is_named_in_its_line() -> None:
    assert mistakes("schedules:\n  office:\n    hours: |-\n      Mo-Fr 9-20") == [
        f"r.yaml:7:13: {FROM} `9-20` on ({EXAMPLE})"
    ]


def test_words_in_notes_are_no_hours() -> None:
    assert load_rules(HEAD + """schedules: {office: {hours: 'Mo-Fr 09:00-18:00 "PH sunset unknown Feb 30"'}}\n""")


SECTION = {
    "nothing in it": (
        "schedules: {}",
        [
            "r.yaml:4:12: `schedules` must be a mapping of names to hours (such as `office: {hours: "
            '"Mo-Fr 09:00-20:00"}`)'
        ],
    ),
    "a name that is none": (
        "schedules: {Офис: {hours: 24/7}}",
        ["r.yaml:4:13: schedule `Офис` is not a name (allowed: [a-z0-9][a-z0-9_-]{0,39})"],
    ),
    "twice": (
        "schedules:\n  a: {hours: 24/7}\n  a: {hours: off}",
        ["r.yaml:6:3: key `a` is given twice (first in line 5)"],
    ),
    "no hours": ("schedules: {a: {country: RU}}", ["r.yaml:4:16: schedule `a` needs `hours`"]),
    "not a mapping": (
        "schedules: {a: 24/7}",
        [
            "r.yaml:4:16: schedule `a` must be a mapping of keys to values (known keys: "
            "hours, country, timezone, exceptions)"
        ],
    ),
    "unknown key": (
        "schedules: {a: {hours: 24/7, zone: UTC}}",
        ["r.yaml:4:30: unknown key `zone` (did you mean `timezone`?)"],
    ),
    "unknown country": (
        "schedules: {a: {hours: PH off, country: ru}}",
        ["r.yaml:4:41: country `ru` is not known (two capital letters, such as RU)"],
    ),
    "unknown timezone": (
        "schedules: {a: {hours: 24/7, timezone: Europe/Moskva}}",
        ["r.yaml:4:40: timezone `Europe/Moskva` is not known (such as Europe/Moscow)"],
    ),
    "unknown timezone of the file": (
        "timezone: Moscow\nschedules: {a: {hours: 24/7}}",
        ["r.yaml:4:11: timezone `Moscow` is not known (such as Europe/Moscow)"],
    ),
    "too many": (
        "schedules: {" + ", ".join(f"s{n}: {{hours: off}}" for n in range(MAX_SCHEDULES + 1)) + "}",
        ["r.yaml:4:12: more than 200 schedules"],
    ),
    "all at once": (
        "schedules: {a: {hours: 9-20}, b: {hours: Mo 25}}",
        [
            f"r.yaml:4:24: {FROM} `9-20` on ({EXAMPLE})",
            f"r.yaml:4:45: {FROM} `25` on ({EXAMPLE})",
        ],
    ),
}


@pytest.mark.parametrize(("text", "expected"), SECTION.values(), ids=SECTION.keys())
def test_a_mistake_in_the_section_is_named(text: str, expected: list[str]) -> None:
    assert mistakes(text) == expected


EXCEPTIONS = {
    "no date": (
        "{hours: off}",
        "r.yaml:4:51: an exception needs `date`, or `from` and `to` (such as `date: 2026-12-31`)",
    ),
    "half a range": (
        "{from: 2026-12-31, hours: off}",
        "r.yaml:4:51: an exception needs `date`, or `from` and `to` (such as `date: 2026-12-31`)",
    ),
    "both": (
        "{date: 2026-12-31, to: 2027-01-01, hours: off}",
        "r.yaml:4:51: an exception has either `date` or `from` and `to`",
    ),
    "no hours": ("{date: 2026-12-31}", "r.yaml:4:51: an exception needs `hours`"),
    "a date that is none": (
        "{date: 31.12.2026, hours: off}",
        "r.yaml:4:58: `31.12.2026` is not a date (such as 2026-12-31)",
    ),
    "a day that the month has not": (
        "{date: 2026-11-31, hours: off}",
        "r.yaml:4:58: `2026-11-31` is not a date (such as 2026-12-31)",
    ),
    "the wrong way round": ("{from: 2026-12-31, to: 2026-12-30, hours: off}", "r.yaml:4:74: `to` is before `from`"),
    "weekdays": (
        "{date: 2026-12-31, hours: Mo 09:00-12:00}",
        f"r.yaml:4:77: {NOT_OF_A_DAY} `Mo 09:00-12:00` ({TIMES})",
    ),
    "past midnight": (
        "{date: 2026-12-31, hours: '20:00-02:00'}",
        f"r.yaml:4:77: {NOT_OF_A_DAY} `20:00-02:00` ({TIMES})",
    ),
    "sixty minutes": (
        "{date: 2026-12-31, hours: '09:00-10:60'}",
        f"r.yaml:4:77: {NOT_OF_A_DAY} `09:00-10:60` ({TIMES})",
    ),
    "a note with a quotation mark": (
        "{date: 2026-12-31, hours: off, note: 'a\"b'}",
        "r.yaml:4:88: `note` is one line of at most 80 characters without a quotation mark",
    ),
    "a day twice": (
        "{from: 2026-12-30, to: 2027-01-02, hours: off}, {date: 2026-12-31, hours: off}",
        "r.yaml:4:99: two exceptions for 2026-12-31 (the other one is in line 4)",
    ),
    "unknown key": (
        "{date: 2026-12-31, hours: off, notes: x}",
        "r.yaml:4:82: unknown key `notes` (did you mean `note`?)",
    ),
}


@pytest.mark.parametrize(("exception", "expected"), EXCEPTIONS.values(), ids=EXCEPTIONS.keys())
def test_a_mistake_in_an_exception_is_named(exception: str, expected: str) -> None:
    assert mistakes(f"schedules: {{office: {{hours: '24/7', exceptions: [ {exception}]}}}}") == [expected]


def test_there_is_a_limit_to_exceptions() -> None:
    days = ", ".join(f"{{date: 20{n // 28:02}-01-{n % 28 + 1:02}, hours: off}}" for n in range(MAX_EXCEPTIONS + 1))

    assert mistakes(f"schedules: {{a: {{hours: off, exceptions: [{days}]}}}}") == [
        "r.yaml:4:41: more than 100 exceptions"
    ]


CONDITIONS = {
    "a name that is not there": (
        "{name: a, queue: desk, open: ofice}",
        "r.yaml:5:38: schedule `ofice` is not in `schedules` (did you mean `office`?)",
    ),
    "one of several": (
        "{name: a, queue: desk, unless_open: [office, night]}",
        "r.yaml:5:54: schedule `night` is not in `schedules` (known: office)",
    ),
    "no name": ("{name: a, queue: desk, open: []}", "r.yaml:5:38: `open` names no schedule"),
    "nothing": ("{name: a, queue: desk, open: }", "r.yaml:5:32: `open` must be a text"),
    "both ways": (
        "{name: a, queue: desk, open: office, unless_open: office}",
        "r.yaml:5:59: `office` cannot be open and not open (this never holds)",
    ),
    "in a step": (
        "{name: a, queue: desk, then: [{queue: desk, unless_open: nite}]}",
        "r.yaml:5:66: schedule `nite` is not in `schedules` (known: office)",
    ),
    "in a child": (
        "{name: a, rules: [{name: b, queue: desk, open: x}]}",
        "r.yaml:5:56: schedule `x` is not in `schedules` (known: office)",
    ),
}


@pytest.mark.parametrize(("rule", "expected"), CONDITIONS.values(), ids=CONDITIONS.keys())
def test_a_mistake_in_a_condition_is_named(rule: str, expected: str) -> None:
    assert mistakes(f"{OFFICE}rules: [{rule}]") == [expected]


def test_a_condition_without_any_schedules_says_so() -> None:
    assert mistakes("rules: [{name: a, queue: desk, open: office}]") == [
        "r.yaml:4:38: schedule `office` is not in `schedules` (there are none)"
    ]


def test_a_schedule_with_a_mistake_is_no_second_mistake_where_it_is_named() -> None:
    assert len(mistakes("schedules: {a: {hours: nine to five}}\nrules: [{name: a, queue: desk, open: a}]")) == 1


def test_a_schedule_that_nobody_asks_for_is_no_mistake() -> None:
    assert load_rules(HEAD + OFFICE).schedules["office"].hours == "Mo-Fr 09:00-20:00"


PIECES = [
    "Mo",
    "-",
    "Fr",
    " ",
    "09:00",
    "-20:00",
    "; ",
    ", ",
    "PH",
    "off",
    "Feb",
    "30",
    "2026",
    "week",
    "1-53/2",
    "||",
    '"x"',
    "[",
    "1",
    "]",
    "+",
    "24/7",
    "open",
    "easter",
    "unknown",
    "25:61",
    "-1 day",
    "sunset",
    "(",
    ")",
    "SH",
    "/00:00",
]


@settings(max_examples=400, deadline=None)
@given(
    st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=14).map("".join),
    st.datetimes(datetime(1990, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC)),  # noqa: DTZ001
)
def test_any_text_is_a_fault_or_hours_that_say_the_same_in_every_way(text: str, at: datetime) -> None:
    if faults(text, "RU"):
        return
    it = Schedule("it", text, ZoneInfo("Europe/Berlin"), calendar(text, "RU"), Place(1, 1))

    period = it.period(at)

    assert it.is_open(at) is period.open
    assert period.begins is None or it.calendar.is_open(period.begins) is period.open
    assert period.ends is None or it.calendar.is_open(period.ends) is not period.open
