"""The customers of a demo in a real Tryton: parties with opportunities and sales, with their calls afterwards."""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from cti_bridge.domain.number import display_number, parse_number
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
_READER = "op1"
"""An employee like any other."""


class TrytonCustomers:
    """A Tryton with the customers of a run; its files are in `folder`."""

    def __init__(self, installation: Installation, folder: Path) -> None:
        self._server = TrytonServer(installation, folder)
        self._secret = folder / "secret"
        self._parties: dict[str, list[str]] = {}
        """By number, which parties have it, as they are shown."""
        self._names: dict[int, str] = {}

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

    def where_to_look(self) -> str:
        """How somebody looks at it with a client of Tryton's own, in a line."""
        return (
            f"Tryton {self._server.installation.series} is at {self._server.url}, database {DATABASE}, user {_READER}, "
            f"password {PASSWORD}; calls are attachments of their parties and leads"
        )

    def settings(self) -> dict[str, Any]:
        """How the bridge reaches it, as `crm` of its settings."""
        return {
            "kind": "tryton",
            "url": self._server.url,
            "database": DATABASE,
            "user": USER,
            "secret_file": str(self._secret),
            "strangers": "leads",
        }

    async def calls_of(self, numbers: Iterable[str], *, region: str, within_s: float) -> tuple[list[str], list[str]]:
        """The calls of these numbers as an employee sees them in Tryton, a line each, and where one is missing.

        They are waited for so long. A number of several parties belongs to none of them before an operator has chosen.
        """
        callers = (parse_number(number, region=region).e164 for number in numbers)
        expected = Counter(place for e164 in callers if e164 and (place := self._place_of(e164)))
        office = self._server.office(_READER)
        for _ in range(max(1, int(within_s / _LOOK_EVERY_S))):
            calls = await asyncio.to_thread(self._calls, office)
            seen = Counter(place for place, _ in calls)
            if not expected - seen:
                break
            await asyncio.sleep(_LOOK_EVERY_S)
        return [f"{place}: {text}" for place, text in calls], sorted(expected - seen)

    def _place_of(self, key: str) -> str:
        """What the record is called that has the calls of this number; empty when that is not known."""
        parties = self._parties.get(key, [])
        if len(parties) > 1:
            return ""
        return parties[0] if parties else f"lead Call from {display_number(key)}"

    def _calls(self, office: Office) -> list[tuple[str, str]]:
        """The calls that are over, by the record at which they are; an unknown lead stands for itself."""
        rows = office.rows("ir.attachment", [["type", "=", "link"]], ["resource", "description"])
        leads = office.rows("sale.opportunity", [["party", "=", None]], ["description"])
        names = {f"sale.opportunity,{lead['id']}": f"lead {lead['description']}" for lead in leads}
        names |= {f"party.party,{id_}": f"party {name}" for id_, name in self._names.items()}
        told = [(names.get(row["resource"], ""), str(row["description"]).splitlines()) for row in rows]
        return [
            (place, ", ".join(lines[:2])) for place, lines in told if place and not lines[0].endswith(_STILL_GOING_ON)
        ]

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
                self._names[party] = f"{name} ({party})"
                for number in numbers:
                    self._parties.setdefault(number, []).append(f"party {name} ({party})")
        finally:
            database.close()

    def _take_in_deals(self, office: Office, database: sqlite3.Connection, customer: str, party: int) -> None:
        asked = "SELECT title, stage, amount, responsible FROM deals WHERE customer_id = ? ORDER BY id"
        for title, stage, amount, responsible in database.execute(asked, (customer,)).fetchall():
            employee = employee_of(office, responsible or _FALLBACK)
            deal(office, party, title, STATE_OF[stage], employee=employee, amount=amount or "")


def _column(database: sqlite3.Connection, asked: str, customer: str) -> list[str]:
    return [str(row[0]) for row in database.execute(asked, (customer,)).fetchall()]
