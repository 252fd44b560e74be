"""A journal in a fresh folder, calls to put into it, and the commands on it."""

import json
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.cli.main import main
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.line import Line
from cti_bridge.routing.line_facts import line_facts

MARIA, PETER = "+74950000150", "+74950000151"
RADIO = Line("+74950000149", "Радио «Кухни»", "radio", "Москва", "kitchens", "Europe/Moscow", "ru")

Kept = Callable[..., Awaitable[None]]
Run = Callable[..., list[str]]


def past_call(
    number: int, at: float, *, class_name: str = "sales", line: Line | None = RADIO, name: str = "", **more: Any
) -> CallRecord:
    """A call that arrived then and was given up after ten seconds, unless `more` says something else.

    With `wait_s` it was answered, by `op3` where nobody else is named.
    """
    facts = {
        "call.crm": "fresh", "call.caller": more.get("caller", MARIA), "call.did": line.did if line else "",
        "customer.name": name or None, "customer.id": "c-1", **line_facts(line),
    }  # fmt: skip
    queue = more.get("queue", "sales")
    decision = DecisionRecord(
        kind="matched", crm="fresh", crm_age_s=None, rule="sales", class_name=class_name, queue=queue,
        steps=((queue, 60),), final="queue:sales", customer_id=more.pop("customer_id", ""), operator="",
        priority=None, rules_hash="ab" * 32, facts=facts,
    )  # fmt: skip
    record = CallRecord(
        CallId(f"main-{number}.1"), "main", ChannelId(f"{number}.1"), f"{number}.1", at, MARIA, "external", "",
        line.did if line else "", "", False, decision, queue=queue, rang=(OperatorId("op3"),), ended_at=at + 10,
        outcome="abandoned",
    )  # fmt: skip
    wait_s = more.pop("wait_s", None)
    if wait_s is not None:
        record = replace(
            record, operator=OperatorId("op3"), answered_at=at + wait_s, ended_at=at + wait_s + 60, outcome="answered"
        )
    return replace(record, **more)


def journal_path(folder: Path) -> Path:
    """Where the commands look for the journal."""
    return folder / "data" / "calls.sqlite"


def waits_for_a_receiver(path: Path, call: CallRecord) -> None:
    """Puts a report of this call into the journal's outbox, as if its receiver were out of reach."""
    with closing(sqlite3.connect(path)) as journal:
        journal.execute(
            "INSERT INTO outbox (call_id, sink, seq, type, body, state, since, attempts, due_at, reason)"
            " VALUES (?, 'crm', 1, 'call.ended', ?, 'waiting', ?, 1, ?, 'timeout')",
            [call.id, json.dumps({"caller": call.caller}), call.offered_at, call.offered_at],
        )
        journal.commit()


def keeper(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    """Settings in this folder, and what writes calls into their journal, as the daemon does."""
    monkeypatch.setenv("AMI_SECRET", "x")
    (folder / "c.yaml").write_text(
        'data_dir: data\nrules: r.yaml\npbxes: [{name: main, ami: {secret: "${AMI_SECRET}"}}]\n', "utf-8"
    )
    (folder / "r.yaml").write_text("version: 1\nqueues: {sales: }\ndefault: {queue: sales}\n", "utf-8")
    (folder / "data").mkdir(mode=0o700)

    async def keep(*records: CallRecord) -> None:
        journal = Journal(journal_path(folder), on_state=lambda state, reason: None)
        await journal.open()
        for record in records:
            journal.keep(record)
        await journal.close(within_s=60)

    return keep


def runner(folder: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    """Carries out `calls …` and checks the exit code."""

    def answer(*arguments: str, code: int = 0) -> list[str]:
        capsys.readouterr()
        assert main(["calls", *arguments, "--config", str(folder / "c.yaml")]) == code
        return capsys.readouterr().out.splitlines()

    return answer
