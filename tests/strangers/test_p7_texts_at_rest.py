"""P7 in files and at the terminal: a hostile text is kept as it is and shown as text by every command that shows it."""

import asyncio
import json
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from hostile_texts import TEXTS

from cti_bridge.calls.journal import AcceptedRules, Journal
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.cli.main import main
from cti_bridge.domain.decision import Facts
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from cti_bridge.routing.load import load_rules

pytestmark = pytest.mark.slow

SHIPPED = (Path(__file__).parents[2] / "config" / "routing.yaml").read_text("utf-8")
TEXT_LIST = list(TEXTS.values())
NUMBERS = [f"+7495000{number:04d}" for number in range(len(TEXT_LIST))]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A bridge's folder whose CRM says one hostile text in every field of each customer."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "ami.secret").write_text("x")
    (folder / "routing.yaml").write_text(SHIPPED, "utf-8")
    (folder / "c.yaml").write_text("data_dir: data\nrules: routing.yaml\npbxes: [{ami: {secret_file: ami.secret}}]\n")
    rows = [f"k{place},Ёж,{number},d{place},Кухня,paid" for place, number in enumerate(NUMBERS)]
    (folder / "c.csv").write_text("customer_id,name,number,deal_id,deal_title,stage\n" + "\n".join(rows), "utf-8")
    assert run(folder, "crm", "import", str(folder / "c.csv")) == 0
    with closing(sqlite3.connect(folder / "data" / "crm.sqlite")) as crm, crm:
        for place, text in enumerate(TEXT_LIST):
            fields = ("name", "email", "city", "segment", "preferred_channel", "responsible", "timezone")
            crm.execute(
                f"UPDATE customers SET {', '.join(f'{field} = ?' for field in fields)} WHERE id = ?",
                [*[text] * len(fields), f"k{place}"],
            )
            crm.execute("UPDATE deals SET title = ?, responsible = ? WHERE id = ?", [text, text, f"d{place}"])
            crm.execute("UPDATE numbers SET raw = ? WHERE customer_id = ?", [text, f"k{place}"])
    yield folder


def run(place: Path, *arguments: str) -> int:
    return main([*arguments, "--config", str(place / "c.yaml")])


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The lines on stdout and stderr; all of them can be printed, nothing steers the terminal."""
    said = capsys.readouterr()
    lines = (said.out + said.err).removesuffix("\n").split("\n")
    for line in lines:
        assert not [letter for letter in line if not letter.isprintable() and letter not in "\u00a0\u3000"], repr(line)
    return lines


@pytest.mark.parametrize("number", range(len(TEXT_LIST)), ids=list(TEXTS))
def test_a_customer_is_shown_as_text(place: Path, capsys: pytest.CaptureFixture[str], number: int) -> None:
    capsys.readouterr()
    assert run(place, "crm", "lookup", NUMBERS[number]) == 0
    assert len(shown(capsys)) == 3, "the number, the customer, the deal"
    assert run(place, "crm", "lookup", NUMBERS[number], "--json") == 0
    (line,) = shown(capsys)
    customer = json.loads(line)["customers"][0]
    kept = {customer[field] for field in ("name", "email", "city", "segment", "preferred_channel", "responsible")}
    assert kept == {TEXT_LIST[number]}
    assert customer["deals"][0]["title"] == TEXT_LIST[number]
    assert run(place, "explain", "--caller", NUMBERS[number]) == 0
    assert f"{NUMBERS[number]} goes to production: the rule `production` matched" in shown(capsys)
    assert run(place, "explain", "--caller", NUMBERS[number], "--json") == 0
    (line,) = shown(capsys)
    assert json.loads(line)["queue"] == "production"


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for name, text in TEXTS.items()])
def test_a_number_of_a_command_is_only_a_number(place: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    capsys.readouterr()
    config = str(place / "c.yaml")
    for words in (
        ["crm", "lookup", "--config", config, "--", text],
        ["calls", "show", "--config", config, "--", text],
        ["explain", "--config", config, f"--call={text}"],
    ):
        try:
            code = main(words)
        except SystemExit as end:  # what argparse says of a text that is no argument
            code = int(str(end.code))
        assert code in (0, 1, 2), words
        assert not [line for line in shown(capsys) if "Traceback" in line]


@pytest.fixture(scope="module")
def journalled(place: Path) -> Path:
    """The same folder, with a call per text in its journal that has it in every field that a stranger fills."""
    rules_hash = load_rules(SHIPPED).hash
    asyncio.run(keep(place, *(hostile_call(number, text, rules_hash) for number, text in enumerate(TEXT_LIST))))
    return place


async def keep(place: Path, *records: CallRecord) -> None:
    """Have these calls written into the journal of this folder."""
    journal = Journal(place / "data" / "calls.sqlite", on_state=lambda *_: None)
    await journal.open()
    await journal.accept_rules(AcceptedRules(load_rules(SHIPPED).hash, SHIPPED, 1.0))
    for record in records:
        journal.keep(record)
    await journal.close(within_s=10.0)


def hostile_call(number: int, text: str, rules_hash: str) -> CallRecord:
    facts: Facts = {
        "call.caller": text, "call.did": text, "call.trunk": text, "call.name": text, "customer.name": text,
        "customer.city": text, "deal.stage": "paid", "deal.title": text, "deals": [{"stage": text}],
    }  # fmt: skip
    decision = DecisionRecord(
        kind="matched", crm="fresh", crm_age_s=None, rule=text, class_name=text, queue="sales", steps=(("sales", 60),),
        final="queue:sales", customer_id=text, operator=text, priority=None, rules_hash=rules_hash, facts=facts,
        crm_error=text,
    )  # fmt: skip
    return CallRecord(
        id=CallId(f"main-{number}.1"), pbx="main", channel=ChannelId(text), linkedid=text, offered_at=1000.0 + number,
        caller=text, caller_kind="unparsed", caller_name=text, did=text, trunk=text, verified=False, decision=decision,
        operator=OperatorId(text), queue=text, rang=(OperatorId(text),), ended_at=2000.0 + number, outcome="abandoned",
    )  # fmt: skip


def test_a_call_comes_back_as_it_was_written(journalled: Path) -> None:
    journal = JournalFile(journalled / "data" / "calls.sqlite")
    rules_hash = load_rules(SHIPPED).hash
    for number, text in enumerate(TEXT_LIST):
        assert journal.call(CallId(f"main-{number}.1")) == hostile_call(number, text, rules_hash)


def test_calls_are_shown_as_text(journalled: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert run(journalled, "calls", "list", "--limit", "1000") == 0
    assert len(shown(capsys)) == len(TEXT_LIST)
    assert run(journalled, "calls", "list", "--limit", "1000", "--json") == 0
    assert sorted(json.loads(line)["caller_name"] for line in shown(capsys)) == sorted(TEXT_LIST)
    for number in range(len(TEXT_LIST)):
        assert run(journalled, "calls", "show", f"main-{number}.1") == 0
        assert [line.split()[0] for line in shown(capsys)][:2] == ["call", "direction"]
        assert run(journalled, "explain", "--call", f"main-{number}.1") in (0, 2)
        shown(capsys)


def test_what_no_file_can_hold_does_not_keep_the_next_call_out_of_it(tmp_path: Path) -> None:
    """Half of a surrogate pair; neither AMI nor FastAGI lets it through, and no text in SQLite can have it."""
    (tmp_path / "data").mkdir()
    half = hostile_call(1, "Ёж \ud83d", "x")
    asyncio.run(keep(tmp_path, half, hostile_call(2, "Ёж", "x")))
    kept = [JournalFile(tmp_path / "data" / "calls.sqlite").call(CallId(f"main-{number}.1")) for number in (1, 2)]
    assert [record.caller_name if record else None for record in kept] == [None, "Ёж"]


async def test_operators_are_shown_as_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "ami.secret").write_text("x")
    (tmp_path / "c.yaml").write_text("data_dir: .\npbxes: [{ami: {secret_file: ami.secret}}]\n")
    accounts = Accounts(tmp_path)
    await accounts.open()
    await accounts.add(Operator(OperatorId("op1"), "Вера", ("PJSIP/101",), crm_user="x"), "тихий омут 7")
    await accounts.close()
    with closing(sqlite3.connect(tmp_path / "operators.sqlite")) as file, file:
        columns = "role, language, password, credential"
        for number, text in enumerate(TEXT_LIST):
            file.execute(
                f"INSERT INTO operators (id, name, crm_user, {columns})"
                f" SELECT ?, ?, ?, {columns} FROM operators WHERE id = 'op1'",
                [f"x{number}", text, text],
            )
    assert _listed(tmp_path) == 0
    assert sorted(line.split("  ")[0] for line in shown(capsys)) == sorted(
        ["op1", *(f"x{number}" for number in range(len(TEXT_LIST)))]
    )


def _listed(place: Path) -> int:
    """`operators list`, in a thread: it runs a loop of its own."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run, place, "operators", "list").result()
