"""The customers of a demo in a real Tryton: parties with opportunities and sales, with their calls afterwards."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cti_bridge.domain.number import parse_number
from demo.tryton import DATABASE, PASSWORD, USER, Installation, TrytonServer
from demo.tryton_office import Office, deal, employee_of, take_in

STATE_OF = {
    "offer_preparing": "opportunity",
    "offer_sent": "sale.quotation",
    "awaiting_payment": "sale.quotation",
    "paid": "sale.confirmed",
    "in_production": "sale.confirmed",
    "delivery": "sale.confirmed",
    "installation": "sale.confirmed",
    "closed": "sale.done",
    "lost": "lost",
}
"""How far a deal is in Tryton, which makes, delivers and bills, but knows no installation."""
_FALLBACK = "op1"
_LOOK_EVERY_S = 0.2
_STILL_GOING_ON = ("rings", "talks")


class TrytonCustomers:
    """A Tryton with the customers of a run; its files are in `folder`."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self._server = TrytonServer(installation, folder)
        self._secret = folder / "secret"
        self._parties: dict[str, list[int]] = {}

    async def start(self, imported: Path) -> None:
        """Start it, and take in everybody from the file of an embedded CRM. Raises TrytonError, OfficeError."""
        self._secret.parent.mkdir(parents=True, exist_ok=True)
        self._secret.touch(mode=0o600)
        self._secret.write_text(PASSWORD)
        self._server.spawn()  # by this thread, with which it ends
        await asyncio.to_thread(self._server.wait_ready)
        await asyncio.to_thread(self._take_in_all, imported)

    def stop(self) -> None:
        """End it; may be called twice."""
        self._server.stop()

    def settings(self) -> dict[str, Any]:
        """How the bridge reaches it, as `crm` of its settings."""
        return {
            "kind": "tryton",
            "url": self._server.url,
            "database": DATABASE,
            "user": USER,
            "secret_file": str(self._secret),
        }

    async def missing_calls(self, numbers: Iterable[str], *, region: str, within_s: float) -> list[int]:
        """The parties at which, after so long, not every call of these numbers can be seen from its begin to its end.

        A number of several parties belongs to none of them before an operator has chosen.
        """
        keys = (parse_number(number, region=region).key for number in numbers)
        parties = [self._parties[key][0] for key in keys if key and len(self._parties.get(key, ())) == 1]
        expected = Counter(parties)
        async with asyncio.timeout(within_s + 10):
            for _ in range(max(1, int(within_s / _LOOK_EVERY_S))):
                seen = await asyncio.to_thread(self._calls_at, list(expected))
                if not expected - seen:
                    break
                await asyncio.sleep(_LOOK_EVERY_S)
        return sorted(expected - seen)

    def _calls_at(self, parties: list[int]) -> Counter[int]:
        """How many calls each party has that are over."""
        asked = [["resource", "in", [f"party.party,{party}" for party in parties]], ["type", "=", "link"]]
        rows = self._server.office().rows("ir.attachment", asked, ["resource", "description"])
        over = [row for row in rows if not str(row["description"]).startswith(_STILL_GOING_ON)]
        return Counter(int(str(row["resource"]).partition(",")[2]) for row in over)

    def _take_in_all(self, imported: Path) -> None:
        office = self._server.office()
        database = sqlite3.connect(imported)
        try:
            people = database.execute("SELECT id, name, email, city, segment FROM customers ORDER BY id").fetchall()
            for customer, name, email, city, segment in people:
                numbers = _column(database, "SELECT key FROM numbers WHERE customer_id = ? ORDER BY key", customer)
                party = take_in(office, name, numbers, email=email, city=city, segment=segment)
                self._take_in_deals(office, database, customer, party)
                for text in _column(database, "SELECT text FROM notes WHERE customer_id = ? ORDER BY at", customer):
                    office.create("ir.note", resource=f"party.party,{party}", message=text)
                for number in numbers:
                    self._parties.setdefault(number, []).append(party)
        finally:
            database.close()

    def _take_in_deals(self, office: Office, database: sqlite3.Connection, customer: str, party: int) -> None:
        asked = "SELECT title, stage, amount, responsible FROM deals WHERE customer_id = ? ORDER BY id"
        for title, stage, amount, responsible in database.execute(asked, (customer,)).fetchall():
            employee = employee_of(office, responsible or _FALLBACK)
            deal(office, party, title, STATE_OF[stage], employee=employee, amount=amount or "")


def _column(database: sqlite3.Connection, asked: str, customer: str) -> list[str]:
    return [str(row[0]) for row in database.execute(asked, (customer,)).fetchall()]
