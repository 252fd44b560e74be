"""Operators with a customer on the line: a journal, a customer file, a switchboard and the commands of the card."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from customer_files import import_text
from prometheus_client import CollectorRegistry

from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallOffered, ChannelBridged, ChannelHungUp, LegAnswered, LegRinging
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_edits import Edit
from cti_bridge.calls.record import DecisionRecord
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import Crm, CrmUnavailable
from cti_bridge.desk.customers.card_calls import CardCalls
from cti_bridge.desk.customers.card_commands import CardCommands
from cti_bridge.desk.customers.customer_desk import CustomerDesk
from cti_bridge.domain.customer import (
    SHIPPED_STAGES,
    CustomerChanges,
    CustomerRecord,
    NewCustomer,
    NewDeal,
    Note,
)
from cti_bridge.domain.decision import Facts
from cti_bridge.domain.ids import CallId, ChannelId, CustomerId, DealId, OperatorId
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.strict_json import read_object
from cti_bridge.reception.beside import BesideTheCall
from cti_bridge.reception.card import Card
from cti_bridge.reception.switchboard import Switchboard

WITHIN_S = 30.0
VERA, TWO, STRANGER = "+74950000301", "+74950000302", "+74950000399"
PEOPLE = f"""\
customer_id,name,number,email,city,deal_id,deal_title,stage
c-1,Вера Ёлкина,{VERA},vera@example.test,Тверь,d-1,Кухня,offer_sent
c-2,Захар Ильин,{TWO},,Клин,d-2,Шкаф,paid
c-3,Зоя Ильина,{TWO},,Клин,d-3,Стол,offer_sent
"""
RADA = Operator(OperatorId("op1"), "Рада Бирюкова", ("PJSIP/101",), crm_user="rada")
ARKADY = Operator(OperatorId("op2"), "Аркадий Щукин", ("PJSIP/102",), crm_user="arkady")

Json = dict[str, Any]


class MoodyCrm(EmbeddedCrm):
    """The customer file, as a CRM that can be down, and that can be cut off when it has just written something."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.down = False
        self.cut_after = ""
        """The method behind whose next success nobody hears any more."""
        self.cut = asyncio.Event()
        self.asked: list[str] = []

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        self._is_there("find")
        return await super().find(number)

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        self._is_there("create")
        made = await super().create(new, key=key)
        await self._maybe_cut("create")
        return made

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        self._is_there("create_deal")
        made = await super().create_deal(customer_id, new, key=key)
        await self._maybe_cut("create_deal")
        return made

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        self._is_there("update")
        await super().update(customer_id, changes)
        await self._maybe_cut("update")

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        self._is_there("add_note")
        await super().add_note(customer_id, note, key=key)
        await self._maybe_cut("add_note")

    def _is_there(self, method: str) -> None:
        self.asked.append(method)
        if self.down:
            raise CrmUnavailable("it is down")

    async def _maybe_cut(self, method: str) -> None:
        if self.cut_after == method:
            self.cut.set()
            await asyncio.Event().wait()


class CardRoom:
    """One run of the bridge, as far as cards are concerned."""

    def __init__(self, folder: Path, crm: Crm, *, account: str, with_deals: bool) -> None:
        self.path = folder / "calls.sqlite"
        self.crm = crm
        self.lookup = Lookup(crm, deadline_s=WITHIN_S, fresh_s=3_600.0)
        self.journal = Journal(self.path, on_state=lambda state, reason: None)
        self.directory = Directory.of((RADA, ARKADY))
        hub = Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry())
        self.published: list[tuple[str, str, Json]] = []
        self.own: dict[str, list[Json]] = {}
        hub.publish = self._publish  # type: ignore[method-assign]
        hub.tell = self._tell  # type: ignore[method-assign]
        self.beside = BesideTheCall(crm, self.journal, look_up_late=self.looked_up, directory=lambda: self.directory)
        self.switchboard = Switchboard(
            "main", hub=hub, journal=self.journal, directory=lambda: self.directory, stages=lambda: SHIPPED_STAGES,
            fetch=self._fetch, new_card=lambda caller: Card(parse_number(caller.number, region="RU"), to_look_up=True),
        )  # fmt: skip
        self.calls = CardCalls(self.switchboard, self.journal, directory=lambda: self.directory, fetch=self._fetch)
        self.desk = CustomerDesk(
            crm, self.journal, hub, self.switchboard, self.calls,
            account=account, stage_words={}, directory=lambda: self.directory, stages=lambda: SHIPPED_STAGES,
            wrote=lambda written, made_for: self.lookup.wrote(
                written.record, fields=written.fields, deal=written.deal, made_for=made_for
            ),
            with_deals=with_deals,
        )  # fmt: skip
        self.commands = CommandList(within_s=WITHIN_S)
        CardCommands(self.desk).offer_to(self.commands)
        self.tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        await self.journal.open()
        await self.desk.keeping.open()
        self.tasks = [
            asyncio.create_task(self.journal.run()),
            asyncio.create_task(self.desk.courier.run()),
            asyncio.create_task(self.desk.keeping.run()),
        ]

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        await self.commands.close()
        await self.switchboard.close()
        await self.lookup.close()
        await self.journal.close(within_s=WITHIN_S)

    async def looked_up(self, card: Card) -> Card:
        records = (await self.lookup.find(card.caller)).records
        return replace(
            card, to_look_up=False, record=records[0] if records else None,
            deal_id=records[0].deals[0].id if records and records[0].deals else None,
            candidates=records if len(records) > 1 else (),
        )  # fmt: skip

    async def _fetch(self, call: Call, card: Card) -> Card:
        return await self.beside.complete(call, card)

    def _publish(self, operator: OperatorId, type_: str, **what: Any) -> None:
        self.published.append((operator, type_, what["call"]))

    def _tell(self, operator: OperatorId, type_: str, fields: Json) -> None:
        assert type_ == "edits.updated"
        self.own[operator] = fields["edits"]

    # Calls ----------------------------------------------------------------------------------------------------------

    async def rings(self, number: str, *, call: str = "main-1.1", phones: tuple[str, ...] = ("101",)) -> CallId:
        """Somebody calls; these phones ring, and the card is complete."""
        call_id, channel = CallId(call), ChannelId(call.removeprefix("main-"))
        card = await self.looked_up(Card(parse_number(number, region="RU"), decision="matched", crm_source="fresh"))
        facts: Facts = {"call.candidates": len(card.candidates) or int(card.record is not None), "call.crm": "fresh"}
        decision = DecisionRecord(
            kind="matched", crm="fresh", crm_age_s=None, rule="sales", class_name="sales", queue="sales",
            steps=(("sales", 60),), final="queue:sales", priority=None, rules_hash="", facts=facts, operator="",
            customer_id=card.record.customer.id if card.record else "",
        )  # fmt: skip
        self.switchboard.decided(call_id, card, decision)
        self.switchboard.take(CallOffered(1.0, call_id, channel, channel))
        for phone in phones:
            leg, name = ChannelId(f"{channel}{phone}"), f"PJSIP/{phone}-0001"
            self.switchboard.take(LegRinging(2.0, leg, name, f"PJSIP/{phone}", channel, "PJSIP/trunk-1", channel))
        await self.fetched()
        return call_id

    async def talks(self, number: str, *, call: str = "main-1.1", phone: str = "101") -> CallId:
        """Somebody calls and talks with the operator of this phone."""
        call_id = await self.rings(number, call=call, phones=(phone,))
        self.answers(call_id, phone)
        return call_id

    def answers(self, call_id: CallId, phone: str) -> None:
        channel = ChannelId(call_id.removeprefix("main-"))
        leg, name = ChannelId(f"{channel}{phone}"), f"PJSIP/{phone}-0001"
        self.switchboard.take(LegAnswered(3.0, leg, name, f"PJSIP/{phone}", channel))
        self.switchboard.take(ChannelBridged(3.0, leg, name, f"PJSIP/{phone}", f"b-{channel}"))
        self.switchboard.take(ChannelBridged(3.0, channel, "PJSIP/trunk-1", "PJSIP/trunk", f"b-{channel}"))

    def hangs_up(self, call_id: CallId, *, at: float) -> None:
        channel = ChannelId(call_id.removeprefix("main-"))
        self.switchboard.take(ChannelHungUp(at, channel))

    async def fetched(self) -> None:
        while self.switchboard.fetches.tasks:
            await asyncio.gather(*self.switchboard.fetches.tasks)

    # What operators do and see --------------------------------------------------------------------------------------

    async def command(self, name: str, /, *, by: Operator = RADA, id_: str = "", **args: Any) -> Json:
        """The result of a command."""
        id_ = id_ or f"{name}-{len(self.published)}-{asyncio.get_running_loop().time()}"
        return read_object((await self.commands.carry_out(by, id_, name, args, now=0.0)).decode())

    async def refused(self, name: str, /, **args: Any) -> tuple[str, str]:
        """Code and message of a command that is refused."""
        result = await self.command(name, **args)
        assert not result["ok"], result
        return result["error"]["code"], result["error"]["message"]

    async def done(self, name: str, /, **args: Any) -> Json:
        """The edit that a command answered with."""
        result = await self.command(name, **args)
        assert result["ok"], result
        edit: Json = (result["value"] or {}).get("edit") or {}
        return edit

    def card(self, operator: Operator = RADA, call: str = "main-1.1") -> Json:
        """The call as it was last shown to this operator."""
        return next(shown for to, _, shown in reversed(self.published) if to == operator.id and shown["id"] == call)

    async def until(self, look: Callable[[], object]) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(WITHIN_S):
            while not look():
                await asyncio.sleep(0.005)

    async def edit_is(self, state: str, *, kind: str = "", operator: Operator = RADA) -> Json:
        """Wait until the last edit, of this kind, is in this state on the operator's card."""

        def last() -> Json:
            shown = [one for one in self.card(operator)["edits"] if kind in ("", one["kind"])]
            return shown[-1] if shown else {}

        await self.until(lambda: last().get("state") == state)
        return last()

    async def all_with(self, number: str) -> tuple[CustomerRecord, ...]:
        """Who has the number in the customer file, whatever else is wrong with it."""
        assert isinstance(self.crm, MoodyCrm)
        return await EmbeddedCrm.find(self.crm, parse_number(number, region="RU"))

    async def record_of(self, number: str, customer: str) -> CustomerRecord:
        """The customer as the file has him."""
        return next(record for record in await self.all_with(number) if record.customer.id == customer)

    def is_over_on_disk(self, call: CallId) -> bool:
        """Whether the journal's file says that this call has ended."""
        with closing(sqlite3.connect(self.path)) as file:
            return bool(file.execute("SELECT 1 FROM calls WHERE id = ? AND ended_at > 0", [call]).fetchone())

    def on_disk(self) -> list[tuple[str, str]]:
        """Kind and state of the edits in the journal."""
        with closing(sqlite3.connect(self.path)) as file:
            return file.execute("SELECT kind, state FROM crm_edits ORDER BY id").fetchall()


def changed_by_somebody(folder: Path, **fields: str) -> None:
    """Somebody changes Vera in the CRM itself."""
    values = ", ".join(f"{name} = ?" for name in fields)
    with closing(sqlite3.connect(folder / "crm.sqlite", timeout=WITHIN_S)) as file, file:
        file.execute(f"UPDATE customers SET {values} WHERE id = 'c-1'", list(fields.values()))


def notes_in(folder: Path) -> list[str]:
    """The notes in the CRM."""
    with closing(sqlite3.connect(folder / "crm.sqlite", timeout=WITHIN_S)) as file:
        return [str(text) for (text,) in file.execute("SELECT text FROM notes ORDER BY at, id")]


@asynccontextmanager
async def card_room(
    folder: Path, *, crm: Crm | None = None, account: str = "embedded ", with_deals: bool = True
) -> AsyncIterator[CardRoom]:
    """A run of the bridge over the files in this folder, which are made where they are not there.

    Without a `crm`, whose end is somebody else's business, it is the customer file there.
    """
    if crm is None and not (folder / "crm.sqlite").exists():
        import_text(folder, PEOPLE)
    room = CardRoom(folder, crm or MoodyCrm(folder / "crm.sqlite"), account=account, with_deals=with_deals)
    await room.open()
    try:
        yield room
    finally:
        await room.close()
        if crm is None:
            await room.crm.close()


__all__ = ["ARKADY", "RADA", "CardRoom", "Edit", "MoodyCrm", "card_room", "changed_by_somebody", "notes_in"]
