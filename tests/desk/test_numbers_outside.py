"""Which numbers operators may have called: their spelling, their beginning, how often, and the line that is shown."""

from dataclasses import dataclass
from typing import Any

import pytest

from cti_bridge.desk.calls.numbers_outside import NumbersOutside
from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.desk_settings import OutboundSettings

ANNA, BORIS = OperatorId("anna"), OperatorId("boris")
LINE = "+74950000149"
ABROAD = "+44 20 7946 0018"
"""A number that is kept for films, as those below."""
NEIGHBOUR, COSTS_EXTRA, HOME = "+1 876 555 0100", "+1 900 555 0100", "+1 212 555 0100"
"""In Jamaica, which has the code of the United States; billed to whoever calls; and in New York."""


@dataclass
class Clock:
    now: float = 100.0

    def __call__(self) -> float:
        return self.now


def outside(clock: Clock | None = None, region: str = "RU", **settings: Any) -> NumbersOutside:
    made = OutboundSettings(**settings)
    return NumbersOutside(made, region=lambda: region, lines=lambda: {LINE}, now=clock or Clock())


def refused(numbers: NumbersOutside, number: str, operator: OperatorId = ANNA, *, can_dial: bool = True) -> str:
    with pytest.raises(CommandRefused) as error:
        numbers.allowed(operator, number, can_dial)
    return error.value.code


@pytest.mark.parametrize(
    "number", ["+74950000150", "8 (495) 000-01-50", "84950000150", "+7 495 000-01-50 доб. 12", "74950000150"]
)
def test_a_number_of_the_own_country_is_called_however_it_is_written(number: str) -> None:
    assert outside().allowed(ANNA, number, can_dial=True) == "+74950000150"


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("112", "not_possible"),
        ("101", "not_possible"),
        (ABROAD, "not_allowed"),
        ("Мария", "not_possible"),
        ("", "not_possible"),
        ("anonymous", "not_possible"),
        ("+7495000015\r\nChannel: PJSIP/106", "not_possible"),
        ("${SHELL(id)}", "not_possible"),
    ],
)
def test_what_is_not_called_is_refused_in_words(number: str, code: str) -> None:
    assert refused(outside(), number) == code


def test_the_settings_widen_and_narrow_what_may_be_called() -> None:
    some = outside(prefixes=("+7496", "+44"))
    assert some.allowed(ANNA, ABROAD, can_dial=True) == "+442079460018"
    assert refused(some, LINE) == "not_allowed"
    assert outside(region="GB").allowed(ANNA, "020 7946 0018", can_dial=True) == "+442079460018"
    assert refused(outside(region="GB"), LINE) == "not_allowed"


def test_without_settings_neither_neighbours_with_the_same_code_nor_what_costs_extra_is_called() -> None:
    ours = outside(region="US")
    assert ours.allowed(ANNA, HOME, can_dial=True) == "+12125550100"
    assert (refused(ours, NEIGHBOUR), refused(ours, COSTS_EXTRA)) == ("not_allowed", "not_allowed")
    named = outside(region="US", prefixes=("+1876", "+1900"))
    assert named.allowed(ANNA, NEIGHBOUR, can_dial=True) == "+18765550100"
    assert named.allowed(ANNA, COSTS_EXTRA, can_dial=True) == "+19005550100"


def test_so_many_calls_in_a_minute_each_and_then_one_after_another() -> None:
    clock = Clock()
    numbers = outside(clock, per_minute=2)
    for _ in range(2):
        numbers.allowed(ANNA, LINE, can_dial=True)
    assert refused(numbers, LINE) == "busy"
    numbers.allowed(BORIS, LINE, can_dial=True)
    clock.now += 30
    numbers.allowed(ANNA, LINE, can_dial=True)
    assert refused(numbers, LINE) == "busy"


def test_what_is_refused_for_another_reason_does_not_count() -> None:
    numbers = outside(per_minute=1)
    refused(numbers, "112")
    refused(numbers, LINE, can_dial=False)
    assert numbers.allowed(ANNA, LINE, can_dial=True) == LINE


def test_only_a_line_of_ours_is_shown_outside() -> None:
    assert outside().line("") == ""
    assert outside(line="+74950000100").line("") == "+74950000100"
    assert outside().line(LINE) == LINE
    with pytest.raises(CommandRefused):
        outside().line("+74950000999")
