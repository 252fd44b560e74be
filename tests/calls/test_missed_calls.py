"""Missed calls: one open item for each caller from outside, until somebody has reached him."""

import json
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from journal_room import MARIA, PETER, Kept, Run, keeper, past_call, runner

from cti_bridge.calls.record import CallRecord, LegRecord
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import ChannelId, OperatorId

NOW = time.time()
RANG_OP5 = (OperatorId("op5"),)


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kept:
    return keeper(tmp_path, monkeypatch)


@pytest.fixture
def run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(tmp_path, capsys)


def who(call: dict[str, Any]) -> list[str]:
    return [rang["operator"] for rang in call["rang"]]


def at(number: int, seconds_ago: float, **more: Any) -> CallRecord:
    return past_call(number, NOW - seconds_ago, **more)


@pytest.mark.parametrize(
    ("calls", "open_items"),
    [
        pytest.param([at(1, 600)], [(MARIA, 1)], id="gave up while waiting"),
        pytest.param([at(1, 600, outcome="overflowed")], [(MARIA, 1)], id="left by the last step"),
        pytest.param([at(1, 600), at(2, 500), at(3, 400)], [(MARIA, 3)], id="tried three times: one item"),
        pytest.param([at(1, 600), at(2, 500, wait_s=3.0)], [], id="got through at the second try"),
        pytest.param([at(1, 600, wait_s=3.0), at(2, 500)], [(MARIA, 1)], id="missed after a good call"),
        pytest.param(
            [at(1, 900), at(2, 700, wait_s=3.0), at(3, 500), at(4, 400)], [(MARIA, 2)], id="closed, then opened again"
        ),
        pytest.param([at(1, 600), at(2, 30, wait_s=3.0, ended_at=None, outcome="")], [], id="talks just now"),
        pytest.param([at(1, 600), at(2, 30, ended_at=None, outcome="")], [(MARIA, 1)], id="waits just now"),
        pytest.param([at(1, 600), at(2, 500, caller=PETER, wait_s=1.0)], [(MARIA, 1)], id="somebody else was reached"),
        pytest.param([at(1, 600), at(2, 500, caller=PETER)], [(PETER, 1), (MARIA, 1)], id="two callers, latest first"),
        pytest.param([at(1, 600, caller="101", caller_kind="internal")], [], id="a colleague"),
        pytest.param([at(1, 600, caller="anonymous", caller_kind="anonymous")], [], id="nobody to call back"),
        pytest.param([at(1, 9 * 86400)], [], id="longer ago than asked for"),
        pytest.param([at(1, 9 * 86400), at(2, 600)], [(MARIA, 1)], id="only counted as far as asked for"),
    ],
)
async def test_who_waits_to_be_called_back(
    kept: Kept, run: Run, calls: list[CallRecord], open_items: list[tuple[str, int]]
) -> None:
    await kept(*calls)
    items = [json.loads(row) for row in run("missed", "--json", code=0 if open_items else 1)]
    assert [(item["caller"]["number"], item["calls"]) for item in items] == open_items


async def test_an_item_tells_why_nobody_answered_and_whose_phone_rang(kept: Kept, run: Run) -> None:
    await kept(
        at(1, 600, name="Мария Соколова"),
        at(2, 300, outcome="overflowed", rang=RANG_OP5, ended_at=NOW - 175.5, queue="production"),
    )
    (item,) = [json.loads(row) for row in run("missed", "--json")]

    assert item["name"] == "Мария Соколова"
    assert item["caller"] == {"number": MARIA, "display": "+7 495 000-01-50"}
    assert [(call["id"], call["outcome"], call["waited_s"], call["queue"], who(call)) for call in item["tries"]] == [
        ("main-2.1", "overflowed", 124.5, "production", ["op5"]),
        ("main-1.1", "abandoned", 10.0, "sales", ["op3"]),
    ]
    (line,) = run("missed")
    assert f"  {MARIA}  " in line
    assert "Мария Соколова" in line
    assert "overflowed after 124 s, rang op5  2 times since " in line


PROMISED = {"outcome": "missed", "final": "callback", "rang": ()}
AFTER_A_TALK = {"wait_s": 3.0, "final": "callback"}
"""An operator talked to him and sent him on to a queue, where nobody did."""


@pytest.mark.parametrize(
    ("calls", "open_items"),
    [
        pytest.param([at(1, 600, **PROMISED)], [(1, True, [True])], id="told that he will be called back"),
        pytest.param(
            [at(1, 600, **PROMISED), at(2, 300, **PROMISED)], [(2, True, [True, True])], id="told twice: one item"
        ),
        pytest.param([at(1, 600, **PROMISED), at(2, 300)], [(2, True, [False, True])], id="told before, not last"),
        pytest.param([at(1, 600), at(2, 300)], [(2, False, [False, False])], id="never told"),
        pytest.param([at(1, 600, outcome="missed", final="message")], [(1, False, [False])], id="left a message"),
        pytest.param(
            [at(1, 600, outcome="abandoned", final="callback")], [(1, False, [False])], id="gave up in a queue instead"
        ),
        pytest.param([at(1, 600, **PROMISED), at(2, 300, wait_s=3.0)], [], id="called again and got through"),
        pytest.param(
            [at(1, 600, **PROMISED), at(2, 300, wait_s=3.0, direction=Direction.OUTBOUND)], [], id="called back"
        ),
        pytest.param(
            [at(1, 600, **PROMISED), at(2, 500, wait_s=3.0), at(3, 300)], [(1, False, [False])], id="kept, then missed"
        ),
        pytest.param([at(1, 600, **AFTER_A_TALK)], [(1, True, [True])], id="talked, sent on, told so"),
        pytest.param(
            [at(1, 600, **AFTER_A_TALK, direction=Direction.OUTBOUND)],
            [(1, True, [True])],
            id="the same, we had called",
        ),
        pytest.param(
            [at(1, 600), at(2, 500, **AFTER_A_TALK), at(3, 300)],
            [(3, True, [False, True, False])],
            id="missed around it",
        ),
        pytest.param([at(1, 600, **AFTER_A_TALK), at(2, 300, wait_s=3.0)], [], id="talked, told so, called back"),
        pytest.param(
            [at(1, 600, **AFTER_A_TALK, caller="101", caller_kind="internal")], [], id="a colleague who was sent on"
        ),
    ],
)
async def test_an_item_tells_whether_he_waits_for_a_call_that_he_was_promised(
    kept: Kept, run: Run, calls: list[CallRecord], open_items: list[tuple[int, bool, list[bool]]]
) -> None:
    await kept(*calls)
    items = [json.loads(row) for row in run("missed", "--json", code=0 if open_items else 1)]
    told = [(item["calls"], item["promised"], [one["promised"] for one in item["tries"]]) for item in items]
    assert told == open_items
    for (_, promised, _), line in zip(open_items, run("missed", code=0 if open_items else 1), strict=True):
        assert line.endswith("  was promised a call") == promised


async def test_an_item_tells_which_phones_rang_and_how_long(kept: Kept, run: Run) -> None:
    def leg(number: int, operator: str, phone: str, seconds: float, why: str = "no_answer") -> LegRecord:
        rang_at = NOW - 600 + number
        return LegRecord(
            ChannelId(f"{number}.9"), ChannelId(""), OperatorId(operator), "", phone, "sales", rang_at, None,
            rang_at + seconds, 0.0, why,
        )  # fmt: skip

    legs = (leg(1, "op5", "PJSIP/105", 15.0), leg(2, "op3", "PJSIP/103", 15.0),
            leg(3, "op5", "PJSIP/105", 4.5, "refused"), leg(4, "", "PJSIP/999", 9.0))  # fmt: skip
    await kept(at(1, 600, rang=(OperatorId("op5"), OperatorId("op3"), OperatorId("op4")), legs=legs))

    (item,) = [json.loads(row) for row in run("missed", "--json")]
    assert item["tries"][0]["rang"] == [
        {"operator": "op5", "phone": "PJSIP/105", "rang_s": 19.5, "why": "refused"},
        {"operator": "op3", "phone": "PJSIP/103", "rang_s": 15.0, "why": "no_answer"},
        {"operator": "op4", "phone": None, "rang_s": None, "why": None},
    ]
    assert "rang op5 for 20 s (refused), op3 for 15 s, op4  once" in run("missed")[0]


async def test_somebody_who_calls_on_and_on_is_one_item_with_the_latest_tries(kept: Kept, run: Run) -> None:
    await kept(*(at(number, 1000 - number) for number in range(60)))
    (item,) = [json.loads(row) for row in run("missed", "--json", "--limit", "1")]
    assert item["calls"] == 60
    assert [call["id"] for call in item["tries"]] == [f"main-{number}.1" for number in range(59, 39, -1)]


async def test_texts_of_strangers_do_not_steer_the_terminal(kept: Kept, run: Run) -> None:
    nasty = "\x1b]0;x\x07\r\n\u202e<script>"
    await kept(at(1, 60, caller=nasty, caller_kind="unparsed", caller_name=nasty, name=nasty, queue=nasty))
    for rows in (run("missed"), run("missed", "--json"), run("stats"), run("stats", "--json")):
        assert all(character.isprintable() for row in rows for character in row)
    assert len(run("missed")) == 1


async def test_of_several_customers_with_the_number_none_is_named_unless_he_was_chosen(kept: Kept, run: Run) -> None:
    def of_several(number: int, caller: str, chosen: str) -> CallRecord:
        call = at(number, 600, name="Мария Соколова", caller=caller, caller_name="Сеть")
        assert call.decision is not None
        decision = replace(call.decision, customer_id="c-1", facts={**call.decision.facts, "call.candidates": 2})
        return replace(call, decision=decision, customer_id=chosen)

    other = "+74950000777"
    await kept(of_several(1, MARIA, ""), of_several(2, PETER, "c-2"), of_several(3, other, "c-1"))
    items = [json.loads(row) for row in run("missed", "--json")]
    names = {item["caller"]["number"]: item["name"] for item in items}
    assert names == {MARIA: "Сеть", PETER: "Сеть", other: "Мария Соколова"}
