"""The preferred operator's phones as one dial string that the dialplan can take."""

import pytest

from cti_bridge.asterisk.dialplan import safe
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.reception.first_rung import operator_dial


@pytest.mark.parametrize(
    ("phones", "rung"),
    [
        pytest.param((), None, id="no phone is free"),
        pytest.param(("PJSIP/101",), "PJSIP/101", id="one"),
        pytest.param(("PJSIP/101", "PJSIP/201"), "PJSIP/101&PJSIP/201", id="two at once"),
    ],
)
def test_free_phones_are_rung_at_once(phones: tuple[str, ...], rung: str | None) -> None:
    dial = operator_dial(Operator(OperatorId("op1"), "Ольга Ланская", phones), phones, 15)
    assert (dial.dial if dial else None) == rung


def test_more_phones_than_a_variable_can_hold_do_not_cost_the_caller_his_decision() -> None:
    phones = tuple(f"PJSIP/olga-lanskaya-{number:03}" for number in range(20))
    dial = operator_dial(Operator(OperatorId("op1"), "Ольга Ланская", phones), phones, 15)
    assert dial is not None
    assert tuple(safe(dial.dial).split("&")) == phones[:5]
