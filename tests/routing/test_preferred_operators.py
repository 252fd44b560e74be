"""Whom a rule wants rung first: responsible, last, by name, or several; what is said of those who cannot be."""

from pathlib import Path

import pytest
import structlog

from cti_bridge.calls.journal import Journal
from cti_bridge.cli.main import main
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord
from cti_bridge.domain.decision import CrmAnswer, CrmSource, OperatorSource, WantedOperator
from cti_bridge.domain.history import CallerHistory
from cti_bridge.domain.ids import CustomerId, OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from cti_bridge.reception import rule_file
from cti_bridge.reception.rule_file import RuleFile
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import Explained, explain_json, explain_lines
from cti_bridge.routing.facts import CallFacts, gather
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.preferred import unknown_operators

HEAD = "version: 1\nqueues: {desk: , sales: }\ndefault: {queue: desk}\n"
RESPONSIBLE = WantedOperator(OperatorSource.RESPONSIBLE, crm_user="op1")
LAST = WantedOperator(OperatorSource.LAST, operator=OperatorId("op2"))
ANNA = WantedOperator(OperatorSource.NAMED, operator=OperatorId("anna"))


def told(rule: str, *, last: str = "op2", user: str = "op1", crm: CrmSource = CrmSource.FRESH) -> Explained:
    """A caller of this CRM user, who spoke with that operator last, under one rule."""
    rules = load_rules(f"{HEAD}rules:\n  - {{name: it, queue: sales, {rule}}}\n")
    record = CustomerRecord(Customer(CustomerId("k1"), "Берёзкин", responsible=user))
    history = CallerHistory(False, 0, OperatorId(last) if last else None)
    answer = CrmAnswer(crm, (record,) if crm is CrmSource.FRESH else ())
    gathered = gather(CallFacts(parse_number("+74950000150", region="RU")), answer, rules, SHIPPED_STAGES, history)
    return (rules, gathered, *decide(rules, gathered))


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        ("operator: responsible", (RESPONSIBLE,)),
        ("operator: last", (LAST,)),
        ("operator: {id: anna}", (ANNA,)),
        ("operator: [{id: anna}, last, responsible]", (ANNA, LAST, RESPONSIBLE)),
        ("priority: 1", ()),
    ],
)
def test_a_rule_wants_those_in_its_order(rule: str, expected: tuple[WantedOperator, ...]) -> None:
    _, _, decision, _ = told(rule)

    assert (decision.preferred.wanted if decision.preferred else ()) == expected
    assert decision.preferred is None or decision.preferred.timeout_s == 15


def test_who_is_not_known_of_this_caller_is_left_out() -> None:
    _, _, decision, _ = told("operator: [last, responsible, {id: anna}], operator_timeout: 9s", last="", user="")

    assert decision.preferred is not None
    assert (decision.preferred.wanted, decision.preferred.timeout_s) == ((ANNA,), 9)


def test_explain_says_whom_and_why_not_the_others() -> None:
    lines = [line.split(maxsplit=2) for line in explain_lines(*told("operator: [last, {id: anna}]", last=""))]

    assert ["rings", "first", "anna (named by the rule), if free, for 15 s"] in lines
    assert ["rings", "not", "last: nobody has spoken with this number"] in lines


def test_explain_says_when_nobody_could_tell_who_is_responsible() -> None:
    lines = explain_lines(*told("operator: responsible", crm=CrmSource.FAILED))

    assert any(line.endswith("responsible: who that is, is unknown") for line in lines)
    assert explain_json(*told("operator: responsible", crm=CrmSource.FAILED))["operator"] is None


def test_a_rule_inside_takes_over_whom_and_for_how_long() -> None:
    rules = load_rules(
        f"{HEAD}rules:\n  - name: a\n    operator: [last]\n    operator_timeout: 5s\n"
        "    rules: [{name: b, queue: sales}, {name: c, queue: sales, operator: {id: anna}}]\n"
    )
    outputs = [child.outputs for child in rules.rules[0].children]

    assert [[wish.source.value for wish in one.operators] for one in outputs if one] == [["last"], ["named"]]
    assert [one.operator_timeout_s for one in outputs if one] == [5, 5]


NAMED = f"{HEAD}rules:\n  - {{name: a, queue: sales, operator: [last, {{id: ana}}]}}\n"
WARNING = (
    "routing.yaml:5:51: warning: there is no operator `ana`, so nobody is rung first for it (did you mean `anna`?)"
)


def test_a_name_that_no_operator_has_is_told_where_it_stands() -> None:
    rules = load_rules(NAMED).rules

    assert [problem.format("routing.yaml") for problem in unknown_operators(rules, ["anna", "boris"])] == [WARNING]
    assert unknown_operators(rules, ["ana"]) == ()
    assert unknown_operators(rules, []) == (), "nobody has been added yet, or nobody can tell"


@pytest.fixture
async def office(tmp_path: Path) -> Path:
    """Settings, one operator, and rules that name another."""
    (tmp_path / "ami.secret").touch(mode=0o600)
    (tmp_path / "ami.secret").write_text("x")
    (tmp_path / "c.yaml").write_text(
        "data_dir: data\nrules: routing.yaml\npbxes: [{name: main, ami: {secret_file: ami.secret}}]\n", "utf-8"
    )
    (tmp_path / "routing.yaml").write_text(NAMED, "utf-8")
    (tmp_path / "data").mkdir(mode=0o700)
    accounts = Accounts(tmp_path / "data")
    await accounts.open()
    await accounts.add(Operator(OperatorId("anna"), "Анна Ёжикова", ("PJSIP/101",)), "тихий омут 7")
    await accounts.close()
    return tmp_path


async def test_rules_go_live_all_the_same_and_the_log_says_it(office: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = structlog.testing.LogCapture()
    monkeypatch.setattr(rule_file, "log", structlog.wrap_logger(None, [said], structlog.make_filtering_bound_logger(0)))
    journal = Journal(office / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    file = RuleFile(
        office / "routing.yaml", journal, stages=None, on_state=lambda state, reason: None, operators=lambda: ["anna"]
    )
    await file.start()
    await journal.close(within_s=5)

    warnings = [line["warning"] for line in said.entries if line["event"] == "rules.warning"]
    assert warnings == [f"{office}/{WARNING}"]


def test_check_warns_of_it_and_is_content(office: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--offline", "--config", str(office / "c.yaml")]) == 0
    assert capsys.readouterr().err.splitlines() == [f"{office}/{WARNING}"]

    for file in (office / "data").iterdir():
        file.unlink()
    assert main(["check", "--offline", "--config", str(office / "c.yaml")]) == 0
    assert capsys.readouterr().err == ""
