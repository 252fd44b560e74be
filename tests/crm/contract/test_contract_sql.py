"""The contract of the port on a real PostgreSQL and a real MariaDB, with one database that somebody might have."""

from collections.abc import AsyncIterator, Sequence

import pytest
from databases import Server
from sql_people import added, carried_out, crm_of, with_number

from contract.place import DealState, Person, Place, SeenCall, Trouble
from contract.suite import CrmContract
from cti_bridge.domain.ids import CustomerId

pytestmark = pytest.mark.slow

_STAGES = {DealState.EARLY: "offer_sent", DealState.LATE: "paid", DealState.WON: "closed", DealState.LOST: "lost"}


class SqlPlace(Place):
    """A database with the tables of `sql_tables`."""

    troubles = frozenset({Trouble.STOPPED, Trouble.HANGS})

    def __init__(self, server: Server) -> None:
        self.crm = crm_of(server)
        self._server = server

    async def seed(self, people: Sequence[Person]) -> tuple[CustomerId, ...]:
        """Rows for them."""
        return tuple([await self._put(person) for person in people])

    async def _put(self, person: Person) -> CustomerId:
        customer = await with_number(
            self._server, person.name, *person.numbers, manager=person.responsible or None, archived=person.archived
        )
        for deal in person.deals:
            await added(self._server, "deals", customer_id=customer, title=deal.title, stage=self.stage(deal.state))
        return CustomerId(str(customer))

    def stage(self, state: DealState) -> str:
        """The stages have names of their own."""
        return _STAGES[state]

    async def calls_at(self, customer_id: CustomerId) -> list[SeenCall]:
        """The rows of his calls."""
        rows = await carried_out(
            self._server,
            "SELECT answered_at, ended_at, talked_s, recording, operator FROM calls WHERE customer_id = {}",
            int(customer_id),
        )
        return [
            SeenCall(
                answered=answered_at is not None,
                over=ended_at is not None,
                talked_s=talked_s,
                recordings=int(recording is not None),
                user=operator or "",
            )
            for answered_at, ended_at, talked_s, recording, operator in rows
        ]

    async def calls_of_strangers(self) -> int:
        """The rows of calls of nobody."""
        ((number,),) = await carried_out(self._server, "SELECT COUNT(*) FROM calls WHERE customer_id IS NULL")
        return int(number)

    async def notes_at(self, customer_id: CustomerId) -> list[str]:
        """The rows of his notes."""
        rows = await carried_out(self._server, "SELECT body FROM notes WHERE customer_id = {}", int(customer_id))
        return [body for (body,) in rows]

    async def restart(self) -> None:
        """Another adapter."""
        await self.crm.close()
        self.crm = crm_of(self._server)

    async def suffer(self, trouble: Trouble) -> None:
        """The power goes, or all of its processes stand still."""
        if trouble is Trouble.STOPPED:
            self._server.stop()
        else:
            self._server.hang()

    async def recover(self) -> None:
        """Started again where it was stopped."""
        self._server.go_on()
        if not self._server.running:
            self._server.start()


class TestSql(CrmContract):
    """Both databases by turns."""

    @pytest.fixture
    async def place(self, server: Server) -> AsyncIterator[Place]:
        for table in ("calls", "notes", "deals", "phones", "customers"):
            await carried_out(server, f"DELETE FROM {table}")
        place = SqlPlace(server)
        yield place
        await place.recover()
        await place.crm.close()
