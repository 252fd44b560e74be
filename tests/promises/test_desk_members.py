"""An operator's state is carried out by Asterisk in all his queues, confirmed by it, and survives whatever restarts."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from pathlib import Path

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones
from promises.scene import OPERATORS, PASSWORD, SALES, journalled, until
from promises.screens import WITHIN_S, bridge_with_short_times, incoming, pick_up, shows, told
from promises.states_scene import (
    LOCAL,
    PHONE,
    Members,
    comes_to,
    is_shown,
    members,
    sets,
    state_of,
    static_member,
)

pytestmark = pytest.mark.unhurried

ANSWERS, RINGS = Behaviour(answer_after=0.1), Behaviour(answer_after=None)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here."""
    folder = tmp_path_factory.mktemp("members") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


@pytest_asyncio.fixture(loop_scope="session")
async def three_queues(asterisk: AsteriskInstance) -> None:
    """op3 is in three queues: with his phone in two, in one behind a Local channel whose state is the phone's."""
    await asterisk.add_member("sales", PHONE, name=OPERATORS["op3"])
    await asterisk.add_member("production", PHONE, name=OPERATORS["op3"], penalty=2)
    await asterisk.lab.action(
        "QueueAdd", Queue="primary-consult", Interface=LOCAL, MemberName=OPERATORS["op3"], StateInterface=PHONE,
        Penalty=1,
    )  # fmt: skip


@asynccontextmanager
async def desk_of(bridge: Bridge, operator: str = "op3") -> AsyncIterator[Desk]:
    """A page of an operator, who is ready again at the end."""
    async with Desk(operator, bridge.page_url, PASSWORD) as desk:
        yield desk
        await sets(desk, "ready")


@pytest_asyncio.fixture(loop_scope="session")
async def desk(bridge: Bridge) -> AsyncIterator[Desk]:
    """op3's page."""
    async with desk_of(bridge) as desk:
        yield desk


async def is_written(bridge: Bridge, state: str) -> None:
    """Wait until the journal has this as op3's present state."""

    def look() -> bool:
        with closing(sqlite3.connect(f"file:{bridge.data / 'calls.sqlite'}?mode=ro", uri=True)) as journal:
            now = journal.execute("SELECT state FROM operator_states WHERE operator = 'op3' AND ended_at IS NULL")
            return now.fetchall() == [(state,)]

    await until(look, WITHIN_S)


def all_three(*, paused: bool = False, reason: str = "", penalties: tuple[int, int, int] = (1, 2, 0)) -> Members:
    """op3 in his three queues."""
    places = ("primary-consult", LOCAL), ("production", PHONE), ("sales", PHONE)
    return {place: (paused, reason, penalty) for place, penalty in zip(places, penalties, strict=True)}


STANDING = ("standing", PHONE)


async def test_a_break_takes_him_out_of_all_his_queues_and_asterisk_confirms_it(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk
) -> None:
    await sets(desk, "break")
    shown = await is_shown(desk, state="break", confirmed=True)
    assert {(one["queue"], one["paused"], one["reason"]) for one in shown["queues"]} == {
        (queue, True, "break") for queue in ("sales", "production", "primary-consult")
    }
    assert await members(asterisk) == all_three(paused=True, reason="break")
    await sets(desk, "lunch")
    await comes_to(asterisk, all_three(paused=True, reason="lunch"))
    await sets(desk, "ready")
    await is_shown(desk, state="ready", confirmed=True)
    assert await members(asterisk) == all_three()


async def test_while_he_is_away_only_the_others_are_called(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk
) -> None:
    await asterisk.add_member("sales", "PJSIP/104")
    await sets(desk, "training")
    await is_shown(desk, state="training", confirmed=True)
    async with Phones(asterisk, {"103": ANSWERS, "104": ANSWERS}) as phones:
        async with incoming(asterisk, SALES) as caller:
            await caller.phone.answered(WITHIN_S)
        assert (phones["103"].calls, phones["104"].calls) == (0, 1)


async def test_who_is_last_is_called_when_nobody_else_is_free_and_gets_his_own_penalties_back(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk
) -> None:
    await asterisk.add_member("sales", "PJSIP/104")
    await sets(desk, "paperwork")
    await is_shown(desk, state="paperwork", confirmed=True)
    assert await members(asterisk) == all_three(penalties=(10, 10, 10))
    assert (await asterisk.lab.action("Getvar", Variable="CTI_LAST"))["Value"] == "10"
    async with Phones(asterisk, {"103": ANSWERS, "104": ANSWERS}) as phones, AsyncExitStack() as stack:
        first = await stack.enter_async_context(incoming(asterisk, SALES))
        await first.phone.answered(WITHIN_S)
        assert (phones["103"].calls, phones["104"].calls) == (0, 1)
        second = await stack.enter_async_context(incoming(asterisk, SALES))
        await second.phone.answered(WITHIN_S)
        assert (phones["103"].calls, phones["104"].calls) == (1, 1)
    await sets(desk, "ready")
    await comes_to(asterisk, all_three())
    async with asyncio.timeout(WITHIN_S):
        while (await asterisk.lab.action("Getvar", Variable="CTI_LAST"))["Value"] != "none":
            await asyncio.sleep(0.05)


@pytest_asyncio.fixture(loop_scope="session")
async def soon(asterisk: AsteriskInstance) -> AsyncIterator[None]:
    """Who is last is called like the others after two seconds."""
    await asterisk.lab.set_global("CTI_LAST_AFTER", "2")
    yield
    await asterisk.lab.set_global("CTI_LAST_AFTER", "16")


async def test_who_is_last_is_called_when_the_others_do_not_answer_and_it_stays_one_call(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk, bridge: Bridge, soon: None
) -> None:
    await asterisk.add_member("sales", "PJSIP/104", name=OPERATORS["op4"])
    await sets(desk, "paperwork")
    await is_shown(desk, state="paperwork", confirmed=True)
    async with (
        Desk("op4", bridge.page_url, PASSWORD) as other,
        Phones(asterisk, {"103": RINGS, "104": RINGS}) as phones,
        incoming(asterisk, SALES) as caller,
    ):
        await shows(other, caller.call_id, my_role="ringing")
        await shows(desk, caller.call_id, my_role="ringing", queue="sales")
        await pick_up(phones["103"])
        await shows(desk, caller.call_id, my_role="talking")
        await until(lambda: "call.withdrawn" in told(other, caller.call_id), WITHIN_S)
        assert len(asterisk.lab.events("QueueCallerJoin", Uniqueid=caller.channel)) >= 2
        assert not asterisk.lab.events("UserEvent", UserEvent="CtiStep", Uniqueid=caller.channel)
    record = await journalled(bridge, caller.call_id, ended=True, within=WITHIN_S)
    assert (record.outcome, record.queue) == ("answered", "sales")
    assert [leg.operator for leg in record.legs if leg.answered_at is not None] == ["op3"]


async def test_who_is_last_is_called_when_there_is_no_bridge_any_more(
    asterisk: AsteriskInstance, three_queues: None, bridge: Bridge, soon: None
) -> None:
    await asterisk.add_member("primary-consult", "PJSIP/101", name=OPERATORS["op1"])
    async with Desk("op3", bridge.page_url, PASSWORD) as desk:
        await sets(desk, "paperwork")
        await comes_to(asterisk, all_three(penalties=(10, 10, 10)))
        await is_written(bridge, "paperwork")
    await bridge.kill()
    async with Phones(asterisk, {"101": RINGS, "103": ANSWERS}) as phones, incoming(asterisk, SALES) as caller:
        await caller.phone.answered(WITHIN_S)
        assert phones["103"].calls == 1
    await bridge.start()
    async with desk_of(bridge) as desk:
        await is_shown(desk, state="paperwork", confirmed=True)
    await comes_to(asterisk, all_three())


async def test_a_queue_that_he_joins_while_he_is_away_does_not_call_him(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk
) -> None:
    await sets(desk, "break")
    await is_shown(desk, state="break", confirmed=True)
    await asterisk.remove_member("sales", PHONE)
    await comes_to(asterisk, {k: v for k, v in all_three(paused=True, reason="break").items() if k[0] != "sales"})
    await asterisk.add_member("sales", PHONE)
    await comes_to(asterisk, all_three(paused=True, reason="break"))
    await is_shown(desk, state="break", confirmed=True, elsewhere=None)


async def test_what_somebody_else_does_is_shown_and_not_undone(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk
) -> None:
    await sets(desk, "ready")
    await is_shown(desk, state="ready", confirmed=True)
    await asterisk.lab.command(f"queue pause member {PHONE} queue sales reason shop")
    await is_shown(desk, state="ready", elsewhere="paused")
    await asterisk.add_member("sales", "PJSIP/104")  # by the time that this is seen, the pause would have been undone
    await asterisk.lab.command(f"queue set penalty 7 on {PHONE} in sales")
    await comes_to(asterisk, all_three(penalties=(1, 2, 7)) | {("sales", PHONE): (True, "shop", 7)})
    await sets(desk, "ready")
    await is_shown(desk, state="ready", elsewhere=None, confirmed=True)
    await comes_to(asterisk, all_three(penalties=(1, 2, 7)))


async def test_a_pause_by_somebody_else_in_all_queues_is_his_state(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk
) -> None:
    await sets(desk, "ready")
    await is_shown(desk, state="ready", confirmed=True)
    await asterisk.lab.action("QueuePause", Interface=PHONE, Paused="true", Reason="lunch")
    await asterisk.lab.action("QueuePause", Interface=LOCAL, Paused="true", Reason="lunch")
    await is_shown(desk, state="lunch", why="pbx", confirmed=True, elsewhere=None)
    await asterisk.lab.action("QueuePause", Interface=PHONE, Paused="false")
    await is_shown(desk, state="lunch", elsewhere="ready")
    await asterisk.lab.action("QueuePause", Interface=LOCAL, Paused="false")
    await is_shown(desk, state="ready", why="pbx", elsewhere=None)
    assert await members(asterisk) == all_three()


@pytest.mark.parametrize("state", ["break", "paperwork"])
async def test_a_restart_of_asterisk_is_made_up_for(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk, state: str
) -> None:
    async with static_member(asterisk):
        await until(lambda: len(state_of(desk)["queues"]) == 4, WITHIN_S)
        assert await members(asterisk) == all_three() | {STANDING: (False, "", 3)}
        await sets(desk, state)
        away = state == "break"
        held = all_three(paused=away, reason=state if away else "", penalties=(1, 2, 0) if away else (10, 10, 10))
        held |= {STANDING: (away, state if away else "", 3 if away else 10)}
        await comes_to(asterisk, held)
        await asterisk.restart()
        await asterisk.lab.event(
            "QueueMemberPause" if away else "QueueMemberPenalty", Queue="standing", within=WITHIN_S
        )
        await comes_to(asterisk, held)
        await is_shown(desk, state=state, confirmed=True, elsewhere=None)
        await sets(desk, "ready")
        await comes_to(asterisk, all_three() | {STANDING: (False, "", 3)})


async def test_a_reload_that_forgets_who_is_last_is_made_up_for(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk
) -> None:
    async with static_member(asterisk) as file:
        await until(lambda: len(state_of(desk)["queues"]) == 4, WITHIN_S)
        await sets(desk, "paperwork")
        await comes_to(asterisk, all_three(penalties=(10, 10, 10)) | {STANDING: (False, "", 10)})
        file.write_text(file.read_text("utf-8").replace(",3,", ",4,"), "utf-8")
        start = asterisk.lab.mark()
        await asterisk.lab.command("module reload app_queue.so")
        await asterisk.lab.event("QueueMemberPenalty", since=start, Queue="standing", within=WITHIN_S)
        await comes_to(asterisk, all_three(penalties=(10, 10, 10)) | {STANDING: (False, "", 10)})
        await sets(desk, "ready")
        await comes_to(asterisk, all_three() | {STANDING: (False, "", 4)})


async def test_a_killed_bridge_knows_what_it_has_to_give_back(
    asterisk: AsteriskInstance, three_queues: None, bridge: Bridge
) -> None:
    async with Desk("op3", bridge.page_url, PASSWORD) as desk:
        await sets(desk, "paperwork")
        await comes_to(asterisk, all_three(penalties=(10, 10, 10)))
        await is_written(bridge, "paperwork")
    await bridge.kill()
    await bridge.start()
    async with Desk("op3", bridge.page_url, PASSWORD) as desk:
        await is_shown(desk, state="paperwork", confirmed=True)
        await sets(desk, "ready")
        await comes_to(asterisk, all_three())
        await sets(desk, "break")
        await comes_to(asterisk, all_three(paused=True, reason="break"))
        await is_written(bridge, "break")
    await bridge.kill()
    await asterisk.lab.action("QueuePause", Interface=PHONE, Paused="false")
    await bridge.start()
    await comes_to(asterisk, all_three(paused=True, reason="break"))
    async with desk_of(bridge) as desk:
        await is_shown(desk, state="break", confirmed=True)


async def test_whoever_says_it_last_counts_when_many_speak_at_once(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk, bridge: Bridge
) -> None:
    async with Desk("op3", bridge.page_url, PASSWORD) as other:
        for state in ("break", "paperwork", "lunch", "ready", "training", "paperwork"):
            await asyncio.gather(
                sets(desk, state), sets(other, state),
                asterisk.lab.action("QueuePause", Interface=PHONE, Paused="false", Reason="x"),
            )  # fmt: skip
        await sets(desk, "paperwork")
        await comes_to(asterisk, all_three(penalties=(10, 10, 10)))
        await sets(desk, "break")
        await comes_to(asterisk, all_three(paused=True, reason="break"))
        for page in (desk, other):
            await is_shown(page, state="break", confirmed=True, elsewhere=None)


async def test_a_phone_that_cannot_be_reached_is_shown(
    asterisk: AsteriskInstance, three_queues: None, desk: Desk
) -> None:
    await is_shown(desk, unreachable=False)
    file = asterisk.workdir / "etc" / "pjsip.conf"
    before = file.read_text("utf-8")
    file.write_text(before.replace("contact = sip:103@", ";contact = sip:103@"), "utf-8")
    try:
        await asterisk.lab.command("module reload res_pjsip.so")
        await is_shown(desk, unreachable=True)
    finally:
        file.write_text(before, "utf-8")
        await asterisk.lab.command("module reload res_pjsip.so")
    async with asyncio.timeout(WITHIN_S):
        while state_of(desk)["unreachable"]:  # within a minute by itself, and whenever members are looked at
            await asterisk.lab.command("module reload app_queue.so")
            await asyncio.sleep(0.2)
