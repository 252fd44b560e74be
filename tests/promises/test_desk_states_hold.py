"""A state holds whatever happens around it: reloads, restarts, other hands, pages and people that go."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk, Frame
from demo.sip import Phones
from promises.desk_scene import FIRST, SECOND, can, phones_of, send_on
from promises.scene import PASSWORD, PHONE_OF, SALES, until
from promises.screens import (
    WITHIN_S,
    Incoming,
    bridge_with_short_times,
    incoming,
    pick_up,
    talking_leg,
)
from promises.states_scene import PHONE, Members, comes_to, is_shown, members, sets, state_of, static_member

pytestmark = pytest.mark.unhurried

LIMIT_S, PAGE_GONE_S = 1800, 5
IN_SALES, IN_PRODUCTION, STANDING = ("sales", PHONE), ("production", PHONE), ("standing", PHONE)
OWN = {IN_SALES: 0, IN_PRODUCTION: 2, STANDING: 3}
"""The penalties of op3 in his queues; in `standing` he is by the file."""


def so(*places: tuple[str, str], why: str = "") -> Members:
    """op3 in these queues, paused for this reason (for none: not paused)."""
    return {place: (bool(why), why, OWN[place]) for place in places}


def operators(then: str = "stay", **more: Any) -> dict[str, Any]:
    """Settings with a time after calls that nobody has the time to wait for, and what becomes of who has no page.

    Only where that is what is looked at: else a busy machine might be slower than it takes.
    """
    page_gone = {"after": f"{PAGE_GONE_S}s", "then": then}
    return {"operators": {"wrap_up": {"limit": f"{LIMIT_S}s"}, "page_gone": page_gone, **more}}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all stories here."""
    folder = tmp_path_factory.mktemp("hold") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, more=operators()) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk; op3 is in two queues."""
    await set_up(running, operators())
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    await asterisk.add_member("production", PHONE, penalty=2)
    await asterisk.add_member("sales", PHONE)
    return running


@asynccontextmanager
async def desk_of(bridge: Bridge, operator: str = FIRST) -> AsyncIterator[Desk]:
    """A page of an operator, who is ready at first, and is ready again at the end."""
    async with Desk(operator, bridge.page_url, PASSWORD) as desk:
        await sets(desk, "ready")
        yield desk
        await sets(desk, "ready")
        await is_shown(desk, state="ready", confirmed=True)


@asynccontextmanager
async def talk(asterisk: AsteriskInstance, desk: Desk, phones: Phones) -> AsyncIterator[Incoming]:
    """op3 talks with a customer, who hangs up at the end; it is seen that it was a talk."""
    async with incoming(asterisk, SALES) as caller:
        await pick_up(phones[PHONE_OF[FIRST]])
        await talking_leg(asterisk, caller, PHONE_OF[FIRST])
        await until(partial(_talks, desk, caller.call_id), WITHIN_S)
        yield caller


async def has_talked(asterisk: AsteriskInstance, desk: Desk) -> None:
    """op3 has talked with a customer and is left alone now."""
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as caller:
        pass
    await is_shown(desk, state="wrap_up", call=caller.call_id, confirmed=True)


async def set_up(bridge: Bridge, settings: dict[str, Any]) -> None:
    """The bridge has these settings besides its own: where it has others, it is killed and comes back with them."""
    if bridge.running and bridge.read_settings().items() >= settings.items():
        return
    await bridge.kill()
    bridge.write_settings(bridge.read_settings() | settings)
    await bridge.start()


async def finishes(desk: Desk) -> None:
    """He is through with what there is to write down."""
    result = await desk.command("wrapup.finish")
    assert result["ok"], result


@pytest.mark.parametrize("state", ["break", "wrap_up"])
async def test_the_queues_are_reloaded_and_nobody_who_is_left_alone_is_called(
    asterisk: AsteriskInstance, bridge: Bridge, state: str
) -> None:
    places = IN_SALES, IN_PRODUCTION, STANDING
    async with static_member(asterisk), desk_of(bridge) as desk:
        await until(lambda: len(state_of(desk)["queues"]) == 3, WITHIN_S)
        await (sets(desk, state) if state == "break" else has_talked(asterisk, desk))
        await comes_to(asterisk, so(*places, why=state))
        await asterisk.lab.command("queue reload all")
        # A reload by this command is told by no event: the reason of who is in the file is lost until the next look.
        assert {place: paused for place, (paused, _, _) in (await members(asterisk)).items()} == dict.fromkeys(
            places, True
        )
        await asterisk.lab.command("module reload app_queue.so")
        await comes_to(asterisk, so(*places, why=state))
        shown = state_of(desk)
        assert (shown["state"], shown["elsewhere"]) == (state, None)
        await (sets(desk, "ready") if state == "break" else finishes(desk))
        await comes_to(asterisk, so(*places))


async def test_asterisk_is_restarted_during_the_time_after_a_call(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    places = IN_SALES, IN_PRODUCTION, STANDING
    async with static_member(asterisk), desk_of(bridge) as desk:
        await until(lambda: len(state_of(desk)["queues"]) == 3, WITHIN_S)
        await has_talked(asterisk, desk)
        await comes_to(asterisk, so(*places, why="wrap_up"))
        before = state_of(desk)
        await asterisk.restart()
        await asterisk.lab.event("QueueMemberPause", Queue="standing", within=WITHIN_S)
        await comes_to(asterisk, so(*places, why="wrap_up"))
        after = await is_shown(desk, state="wrap_up", confirmed=True, elsewhere=None)
        assert [after[key] for key in ("since", "until", "call")] == [before[key] for key in ("since", "until", "call")]
        await finishes(desk)
        await comes_to(asterisk, so(*places))


async def test_the_limit_passes_while_there_is_no_bridge_and_he_is_ready_when_it_is_back(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with Desk(FIRST, bridge.page_url, PASSWORD) as desk:
        await sets(desk, "ready")
        await has_talked(asterisk, desk)
        await until(lambda: state_written(bridge) == "wrap_up", WITHIN_S)
    await bridge.kill()
    hours_pass(bridge, 2)
    await bridge.start()
    async with Desk(FIRST, bridge.page_url, PASSWORD) as desk:
        shown = await is_shown(desk, confirmed=True)
        assert (shown["state"], shown["why"], shown["until"]) == ("ready", "limit", None)
        await comes_to(asterisk, so(IN_SALES, IN_PRODUCTION))


def hours_pass(bridge: Bridge, hours: int) -> None:
    """For the journal of a bridge that does not run, so much time has gone by."""
    with closing(sqlite3.connect(bridge.data / "calls.sqlite")) as journal, journal:
        journal.execute(
            "UPDATE operator_states SET began_at = began_at - :s, until = until - :s WHERE ended_at IS NULL",
            {"s": hours * 3600},
        )


def state_written(bridge: Bridge) -> str:
    """The state in which the journal has op3 now."""
    with closing(sqlite3.connect(f"file:{bridge.data / 'calls.sqlite'}?mode=ro", uri=True)) as journal:
        found = journal.execute("SELECT state FROM operator_states WHERE operator = 'op3' AND ended_at IS NULL")
        return str((found.fetchone() or ("",))[0])


@pytest.mark.parametrize("through", [True, False])
async def test_who_hands_a_caller_on_has_his_time_from_then_on_and_no_other_when_the_call_ends(
    asterisk: AsteriskInstance, bridge: Bridge, through: bool
) -> None:
    async with (
        desk_of(bridge) as first,
        desk_of(bridge, SECOND) as second,
        phones_of(asterisk, FIRST, SECOND) as phones,
    ):
        async with talk(asterisk, first, phones) as caller:
            await until(lambda: can(first, caller.call_id, "transfer"), WITHIN_S)
            assert state_of(first)["state"] == "ready"
            await send_on(first, caller.call_id, SECOND)
            handed_on = await is_shown(first, state="wrap_up", call=caller.call_id, confirmed=True)
            lasts_s = _seconds(handed_on["until"]) - _seconds(handed_on["since"])
            assert LIMIT_S - 60 < lasts_s <= LIMIT_S + 1
            await pick_up(phones[PHONE_OF[SECOND]])
            await until(partial(_talks, second, caller.call_id), WITHIN_S)
            if through:
                await finishes(first)
                await is_shown(first, state="ready", confirmed=True)
        ended_at = time.time()
        await is_shown(second, state="wrap_up", call=caller.call_id)
        assert _seconds(state_of(second)["since"]) >= ended_at - 60
        now = state_of(first)
        if through:
            assert (now["state"], now["call"]) == ("ready", None)
        else:
            assert [now[key] for key in ("since", "until", "call")] == [
                handed_on[key] for key in ("since", "until", "call")
            ]


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment).timestamp()


async def test_who_is_only_asked_about_a_caller_has_no_time_after_it_and_who_gets_him_has(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with (
        desk_of(bridge) as first,
        desk_of(bridge, SECOND) as second,
        phones_of(asterisk, FIRST, SECOND) as phones,
        talk(asterisk, first, phones) as caller,
    ):
        for ends in ("consult_cancel", "complete"):
            await until(partial(can, first, caller.call_id, "consult"), WITHIN_S)
            asked = await first.command("call.consult", call=caller.call_id, to={"operator": SECOND})
            assert asked["ok"], asked
            await pick_up(phones[PHONE_OF[SECOND]])
            await until(partial(can, first, caller.call_id, ends), WITHIN_S)
            given = await first.command(f"call.{ends}", call=caller.call_id)
            assert given["ok"], given
        await is_shown(first, state="wrap_up", call=caller.call_id, confirmed=True)
        await until(partial(_talks, second, caller.call_id), WITHIN_S)
        assert not [frame for frame in _states(second) if frame.body["state"]["kind"] == "wrap_up"]
        await phones[PHONE_OF[SECOND]].hang_up()
        await is_shown(second, state="wrap_up", call=caller.call_id)


async def test_who_picks_up_a_colleagues_call_has_the_time_after_it_and_the_colleague_has_not(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    await asterisk.add_member("sales", f"PJSIP/{PHONE_OF[SECOND]}")
    async with (
        desk_of(bridge) as first,
        desk_of(bridge, SECOND) as second,
        phones_of(asterisk, FIRST, SECOND) as phones,
    ):
        await sets(second, "lunch")
        await is_shown(second, state="lunch", confirmed=True)
        async with incoming(asterisk, SALES) as caller:
            await phones[PHONE_OF[FIRST]].rings()
            order = asyncio.create_task(second.command("call.pickup", operator=FIRST))
            await pick_up(phones[PHONE_OF[SECOND]])
            assert (await order)["ok"]
            await until(partial(_talks, second, caller.call_id), WITHIN_S)
        await is_shown(second, state="wrap_up", call=caller.call_id)
        assert state_of(first)["state"] == "ready"
        await finishes(second)
        await is_shown(second, state="lunch", confirmed=True)


def _talks(desk: Desk, call_id: str) -> bool:
    return any(frame.call.get("my_role") == "talking" for frame in desk.of_call(call_id))


def _states(desk: Desk) -> list[Frame]:
    return [frame for frame in desk.frames if frame.type == "operator.state"]


async def test_who_is_in_no_queue_has_a_state_all_the_same_and_it_holds_in_the_first_one_he_joins(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    phone = f"PJSIP/{PHONE_OF['op6']}"
    async with desk_of(bridge, "op6") as desk:
        shown = await is_shown(desk, state="ready", confirmed=True)
        assert (shown["queues"], shown["unreachable"], shown["elsewhere"]) == ([], False, None)
        await sets(desk, "lunch")
        await is_shown(desk, state="lunch", confirmed=True, queues=[])
        await asterisk.add_member("sales", phone)
        await comes_to(asterisk, {("sales", phone): (True, "lunch", 0)}, phone)
        await is_shown(desk, state="lunch", confirmed=True, elsewhere=None)
        await asterisk.remove_member("sales", phone)
        await is_shown(desk, state="lunch", confirmed=True, queues=[])


async def test_a_queue_that_the_admin_has_paused_stays_paused_after_a_call_and_a_restart_of_the_bridge(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with Desk(FIRST, bridge.page_url, PASSWORD) as desk, phones_of(asterisk, FIRST) as phones:
        await sets(desk, "ready")
        await is_shown(desk, state="ready", confirmed=True)
        await asterisk.lab.command(f"queue pause member {PHONE} queue production reason shop")
        await is_shown(desk, elsewhere="paused")
        async with talk(asterisk, desk, phones):
            pass
        await is_shown(desk, state="wrap_up", confirmed=True)
        shop = {IN_PRODUCTION: (True, "shop", 2)}
        assert await members(asterisk) == so(IN_SALES, why="wrap_up") | shop
        await finishes(desk)
        await is_shown(desk, state="ready", elsewhere="paused")
        await comes_to(asterisk, so(IN_SALES) | shop)
        await until(lambda: state_written(bridge) == "ready", WITHIN_S)
    await bridge.kill()
    await bridge.start()
    async with Desk(FIRST, bridge.page_url, PASSWORD) as desk:
        await is_shown(desk, state="ready", elsewhere="paused")
        assert await members(asterisk) == so(IN_SALES) | shop
        await sets(desk, "ready")
        await comes_to(asterisk, so(IN_SALES, IN_PRODUCTION))


async def test_who_is_removed_leaves_a_phone_that_is_called_again(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    phone, place = "PJSIP/199", ("sales", "PJSIP/199")
    await asterisk.add_member("sales", phone)
    accounts = Accounts(bridge.data)
    await accounts.open()
    try:
        for state, stays in (("break", False), ("signed_off", True)):
            await accounts.add(Operator(OperatorId("passing"), "Тимур Безлюдный", (phone,)), PASSWORD)
            async with Desk("passing", bridge.page_url, PASSWORD) as desk:
                await sets(desk, state)
                await comes_to(asterisk, {place: (True, state, 0)}, phone)
                await accounts.remove("passing")
                await until(partial(_is_closed, desk), WITHIN_S)
            await comes_to(asterisk, {place: (stays, state if stays else "", 0)}, phone)
    finally:
        await accounts.close()


def _is_closed(desk: Desk) -> bool:
    return desk.closed


@pytest.mark.parametrize(("then", "state"), [("away", "break"), ("sign_off", "signed_off")])
async def test_his_page_is_gone_and_comes_back_and_he_says_himself_that_he_is_ready(
    asterisk: AsteriskInstance, bridge: Bridge, then: str, state: str
) -> None:
    await set_up(bridge, operators(then))
    async with Desk(FIRST, bridge.page_url, PASSWORD) as desk:
        await sets(desk, "ready")
        await is_shown(desk, state="ready", confirmed=True)
    await comes_to(asterisk, so(IN_SALES, IN_PRODUCTION, why=state))
    async with Desk(FIRST, bridge.page_url, PASSWORD) as desk:
        await is_shown(desk, state=state, why="page_gone", confirmed=True)
        await sets(desk, "ready")
        await comes_to(asterisk, so(IN_SALES, IN_PRODUCTION))


async def test_another_penalty_for_the_last_in_the_settings_does_not_become_his_own(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    def last(penalty: int) -> Members:
        return {IN_SALES: (False, "", penalty), IN_PRODUCTION: (False, "", penalty)}

    async with Desk(FIRST, bridge.page_url, PASSWORD) as desk:
        await sets(desk, "paperwork")
        await comes_to(asterisk, last(10))
    await set_up(bridge, operators(last_penalty=20))
    async with Desk(FIRST, bridge.page_url, PASSWORD) as desk:
        await is_shown(desk, state="paperwork", confirmed=True)
        await comes_to(asterisk, last(20))
        await sets(desk, "ready")
        await comes_to(asterisk, so(IN_SALES, IN_PRODUCTION))
