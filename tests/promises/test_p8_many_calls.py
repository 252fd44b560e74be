"""P8 with ten thousand calls, one after another and all at once: what the bridge holds does not grow with them.

The whole daemon runs in this process, so that its objects can be counted; the fake PBX of the benchmarks plays the
calls over FastAGI and AMI.
"""

import asyncio
import gc
import json
import logging
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from prometheus_client import CollectorRegistry

from benchmarks.desk_room import add_operators, extension
from benchmarks.fake_pbx import FakePbx, PlayedCall
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallerId, CallOffered, ChannelHungUp, LegRinging, SeenChannel, Snapshot
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.daemon import Daemon
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.number import parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception import dossiers
from cti_bridge.reception.card import Card
from cti_bridge.reception.card_fetches import MAX_FETCHES
from cti_bridge.reception.over_lately import MOST_OVER
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.settings import load_settings
from demo.bridge import AGI_PORT, Bridge
from promises.crowd import bridge_without_asterisk

pytestmark = [pytest.mark.promise, pytest.mark.timeout(600)]

WARM_UP, CALLS, AT_ONCE, OPERATORS, NUMBERS = 2_000, 10_000, 60, 6, 100
KINDS = ("Call", "Leg", "Card", "CallRecord", "DecisionRecord", "Dossier", "Task")
A_FEW, REST_S, THE_DAEMONS_TASKS = 20, 30.0, 200
GROWTH_MIB = 32
"""Room for SQLite's and the allocator's habits; eight thousand calls kept would take more than twice that."""


@pytest.fixture(autouse=True)
def _silence() -> Iterator[None]:
    """Ten thousand lines about calls are of no use here."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    yield
    structlog.reset_defaults()


async def test_after_ten_thousand_calls_nothing_is_left_of_them(tmp_path: Path) -> None:
    async with running_here(tmp_path) as pbx:
        await play(pbx, WARM_UP)
        counted, memory_mib = await at_rest(), resident_mib()
        await play(pbx, CALLS - WARM_UP)
        after = await at_rest()
        assert {kind: after[kind] for kind in KINDS if after[kind] > counted[kind] + A_FEW} == {}
        assert resident_mib() - memory_mib < GROWTH_MIB


async def at_rest() -> Counter[str]:
    """What is alive once nothing is on its way any more: the last events are taken in, the last group is on disk."""
    deadline = time.monotonic() + REST_S
    while True:
        alive = objects()
        quiet = max(alive["Call"], alive["CallRecord"]) < MOST_OVER + A_FEW and alive["Task"] < THE_DAEMONS_TASKS
        if quiet or time.monotonic() > deadline:
            assert alive["Call"] < MOST_OVER + A_FEW, "all have hung up; the latest can still be written about"
            return alive
        await asyncio.sleep(0.1)


def objects() -> Counter[str]:
    """How many objects of each kind are alive."""
    gc.collect()
    return Counter(type(each).__name__ for each in gc.get_objects())


def resident_mib() -> float:
    """The memory of this process."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


@asynccontextmanager
async def running_here(folder: Path) -> AsyncIterator[FakePbx]:
    """The daemon in this process, connected to a fake PBX that can play calls to it."""
    bridge, address = bridge_without_asterisk(folder)
    rows = "".join(f"q-{n},Мирон Ключарёв {n},{number(n)},t-{n},offer_sent\n" for n in range(NUMBERS))
    (folder / "customers.csv").write_text(f"customer_id,name,number,deal_id,stage\n{rows}", "utf-8")
    code, _, complaint = await bridge.run("crm", "import", str(folder / "customers.csv"))
    assert code == 0, complaint
    await add_operators(bridge.data, [f"PJSIP/{extension(number)}" for number in range(OPERATORS)])
    async with FakePbx(address, AGI_PORT) as pbx:
        daemon = asyncio.create_task(Daemon(load_settings(bridge.settings)).run())
        try:
            async with asyncio.timeout(20):
                while (await sources(bridge)).get("asterisk", {}).get("state") != "up" and not daemon.done():
                    await asyncio.sleep(0.05)
            yield pbx
        finally:
            if not daemon.done():
                os.kill(os.getpid(), signal.SIGTERM)
            assert await daemon is signal.SIGTERM


async def sources(bridge: Bridge) -> dict[str, Any]:
    try:
        async with aiohttp.ClientSession() as http, http.get(f"{bridge.private_url}/readyz") as answer:
            return dict(json.loads(await answer.text())["sources"])
    except aiohttp.ClientError:
        return {}


def number(customer: int) -> str:
    return f"+749500004{customer:02}"


async def play(pbx: FakePbx, calls: int) -> None:
    """Play whole calls, some at the same time."""
    room = asyncio.Semaphore(AT_ONCE)

    async def one(place: int) -> None:
        async with room:
            who, phone = number(place % NUMBERS), extension(place % OPERATORS)
            await pbx.play(PlayedCall(pbx.new_id(), who, phone, ring_s=0.005, talk_s=0.005))

    await asyncio.gather(*(one(place) for place in range(calls)))
    pbx.agent_called_at.clear()


class Desk:
    """A switchboard whose records, pops and fetches a test can look at."""

    def __init__(self, live_limit: int) -> None:
        self.records: dict[CallId, CallRecord] = {}
        self.told: dict[str, list[str]] = {}
        self.go_on = asyncio.Event()
        operators = [Operator(OperatorId(f"op{n}"), f"Рада Бирюкова {n}", (f"PJSIP/{extension(n)}",)) for n in range(9)]
        directory = Directory.of(operators)
        hub = Hub(snapshot_for=lambda _: {}, team_now=list, registry=CollectorRegistry())
        publish = hub.publish

        def noted(operator: OperatorId, type_: str, **what: Any) -> None:
            self.told.setdefault(what["call"]["id"], []).append(type_)
            publish(operator, type_, **what)

        hub.publish = noted  # type: ignore[method-assign]
        self.switchboard = Switchboard(
            "main", hub=hub, journal=self, directory=lambda: directory, stages=lambda: SHIPPED_STAGES,
            fetch=self.fetch, new_card=self.new_card, now=lambda: 1.0, live_limit=live_limit,
        )  # fmt: skip

    def keep(self, record: CallRecord) -> None:
        self.records[record.id] = record

    async def fetch(self, call: Call, card: Card) -> Card:
        await self.go_on.wait()
        return card

    @staticmethod
    def new_card(caller: CallerId) -> Card:
        return Card(parse_number(caller.number, region="RU"))


def offered(place: int) -> CallOffered:
    channel = ChannelId(f"main-1.{place}")
    return CallOffered(float(place), CallId(channel), channel, channel)


def rings(place: int) -> LegRinging:
    interface = f"PJSIP/{extension(place % 9)}"
    return LegRinging(
        float(place), leg=ChannelId(f"main-2.{place}"), leg_name=f"{interface}-{place:08x}", interface=interface,
        caller=ChannelId(f"main-1.{place}"), caller_name=f"PJSIP/trunk-{place:08x}", linkedid=f"main-1.{place}",
        queue="sales",
    )  # fmt: skip


async def test_ten_thousand_calls_at_once_stay_within_the_limit_and_who_has_to_give_way_is_counted_and_told() -> None:
    limit = 4_000
    others = objects()["Dossier"]  # of the daemon of the story before, which has stopped
    desk = Desk(limit)
    switchboard = desk.switchboard
    try:
        for place in range(CALLS):
            switchboard.take(offered(place))
            switchboard.take(rings(place))
        assert (len(switchboard.book), switchboard.book.dropped) == (limit, CALLS - limit)
        kept = objects()["Dossier"] - others
        assert kept <= limit + MAX_FETCHES, "cards on their way are kept until they have arrived"
        gave_way = [record for record in desk.records.values() if record.ended_at is not None]
        assert len(gave_way) == CALLS - limit
        assert all(record.recovered for record in gave_way)
        assert all(desk.told[record.id][-1] == "call.withdrawn" for record in gave_way)
        assert switchboard.fetches.refused == CALLS - MAX_FETCHES
        assert sum(task.get_name().startswith("card-") for task in asyncio.all_tasks()) == MAX_FETCHES
        for place in range(CALLS):
            switchboard.take(ChannelHungUp(float(CALLS), ChannelId(f"main-1.{place}")))
        assert len(switchboard.book) == 0
        assert all(record.ended_at is not None for record in desk.records.values()), "no call is left open"
    finally:
        desk.go_on.set()
        await switchboard.close()
    await asyncio.sleep(0.01)  # the loop holds what it has just called for one more turn
    assert objects()["Dossier"] <= others


async def test_after_a_restart_with_many_calls_every_card_is_completed_when_it_is_needed() -> None:
    desk = Desk(1_000)
    switchboard = desk.switchboard
    seen = []
    try:
        for place in range(500):
            event = offered(place)
            call = Call(event.call, event.channel, event.linkedid, event.at, queue="sales")
            switchboard.restore(call, Card(parse_number("", region="RU"), to_look_up=True), record_of(call))
            seen.append(
                SeenChannel(call.channel, "PJSIP/trunk-1", "PJSIP/trunk", call.linkedid, False, False, "", "sales")
            )
        switchboard.resync(Snapshot(1_000.0, tuple(seen)))
        assert switchboard.fetches.refused == 0, "nobody looks at them yet"
        desk.go_on.set()
        await asyncio.sleep(0.01)
        for place in (3, 499):
            switchboard.take(rings(place))
            await asyncio.sleep(0.01)
        assert desk.told["main-1.3"] == ["call.ringing"], "it was complete already"
        assert desk.told["main-1.499"] == ["call.ringing", "call.updated"]
    finally:
        await switchboard.close()


def record_of(call: Call) -> CallRecord:
    return CallRecord(
        id=call.id, pbx="main", channel=call.channel, linkedid=call.linkedid, offered_at=call.offered_at,
        caller="", caller_kind="anonymous", caller_name="", did="", trunk="", verified=False,
    )  # fmt: skip


async def test_decisions_of_callers_of_whom_nothing_more_is_heard_are_not_kept_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(dossiers, "MAX_DOSSIERS", 100)
    desk = Desk(1_000)
    record = DecisionRecord("matched", "fresh", None, "sales", "sales", "sales", (), "", "", "", None, "", {})
    desk.go_on.set()
    try:
        desk.switchboard.take(offered(1))
        for place in range(1_000, 3_000):
            desk.switchboard.decided(CallId(f"main-1.{place}"), Card(parse_number("", region="RU")), record)
            assert objects_of(desk) <= 101
        assert desk.switchboard.book.get(CallId("main-1.1")) is not None
        desk.switchboard.take(offered(2_999))
        assert desk.records[CallId("main-1.2999")].decision == record, "the latest is still known"
    finally:
        await desk.switchboard.close()


def objects_of(desk: Desk) -> int:
    """How many calls the switchboard keeps something of."""
    return len(desk.switchboard.dossiers)
