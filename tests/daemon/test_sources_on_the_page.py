"""What the bridge itself lacks, an operator sees on his page: Asterisk, the CRM, the journal, and since when."""

import asyncio
import socket
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from by_itself import SALES, ask, give_customers, install

from demo.bridge import Bridge
from demo.desks import Desk

pytestmark = pytest.mark.slow

PASSWORD = "тихий омут 7"
WITHIN_S = 20.0


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    """A bridge with one operator and no customer file, not started."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bridge = install(tmp_path, port, customers=False)
    await bridge.add_operator("op1", "Ольга Ветрова", "PJSIP/101", password=PASSWORD)
    yield bridge
    await bridge.kill()


async def becomes(desk: Desk, name: str, state: str) -> None:
    """Wait until the page is told this, and that it is so since just now. Raises TimeoutError."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            told = [frame.body["source"] for frame in desk.frames if frame.type == "source.state"]
            latest = [source for source in told if source["name"] == name][-1:]
            if latest and latest[0]["state"] == state:
                since = datetime.fromisoformat(latest[0]["since"])
                assert timedelta(0) <= datetime.now(UTC) - since < timedelta(minutes=1)
                return
            await asyncio.sleep(0.02)


async def test_asterisk_crm_and_journal_are_on_the_page_as_they_come_and_go(bridge: Bridge) -> None:
    await bridge.start(ready=("journal", "rules"))
    async with Desk("op1", bridge.page_url, PASSWORD) as desk:
        sources = {source["name"]: source["state"] for source in desk.welcome["snapshot"]["sources"]}
        assert sources == {"asterisk": "down", "crm": "down", "journal": "up"}
        give_customers(bridge)
        await becomes(desk, "crm", "up")
        with closing(sqlite3.connect(bridge.data / "calls.sqlite")) as other:
            other.execute("BEGIN IMMEDIATE")
            await ask(bridge, SALES)
            await becomes(desk, "journal", "at_risk")
            other.rollback()
        await becomes(desk, "journal", "up")
        numbers = [frame.body["seq"] for frame in desk.frames if "seq" in frame.body]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert await bridge.stop() == 0
