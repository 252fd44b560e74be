"""From AgentCalled on the AMI socket to the card painted in a real Chromium, with many other pages connected.

The page's own clock says when: a frame after the one in which the card came into the document has begun, so the card is
on the screen. Both clocks are the machine's.
"""

import asyncio
import time

from playwright.async_api import Page, async_playwright

from benchmarks.customers import CUSTOMERS, customer_file, number
from benchmarks.desk_room import Room, extension, pages, room
from benchmarks.fake_pbx import PlayedCall
from benchmarks.figures import Row, percentile
from benchmarks.page_paint import CHROMIUM, OPTIONS
from cti_bridge.operators.accounts import Accounts

OTHERS = 200
CALLS, WARM_UP_CALLS = 60, 5
RING_S, TALK_S, PAUSE_S = 0.4, 0.2, 0.2
PASSWORD = "тихий омут 7"
LIMIT_MS = 100.0
"""What people take for at once."""
WITHIN_MS = 30_000
_PRIME = 104_729

_WATCH = """
window.__painted = {};
new MutationObserver(() => {
  for (const card of document.querySelectorAll('article.call[data-state=ringing]')) {
    const id = card.dataset.callId;
    if (id in window.__painted) continue;
    window.__painted[id] = 0;
    requestAnimationFrame(() => requestAnimationFrame(() => {
      window.__painted[id] = performance.timeOrigin + performance.now();
    }));
  }
}).observe(document, {subtree: true, childList: true, attributes: true});
"""


async def rows() -> list[Row]:
    """Measure and return the rows."""
    async with (
        room(operators=OTHERS + 1, customers=customer_file()) as place,
        pages(place.page_url, place.key, operators=range(1, OTHERS + 1)),
        async_playwright() as playwright,
    ):
        await _give_password(place)
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        page = await browser.new_page(bypass_csp=True)  # the look for the painted card is a text to evaluate
        await page.add_init_script(_WATCH)
        await _sign_in(page, place.page_url)
        times = [await _painted_after_ms(place, page, position) for position in range(WARM_UP_CALLS + CALLS)]
        await browser.close()
    p50, p95 = (percentile(times[WARM_UP_CALLS:], share) for share in (50, 95))
    what = f"AgentCalled to paint in Chromium, {OTHERS} other pages, {CALLS} calls"
    return [
        Row(f"{what}: p50", f"{p50:.1f} ms", f"limit {LIMIT_MS:.0f} ms", p50 / LIMIT_MS, "≤ 1"),
        Row(f"{what}: p95", f"{p95:.1f} ms", f"limit {LIMIT_MS:.0f} ms", p95 / LIMIT_MS, "≤ 1"),
    ]


async def _give_password(place: Room) -> None:
    accounts = Accounts(place.bridge.data)
    await accounts.open()
    try:
        await accounts.set_password("op0", PASSWORD)
    finally:
        await accounts.close()


async def _sign_in(page: Page, url: str) -> None:
    await page.goto(url)
    await page.locator("#login").fill("op0")
    await page.locator("#password").fill(PASSWORD)
    await page.locator("#sign-in button[type=submit]").click()
    await page.locator("#desk[data-connection=live]").wait_for(timeout=WITHIN_MS)


async def _painted_after_ms(place: Room, page: Page, position: int) -> float:
    """Play one call at the page's operator and wait until it is over."""
    caller = number(position * _PRIME % CUSTOMERS)
    call = PlayedCall(place.pbx.new_id(), caller, extension(0), RING_S, TALK_S)
    await place.pbx.play(call)
    card = f"Object.entries(window.__painted).find(([id, at]) => id.endsWith('{call.id}') && at > 0)"
    await page.wait_for_function(card, timeout=WITHIN_MS)
    painted_at: float = await page.evaluate(f"({card})[1]")
    called_at = place.pbx.agent_called_at[call.id] + time.time() - time.monotonic()
    await asyncio.sleep(PAUSE_S)
    return painted_at - called_at * 1000
