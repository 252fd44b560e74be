"""What operators say came of a call is told to whom reports go: once they are through, with the change on disk."""

import json
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from test_reports import ABANDONED, ANSWERED, CRM_USERS, ENDED, OFFERED, event, told, types

from cti_bridge.calls.after_call import AboutCall, AfterCall
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_after import after_call, mark_finished, save_after
from cti_bridge.calls.record import DeskOutcome
from cti_bridge.delivery.outbox_writer import OutboxWriter, Receiver
from cti_bridge.delivery.reports import ReportType
from cti_bridge.domain.ids import OperatorId

OP3 = OperatorId("op3")
SAID = replace(ENDED, desk_outcomes=(DeskOutcome(OP3, "call_back", 4), DeskOutcome(OperatorId("op4"), "", 5)))
IN_WORDS = [
    {"operator": {"id": "op3", "crm_user": CRM_USERS["op3"]}, "outcome": "call_back", "score": 4},
    {"operator": {"id": "op4", "crm_user": None}, "outcome": None, "score": 5},
]


def test_what_operators_say_is_told_as_something_that_turned_up_later() -> None:
    assert types(ENDED, SAID, SAID) == ["started", "answered", "ended", "updated", "updated"]
    assert [event(report)["data"].get("desk") for report in told(ENDED, SAID)] == [None] * 4 + [IN_WORDS]


def test_nothing_is_said_before_the_end_and_of_a_call_of_which_nobody_says_anything() -> None:
    early = replace(ANSWERED, desk_outcomes=SAID.desk_outcomes)
    assert types(OFFERED, early) == ["started", "answered"]
    assert all("desk" not in event(report)["data"] for report in told(OFFERED, early, ABANDONED))


async def test_it_is_due_with_the_change_and_only_to_whom_knows_of_the_call(tmp_path: Path) -> None:
    path = tmp_path / "calls.sqlite"
    wakes: list[int] = []
    writer = OutboxWriter(
        [Receiver("crm", frozenset(ReportType))], crm_user=lambda _: "", on_written=lambda: wakes.append(1)
    )
    journal = Journal(path, on_state=lambda *_: None, companion=writer)
    await journal.open()
    journal.keep(ENDED)
    await journal.close(within_s=30.0)

    journal = Journal(path, on_state=lambda *_: None, companion=writer)
    await journal.open()
    for call in (ENDED.id, replace(ENDED, id=type(ENDED.id)("main-9.9")).id):
        said, about = AfterCall(call, OP3, outcome="done", note="Мария ждёт"), AboutCall("", "", "", 1067.25)
        saved = await journal.ask(
            lambda db, said=said, about=about: save_after(db, said, about, now=2000.0),  # type: ignore[misc]
            within_s=30.0,
        )
        assert saved is not None
        for expected in (True, False):
            done = await journal.change_and_tell(
                call,
                lambda conn, saved=saved: mark_finished(conn, saved, now=2001.0, told=1),  # type: ignore[misc]
                within_s=30.0,
            )
            assert done is expected
    assert await journal.ask(lambda db: after_call(db, ENDED.id, OP3), within_s=30.0)
    await journal.close(within_s=30.0)

    with closing(sqlite3.connect(path)) as file:
        rows = file.execute("SELECT type, body FROM outbox ORDER BY seq").fetchall()
    bodies: list[dict[str, Any]] = [json.loads(body) for _, body in rows]
    assert [kind for kind, _ in rows] == ["call.started", "call.answered", "call.ended", "call.updated", "call.updated"]
    assert bodies[-1]["data"]["desk"] == [
        {"operator": {"id": "op3", "crm_user": None}, "outcome": "done", "score": None}
    ]
    assert "Мария ждёт" not in rows[-1][1]  # what was written about her goes to the CRM, by another way
    assert len(wakes) == 3
