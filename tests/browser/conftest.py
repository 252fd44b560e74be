"""A real Chromium, one Asterisk and one bridge with the built operator page for all tests of this folder.

Fixtures: `asterisk` (without calls; two members in each queue), `bridge` (running, asked by Asterisk; a test may
restart it), `cable` (the network between browser and bridge), `at_page` (`await at_page("op1")`: an operator who has
signed in, in a browser profile of his own), `open_page` (the same page, nobody signed in), `on_stage` (the page with
a bridge of words only, for looks, keys and signals; it needs no Asterisk). After every test each page must have
behaved: no script error, no dialog, no breach of the content security policy.

All tests and fixtures here run on one event loop per process. Chromium is Debian's.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright
from promises.cable import Cable
from promises.scene import MEMBERS, OPERATORS, PASSWORD, PHONE_OF, WAY_OUT
from promises.screens import bridge_with_short_times

from browser.desk_page import DeskPage
from browser.stage import Stage
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from demo.asterisk import REPOSITORY, AsteriskInstance, build_root
from demo.bridge import Bridge

HERE = Path(__file__).parent
CHROMIUM = "/usr/bin/chromium"
OPTIONS = (
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-component-update",
    "--disable-sync",
)  # fmt: skip

LINE = "+74950000149"
AT_THE_DESK = {"operators": {"create_deal": True, "outbound": {"prefixes": ["+7495"], "per_minute": 60, "line": LINE}}}
"""How operators work in these tests."""

OpenPage = Callable[..., Awaitable[DeskPage]]
OnStage = Callable[..., Awaitable[tuple[Stage, DeskPage]]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run every asynchronous test of this folder on the loop of what they share."""
    for item in items:
        if HERE in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def chromium() -> AsyncIterator[Browser]:
    """The browser; each page is in a profile of its own."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=OPTIONS)
        yield browser
        await browser.close()


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_asterisk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskInstance]:
    """The Asterisk of all tests here."""
    root = await build_root(Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache")))
    async with AsteriskInstance(root, tmp_path_factory.mktemp("asterisk"), more=WAY_OUT) as instance:
        yield instance


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def prepared(shared_asterisk: AsteriskInstance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a bridge with customers and operators; every bridge gets a copy of its own."""
    assert (REPOSITORY / "cti_bridge/web/static/index.html").is_file(), "the page is not built: make ui"
    maker = Bridge(tmp_path_factory.mktemp("prepared"), shared_asterisk, page_port=0)
    code, _, complaint = await maker.run("crm", "import", str(HERE / "customers.csv"))
    assert code == 0, complaint
    accounts = Accounts(maker.data)
    await accounts.open()
    for operator, name in OPERATORS.items():
        phones = (f"PJSIP/{PHONE_OF[operator]}",)
        await accounts.add(Operator(OperatorId(operator), name, phones, crm_user=operator), PASSWORD)
    await accounts.close()
    return maker.data


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_bridge(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """The bridge of all tests here, with customers and operators of its own."""
    folder = tmp_path_factory.mktemp("browser") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, more=AT_THE_DESK) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def asterisk(shared_asterisk: AsteriskInstance) -> AsyncIterator[AsteriskInstance]:
    """A running Asterisk without calls, with two members in each queue."""
    for queue, operators in MEMBERS.items():
        for operator in operators:
            await shared_asterisk.add_member(queue, f"PJSIP/{PHONE_OF[operator]}", name=OPERATORS[operator])
    yield shared_asterisk
    await shared_asterisk.hang_up_all()
    await shared_asterisk.remove_all_members()


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, shared_bridge: Bridge) -> Bridge:
    """The running bridge."""
    await asterisk.lab.set_global("CTI_AGI", shared_bridge.agi_url)
    if not shared_bridge.running:
        await shared_bridge.start()
    return shared_bridge


@pytest_asyncio.fixture(loop_scope="session")
async def cable(bridge: Bridge) -> AsyncIterator[Cable]:
    """The network between browser and bridge; all pages of a test go through it."""
    async with Cable.to("127.0.0.1", bridge.page_port) as cable:
        yield cable


@pytest_asyncio.fixture(loop_scope="session")
async def open_page(chromium: Browser, cable: Cable) -> AsyncIterator[OpenPage]:
    """Open the page, nobody signed in: `page = await open_page()`; options are those of a browser profile."""
    opened: list[DeskPage] = []
    async with AsyncExitStack() as stack:

        async def start(**options: object) -> DeskPage:
            desk = await DeskPage.opened(chromium, f"http://127.0.0.1:{cable.port}/", **options)
            stack.push_async_callback(desk.context.close)
            opened.append(desk)
            return desk

        yield start
        for desk in opened:
            await desk.behaved()


@pytest_asyncio.fixture(loop_scope="session")
async def at_page(open_page: OpenPage) -> OpenPage:
    """Open the page and sign an operator in: `desk = await at_page("op1")`."""

    async def start(operator: str, **options: object) -> DeskPage:
        desk = await open_page(**options)
        await desk.sign_in(operator, PASSWORD)
        await desk.is_at_desk()
        return desk

    return start


@pytest_asyncio.fixture(loop_scope="session")
async def on_stage(chromium: Browser) -> AsyncIterator[OnStage]:
    """Open the page on a stage: `stage, desk = await on_stage()`.

    `language` and `signed_in` say who sits there; the other options are those of a browser profile.
    """
    opened: list[DeskPage] = []
    async with AsyncExitStack() as stack:

        async def start(*, language: str = "ru", signed_in: bool = True, **options: object) -> tuple[Stage, DeskPage]:
            stage = await stack.enter_async_context(Stage.raised(language=language, signed_in=signed_in))
            desk = await DeskPage.opened(chromium, stage.url, **options)
            stack.push_async_callback(desk.context.close)
            opened.append(desk)
            if signed_in:
                await desk.is_at_desk()
            else:
                await desk.page.locator("#sign-in").wait_for()
            return stage, desk

        yield start
        for desk in opened:
            await desk.behaved()
