"""What crosses the border to the dialplan: the question as it comes, the answer as it goes."""

import re
from decimal import Decimal
from pathlib import Path

import pytest
from hostile_texts import TEXTS
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.asterisk.agi.contract import commands, read_request
from cti_bridge.asterisk.dialplan import (
    CLEARED,
    DECISION,
    UnsafeValue,
    route_answer,
    safe,
    safe_name,
    variables,
    withheld,
)
from cti_bridge.domain.customer import Customer, CustomerRecord, Deal
from cti_bridge.domain.decision import CrmSource, Decision, DecisionKind, OperatorDial, Step
from cti_bridge.domain.ids import CallId, CustomerId, DealId, OperatorId

ENVIRONMENT = {
    "agi_network_script": "route",
    "agi_channel": "PJSIP/trunk-00000001",
    "agi_uniqueid": "main-1.1",
    "agi_callerid": "+74950000150",
    "agi_calleridname": "Мария",
    "agi_callingpres": "0",
    "agi_language": "ru",
    "agi_dnid": "74950000149",
    "agi_arg_1": "",
    "agi_arg_2": "main-1.1",
    "agi_arg_3": "",
    "agi_arg_4": "",
    "agi_arg_5": "trunk-demo",
    "agi_arg_6": "a",
}


def decision(name: str = "Мария Соколова", *, customer_id: str = "c-1", steps: int = 2) -> Decision:
    record = CustomerRecord(Customer(CustomerId(customer_id), name), (Deal(DealId("d"), "Кухня", "paid", Decimal(1)),))
    return Decision(
        DecisionKind.MATCHED,
        CrmSource.FRESH,
        "night/vip",
        tuple(Step(f"queue-{number}", 60) for number in range(steps)),
        "queue:primary-consult",
        class_name="sales",
        record=record,
        priority=10,
    )


def said(about: Decision, operator: OperatorDial | None = None) -> list[str]:
    """The AGI commands that tell the dialplan of a decision."""
    return list(commands(route_answer(about, CallId("main-1.1"), operator, lambda _: None)))


def test_an_answer_that_is_withheld_is_no_command_at_all() -> None:
    answer = route_answer(decision(), CallId("main-1.1"), None, lambda _: None)

    assert list(commands(withheld(answer))) == []


def test_the_question_is_read_from_environment_and_arguments() -> None:
    request = read_request(ENVIRONMENT)
    assert (request.uniqueid, request.linkedid, request.caller_number) == ("main-1.1", "main-1.1", "+74950000150")
    assert (request.trunk, request.attestation, request.presentation_allowed) == ("trunk-demo", "A", True)


@pytest.mark.parametrize(
    ("argument_1", "argument_4", "dnid", "did"),
    [
        ("74950000149", "x", "y", "74950000149"),
        ("", "74950000148", "y", "74950000148"),
        ("", "", "74950000147", "74950000147"),
        ("", "", "unknown", ""),
        ("s", "", "", ""),
    ],
)
def test_the_dialled_number_is_the_first_one_that_is_there(
    argument_1: str, argument_4: str, dnid: str, did: str
) -> None:
    environment = {**ENVIRONMENT, "agi_arg_1": argument_1, "agi_arg_4": argument_4, "agi_dnid": dnid}
    assert read_request(environment).did == did


@pytest.mark.parametrize(("octet", "allowed"), [("0", True), ("3", True), ("32", False), ("67", False), ("", True)])
def test_a_hidden_number_is_recognised(octet: str, allowed: bool) -> None:
    assert read_request({**ENVIRONMENT, "agi_callingpres": octet}).presentation_allowed is allowed


def test_what_asterisk_does_not_know_is_empty() -> None:
    request = read_request({**ENVIRONMENT, "agi_callerid": "unknown", "agi_calleridname": "unknown"})
    assert (request.caller_number, request.caller_name) == ("", "")


def test_a_question_without_a_channel_is_refused() -> None:
    with pytest.raises(ValueError, match="agi_uniqueid"):
        read_request({})


def test_a_decision_takes_at_most_six_commands_and_the_word_that_makes_it_count_comes_last() -> None:
    lines = said(decision(steps=9), OperatorDial(OperatorId("op1"), "PJSIP/101", 15))
    assert len(lines) <= 6
    assert lines[-1] == 'SET VARIABLE CTI_DECISION "matched"'
    assert not any("CTI_DECISION" in line for line in lines[:-1])
    assert all(len(line.encode()) < 1000 for line in lines)


def test_the_variables_say_what_was_decided() -> None:
    lines = said(decision(), OperatorDial(OperatorId("op1"), "PJSIP/101&PJSIP/201", 15))
    pairs = dict(pair.split("=", 1) for pair in lines[0].removeprefix('EXEC MSet "').rstrip('"').split(","))
    assert pairs == {
        "CTI_CALL_ID": "main-1.1",
        "CTI_CRM": "fresh",
        "CTI_RULE": "night/vip",
        "CTI_CLASS": "sales",
        "CTI_CUSTOMER_ID": "c-1",
        "CTI_STEPS": "2",
        "CTI_QUEUE": "queue-0",
        "CTI_QUEUE_TIMEOUT": "60",
        "CTI_PRIORITY": "10",
        "CTI_FINAL": "queue:primary-consult",
        "CTI_STEP_1_QUEUE": "queue-0",
        "CTI_STEP_1_TIMEOUT": "60",
        "CTI_STEP_2_QUEUE": "queue-1",
        "CTI_STEP_2_TIMEOUT": "60",
        "CTI_OPERATOR": "op1",
        "CTI_OPERATOR_DIAL": "PJSIP/101&PJSIP/201",
        "CTI_OPERATOR_TIMEOUT": "15",
        "CTI_CUSTOMER_NAME": "Мария Соколова",
    }
    assert len(lines) == 2


@pytest.mark.parametrize("name", ["Мастер (Тверь)", "Смайлик :)", "Скобка ("])
def test_a_name_with_brackets_which_would_hide_a_comma_travels_alone(name: str) -> None:
    lines = said(decision(name))
    assert lines[1:] == [f'SET VARIABLE CTI_CUSTOMER_NAME "{name}"', 'SET VARIABLE CTI_DECISION "matched"']
    assert "CTI_CUSTOMER_NAME" not in lines[0]


def test_what_the_dialplan_empties_is_what_the_bridge_may_set() -> None:
    dialplan = (Path(__file__).parents[2] / "dialplan" / "cti-bridge.conf").read_text("utf-8")
    emptied = set(
        re.findall(r"[(,](CTI_\w+)=(?=[,)])", dialplan.partition("[cti-clear]")[2].partition("[cti-queue]")[0])
    )
    everything = variables(decision(steps=9), CallId("main-1.1"), OperatorDial(OperatorId("op1"), "PJSIP/101", 15))

    assert set(CLEARED) | {DECISION} == emptied
    assert everything.keys() - {"CTI_CALL_ID"} <= set(CLEARED)


def test_a_customer_id_that_could_be_syntax_is_left_out_and_the_caller_routed_all_the_same() -> None:
    lines = said(decision(customer_id='1",CTI_QUEUE=evil'))
    assert "evil" not in "".join(lines)
    assert lines[-1] == 'SET VARIABLE CTI_DECISION "matched"'


@pytest.mark.parametrize("value", ["a,b", "a b", 'a"b', "a\nb", "${X}", "x" * 129])
def test_a_value_that_could_be_syntax_is_refused(value: str) -> None:
    with pytest.raises(UnsafeValue):
        safe(value)


@given(st.text(max_size=400))
def test_no_name_can_leave_its_quotes(name: str) -> None:
    cleaned = safe_name(name)
    assert len(cleaned) <= 80
    assert not set(cleaned) & set('"\\${}[],;\r\n\x00')
    line = next(line for line in said(decision(f"А{name}")) if "NAME" in line)
    assert line.count('"') == 2 and "\n" not in line


@given(st.dictionaries(st.sampled_from(sorted(ENVIRONMENT)), st.text(max_size=2000)))
def test_no_environment_breaks_the_reader(environment: dict[str, str]) -> None:
    request = read_request({**environment, "agi_uniqueid": "main-1.1"})
    assert all(len(text) <= 256 for text in (request.caller_name, request.caller_number, request.did, request.trunk))


def received(commands: list[str]) -> dict[str, str]:
    """What Asterisk's reading of these commands sets: AGI's words, MSet's pairs.

    A word ends at a blank outside quotes, a backslash takes the next letter as it is. MSet splits at commas outside
    quotes and parentheses, takes quotes and backslashes away, and the value begins behind the first `=`.
    """
    variables: dict[str, str] = {}
    for command in commands:
        match _words(command):
            case ["EXEC", "MSet", pairs]:
                variables |= dict(pair.partition("=")[::2] for pair in _arguments(pairs))
            case ["SET", "VARIABLE", name, value]:
                variables[name] = value
            case other:
                raise AssertionError(f"not two kinds of commands only: {other}")
    return variables


def _words(line: str) -> list[str]:
    words, quoted, escaped, inside = [""], False, False, False
    for letter in line:
        if escaped or (letter not in '"\\' and (quoted or letter != " ")):
            words[-1] += letter
            escaped, inside = False, True
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            quoted, inside = not quoted, True
        elif inside:
            words.append("")
            inside = False
    return words


def _arguments(text: str) -> list[str]:
    arguments, quoted, escaped, depth = [""], False, False, 0
    for letter in text:
        if escaped or letter not in '"\\,':
            arguments[-1] += letter
            depth += (letter == "(") - (letter == ")") if not escaped else 0
            escaped = False
        elif letter == "\\":
            escaped = True
        elif letter == '"':
            quoted = not quoted
        elif quoted or depth > 0:
            arguments[-1] += letter
        else:
            arguments.append("")
    return arguments


hostile = st.one_of(st.text(max_size=90), st.sampled_from(sorted(TEXTS.values())))


@given(hostile, hostile, st.integers(1, 9))
def test_asterisk_reads_exactly_the_variables_that_were_meant(name: str, customer_id: str, steps: int) -> None:
    told = decision(name or "x", customer_id=customer_id, steps=steps)
    meant = route_answer(told, CallId("main-1.1"), OperatorDial(OperatorId("op1"), "PJSIP/101", 15), lambda _: None)
    lines = list(commands(meant))
    customer = {"CTI_CUSTOMER_NAME": meant.customer_name} if meant.customer_name else {}
    assert received(lines) == {**meant.variables, **customer, "CTI_DECISION": "matched"}
    assert all(line.isprintable() and len(line.encode()) < 1000 for line in lines)
    assert not any(sign in "".join(lines) for sign in ("${", "$[", "\\", ";"))
