"""Names and texts by strangers are text on the operator's page, whatever they try to be."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect
from promises.desk_scene import FIRST, SECOND, together
from promises.scene import OPERATORS, PASSWORD, PHONE_OF, SALES
from promises.screens import WITHIN_S, incoming, pick_up

from browser.conftest import OpenPage
from browser.talks import WITHIN_MS, able, phones_of, said, talk
from browser.test_transfer import choose
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones

RINGS = Behaviour(answer_after=None)
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(2)>"
HOSTILE_CUSTOMER = "+74950000266"
TRICKS = (
    SCRIPT,
    "\"quotes\" 'and' \\backslash\\ &amp; &lt;b&gt;",
    "\u202eтекст наоборот\u202c \u2067עברית\u2069",
    "javascript:alert(3)//${alert(4)}{{alert(5)}}",
)


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def one_seller(asterisk: AsteriskInstance) -> None:
    """Only op3 answers sales."""
    await asterisk.remove_member("sales", "PJSIP/104")


@pytest.mark.parametrize("name", TRICKS, ids=["script", "quotes", "right to left", "template"])
async def test_the_name_that_the_network_sends_is_text(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, name: str
) -> None:
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}), incoming(asterisk, SALES, name=name) as caller:
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        # Asterisk keeps the backslashes with which SIP quotes a quotation mark or a backslash.
        sent = name.replace("\\", "\\\\").replace('"', '\\"')
        assert await desk.value("network-name").text_content() == sent
        await expect(desk.value("name")).to_have_text("Глеб Ракитин")
        assert await desk.page.locator(".now script, .now img").count() == 0


async def test_what_the_crm_says_is_text_and_stays_in_its_place(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage, tmp_path: Path
) -> None:
    name = TRICKS[1] + TRICKS[2]
    long_title = SCRIPT + "длинноеназваниебезпробелов" * 400
    assert len(long_title) > 10_000
    changes = (
        ("UPDATE customers SET name = ?, city = ?, email = ?, segment = ?", (name, SCRIPT, 'x"onload="y', SCRIPT)),
        ("UPDATE deals SET title = ?", (long_title,)),
        ("UPDATE notes SET text = ?, author = ?", (f"{SCRIPT}\n\n{'ы' * 5000}", SCRIPT)),
    )
    with closing(sqlite3.connect(bridge.data / "crm.sqlite")) as database, database:
        for statement, values in changes:
            column = "id" if "customers" in statement else "customer_id"
            database.execute(f"{statement} WHERE {column} = 'k-66'", values)
        database.execute("INSERT INTO deals (id, customer_id, title, stage) VALUES ('s-67', 'k-66', ?, ?)", TRICKS[::3])
    desk = await at_page("op3")
    async with Phones(asterisk, {"103": RINGS}), incoming(asterisk, HOSTILE_CUSTOMER, name=SCRIPT) as caller:
        await expect(desk.card_of(caller.call_id, "ringing")).to_be_visible()
        await expect(desk.page.locator("#pane-story[data-extras=ready]")).to_be_visible()
        await desk.page.screenshot(path=tmp_path / "hostile.png")
        assert await desk.value("name").text_content() == name
        assert await desk.value("city").text_content() == SCRIPT
        title = desk.page.locator('[data-deal-id="s-66"] h2')
        assert (await title.text_content() or "").startswith(SCRIPT)
        assert (
            await desk.page.locator("#desk script, #desk img, #desk b b, #desk [onerror], #desk [onload]").count() == 0
        )
        box = await title.bounding_box()
        assert box is not None
        assert box["height"] < 200
        sideways = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert await desk.page.evaluate(sideways) <= 0
        for part in ("timer", "name", "why"):
            await expect(desk.value(part)).to_be_in_viewport()
        assert "\u202e" not in await desk.page.title()


async def renamed(bridge: Bridge, names: dict[str, str]) -> None:
    """Operators have these names now, and the bridge has noticed."""
    with closing(sqlite3.connect(bridge.data / "operators.sqlite")) as accounts, accounts:
        accounts.executemany("UPDATE operators SET name = ? WHERE id = ?", [(name, id_) for id_, name in names.items()])
    async with asyncio.timeout(30):
        for operator, name in names.items():
            while True:
                async with Desk(operator, bridge.page_url, PASSWORD) as desk:
                    if desk.welcome["operator"]["name"] == name:
                        break
                await asyncio.sleep(0.2)


async def test_operators_with_hostile_names_hand_callers_over_like_all_others(
    asterisk: AsteriskInstance, bridge: Bridge, at_page: OpenPage
) -> None:
    hostile = {FIRST: f"{SCRIPT} О'Нил", SECOND: "Ян \u202eнавыворот, ,&|`нет`\\ ${SHELL(id)}"}
    await renamed(bridge, hostile)
    try:
        desk, other = await at_page(FIRST), await at_page(SECOND)
        async with phones_of(asterisk, FIRST, SECOND) as phones, talk(asterisk, desk, phones) as talking:
            assert await other.page.locator(f"[data-operator={FIRST}] .mate-name").text_content() == hostile[FIRST]
            await choose(desk, "F4", "Ян")
            await expect(said(other, "handed_to_you")).to_contain_text(hostile[FIRST], timeout=WITHIN_MS)
            await phones[PHONE_OF[SECOND]].rings(within=WITHIN_S)
            await phones[PHONE_OF[SECOND]].refuse()
            await expect(said(desk, "came_back")).to_contain_text(hostile[SECOND], timeout=WITHIN_MS)
            await pick_up(phones[PHONE_OF[FIRST]])
            await together(asterisk, talking.caller.channel, PHONE_OF[FIRST])
            await choose(desk, "F6", "Ян")
            await expect(desk.value("consult")).to_contain_text(hostile[SECOND], timeout=WITHIN_MS)
            await pick_up(phones[PHONE_OF[SECOND]])
            await expect(able(desk, "complete")).to_be_visible(timeout=WITHIN_MS)
            await desk.page.keyboard.press("F4")
            await together(asterisk, talking.caller.channel, PHONE_OF[SECOND])
            for page in (desk, other):
                assert await page.page.locator("#desk script, #desk img, #desk [onerror]").count() == 0
    finally:
        await renamed(bridge, {operator: OPERATORS[operator] for operator in hostile})
