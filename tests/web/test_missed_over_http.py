"""`GET /api/v1/missed`: who has to be called back, for supervisors all, for an operator what rang at his own phone."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from front_desk import ANNA, BORIS, PASSWORD, FrontDesk, front_desk

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.web import missed

NOW = time.time()
OLGA = Operator(OperatorId("olga"), "Ольга Ветрова", ("PJSIP/103",), role=Role.SUPERVISOR)
MARIA, PETER = "+74950000150", "+74950000151"


def call(number: int, caller: str, *rang: Operator, at: float = NOW - 60) -> CallRecord:
    return CallRecord(
        CallId(f"main-{number}.1"), "main", ChannelId(f"{number}.1"), "", at + number, caller, "external",
        "Пётр «П» <b>", "+74950000149", "", False, queue="sales", rang=tuple(operator.id for operator in rang),
        ended_at=at + number + 12.5, outcome="abandoned",
    )  # fmt: skip


@asynccontextmanager
async def desk_with(folder: Path, *calls: CallRecord) -> AsyncIterator[FrontDesk]:
    """A front desk with a supervisor and these calls in its journal."""
    async with front_desk(folder) as desk:
        await desk.accounts.add(OLGA, PASSWORD)
        journal = Journal(folder / "calls.sqlite", on_state=lambda state, reason: None)
        await journal.open()
        for one in calls:
            journal.keep(one)
        await journal.close(within_s=10)
        yield desk


async def asked(desk: FrontDesk, who: str, query: str = "") -> tuple[int, Any]:
    headers = {"Cookie": f"cti_session={await desk.sign_in(who)}"} if who else {}
    async with desk.http.get(f"{desk.url}/api/v1/missed{query}", headers=headers) as answer:
        return answer.status, await answer.json()


async def test_a_supervisor_sees_every_caller_and_why_nobody_answered(tmp_path: Path) -> None:
    async with desk_with(tmp_path, call(1, MARIA, ANNA), call(2, PETER), call(3, MARIA, BORIS)) as desk:
        status, answer = await asked(desk, "olga")

    assert (status, answer["more"]) == (200, False)
    assert [(item["caller"]["number"], item["calls"]) for item in answer["missed"]] == [(MARIA, 2), (PETER, 1)]
    item = answer["missed"][1]
    assert item["name"] == "Пётр «П» <b>"
    assert item["tries"][0] | {"at": ""} == {
        "id": "main-2.1", "at": "", "line": "+74950000149", "queue": "sales", "outcome": "abandoned", "waited_s": 12.5,
        "rang": [], "promised": False,
    }  # fmt: skip


async def test_who_was_promised_a_call_is_one_item_that_says_so(tmp_path: Path) -> None:
    promised = [replace(call(number, MARIA), outcome="missed", final="callback") for number in (1, 2)]
    async with desk_with(tmp_path, *promised, call(3, PETER)) as desk:
        _, answer = await asked(desk, "olga")

    told = {item["caller"]["number"]: (item["calls"], item["promised"]) for item in answer["missed"]}
    assert told == {MARIA: (2, True), PETER: (1, False)}


@pytest.mark.parametrize(("operator", "calls"), [("anna", ["main-1.1"]), ("boris", ["main-4.1", "main-3.1"])])
async def test_an_operator_sees_only_callers_who_rang_at_his_own_phone(
    tmp_path: Path, operator: str, calls: list[str]
) -> None:
    story = (call(1, MARIA, ANNA), call(2, PETER), call(3, MARIA, BORIS), call(4, MARIA, BORIS))
    async with desk_with(tmp_path, *story) as desk:
        status, answer = await asked(desk, operator)

    assert status == 200
    assert [[one["id"] for one in item["tries"]] for item in answer["missed"]] == [calls]
    assert answer["missed"][0]["calls"] == len(calls)


async def test_nobody_else_sees_anything(tmp_path: Path) -> None:
    async with desk_with(tmp_path, call(1, MARIA, ANNA)) as desk:
        assert await asked(desk, "") == (401, {"error": {"code": "not_signed_in", "message": "nobody is signed in"}})


async def test_how_far_back_can_be_said(tmp_path: Path) -> None:
    async with desk_with(tmp_path, call(1, MARIA, at=NOW - 7200), call(2, PETER, at=NOW - 8 * 86400)) as desk:
        for query, callers in (("", [MARIA]), ("?since=1h", []), ("?since=2w", [MARIA, PETER])):
            _, answer = await asked(desk, "olga", query)
            assert [item["caller"]["number"] for item in answer["missed"]] == callers
        status, answer = await asked(desk, "olga", "?since=gestern")
        assert (status, answer["error"]["code"]) == (400, "bad_request")
        assert "gestern" not in answer["error"]["message"]


async def test_a_list_of_people_to_ring_back_is_no_archive(tmp_path: Path) -> None:
    async with desk_with(tmp_path, call(1, MARIA, at=NOW - 30 * 86400), call(2, PETER, at=NOW - 32 * 86400)) as desk:
        _, answer = await asked(desk, "olga", "?since=2001-01-01")
        assert [item["caller"]["number"] for item in answer["missed"]] == [MARIA]


async def test_a_long_list_says_that_there_is_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(missed, "MOST_ITEMS", 2)
    calls = [call(number, f"+749500001{number:02}") for number in range(3)]
    async with desk_with(tmp_path, *calls) as desk:
        _, answer = await asked(desk, "olga")
        assert (len(answer["missed"]), answer["more"]) == (2, True)


async def test_a_journal_that_cannot_be_read_is_said_without_details(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        status, answer = await asked(desk, "anna")
    assert (status, answer["error"]["code"], answer["retry_after_s"]) == (503, "journal_unavailable", 5)
