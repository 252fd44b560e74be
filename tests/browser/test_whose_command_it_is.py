"""Commands of a page: of two pages each is done once, nobody commands for another, without a session nobody does."""

import asyncio
import sqlite3
import uuid
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import pytest_asyncio
from playwright.async_api import expect
from promises.desk_scene import FIRST, SECOND, together
from promises.scene import PASSWORD, PHONE_OF
from promises.screens import WITHIN_S, pick_up

from browser.conftest import OpenPage
from browser.desk_page import DeskPage
from browser.talks import WITHIN_MS, able, phones_of, talk, waits
from browser.test_operator_state import pauses, set_ready
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge

EXTENSION, OTHER = PHONE_OF[FIRST], PHONE_OF[SECOND]
STRANGER = "op5"
NOBODYS = "main-1795300000.999999"
"""An id that no call has."""
Json = dict[str, Any]

KEEPS_ITS_LINE = """
window.__lines = [];
const Native = window.WebSocket;
window.WebSocket = class extends Native {
  constructor(...args) {
    super(...args);
    window.__lines.push(this);
  }
};
"""
_SAY = """
frame => new Promise(resolve => {
  const line = window.__lines.at(-1);
  const hear = ({data}) => {
    const said = JSON.parse(data);
    if (said.op !== 'result' || said.id !== frame.id) return;
    line.removeEventListener('message', hear);
    resolve(said);
  };
  line.addEventListener('message', hear);
  line.send(JSON.stringify(frame));
})
"""


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def one_seller(asterisk: AsteriskInstance, bridge: Bridge) -> AsyncIterator[None]:
    """Only the first operator answers sales, and is ready."""
    await asterisk.remove_member("sales", f"PJSIP/{OTHER}")
    await set_ready(bridge)
    yield


async def say(desk: DeskPage, name: str, /, *, id_: str = "", **args: object) -> Json:
    """Give a command on the page's own line, past what it shows; the result."""
    frame = {"op": "command", "id": id_ or uuid.uuid4().hex, "name": name, "args": args}
    result: Json = await desk.page.evaluate(_SAY, frame)
    return result


def refusal(result: Json) -> Json:
    """Why a command was refused."""
    assert not result["ok"], result
    error: Json = result["error"]
    return error


async def test_what_is_done_on_one_page_is_seen_on_both_and_undone_on_the_other(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, twin = await at_page(FIRST), await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        await expect(able(twin, "hold")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F7")
        await waits(asterisk, talking.caller.channel)
        for page in (desk, twin):
            await expect(page.card_of(talking.call_id, "held")).to_be_visible(timeout=WITHIN_MS)
            await expect(able(page, "resume")).to_be_visible(timeout=WITHIN_MS)
        await twin.page.keyboard.press("F7")
        await together(asterisk, talking.caller.channel, EXTENSION)
        for page in (desk, twin):
            await expect(page.card_of(talking.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await twin.page.keyboard.press("F10")
        for page in (desk, twin):
            await expect(page.page.locator("#open-states")).to_contain_text(
                "после разговора: Перерыв", timeout=WITHIN_MS
            )


async def test_what_both_pages_ask_for_at_the_same_moment_is_done_once(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, twin = [await at_page(FIRST, init_scripts=(KEEPS_ITS_LINE,)) for _ in range(2)]
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        # Two clicks, each with an id of its own: the caller is on hold once, whatever the second is told.
        held = await asyncio.gather(*(say(page, "call.hold", call=talking.call_id) for page in (desk, twin)))
        assert any(result["ok"] for result in held), held
        await waits(asterisk, talking.caller.channel)
        for page in (desk, twin):
            await expect(able(page, "resume")).to_be_visible(timeout=WITHIN_MS)
        assert len(asterisk.lab.events("UserEvent", UserEvent="CtiHold", CallID=talking.call_id)) == 1
        # One command that is given again on another line: one answer, done once.
        order: Json = {"id_": "the-same", "call": talking.call_id, "to": {"operator": SECOND}}
        results = await asyncio.gather(*(say(page, "call.transfer", **order) for page in (desk, twin)))
        assert results[0] == results[1]
        assert results[0]["ok"], results
        await pick_up(phones[OTHER])
        await together(asterisk, talking.caller.channel, OTHER)
        assert await say(twin, "call.transfer", **order) == results[0]
        sent_on = asterisk.lab.events("UserEvent", UserEvent="CtiTransfer", CallID=talking.call_id, State="ringing")
        assert len(sent_on) == 1
        await together(asterisk, talking.caller.channel, OTHER)


async def test_nobody_commands_anothers_call_on_his_own_line_or_learns_that_there_is_one(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, stranger = await at_page(FIRST), await at_page(STRANGER, init_scripts=(KEEPS_ITS_LINE,))
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        for name, more in _ON_A_CALL.items():
            theirs = refusal(await say(stranger, name, call=talking.call_id, **more))
            assert theirs == refusal(await say(stranger, name, call=NOBODYS, **more)), name
            assert theirs["code"] in {"not_found", "not_allowed"}, (name, theirs)
        for name, args in _FOR_ANOTHER.items():
            assert refusal(await say(stranger, name, **args))["code"] in _NO, name
        forged = await say(stranger, "call.hold", call=talking.call_id, operator=FIRST)
        assert refusal(forged)["code"] in _NO
        assert not asterisk.lab.events("BridgeLeave", Uniqueid=talking.caller.channel)
        await together(asterisk, talking.caller.channel, EXTENSION)
        await talking.is_("talking")
        assert {paused for paused, _ in (await pauses(asterisk)).values()} == {False}
        await stranger.shows_nothing_of("Ракитин", "4950000201")
        await expect(stranger.page.locator("#desk[data-connection=live]")).to_be_visible()


async def test_who_is_rung_or_was_in_the_call_before_commands_no_more_than_his_part(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk, other = [await at_page(one, init_scripts=(KEEPS_ITS_LINE,)) for one in (FIRST, SECOND)]
    async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
        order: Json = {"call": talking.call_id, "to": {"operator": SECOND}}
        assert (await say(desk, "call.transfer", **order))["ok"]
        await expect(other.card_of(talking.call_id, "ringing")).to_be_visible(timeout=WITHIN_MS)
        for name in ("call.hold", "call.resume", "call.complete", "call.consult_cancel"):
            assert refusal(await say(other, name, call=talking.call_id))["code"] in {"not_possible", "not_found"}, name
        await pick_up(phones[OTHER])
        await together(asterisk, talking.caller.channel, OTHER)
        await expect(other.card_of(talking.call_id, "talking")).to_be_visible(timeout=WITHIN_MS)
        await talking.is_("ended")
        for name in ("call.hangup", "call.hold", "call.resume"):
            assert refusal(await say(desk, name, call=talking.call_id))["code"] == "not_found", name
        await together(asterisk, talking.caller.channel, OTHER)


async def test_a_session_past_its_end_ends_no_talk_and_its_call_is_there_after_signing_in(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    desk = await at_page(FIRST)
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        await desk.page.locator("#after-note").fill("Просит набросок к пятнице")
        await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible(timeout=WITHIN_MS)
        await bridge.stop()
        with closing(sqlite3.connect(bridge.data / "operators.sqlite")) as accounts, accounts:
            accounts.execute("UPDATE sessions SET last_used = last_used - 13 * 3600 WHERE operator = ?", (FIRST,))
        await bridge.start()
        await expect(desk.page.locator("#sign-in")).to_be_visible(timeout=WITHIN_MS)
        await desk.shows_nothing_of("Ракитин", "4950000201", "набросок")
        asked = await desk.context.request.post(
            f"{desk.page.url}api/v1/commands/call.hangup", data={"args": {"call": talking.call_id}}
        )
        assert asked.status == 401
        await together(asterisk, talking.caller.channel, EXTENSION)
        assert not asterisk.lab.events("BridgeLeave", Uniqueid=talking.caller.channel)
        await desk.sign_in(FIRST, PASSWORD)
        await desk.is_at_desk()
        await talking.is_("talking")
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        await expect(desk.page.locator("#after-note")).to_have_value("Просит набросок к пятнице")
        await expect(able(desk, "hold")).to_be_visible(timeout=WITHIN_MS)
        await desk.page.keyboard.press("F7")
        await waits(asterisk, talking.caller.channel)


async def test_an_open_line_ends_with_a_session(asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage) -> None:
    desk = await at_page(FIRST, init_scripts=(KEEPS_ITS_LINE,))
    async with phones_of(asterisk, FIRST) as phones, talk(asterisk, desk, phones) as talking:
        with closing(sqlite3.connect(bridge.data / "operators.sqlite")) as accounts, accounts:
            accounts.execute("DELETE FROM sessions WHERE operator = ?", (FIRST,))
        await expect(desk.page.locator("#sign-in")).to_be_visible(timeout=WITHIN_MS)
        await desk.shows_nothing_of("Ракитин", "4950000201")
        assert await until_closed(desk)
        await together(asterisk, talking.caller.channel, EXTENSION)


async def until_closed(desk: DeskPage) -> bool:
    """Wait until all lines of the page are closed."""
    async with asyncio.timeout(WITHIN_S):
        while not await desk.page.evaluate("window.__lines.every(line => line.readyState === WebSocket.CLOSED)"):
            await asyncio.sleep(0.05)
    return True


_NO = {"not_found", "not_allowed", "bad_args"}
_ON_A_CALL: dict[str, Json] = {
    "call.hangup": {},
    "call.hold": {},
    "call.resume": {},
    "call.consult": {"to": {"operator": STRANGER}},
    "call.consult_cancel": {},
    "call.complete": {},
    "call.transfer": {"to": {"operator": STRANGER}},
    "card.choose": {"customer": "k-01"},
    "card.save": {"changes": {"city": "Тула"}, "seen": {"city": "Рязань"}},
    "card.create": {"name": "Чужой Клиент"},
    "card.note": {"text": "чужая заметка"},
    "after.save": {"note": "чужой итог"},
    "after.get": {},
}
"""What is said about a call, and with what."""
_FOR_ANOTHER: dict[str, Json] = {
    "state.set": {"state": "break", "operator": FIRST},
    "state.list": {"operator": FIRST},
    "state.team": {},
    "call.pickup": {"operator": FIRST},
    "card.settle": {"edit": "1", "keep": "mine"},
    "work.take": {"item": "step:1000000"},
    "work.done": {"item": "missed:чужое"},
}
"""What only a supervisor says of others, and things that are not his or not there."""
