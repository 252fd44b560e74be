"""Who sees which item of the work list, in which colour and order: tables."""

from dataclasses import replace
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

from cti_bridge.calls.work import CLAIM_S, Claim, WorkItem, WorkKind
from cti_bridge.desk.after.work_views import Board, Today, board_of, changes_at, colour_of
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.directory import Directory

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=MOSCOW).timestamp()
HOUR_S = 3600.0
VERA = Operator(OperatorId("op1"), "Вера Ключевская", ("PJSIP/101",))
YURI = Operator(OperatorId("op2"), "Юрий Самарин", ("PJSIP/102",))
GALINA = Operator(OperatorId("op3"), "Галина Осокина", ("PJSIP/103",))
CHIEF = Operator(OperatorId("chief"), "Фёдор Ильинский", (), role=Role.SUPERVISOR)
STAFF = Directory.of((VERA, YURI, GALINA, CHIEF))
QUEUES = {
    VERA.id: frozenset({"sales"}),
    YURI.id: frozenset({"sales", "new"}),
    GALINA.id: frozenset({"new"}),
    CHIEF.id: frozenset[str](),
}

MISSED = WorkItem(
    "missed:1", WorkKind.MISSED, "+74950000150", "Мария Соколова", "", None, NOW - 600, 1, "sales", "main-1.1",
    rang=frozenset({VERA.id}),
)  # fmt: skip
CALLBACK = WorkItem(
    "step:1", WorkKind.CALLBACK, "+74950000151", "Пётр Лаптев", "Эскиз", NOW + HOUR_S, NOW - 60, 0, "sales", "main-2.1",
    owner=VERA.id,
)  # fmt: skip
TASK = replace(CALLBACK, id="step:2", kind=WorkKind.TASK)


def board(*items: WorkItem, claims: tuple[Claim, ...] = (), now: float = NOW, before: Board | None = None) -> Board:
    held = {claim.item: claim for claim in claims}
    return board_of(items, held, STAFF, QUEUES, today=Today.at(now, MOSCOW), before=before or Board())


def who_sees(item: WorkItem) -> str:
    drawn = board(item)
    seen = [o.id for o in STAFF.all() if drawn.seen_by(o, QUEUES[o.id])]
    assert seen == [o.id for o in STAFF.all() if drawn.is_seen_by(o, QUEUES[o.id], item.id)]
    return " ".join(seen)


@pytest.mark.parametrize(
    ("item", "seen_by"),
    [
        pytest.param(MISSED, "chief op1", id="whose phone rang"),
        pytest.param(replace(MISSED, rang=frozenset({VERA.id, GALINA.id})), "chief op1 op3", id="whose phones rang"),
        pytest.param(replace(MISSED, rang=frozenset()), "chief op1 op2", id="nobody's rang: who is in the queue"),
        pytest.param(
            replace(MISSED, rang=frozenset({OperatorId("gone")})), "chief op1 op2", id="whose rang is gone: the queue"
        ),
        pytest.param(
            replace(MISSED, rang=frozenset(), queue="night"), "chief op1 op2 op3", id="nobody is in the queue"
        ),
        pytest.param(replace(MISSED, rang=frozenset(), queue=""), "chief op1 op2 op3", id="he never got into one"),
        pytest.param(replace(MISSED, promised=True), "chief op1 op2 op3", id="he was promised a call"),
        pytest.param(CALLBACK, "chief op1 op2 op3", id="a callback is for everybody"),
        pytest.param(TASK, "chief op1", id="a task is for its owner"),
        pytest.param(replace(TASK, owner=OperatorId("gone")), "chief", id="a task of somebody who is gone"),
    ],
)
def test_who_sees_an_item(item: WorkItem, seen_by: str) -> None:
    assert who_sees(item) == seen_by


@pytest.mark.parametrize(
    ("item", "colour", "next_change_in_s"),
    [
        pytest.param(MISSED, "amber", HOUR_S - 600, id="missed a while ago"),
        pytest.param(replace(MISSED, since=NOW - HOUR_S), "red", None, id="missed an hour ago"),
        pytest.param(replace(MISSED, promised=True), "red", None, id="promised"),
        pytest.param(CALLBACK, "amber", HOUR_S, id="due today"),
        pytest.param(replace(CALLBACK, due_at=NOW), "red", None, id="due now"),
        pytest.param(replace(CALLBACK, due_at=NOW - 1), "red", None, id="overdue"),
        pytest.param(
            replace(CALLBACK, due_at=NOW + 12 * HOUR_S), "green", 12 * HOUR_S, id="the first moment of tomorrow"
        ),
        pytest.param(replace(CALLBACK, due_at=NOW + 30 * HOUR_S), "green", 12 * HOUR_S, id="tomorrow: amber from then"),
    ],
)
def test_the_colour_and_when_it_changes(item: WorkItem, colour: str, next_change_in_s: float | None) -> None:
    assert colour_of(item, Today.at(NOW, MOSCOW)) == colour
    then = changes_at(item, Today.at(NOW, MOSCOW))
    assert (then is None) == (next_change_in_s is None)
    if then is not None and next_change_in_s is not None:
        assert then - NOW == next_change_in_s
        assert colour_of(item, Today.at(then, MOSCOW)) != colour
        assert board(item).old_at == then


def test_the_most_pressing_come_first() -> None:
    later = replace(CALLBACK, id="step:3", due_at=NOW + 30 * HOUR_S)
    overdue = replace(CALLBACK, id="step:4", due_at=NOW - 5 * HOUR_S)
    waits = replace(MISSED, id="missed:2", since=NOW - 2 * HOUR_S)
    drawn = board(later, MISSED, CALLBACK, waits, overdue)
    assert [view["id"] for view in drawn.views] == ["step:4", "missed:2", "missed:1", "step:1", "step:3"]


def test_an_item_as_a_page_gets_it() -> None:
    (view,) = board(MISSED, claims=(Claim("missed:1", YURI.id, NOW - 60, None),)).views
    assert view == {
        "id": "missed:1", "kind": "missed", "number": "+74950000150", "display": "+7 495 000-01-50",
        "name": "Мария Соколова", "text": "", "due_at": None, "since": "2026-11-23T08:50:00.000+00:00",
        "colour": "amber", "promised": False, "taken_by": {"operator": "op2", "name": "Юрий Самарин"}, "calls": 1,
        "queue": "sales", "call": "main-1.1",
    }  # fmt: skip


def test_a_claim_that_is_too_old_is_none_and_that_is_a_moment_to_look_again() -> None:
    claim = Claim("step:1", YURI.id, NOW, None)
    late = replace(CALLBACK, due_at=NOW + 3 * HOUR_S)
    assert board(late, claims=(claim,)).old_at == NOW + CLAIM_S
    (view,) = board(late, claims=(claim,), now=NOW + CLAIM_S).views
    assert view["taken_by"] is None


def test_what_says_the_same_is_the_same_object_and_nobody_need_be_told() -> None:
    before = board(MISSED, CALLBACK)
    after = board(MISSED, CALLBACK, now=NOW + 1, before=before)
    assert all(one is other for one, other in zip(before.views, after.views, strict=True))
    assert after.shows_the_same_as(before)
    taken = board(MISSED, CALLBACK, claims=(Claim("step:1", YURI.id, NOW, None),), before=before)
    assert not taken.shows_the_same_as(before)
    assert taken.views[0] is before.views[0]
