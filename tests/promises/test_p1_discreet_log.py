"""The log of a long day with every kind of trouble, at its most talkative: no full number and no customer in it."""

import csv
import re
import signal
from collections.abc import Iterator

import aiohttp
import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones
from promises.faults import being_written
from promises.scene import (
    AMBIGUOUS,
    CUSTOMERS,
    DID,
    NO_OPEN_DEAL,
    PASSWORD,
    PRODUCTION,
    SALES,
    UNKNOWN,
    in_time,
    journalled,
    source_is,
)

CALLERS = {
    SALES: "Ракитин Глеб",
    PRODUCTION: "+7 495 000-02-02",
    AMBIGUOUS: "84950000204",
    NO_OPEN_DEAL: "Галеев",
    UNKNOWN: "Снежана Незнакомая",
}
"""Numbers, and the names that their networks send along."""


@pytest.mark.usefixtures("staff")
async def test_no_line_of_the_log_tells_who_called(asterisk: AsteriskInstance, installed: Bridge) -> None:
    bridge = installed
    bridge.write_settings(bridge.read_settings() | {"log": {"format": "json", "level": "debug"}})
    await bridge.start()
    await _a_day(asterisk, bridge)
    async with aiohttp.ClientSession() as http, http.get(f"{bridge.private_url}/metrics") as answer:
        metrics = await answer.text()
    assert await bridge.stop() == 0
    log = (bridge.folder / "bridge.log").read_text("utf-8")
    assert len(bridge.events("call")) >= len(CALLERS)
    for told in (log, metrics):
        assert {secret for secret in _secrets() if secret in told} == set()
        assert not re.search(r"4950000\d{3}", re.sub(r"[ ()-]", "", told))


async def _a_day(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    """Answered and abandoned calls, while all goes well and while nothing does."""
    answers = Behaviour(answer_after=0.1)
    phones = Phones(asterisk, dict.fromkeys(("101", "102", "103", "104", "105", "106"), answers))
    async with phones, Desk("op3", bridge.page_url, PASSWORD):
        await _everybody_calls(asterisk, answered=True)
        (bridge.data / "crm.sqlite").write_bytes(b"SQLite format 3\x00" + b"+74950000201 " * 500)
        bridge.rules.write_text("rules: [{name: x, when: {caller.number: '+74950000201'}}]", "utf-8")
        bridge.signal(signal.SIGHUP)
        await source_is(bridge, "rules", "at_risk")
        await source_is(bridge, "crm", "down")
        async with being_written(bridge.data / "calls.sqlite"):
            await _everybody_calls(asterisk, answered=True)
            await source_is(bridge, "journal", "at_risk")
    async with in_time(asterisk, SALES, name="Ракитин") as abandoned:
        pass
    await source_is(bridge, "journal", "up")
    await journalled(bridge, abandoned.call_id, ended=True)


async def _everybody_calls(asterisk: AsteriskInstance, *, answered: bool) -> None:
    for number, name in CALLERS.items():
        async with in_time(asterisk, number, name=name) as caller:
            if answered:
                await caller.phone.answered()


def _secrets() -> Iterator[str]:
    """Every word that would betray a customer or a caller, and every number in the ways one could write it."""
    with CUSTOMERS.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield from re.findall(r"\w{4,}", f"{row['name']} {row['deal_title']} {row['note']} {row['city']}")
            yield row["email"]
    for name in CALLERS.values():
        yield from re.findall(r"[^\W\d]{4,}", name)
    for number in (*CALLERS, DID):
        digits = number.removeprefix("+")
        yield from (digits, f"8{digits[1:]}", digits[1:], digits[4:])
