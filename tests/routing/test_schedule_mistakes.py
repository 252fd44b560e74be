"""Any hours are either understood or a mistake, and there are limits; each single mistake has a file of its own."""

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


def mistakes(text: str) -> list[str]:
    with pytest.raises(RulesError) as caught:
        load_rules(HEAD + text + "\n")
    return [problem.format("r.yaml") for problem in caught.value.problems]


def test_words_in_notes_are_no_hours() -> None:
    assert load_rules(HEAD + """schedules: {office: {hours: 'Mo-Fr 09:00-18:00 "PH sunset unknown Feb 30"'}}\n""")


def test_there_is_a_limit_to_schedules() -> None:
    many = ", ".join(f"s{n}: {{hours: off}}" for n in range(MAX_SCHEDULES + 1))

    assert mistakes(f"schedules: {{{many}}}") == ["r.yaml:4:12: more than 200 schedules"]


def test_there_is_a_limit_to_exceptions() -> None:
    days = ", ".join(f"{{date: 20{n // 28:02}-01-{n % 28 + 1:02}, hours: off}}" for n in range(MAX_EXCEPTIONS + 1))

    assert mistakes(f"schedules: {{a: {{hours: off, exceptions: [{days}]}}}}") == [
        "r.yaml:4:41: more than 100 exceptions"
    ]


def test_a_schedule_that_nobody_asks_for_is_no_mistake() -> None:
    rules = load_rules(HEAD + 'schedules: {office: {hours: "Mo-Fr 09:00-20:00"}}\n')

    assert rules.schedules["office"].hours == "Mo-Fr 09:00-20:00"


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


@settings(max_examples=7 * settings().max_examples)
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
