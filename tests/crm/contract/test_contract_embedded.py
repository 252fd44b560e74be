"""The embedded CRM keeps the contract, on a real SQLite file."""

import csv
import io
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractContextManager, closing
from datetime import datetime
from pathlib import Path

import pytest
from customer_files import import_text, locked_by_another_program

from contract.place import DealState, Person, Place, SeenCall, Trouble
from contract.suite import CrmContract
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.domain.ids import CustomerId

STAGES = {
    DealState.EARLY: "offer_preparing",
    DealState.LATE: "paid",
    DealState.WON: "closed",
    DealState.LOST: "lost",
}
COLUMNS = ("customer_id", "name", "number", "number2", "responsible", "deal_id", "deal_title", "stage")


class CustomerFile(Place):
    """A customer file in a folder, filled by imports and read with SQLite's own means."""

    archives = False
    troubles = frozenset({Trouble.STOPPED, Trouble.HANGS, Trouble.HTML})

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._path = folder / "crm.sqlite"
        self._away = folder / "away.sqlite"
        self._lock: AbstractContextManager[None] | None = None
        self._people = 0
        self.crm = EmbeddedCrm(self._path)

    async def seed(self, people: Sequence[Person]) -> tuple[CustomerId, ...]:
        rows = io.StringIO()
        writer = csv.DictWriter(rows, COLUMNS)
        writer.writeheader()
        ids = []
        for person in people:
            self._people += 1
            ids.append(CustomerId(f"c-{self._people}"))
            numbers = {f"number{place}".removesuffix("1"): text for place, text in enumerate(person.numbers, start=1)}
            row = {"customer_id": ids[-1], "name": person.name, "responsible": person.responsible, **numbers}
            deals = [
                {"deal_id": f"{ids[-1]}-{place}", "deal_title": deal.title, "stage": self.stage(deal.state)}
                for place, deal in enumerate(person.deals)
            ]
            writer.writerows([{**row, **deal} for deal in deals or [{}]])
        result, rejected = import_text(self._folder, rows.getvalue())
        assert not rejected, rejected
        assert result
        return tuple(ids)

    def stage(self, state: DealState) -> str:
        return STAGES[state]

    async def calls_at(self, customer_id: CustomerId) -> list[SeenCall]:
        rows = self._rows("SELECT answered_at, ended_at, user FROM calls WHERE customer_id = ?", customer_id)
        return [
            SeenCall(answered=bool(answered_at), over=True, talked_s=_seconds(answered_at, ended_at), user=str(user))
            for answered_at, ended_at, user in rows
        ]

    async def notes_at(self, customer_id: CustomerId) -> list[str]:
        return [str(text) for (text,) in self._rows("SELECT text FROM notes WHERE customer_id = ?", customer_id)]

    async def restart(self) -> None:
        await self.crm.close()
        self.crm = EmbeddedCrm(self._path)

    async def suffer(self, trouble: Trouble) -> None:
        if trouble is Trouble.HANGS:
            await self.restart()  # whoever has it open already would keep the other out
            self._lock = locked_by_another_program(self._path)
            self._lock.__enter__()
            return
        self._path.rename(self._away)
        if trouble is Trouble.HTML:
            self._path.write_text("<!doctype html><title>Вход</title>\n" * 200)

    async def recover(self) -> None:
        if self._lock is not None:
            self._lock.__exit__(None, None, None)
            self._lock = None
        if self._away.exists():
            self._away.rename(self._path)

    def _rows(self, query: str, customer_id: CustomerId) -> list[tuple[object, ...]]:
        if not self._path.exists():
            return []
        with closing(sqlite3.connect(self._path)) as file:
            return file.execute(query, [customer_id]).fetchall()


def _seconds(answered_at: object, ended_at: object) -> int:
    if not answered_at:
        return 0
    return int((datetime.fromisoformat(str(ended_at)) - datetime.fromisoformat(str(answered_at))).total_seconds())


class TestEmbeddedCrm(CrmContract):
    """Every story of the contract."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[CustomerFile]:
        import_text(tmp_path, "name,number\nНикто Никтоевич,+74950000999\n")
        place = CustomerFile(tmp_path)
        yield place
        await place.recover()
        await place.crm.close()
