"""Operators whose states are kept as in the daemon: real calls, a real journal; Asterisk and the clocks are ours."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry
from state_stories import MONDAY, desk

from cti_bridge.call_clock import since_boot
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import (
    CallerId,
    CallerQueued,
    ChannelBridged,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    LegTransferred,
    SeenChannel,
    Snapshot,
)
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_states import states_of
from cti_bridge.calls.record import CallRecord
from cti_bridge.desk.states.staffing import Staffing, Told
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.domain.state_period import StatePeriod
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.states import MemberPicture, Treatment
from cti_bridge.reception.card import Card
from cti_bridge.reception.restored import restored
from cti_bridge.reception.switchboard import Switchboard

T, A, B, X = ChannelId("1.1"), ChannelId("1.2"), ChannelId("1.3"), ChannelId("1.4")
NAMES = {
    T: "PJSIP/trunk-00000001",
    A: "PJSIP/101-00000002",
    B: "PJSIP/102-00000003",
    X: "PJSIP/trunk-00000004",
}
RADA, ARKADY = OperatorId("op1"), OperatorId("op2")
OPERATORS = (Operator(RADA, "Рада Бирюкова", ("PJSIP/101",)), Operator(ARKADY, "Аркадий Щукин", ("PJSIP/102",)))
CALL = CallId("main-1.1")
MARIA = "+74950000150"


class Clocks:
    """The clock on the wall and the one that only runs."""

    def __init__(self, at: float = MONDAY) -> None:
        self.wall = at
        self.running = 50.0

    def pass_(self, seconds: float) -> None:
        """Time passes."""
        self.wall += seconds
        self.running += seconds


class RealClocks(Clocks):
    """Those of the machine."""

    def __getattribute__(self, name: str) -> Any:
        if name == "wall":
            return time.time()
        return since_boot() if name == "running" else super().__getattribute__(name)


class StaffRoom:
    """The states of two operators and the calls that they take part in."""

    def __init__(self, journal: Journal, settings: DeskSettings, clocks: Clocks) -> None:
        self.clocks = clocks
        self.directory = Directory.of(OPERATORS)
        self.wanted: list[tuple[OperatorId, Treatment | None]] = []
        self.asked: list[bool] = []
        """Whether somebody had asked for what was wanted."""
        self.published: list[tuple[OperatorId, dict[str, Any]]] = []
        self.wrapped_up: list[tuple[OperatorId, CallId]] = []
        self.signed_off: list[OperatorId] = []
        self.records: dict[CallId, CallRecord] = {}
        self.journal = journal
        hub = Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry())
        self.switchboard = Switchboard(
            "main", hub=hub, journal=self, directory=lambda: self.directory, stages=lambda: SHIPPED_STAGES,
            fetch=self._fetch, new_card=lambda caller: Card(parse_number(caller.number, region="RU")),
            now=lambda: clocks.wall,
        )  # fmt: skip
        self.staffing = Staffing(
            settings,
            told=Told(
                publish=lambda operator, state: self.published.append((operator, state)),
                team_changed=lambda: None,
                want=self._want,
                wrapped_up=lambda operator, call: self.wrapped_up.append((operator, call)),
                signed_off=self.signed_off.append,
            ),
            journal=journal,
            calls=self.switchboard.book,
            directory=lambda: self.directory,
            now=lambda: clocks.wall,
            running=lambda: clocks.running,
        )
        self.switchboard.followers.append(self.staffing.talkers)

    def keep(self, record: CallRecord) -> None:
        self.records[record.id] = record

    def _want(self, operator: OperatorId, treatment: Treatment | None, asked: bool) -> None:
        self.wanted.append((operator, treatment))
        self.asked.append(asked)

    async def _fetch(self, _call: Call, card: Card) -> Card:
        return replace(card, extras="ready")

    # What happens ---------------------------------------------------------------------------------------------------

    def pass_(self, seconds: float) -> None:
        """Time passes, and what is due is done."""
        self.clocks.pass_(seconds)
        self.staffing.tick()

    def asterisk_does_it(self, operator: OperatorId) -> None:
        """Asterisk carries out what was wanted last of him, in his two queues."""
        wanted = [treatment for who, treatment in self.wanted if who == operator][-1]
        assert wanted is not None
        for queues in (("sales",), ("sales", "production")):
            members = tuple(
                MemberPicture(
                    queue, "PJSIP/101", wanted.paused and queue in queues, wanted.reason or "", 0, wanted.last
                )
                for queue in ("sales", "production")
            )
            self.staffing.members_seen(operator, members)

    def queued(self) -> None:
        """Maria waits."""
        self.switchboard.take(
            CallerQueued(self.clocks.wall, T, T, "sales", CallerId(MARIA), name=NAMES[T], interface="PJSIP/trunk")
        )

    def rings(self, leg: ChannelId, *, caller: ChannelId = T, number: str = "", asks: bool = False) -> None:
        """A phone is called."""
        self.switchboard.take(
            LegRinging(
                self.clocks.wall, leg, NAMES[leg], NAMES[leg][:-9], caller, NAMES[caller], T if caller == T else A,
                caller_id=CallerId("101"), caller_interface=NAMES[caller][:-9], number=number, asks=asks,
            )
        )  # fmt: skip

    def answers(self, leg: ChannelId, *, caller: ChannelId = T) -> None:
        """It answers, and is connected with whoever called."""
        at = self.clocks.wall
        self.switchboard.take(LegAnswered(at, leg, NAMES[leg], NAMES[leg][:-9], caller))
        for channel in (leg, caller):
            self.switchboard.take(ChannelBridged(at, channel, NAMES[channel], NAMES[channel][:-9], f"b-{leg}"))

    def hangs_up(self, channel: ChannelId, *, transfers: bool = False) -> None:
        """A channel ends."""
        if transfers:
            self.switchboard.take(LegTransferred(self.clocks.wall, channel))
        self.switchboard.take(ChannelHungUp(self.clocks.wall, channel))

    def rada_talks_with_maria(self) -> None:
        """Maria waits, Rada's phone rings, she answers."""
        self.queued()
        self.rings(A)
        self.answers(A)

    def asterisk_has(self, *channels: tuple[ChannelId, str]) -> None:
        """The connection to Asterisk is there: these channels exist, each in this bridge."""
        seen = tuple(
            SeenChannel(one, NAMES[one], NAMES[one][:-9], T, False, one in (A, B), bridge) for one, bridge in channels
        )
        self.switchboard.resync(Snapshot(self.clocks.wall, seen))
        self.staffing.pbx(True)

    # What is there --------------------------------------------------------------------------------------------------

    def state(self, operator: OperatorId = RADA) -> str:
        """The id of his state."""
        return self.staffing.state_of(operator).state

    def treatment(self, operator: OperatorId = RADA) -> Treatment | None:
        """What was wanted of Asterisk last."""
        return next((treatment for who, treatment in reversed(self.wanted) if who == operator), None)

    def told(self, operator: OperatorId = RADA) -> dict[str, Any]:
        """What his pages were told last."""
        return next(state for who, state in reversed(self.published) if who == operator)

    async def history(self, operator: OperatorId = RADA) -> list[StatePeriod]:
        """His states in the journal, the oldest first, once all that waited is written."""
        await self.written()
        return (await self.journal.ask(lambda database: states_of(database, operator), within_s=30.0))[::-1]

    async def written(self) -> None:
        """Everything has reached the disk."""
        async with asyncio.timeout(30):
            while len(self.staffing.rows):
                await self.staffing.rows.write()


@asynccontextmanager
async def staff_room(
    folder: Path,
    settings: DeskSettings | None = None,
    *,
    clocks: Clocks | None = None,
    after: StaffRoom | None = None,
    operators: tuple[Operator, ...] = OPERATORS,
) -> AsyncIterator[StaffRoom]:
    """A bridge that has started; `after`: on what that one left, with its clocks."""
    journal = Journal(folder / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    room = StaffRoom(journal, settings or desk(), (after.clocks if after else clocks) or Clocks())
    room.directory = Directory.of(operators)
    try:
        if after is not None:
            for record in after.records.values():
                if record.ended_at is None:
                    room.switchboard.restore(*restored(record), record)
        await room.staffing.open()
        yield room
    finally:
        await room.switchboard.close()
        await journal.close(within_s=10.0)
