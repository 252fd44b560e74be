"""The first paint of the operator page in a real Chromium that has never seen it, served by the real bridge."""

from playwright.async_api import Browser, async_playwright

from benchmarks.customers import customer_file
from benchmarks.desk_room import room
from benchmarks.figures import Row, percentile

CHROMIUM = "/usr/bin/chromium"
OPTIONS = ("--no-sandbox", "--disable-gpu", "--disable-background-networking")
VISITS = 15
LIMIT_MS = 1000.0

_PAINTED = """
new Promise(then => new PerformanceObserver((list, observer) => {
  const paint = list.getEntriesByName('first-contentful-paint')[0];
  if (paint) { observer.disconnect(); then(paint.startTime); }
}).observe({type: 'paint', buffered: true}))
"""


async def rows() -> list[Row]:
    """Measure and return the rows."""
    async with room(operators=1, customers=customer_file()) as place, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        await _visit(browser, place.page_url)  # starts Chromium's own processes
        paints = [await _visit(browser, place.page_url) for _ in range(VISITS)]
        await browser.close()
    p50, worst = percentile(paints, 50), max(paints)
    what = f"first contentful paint of the page, empty cache, {VISITS} visits"
    return [
        Row(f"{what}: p50", f"{p50:.0f} ms", f"limit {LIMIT_MS:.0f} ms", p50 / LIMIT_MS, "≤ 1"),
        Row(f"{what}: slowest", f"{worst:.0f} ms", f"limit {LIMIT_MS:.0f} ms", worst / LIMIT_MS, "≤ 1"),
    ]


async def _visit(browser: Browser, url: str) -> float:
    """Open the page in a new profile and return the milliseconds from the navigation to the first contentful paint."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(url)
    painted: float = await page.evaluate(_PAINTED)
    await context.close()
    return painted
