"""Whom of several a rule has rung before the queue, and why not the others."""

import pytest

from cti_bridge.domain.decision import OperatorSource, PreferredOperator, WantedOperator
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.first_rung import BUSY, NO_PHONE, NOBODY, Skipped, first_rung

VERA = Operator(OperatorId("op1"), "Вера Ключевская", ("PJSIP/101", "PJSIP/201"), crm_user="v.kl")
YURI = Operator(OperatorId("op2"), "Юрий Самарин", ("PJSIP/102",), crm_user="op1")
NO_DESK = Operator(OperatorId("op3"), "Галина Осокина", ())
STAFF = Directory.of((VERA, YURI, NO_DESK))


def responsible(user: str) -> WantedOperator:
    return WantedOperator(OperatorSource.RESPONSIBLE, crm_user=user)


def last(operator: str) -> WantedOperator:
    return WantedOperator(OperatorSource.LAST, operator=OperatorId(operator))


@pytest.mark.parametrize(
    ("wanted", "busy", "rung", "skipped"),
    [
        pytest.param((last("op1"), last("op2")), (), "op1", (), id="the first is free"),
        pytest.param((last("op1"), last("op2")), ("PJSIP/201",), "op2", (("op1", BUSY),), id="the first talks"),
        pytest.param(
            (last("op1"), responsible("op1")), ("PJSIP/101", "PJSIP/102"), None, (("op1", BUSY), ("op2", BUSY)),
            id="nobody is free",
        ),
        pytest.param((responsible("op1"),), (), "op2", (), id="a CRM user is no operator id"),
        pytest.param((last("gone"), last("op2")), (), "op2", (("gone", NOBODY),), id="removed since"),
        pytest.param((responsible("x.y"),), (), None, (("x.y", NOBODY),), id="a CRM user who is no operator"),
        pytest.param((last("op3"), last("op2")), (), "op2", (("op3", NO_PHONE),), id="no phone"),
        pytest.param(
            (last("op1"), responsible("v.kl"), last("op2")), ("PJSIP/101",), "op2", (("op1", BUSY),),
            id="wanted twice, told once",
        ),
    ],
)  # fmt: skip
def test_the_first_who_is_there_and_free_is_rung(
    wanted: tuple[WantedOperator, ...], busy: tuple[str, ...], rung: str | None, skipped: tuple[Skipped, ...]
) -> None:
    def free(operator: Operator) -> tuple[str, ...]:
        return () if set(busy) & {*operator.phones} else operator.phones

    dial, left_out = first_rung(PreferredOperator(wanted, 20), STAFF, free)

    assert (dial.id if dial else None, left_out) == (rung, skipped)
    assert dial is None or dial.timeout_s == 20


def test_a_rule_that_wants_nobody_has_nobody_rung() -> None:
    assert first_rung(None, STAFF, lambda operator: operator.phones) == (None, ())
