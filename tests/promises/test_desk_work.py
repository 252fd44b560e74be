"""What comes after calls, on a real Asterisk: who was missed is called back once; what came of it reaches the CRM."""

import json
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import pytest_asyncio

from cti_bridge.domain.ids import call_id_for
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.lab import Message
from demo.sip import Behaviour, Caller, Phones
from promises.scene import OPERATORS, OUTSIDE, PHONE_OF, SALES, AtDesk, journalled, until
from promises.screens import (
    DID_ALL_HANDS,
    WITHIN_S,
    bridge_with_short_times,
    incoming,
    no_live_calls,
    pick_up,
    queues_set,
    shows,
)

pytestmark = pytest.mark.unhurried

RINGS = Behaviour(answer_after=None)
FIRST, SECOND, STRANGER = "op3", "op4", "op1"
CUSTOMER, STEP = "Глеб Ракитин", "Спросить про замер"
MOSCOW = ZoneInfo("Europe/Moscow")
WRAP_UP = {"wrap_up": {"limit": "1h", "required": ["outcome"]}}
Item = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here: none of them harms it."""
    async with (
        queues_set(shared_asterisk),
        bridge_with_short_times(
            shared_asterisk, prepared, tmp_path_factory.mktemp("work") / "bridge", more={"operators": WRAP_UP}
        ) as bridge,
    ):
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


def born_at(asterisk: AsteriskInstance, phone: str, since: int) -> list[Message]:
    """The channels of this phone that are new; the bridge may be making some of its own."""
    born = asterisk.lab.events("Newchannel", since=since)
    return [each for each in born if each["Channel"].startswith(f"PJSIP/{phone}-")]


@asynccontextmanager
async def dialled(asterisk: AsteriskInstance, operator: str, number: str) -> AsyncIterator[tuple[Caller, str]]:
    """An operator dials at his own phone: his line, and the id of the call."""
    began = asterisk.lab.mark()
    async with Caller(asterisk, phone=PHONE_OF[operator], did=number) as line:
        born = await until(lambda: next(iter(born_at(asterisk, PHONE_OF[operator], began)), None), WITHIN_S)
        yield line, call_id_for(asterisk.system_name, born["Linkedid"])


def work_of(desk: Desk) -> list[Item]:
    """The list on this screen now."""
    lists = [desk.welcome["snapshot"]["work"], *(f.body["work"] for f in desk.frames if f.type == "work.updated")]
    items: list[Item] = lists[-1]["items"]
    return items


async def item_on(desk: Desk, number: str, **values: Any) -> Item:
    """Wait until this screen has an item of that caller with these values. Raises TimeoutError."""

    def look() -> Item | None:
        found = [item for item in work_of(desk) if item["number"] == number]
        return next((item for item in found if all(item[key] == value for key, value in values.items())), None)

    return await until(look, WITHIN_S)


async def no_item_on(desk: Desk, number: str) -> None:
    """Wait until this screen has no item of that caller. Raises TimeoutError."""
    await until(lambda: all(item["number"] != number for item in work_of(desk)), WITHIN_S)


async def missed(asterisk: AsteriskInstance, bridge: Bridge, desk: Desk) -> None:
    """Both phones ring for the customer, nobody answers, and he gives up."""
    phones = dict.fromkeys((PHONE_OF[FIRST], PHONE_OF[SECOND]), RINGS)
    for operator in (FIRST, SECOND):
        await asterisk.add_member("all-hands", f"PJSIP/{PHONE_OF[operator]}", name=OPERATORS[operator])
    async with Phones(asterisk, phones), incoming(asterisk, SALES, did=DID_ALL_HANDS) as caller:
        await until(lambda: desk.of_call(caller.call_id, "call.ringing"), WITHIN_S)
        await asterisk.lab.event("DialBegin", Uniqueid=caller.channel)
    record = await journalled(bridge, caller.call_id, ended=True, within=WITHIN_S)
    assert record.outcome == "abandoned"
    await no_live_calls(bridge)


async def test_a_missed_caller_is_taken_by_one_called_back_and_gone_for_all(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first, second, stranger = await at_desk(FIRST), await at_desk(SECOND), await at_desk(STRANGER)
    await missed(asterisk, bridge, first)
    item = await item_on(first, SALES, taken_by=None)
    await item_on(second, SALES, taken_by=None)
    assert (item["kind"], item["name"], item["colour"], item["calls"]) == ("missed", CUSTOMER, "amber", 1)
    assert SALES[1:] not in item["id"]

    taken = await first.command("work.take", item=item["id"])
    assert taken["value"]["item"]["taken_by"] == {"operator": FIRST, "name": OPERATORS[FIRST]}
    await item_on(second, SALES, taken_by={"operator": FIRST, "name": OPERATORS[FIRST]})
    refused = await second.command("work.take", item=item["id"])
    assert refused["error"]["code"] == "already_taken"
    assert (await stranger.command("work.take", item=item["id"]))["error"]["code"] == "not_found"

    async with (
        Phones(asterisk, {OUTSIDE: RINGS}) as phone,
        dialled(asterisk, FIRST, f"8{SALES[2:]}") as (line, call_id),
    ):
        await pick_up(phone[OUTSIDE])
        await line.answered()
        await shows(first, call_id, my_role="talking", state="talking")
        await no_item_on(first, SALES)
        await no_item_on(second, SALES)
        await phone[OUTSIDE].hang_up()
        await journalled(bridge, call_id, ended=True, within=WITHIN_S)
    assert not [frame for frame in stranger.frames if CUSTOMER in json.dumps(frame.body, ensure_ascii=False)]

    await writes_down(first, second, bridge, call_id)
    item = await item_on(second, SALES, kind="callback")
    assert (item["text"], item["colour"], item["name"], item["call"]) == (STEP, "green", CUSTOMER, call_id)
    assert (await second.command("work.done", item=item["id"]))["ok"]
    await no_item_on(first, SALES)
    await no_item_on(second, SALES)


async def writes_down(desk: Desk, colleague: Desk, bridge: Bridge, call_id: str) -> None:
    """Bit by bit he writes down what came of it; when his wrap-up is over, the CRM has it as one note."""
    await until(lambda: state_of(desk)["kind"] == "wrap_up", WITHIN_S)
    unfinished = await desk.command("wrapup.finish")
    assert unfinished["error"]["code"] == "not_possible" and "outcome" in unfinished["error"]["message"]
    saved = (await desk.command("after.save", call=call_id, outcome="call_back"))["value"]["after"]
    assert (saved["outcome"], saved["missing"]) == ("call_back", ["next_step"])
    assert not (await desk.command("wrapup.finish"))["ok"]
    wrong = await desk.command("after.save", call=call_id, outcome="победа")
    assert wrong["error"]["code"] == "bad_args"
    strange = await colleague.command("after.save", call=call_id, outcome="done")
    assert strange["error"]["code"] == "not_found"

    at = datetime.now(MOSCOW) + timedelta(days=30)
    step = {"at": at.isoformat(), "kind": "callback", "text": STEP}
    saved = (await desk.command("after.save", call=call_id, note="Выбирает фасад", next_step=step))["value"]["after"]
    assert (saved["outcome"], saved["note"], saved["missing"]) == ("call_back", "Выбирает фасад", [])
    assert (await desk.command("wrapup.finish"))["ok"]
    lines = ("Итог звонка: Перезвонить", "Выбирает фасад", f"Перезвонить {at:%d.%m.%Y %H:%M}: {STEP}")
    await until(lambda: "\n".join(lines) in notes(bridge), WITHIN_S)
    code, shown, _ = await bridge.run("calls", "show", call_id, "--json")
    (after,) = json.loads(shown)["after"]
    assert (code, after["operator"], after["outcome"]) == (0, FIRST, "call_back")


def state_of(desk: Desk) -> Item:
    """His state as his page knows it."""
    states = [desk.welcome["snapshot"]["state"], *(f.body["state"] for f in desk.frames if f.type == "operator.state")]
    state: Item = states[-1]
    return state


def notes(bridge: Bridge) -> list[str]:
    """What the CRM has been told about its customers."""
    with closing(sqlite3.connect(bridge.data / "crm.sqlite")) as crm:
        return [text for (text,) in crm.execute("SELECT text FROM notes")]


async def test_who_has_taken_it_still_has_it_after_the_bridge_was_killed(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    first = await at_desk(FIRST)
    await missed(asterisk, bridge, first)
    item = await item_on(first, SALES, taken_by=None)
    assert (await first.command("work.take", item=item["id"]))["ok"]
    await bridge.kill()
    await bridge.start()

    second = await at_desk(SECOND)
    again = await item_on(second, SALES, taken_by={"operator": FIRST, "name": OPERATORS[FIRST]})
    assert again["id"] == item["id"]
    code, listed, _ = await bridge.run("work", "list", "--json")
    assert (code, [json.loads(line)["taken_by"]["operator"] for line in listed.splitlines()]) == (0, [FIRST])
    refused = await second.command("work.done", item=item["id"])
    assert refused["error"]["code"] == "already_taken"
    first = await at_desk(FIRST)
    assert (await first.command("work.done", item=item["id"]))["value"] == {"item": None}
    await no_item_on(second, SALES)
    assert (await bridge.run("work", "list"))[0] == 1
