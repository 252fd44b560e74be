"""A real Tryton with people in it, as the stories of the contract want it."""

import re
import sqlite3
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tryton_line import Line

from contract.place import DealState, Person, Place, SeenCall, Trouble
from cti_bridge.crm.links import Links, SqliteLinks
from cti_bridge.crm.tryton.adapter import TrytonCrm
from cti_bridge.crm.tryton.settings import TrytonModel, opened
from cti_bridge.domain.ids import CustomerId
from demo.tryton import DATABASE, PASSWORD, USER, TrytonServer
from demo.tryton_office import deal, employee_of, take_in

STATES = {
    DealState.EARLY: "opportunity",
    DealState.LATE: "sale.quotation",
    DealState.WON: "sale.done",
    DealState.LOST: "lost",
}
STAGES = {
    DealState.EARLY: "offer_preparing",
    DealState.LATE: "offer_sent",
    DealState.WON: "closed",
    DealState.LOST: "lost",
}
_TALKED = re.compile(r"answered by (\S+), (\d+) s")


class TrytonPlace(Place):
    """One Tryton, which may serve several places, and an adapter that reaches it by a line of its own."""

    crm: TrytonCrm
    user = "op3"
    troubles = frozenset(Trouble)

    def __init__(self, server: TrytonServer, line: Line, folder: Path, *, as_typed: bool) -> None:
        self.server, self.line = server, line
        self.office = server.office()
        self._folder, self._as_typed = folder, as_typed
        self.links = SqliteLinks(folder / "links.sqlite")
        self.crm = self.opened(self.links)
        self._taken_in: list[int] = []

    def opened(self, links: Links, **more: object) -> TrytonCrm:
        """Another adapter for the same Tryton; `more` are further settings."""
        model = TrytonModel.model_validate(
            {
                "url": self.line.url,
                "database": DATABASE,
                "user": USER,
                "secret": PASSWORD,
                "numbers": "as_typed" if self._as_typed else "e164",
                "recordings": {"url": "https://pbx.example/rec"},
                "strangers": "leads",
                **more,
            }
        )
        return opened(model, region="RU", stages=None, folder=self._folder, data_dir=self._folder, links=links)

    async def seed(self, people: Sequence[Person]) -> tuple[CustomerId, ...]:
        ids = [self._take_in(person) for person in people]
        self._taken_in += ids
        return tuple(CustomerId(str(party)) for party in ids)

    def archive_all(self) -> None:
        """Have the next story, which may use the same numbers, find nobody of this one."""
        if self._taken_in:
            self.office.call("party.party", "write", self._taken_in, {"active": False})

    def _take_in(self, person: Person) -> int:
        party = take_in(self.office, person.name, person.numbers, archived=person.archived)
        employee = employee_of(self.office, person.responsible or "op1")
        for wanted in person.deals:
            deal(self.office, party, wanted.title, STATES[wanted.state], employee=employee)
        if person.responsible and not person.deals:
            deal(self.office, party, "", "lead", employee=employee)
        return party

    def stage(self, state: DealState) -> str:
        return STAGES[state]

    async def calls_at(self, customer_id: CustomerId) -> list[SeenCall]:
        at = [["resource", "=", f"party.party,{customer_id}"], ["type", "=", "link"]]
        rows = self.office.rows("ir.attachment", at, ["description", "link"])
        return [_seen(str(row["description"]).partition("\n")[0], bool(row["link"])) for row in rows]

    async def calls_of_strangers(self) -> int:
        leads = {row["id"] for row in self.office.rows("sale.opportunity", [["party", "=", None]], ["id"])}
        calls = self.office.rows("ir.attachment", [["type", "=", "link"]], ["resource"])
        return sum(row["resource"] in {f"sale.opportunity,{lead}" for lead in leads} for row in calls)

    async def notes_at(self, customer_id: CustomerId) -> list[str]:
        rows = self.office.rows("ir.note", [["resource", "=", f"party.party,{customer_id}"]], ["message"])
        return [row["message"] for row in rows if not row["message"].startswith("Call not answered")]

    async def restart(self) -> None:
        await self.crm.close()
        self.crm = self.opened(self.links)

    async def suffer(self, trouble: Trouble) -> None:
        if trouble is Trouble.EXPIRED:
            self.forget_logins()
        else:
            await self.line.suffer(trouble)

    async def recover(self) -> None:
        await self.line.recover()

    def forget_logins(self) -> None:
        """Have Tryton forget every token of the bridge, as it does when they have grown old."""
        database = sqlite3.connect(self.server.file, timeout=10)
        try:
            with database:
                database.execute(
                    "DELETE FROM ir_session WHERE create_uid = (SELECT id FROM res_user WHERE login = ?)", (USER,)
                )
        finally:
            database.close()


def _seen(state: str, linked: bool) -> SeenCall:
    talked = _TALKED.fullmatch(state)
    over = talked is not None or state == "not answered"
    answered = talked is not None or state.endswith(" talks")
    seconds = int(talked[2]) if talked else 0
    return SeenCall(answered, over, seconds, int(linked), talked[1] if talked else "")


@asynccontextmanager
async def place_at(server: TrytonServer, folder: Path, *, as_typed: bool = False) -> AsyncIterator[TrytonPlace]:
    """A place at this Tryton, with a line and an adapter of its own."""
    async with Line(server.url) as line:
        place = TrytonPlace(server, line, folder, as_typed=as_typed)
        try:
            yield place
        finally:
            await place.recover()
            await place.crm.close()
            await place.links.close()
            place.archive_all()
