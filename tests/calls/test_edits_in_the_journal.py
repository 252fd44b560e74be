"""Edits in the journal: in order for each customer, once, for their own account, and gone with who is forgotten."""

import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import pytest
from journal_room import MARIA, PETER, past_call
from sqlite_utils import Database

from cti_bridge.calls import journal_edits
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_edits import (
    Edit,
    EditKind,
    EditState,
    TooManyEdits,
    next_edits,
    open_edits,
    put_edits,
    refuse_others,
    remove_edits,
    write_edit,
    write_made,
    write_not_made,
)
from cti_bridge.calls.journal_forget import forget
from cti_bridge.domain.ids import CallId, CustomerId, OperatorId

NOW = 1_795_300_000.0
ELETS = {"city": "Елец"}
T = TypeVar("T")
Run = Callable[[Callable[[Database], T]], T]


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    yield journal
    await journal.close(within_s=30.0)


def edit(key: str, kind: EditKind = EditKind.UPDATE, customer: str = "c-1", **more: object) -> Edit:
    made = Edit(
        key, CallId("main-1.1"), OperatorId("op1"), "embedded", CustomerId(customer), MARIA, "Мария Ольховая", kind,
        {"city": "Зарайск"}, NOW, seen={"city": "Коломна"},
    )  # fmt: skip
    return replace(made, **more)  # type: ignore[arg-type]


async def keep(journal: Journal, *edits: Edit) -> tuple[Edit, ...]:
    return await journal.ask(lambda database: put_edits(database.conn, edits), within_s=30.0)


async def due(journal: Journal, account: str = "embedded") -> list[str]:
    found = await journal.ask(lambda database: next_edits(database.conn, account, limit=10), within_s=30.0)
    return [one.key for one in found]


async def test_the_edits_of_one_customer_come_one_after_another_and_those_of_others_beside(journal: Journal) -> None:
    await keep(journal, edit("a"))
    await keep(journal, edit("b"))
    await keep(journal, edit("c", customer="c-2"))
    assert await due(journal) == ["a", "c"]
    await journal.ask(
        lambda database: write_edit(database.conn, edit("a", state=EditState.CONFLICT), now=NOW), within_s=30.0
    )
    assert await due(journal) == ["b", "c"]  # a conflict keeps nobody else waiting
    assert await due(journal, "another") == []


async def test_what_is_for_somebody_new_waits_until_he_is_made_and_is_his_then(journal: Journal) -> None:
    person = edit("p", EditKind.CREATE, "", content={"name": "Мария"}, seen={})
    deal = edit("d", EditKind.DEAL, "", content={"title": "Кухня"}, seen={})
    await keep(journal, person, deal)
    assert await due(journal) == ["p"]
    await journal.ask(
        lambda database: write_edit(database.conn, replace(person, state=EditState.CONFLICT), now=NOW), within_s=30.0
    )
    assert await due(journal) == []
    others = await journal.ask(
        lambda database: write_made(database.conn, person, CustomerId("c-7"), now=NOW), within_s=30.0
    )
    assert [(one.key, one.customer_id, one.state) for one in others] == [
        ("p", "c-7", EditState.SAVED),
        ("d", "c-7", EditState.WAITING),
    ]
    assert await due(journal) == ["d"]


async def test_what_is_for_somebody_who_is_not_made_is_refused_with_him(journal: Journal) -> None:
    person = edit("p", EditKind.CREATE, "", content={"name": "Мария"}, seen={})
    await keep(journal, person, edit("d", EditKind.DEAL, "", content={"title": "Кухня"}))
    await journal.ask(
        lambda database: write_edit(database.conn, replace(person, state=EditState.REFUSED), now=NOW), within_s=30.0
    )
    others = await journal.ask(
        lambda database: write_not_made(database.conn, person.call_id, "нет", now=NOW), within_s=30.0
    )
    assert [(one.key, one.state) for one in others] == [("p", EditState.REFUSED), ("d", EditState.REFUSED)]


async def test_a_note_that_is_sent_twice_is_one_and_a_key_is_kept_once(journal: Journal) -> None:
    note = edit("n", EditKind.NOTE, content={"text": "Перезвонить"})
    await keep(journal, note)
    (again,) = await keep(journal, replace(note, key="m"))
    assert again.key == "n"
    assert await due(journal) == ["n"]


async def test_more_than_can_wait_is_not_taken(journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_edits, "MOST_WAITING", 2)
    await keep(journal, edit("a"), edit("b"))
    with pytest.raises(TooManyEdits):
        await keep(journal, edit("c"))
    assert await due(journal) == ["a"]


async def test_what_waits_for_another_account_is_refused_and_kept_to_be_seen(journal: Journal) -> None:
    await keep(journal, edit("a"), edit("b", account="tryton"))
    refused = await journal.ask(
        lambda database: refuse_others(database.conn, "tryton", "ein anderes", now=NOW), within_s=30.0
    )
    assert refused == 1
    found = await journal.ask(lambda database: open_edits(database.conn, limit=10), within_s=30.0)
    assert [(one.key, one.state) for one in found] == [("a", EditState.REFUSED), ("b", EditState.WAITING)]
    assert found[0].content == {"city": "Зарайск"}


async def test_only_what_waits_is_older_than_facts_are_kept(journal: Journal) -> None:
    await keep(journal, edit("a"), edit("b"), edit("c", created_at=NOW + 100))
    for key, state in (("a", EditState.SAVED), ("c", EditState.CONFLICT)):
        await journal.ask(
            lambda database: write_edit(database.conn, edit(key, state=state), now=NOW),  # noqa: B023
            within_s=30.0,
        )
    assert await journal.ask(lambda database: remove_edits(database, NOW + 1), within_s=30.0) == 1
    found = await journal.ask(lambda database: open_edits(database.conn, limit=10), within_s=30.0)
    assert [one.key for one in found] == ["b", "c"]


@pytest.mark.parametrize("how", [{"caller": MARIA}, {"customer": "c-1"}])
async def test_who_is_forgotten_is_not_written_about_and_not_in_the_files_bytes(
    how: dict[str, str], tmp_path: Path
) -> None:
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    journal.keep(past_call(1, time.time() - 100, customer_id="c-1"))
    await keep(journal, edit("a"), edit("b", call_id=CallId("main-9.1")))  # the second one's call is gone already
    await keep(
        journal,
        edit(
            "z",
            customer="c-2",
            number=PETER,
            call_id=CallId("main-2.1"),
            name="Пётр",
            content={"city": "Елец"},
            seen={},
        ),
    )
    await journal.close(within_s=30.0)
    forget(tmp_path / "calls.sqlite", **how)  # type: ignore[arg-type]
    written = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    for text in ("Зарайск", "Коломна", "Мария Ольховая"):
        assert text.encode() not in written
    assert "Елец".encode() in written


async def test_a_person_who_is_sent_again_with_a_deal_is_not_made_twice(journal: Journal) -> None:
    person = edit("p", EditKind.CREATE, "", content={"name": "Мария"}, seen={})
    deal = edit("d", EditKind.DEAL, "", content={"title": "Кухня"}, seen={})
    await keep(journal, person)
    kept = await keep(journal, replace(person, key="q"), deal)
    assert [one.key for one in kept] == ["p", "d"]
    found = await journal.ask(lambda database: open_edits(database.conn, limit=10), within_s=30.0)
    assert [one.key for one in found] == ["p", "d"]


async def test_what_is_kept_for_somebody_who_was_made_or_refused_a_moment_ago_never_waits_for_ever(
    journal: Journal,
) -> None:
    person = edit("p", EditKind.CREATE, "", content={"name": "Мария"}, seen={})
    await keep(journal, person)
    await journal.ask(lambda database: write_made(database.conn, person, CustomerId("c-7"), now=NOW), within_s=30.0)
    await keep(journal, edit("n", EditKind.NOTE, "", content={"text": "Перезвонить"}))
    assert await due(journal) == ["n"]  # his page did not know yet that he is there
    other = edit("q", EditKind.CREATE, "", call_id=CallId("main-2.1"), content={"name": "Пётр"}, seen={})
    await keep(journal, other)
    await journal.ask(
        lambda database: write_edit(database.conn, replace(other, state=EditState.REFUSED), now=NOW), within_s=30.0
    )
    note = edit("m", EditKind.NOTE, "", call_id=other.call_id, content={"text": "Перезвонить"})
    (kept,) = await keep(journal, note)
    assert (kept.state, kept.reason) == (EditState.REFUSED, journal_edits.NOT_MADE)


async def test_nothing_is_kept_any_more_of_who_was_forgotten(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    journal.keep(past_call(1, time.time() - 100, customer_id="c-1"))
    await journal.close(within_s=30.0)
    forget(tmp_path / "calls.sqlite", caller=MARIA)
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    with pytest.raises(journal_edits.CallerForgotten):
        await keep(journal, edit("a", call_id=past_call(1, NOW).id))
    assert await journal.ask(lambda database: open_edits(database.conn, limit=10), within_s=30.0) == []
    await journal.close(within_s=30.0)
