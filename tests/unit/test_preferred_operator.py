"""The preferred operator's phones as one dial string that the dialplan can take."""

import pytest

from cti_bridge.asterisk.dialplan import safe
from cti_bridge.domain.decision import OperatorSource, PreferredOperator, WantedOperator
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.first_rung import first_rung, operator_dial


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


def test_who_is_to_get_no_calls_now_is_passed_over() -> None:
    olga, zoya = (
        Operator(OperatorId(id_), name, (phone,))
        for id_, name, phone in (("op1", "Ольга Ланская", "PJSIP/101"), ("op2", "Зоя Ракитина", "PJSIP/102"))
    )
    wanted = PreferredOperator(tuple(WantedOperator(OperatorSource.NAMED, operator=one.id) for one in (olga, zoya)), 15)
    dial, skipped = first_rung(
        wanted, Directory.of((olga, zoya)), lambda operator: operator.phones, lambda operator: operator == olga.id
    )
    assert (dial.id if dial else None, skipped) == ("op2", (("op1", "is not to be called now"),))
