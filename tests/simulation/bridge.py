"""The bridge under test: the switchboard of the daemon with its book, in virtual time, and what it tells whom."""

import asyncio
import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.ami.sighting import Sighting
from cti_bridge.asterisk.ami.translate import PbxClock, translate
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallEvent, CallOffered
from cti_bridge.calls.record import DecisionRecord
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.ids import ChannelId, OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.card import Card
from cti_bridge.reception.restored import restored
from cti_bridge.reception.switchboard import Switchboard
from simulation.asterisk import Message
from simulation.clock import Clock
from simulation.house import DIRECTORY
from simulation.ledger import Ledger
from simulation.truth import CallTruth
from simulation.watch import Watch

MakeSwitchboard = Callable[..., Switchboard]
_DECISION = DecisionRecord(
    kind="matched", crm="fresh", crm_age_s=None, rule="sales", class_name="sales", queue="sales",
    steps=(("sales", 60),), final="callback", customer_id="", operator="", priority=None, rules_hash="", facts={},
)  # fmt: skip


class Screens(Hub):
    """Shows each operator what is published for him, at once."""

    def __init__(self, watch: Watch, clock: Clock) -> None:
        super().__init__(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry())
        self._watch = watch
        self._clock = clock

    def publish(
        self,
        operator: OperatorId,
        type_: str,
        *,
        call: Json | None = None,
        state: Json | None = None,
        reason: str | None = None,
        by: Json | None = None,
    ) -> None:
        assert call is not None
        self._watch.published(operator, type_, call)
        if self.on_sent is not None:
            self.on_sent(operator, str(call["id"]), type_, self._clock.now)

    def team_changed(self) -> None:
        """Nobody looks at the team list here."""


class Bridge:
    """Runs, hears, is killed and comes back."""

    def __init__(
        self,
        clock: Clock,
        chance: random.Random,
        watch: Watch,
        ledger: Ledger,
        make: MakeSwitchboard = Switchboard,
    ) -> None:
        self.watch = watch
        self.runs = True
        self._clock = clock
        self._chance = chance
        self._ledger = ledger
        self._make = make
        self._ended: list[Switchboard] = []
        self._then: Callable[[], None] | None = None
        self._sighting: Sighting | None = None
        self._put_off: list[CallEvent] = []
        self._pbx_clock = PbxClock()
        self.switchboard = self._new()

    def _new(self) -> Switchboard:
        self._pbx_clock = PbxClock()
        return self._make(
            "main",
            hub=Screens(self.watch, self._clock),
            journal=self._ledger,
            directory=lambda: DIRECTORY,
            stages=lambda: SHIPPED_STAGES,
            fetch=self._fetch,
            new_card=lambda caller: Card(parse_number(caller.number, region="RU"), to_look_up=True),
            now=lambda: self._clock.now,
        )

    async def _fetch(self, _call: Call, card: Card) -> Card:
        if self._chance.random() < 0.2:
            arrived = asyncio.Event()
            self._clock.after(self._chance.uniform(0.0, 3.0), arrived.set)
            await arrived.wait()
        return replace(card, to_look_up=False, extras="ready")

    # What reaches it -------------------------------------------------------------------------------------------------

    def hear(self, message: Message) -> None:
        """One message of AMI."""
        event = translate(message, self._clock.now, self._pbx_clock)
        if event is not None:
            self.watch.heard(message)
            self._take(event)

    def _take(self, event: CallEvent) -> None:
        if self._sighting is not None:
            self._put_off.append(event)
            return
        self.switchboard.take(event)
        self.watch.step(self.switchboard)

    def decide(self, call: CallTruth) -> bool:
        """The dialplan asks; whether it had its answer before it lost patience."""
        if not self.runs:
            return False
        switchboard, channel = self.switchboard, ChannelId(call.channel)
        call_id = switchboard.book.id_for(channel, call.linkedid)
        card = Card(parse_number(call.number, region="RU"), decision="matched", class_name="sales")
        switchboard.decided(call_id, card, _DECISION)
        in_time = self._chance.random() < 0.97
        offered = CallOffered(self._clock.now, call_id, channel, call.linkedid)

        def sent() -> None:
            if self.switchboard is switchboard and self.runs:
                switchboard.delivered(call_id, replace(_DECISION, delivered=in_time))
                self._take(offered)

        if in_time:
            sent()
        else:
            self._clock.after(self._chance.uniform(0.05, 1.0), sent)
        return in_time

    def lost_the_line(self) -> None:
        """The session is over; what waited for its list is taken in without."""
        self._end_of_waiting()

    def asks_for_a_snapshot(self) -> None:
        """A new session."""
        self._pbx_clock = PbxClock()
        self._sighting = Sighting()

    def sighted(self, entries: list[Message]) -> None:
        """A list has come."""
        assert self._sighting is not None
        for entry in entries:
            self._sighting.add(entry)

    def has_the_snapshot(self, asked_at: float) -> None:
        """All lists are complete; what came meanwhile comes after it."""
        assert self._sighting is not None
        snapshot = self._sighting.snapshot(asked_at)
        self.switchboard.resync(snapshot)
        self._end_of_waiting()
        self.watch.healed()
        self.watch.step(self.switchboard)

    def _end_of_waiting(self) -> None:
        self._sighting, waited = None, self._put_off
        self._put_off = []
        for event in waited:
            self._take(event)

    # Death and life --------------------------------------------------------------------------------------------------

    def kill(self) -> None:
        """Kill -9: nothing that is in memory is left, and the pages have lost their line."""
        self.runs = False
        self._sighting, self._put_off = None, []
        self._ended.append(self.switchboard)
        self._ledger.forget()
        self.watch.screens_are_dark()

    def wants_to_start(self, then: Callable[[], None]) -> None:
        """It is to be started as soon as somebody can wait for that."""
        self._then = then

    async def go_on(self) -> None:
        """What cannot be done between two events: starting again, and burying the dead."""
        while self._ended:
            await self._ended.pop().close()
        if self._then is None:
            return
        then, self._then = self._then, None
        self.switchboard = self._new()
        for record in await self._ledger.open_calls():
            self.switchboard.restore(*restored(record), record)
        self.runs = True
        then()

    @property
    def waits(self) -> bool:
        """Whether `go_on` has something to do."""
        return bool(self._ended) or self._then is not None

    def left_behind(self) -> dict[str, Any]:
        """Everything that is to be empty when nobody calls."""
        board: Any = self.switchboard
        book = board.book
        where = book._live.where
        return {
            "live calls": [call.id for call in book.live()],
            "callers": where.of_caller,
            "legs": where.of_leg,
            "names of legs": where.leg_named,
            "interfaces": where._at,
            "bridges": book._talks._bridges._bridge_of,
            "phones in use": board._phones._interface_of,
            "callers in queues": board.overtaking._callers,
            "orders of queues": board.overtaking._order,
            "dossiers": list(board.dossiers),
        }
