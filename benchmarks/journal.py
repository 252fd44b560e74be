"""A journal with a million calls: how long the bridge takes to start on it, and counting; how large it is."""

import asyncio
import hashlib
import json
import sqlite3
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from benchmarks.customers import FOLDER
from benchmarks.figures import Row
from cti_bridge.calls.journal import SCHEMA_VERSION, Journal
from cti_bridge.calls.journal_heard import finished_since
from cti_bridge.calls.record import CallRecord, DecisionRecord, LegRecord
from cti_bridge.delivery.outbox_writer import OutboxWriter, Receiver
from cti_bridge.domain.decision import Facts
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.line import Line
from cti_bridge.routing.line_facts import line_facts
from demo.asterisk import REPOSITORY

CALLS = 1_000_000
START_LIMIT_S = 2.0
_WITHIN_S = 120.0
_CLASSES = ("new", "sales", "production")
_FILL = """
PRAGMA synchronous = OFF;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 12 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {calls})
INSERT INTO {table} ({columns}) SELECT {values} FROM n
JOIN {table} t ON t.{key} = 'main-' || (1000000000 + i % 12) || '.1';
COMMIT;
PRAGMA wal_checkpoint(TRUNCATE);
"""
_VALUES = {
    "id": "'main-' || (1000000000 + i) || '.1'",
    "offered_at": "t.offered_at + i * 30.0",
    "caller": "printf('+7495%07d', i * 7919 % 300000)",
    "answered_at": "t.answered_at + i * 30.0 + i % 97",
    "ended_at": "t.ended_at + i * 30.0 + i % 97",
}
"""What differs from call to call; everything else is as in one of twelve calls that the bridge wrote itself."""
_BESIDE = {"legs": ("call_id", _VALUES["id"]), "reported": ("call_id", _VALUES["id"])}
"""What belongs to each call: the phones that rang, and what its receiver was told."""


async def rows() -> list[Row]:
    """Measure and return the rows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = await filled_journal()
    size = (folder / "data" / "calls.sqlite").stat().st_size
    opened = await _opened_s(folder)
    started = await _start_s(folder)
    with tempfile.TemporaryDirectory(prefix="run-journal-", dir=FOLDER) as empty:
        _settings(Path(empty))
        empty_s = await _start_s(Path(empty))
    everything = await _command_s(folder, "stats", "--since", "2001-01-01")
    listed = await _command_s(folder, "list", "--limit", "50")
    return [
        Row(f"start of the journal on {CALLS:,} calls: opened, what goes on taken up, what is too old closed",
            f"{opened:.2f} s", f"limit {START_LIMIT_S:.0f} s", opened / START_LIMIT_S, "≤ 1"),
        Row(f"start of the bridge on {CALLS:,} calls", f"{started:.1f} s",
            f"limit {START_LIMIT_S:.0f} s; on an empty journal {empty_s:.1f} s", started / START_LIMIT_S, "≤ 1"),
        Row(f"calls stats over {CALLS:,} calls", f"{everything:.1f} s", f"calls list, the latest 50: {listed:.1f} s",
            None, "a few seconds"),
        Row("journal: bytes for 100,000 calls, each with its facts, two phones and a receiver",
            f"{size / CALLS / 10:.0f} MB", "", None),
    ]  # fmt: skip


async def filled_journal(calls: int = CALLS) -> Path:
    """A folder with settings and a journal with so many calls; made once and kept until the tables change."""
    digest = hashlib.sha256(f"{SCHEMA_VERSION} {_FILL} {_VALUES} {_BESIDE}".encode()).hexdigest()[:12]
    folder = FOLDER / f"journal-{calls}-{digest}"
    if not folder.exists():
        needed = f"{calls * 3 / 1_000_000:.1f} GB"
        print(f"making a journal with {calls:,} calls, which takes minutes and {needed}", file=sys.stderr, flush=True)
        unfinished = Path(tempfile.mkdtemp(prefix="run-journal-", dir=FOLDER))
        _settings(unfinished)
        path = unfinished / "data" / "calls.sqlite"
        receiver = [Receiver("crm", frozenset())]  # who has had all: nothing is waiting
        writer = OutboxWriter(receiver, crm_user=lambda operator: operator, on_written=lambda: None)
        journal = Journal(path, on_state=lambda state, reason: None, companion=writer)
        await journal.open()
        for number in range(12):
            journal.keep(sample_call(number))
        await journal.close(within_s=10)
        await asyncio.to_thread(_fill, path, calls)
        unfinished.rename(folder)
    return folder


def _fill(path: Path, calls: int) -> None:
    with closing(sqlite3.connect(path)) as journal:
        for table, values in (("calls", _VALUES), *((table, dict([said])) for table, said in _BESIDE.items())):
            columns = [row[1] for row in journal.execute(f"PRAGMA table_info({table})")]
            journal.executescript(
                _FILL.format(
                    table=table,
                    key="id" if table == "calls" else "call_id",
                    calls=calls,
                    columns=", ".join(columns),
                    values=", ".join(values.get(column, f"t.{column}") for column in columns),
                )
            )


def sample_call(number: int) -> CallRecord:
    """A call as the bridge writes it, with all its facts and two phones; every fourth was not answered."""
    name = _CLASSES[number % 3]
    line = Line("+74950000149", f"Радио {number % 5}", "radio", "Москва", "kitchens", "Europe/Moscow", "ru")
    at = 1_000_000_000.0
    facts: Facts = {
        "call.caller": "+74950000150", "call.did": line.did, "call.trunk": "trunk-demo", "call.kind": "external",
        "call.verified": False, "call.crm": "fresh", "call.language": "ru", "call.name": "", "call.candidates": 1,
        **line_facts(line),
        "customer.known": True, "customer.id": "c0000150", "customer.name": "Ласточкина Ия Петровна",
        "customer.city": "Тверь", "customer.segment": "vip", "customer.responsible": "op3",
        "customer.preferred_channel": "phone", "customer.email": "c150@example.test", "customer.timezone": None,
        "deal.known": True, "deal.id": "d0000150", "deal.title": "Шкаф-купе в прихожую", "deal.stage": "offer_sent",
        "deal.amount": 148000.0, "deal.responsible": "op3",
        "deals": [{"id": "d0000150", "title": "Шкаф-купе", "stage": "offer_sent", "amount": 148000.0,
                   "responsible": "op3"}],
    }  # fmt: skip
    decision = DecisionRecord(
        "matched", "fresh", None, name, name, name, ((name, 60), ("primary-consult", 0)), "queue:primary-consult",
        "c0000150", "", None, "ab" * 32, facts, took_ms={"crm": 0.412, "rules": 0.131, "whole": 1.273},
    )  # fmt: skip
    record = CallRecord(
        CallId(f"main-{1_000_000_000 + number}.1"), "main", ChannelId("1000000000.1"), "1000000000.1", at,
        "+74950000150", "external", "", line.did, "trunk-demo", False, decision, queue=name,
        rang=(OperatorId("op3"), OperatorId("op4")), pop_ms=3.1, ended_at=at + 45.5, outcome="abandoned",
        legs=tuple(_leg(operator, name, at) for operator in ("op3", "op4")),
    )  # fmt: skip
    if number % 4:
        record = replace(record, operator=OperatorId(f"op{number}"), answered_at=at + 3.25, outcome="answered")
    return record


def _leg(operator: str, queue: str, at: float) -> LegRecord:
    number = operator.removeprefix("op")
    return LegRecord(
        ChannelId(f"1000000000.{number}"), ChannelId(""), OperatorId(operator), "", f"PJSIP/10{number}", queue,
        at + 1.0, None, at + 15.0, 0.0, "no_answer",
    )  # fmt: skip


def _settings(folder: Path) -> None:
    (folder / "data").mkdir(mode=0o700)
    (folder / "ami.secret").write_text("not needed\n", "utf-8")
    settings = {
        "data_dir": "data",
        "rules": str(REPOSITORY / "config" / "routing.yaml"),
        "pbxes": [{"ami": {"port": 1, "secret_file": "ami.secret"}, "agi": {"port": 0}}],
        "web": {"public": {"port": 0}, "private": {"port": 0}},
        "log": {"format": "json"},
    }
    (folder / "cti-bridge.yaml").write_text(json.dumps(settings), "utf-8")


async def _opened_s(folder: Path) -> float:
    """What a start does with the journal, in this process."""
    journal = Journal(folder / "data" / "calls.sqlite", on_state=lambda state, reason: None)
    newest = 1_000_000_000.0 + CALLS * 30.0
    began = time.monotonic()
    try:
        await journal.open()
        await journal.last_accepted_rules()
        await journal.open_calls(since=newest - 12 * 3600.0)
        await journal.close_older(than=newest - 12 * 3600.0)
        await journal.ask(lambda database: finished_since(database, newest - 3600.0), within_s=60.0)
        return time.monotonic() - began
    finally:
        await journal.close(within_s=10)


async def _start_s(folder: Path) -> float:
    """From starting the process to its saying that it runs; there is no Asterisk and no CRM."""
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti_bridge", "run", "--config", str(folder / "cti-bridge.yaml"),
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        async with asyncio.timeout(_WITHIN_S):
            while line := await process.stderr.readline():
                if json.loads(line).get("event") == "running":
                    return time.monotonic() - began
        raise RuntimeError("the bridge did not start")
    finally:
        if process.returncode is None:
            process.terminate()
        await process.communicate()


async def _command_s(folder: Path, *words: str) -> float:
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "cti_bridge", "calls", *words, "--config", str(folder / "cti-bridge.yaml"),
        stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, errors = await process.communicate()
    if process.returncode:
        raise RuntimeError(f"calls {words[0]}: {errors.decode()[-500:]}")
    return time.monotonic() - began
