"""Reload as the admin meets it: what he is told, where a refused file shows, and a daemon that leaves meanwhile."""

import asyncio
import json
import os
import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import aiohttp
import pytest
from by_itself import SALES, ask, install

from demo.bridge import Bridge, BridgeError

pytestmark = pytest.mark.slow

LEFT_S = 5.0
RELOAD = "/api/v1/rules/reload"
HEAD = "version: 1\nqueues: {sales: }\ndefault: {queue: sales}\n"
ENDLESS = "".join((
    HEAD,
    "rules:\n",
    *(f"  - {{name: r{number}, when: {{customer.city: Тверь-{number}}}, queue: sales}}\n" for number in range(2_500)),
    "tests:\n",
    *(f"  - {{name: t{number}, expect: {{queue: sales}}}}\n" for number in range(2_500)),
))  # fmt: skip


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    """A running bridge with a copy of the shipped rules."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bridge = install(tmp_path, port)
    bridge.rules = tmp_path / "routing.yaml"
    bridge.rules.write_text(HEAD, "utf-8")
    bridge.write_settings(bridge.read_settings() | {"rules": str(bridge.rules)})
    await bridge.start(ready=("journal", "rules"))
    yield bridge
    await bridge.kill()


def judges(bridge: Bridge) -> list[str]:
    """The processes that the bridge has started and that still live."""
    found: list[str] = []
    for task in Path(f"/proc/{bridge.pid}/task").iterdir():
        with suppress(FileNotFoundError):  # a thread that has just ended
            found += (task / "children").read_text().split()
    return found


async def judging(bridge: Bridge) -> list[str]:
    """Wait until a file is being judged."""
    async with asyncio.timeout(30):
        while not (started := judges(bridge)):
            await asyncio.sleep(0.01)
    return started


async def key_file(bridge: Bridge, purpose: str = "reload") -> str:
    """The file with a new key for this."""
    code, key, complaint = await bridge.run("keys", "add", f"for-{purpose}", "--for", purpose)
    assert code == 0, complaint
    path = bridge.folder / f"{purpose}.key"
    path.write_text(key, "utf-8")
    headers = {"Authorization": f"Bearer {key.strip()}"}
    async with asyncio.timeout(30), aiohttp.ClientSession() as http:
        status = 401
        while status == 401:  # the daemon looks for new keys every second; with a body nothing is loaded
            await asyncio.sleep(0.5)
            async with http.post(f"{bridge.private_url}{RELOAD}", headers=headers, data=b"-") as answer:
                status = answer.status
    return str(path)


async def metric(bridge: Bridge, name: str) -> float:
    async with aiohttp.ClientSession() as http, http.get(f"{bridge.private_url}/metrics") as answer:
        lines = (await answer.text()).splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith(f"{name} "))


async def test_the_admin_sees_in_his_terminal_what_is_wrong(bridge: Bridge) -> None:
    key = await key_file(bridge)
    accepted = bridge.events("rules.accepted")[-1]["hash"]
    bridge.rules.write_text(f"{HEAD}tests:\n  - {{name: продажи, expect: {{queue: desk}}}}\n", "utf-8")

    code, out, err = await bridge.run("rules", "reload", "--key-file", key)
    assert (code, out.count("\n")) == (1, 1)
    assert out.startswith(f"{bridge.rules}:5:") and "desk" in out
    assert err == f"cti-bridge: the file is refused, rules {accepted} stay in force\n"

    sources = await bridge.sources()
    assert (sources["rules"]["state"], out.strip() in sources["rules"]["reason"]) == ("at_risk", True)
    assert bridge.events("rules.refused")[-1]["problem"] == out.strip()
    assert await metric(bridge, "cti_rules_refused_total") == await metric(bridge, "cti_rules_refused_now") == 1.0

    tests = "tests:\n  - {name: продажи, expect: {queue: sales}}\n"
    bridge.rules.write_text(HEAD + "schedules: {yard: {hours: 'off'}}\n" + tests, "utf-8")
    code, out, err = await bridge.run("rules", "reload", "--key-file", key)
    now = bridge.events("rules.accepted")[-1]["hash"]
    assert (code, out) == (0, f"rules {now} are in force, from the next call on; 1 tests passed\n")
    assert "never open" in err
    assert (await bridge.sources())["rules"] == {"state": "up", "reason": ""}
    assert await metric(bridge, "cti_rules_refused_now") == 0.0

    code, out, _ = await bridge.run("rules", "reload", "--key-file", key, "--json")
    told = json.loads(out)
    assert (code, told["accepted"], told["hash"][:12], told["previous"][:12]) == (0, True, now, now)
    assert {line["by"] for line in bridge.events("rules.reload_asked")} == {"key for-reload"}


async def test_whoever_may_not_or_cannot_ask_is_told_so(bridge: Bridge) -> None:
    for_tickets = await key_file(bridge, "tickets")
    code, out, err = await bridge.run("rules", "reload", "--key-file", for_tickets)
    assert (code, out) == (2, "") and "answered 403: this key is for tickets, not for reload" in err
    code, out, err = await bridge.run("rules", "reload")
    assert (code, out) == (2, "") and "$CTI_RELOAD_KEY: no key" in err
    (bridge.folder / "two.key").write_text("cti_a\r\nX-Other: b", "utf-8")
    assert "this is no key" in (await bridge.run("rules", "reload", "--key-file", str(bridge.folder / "two.key")))[2]
    key = await key_file(bridge)
    assert await bridge.stop() == 0
    code, out, err = await bridge.run("rules", "reload", "--key-file", key)
    assert (code, out) == (2, "") and f"the daemon does not answer at {bridge.private_url}/" in err


async def test_who_asked_is_told_when_the_bridge_stops_meanwhile(bridge: Bridge) -> None:
    key = await key_file(bridge)
    bridge.rules.write_text(ENDLESS, "utf-8")
    asked = asyncio.create_task(bridge.run("rules", "reload", "--key-file", key))
    started = await judging(bridge)

    began = time.monotonic()
    assert await bridge.stop() == 0

    assert time.monotonic() - began < LEFT_S
    code, out, err = await asked
    assert (code, out) == (2, "") and "answered 503: the bridge is stopping" in err
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


async def test_a_client_that_goes_away_changes_nothing_for_the_next_one(bridge: Bridge) -> None:
    key = await key_file(bridge)
    bridge.rules.write_text(ENDLESS, "utf-8")
    headers = {"Authorization": f"Bearer {Path(key).read_text('utf-8').strip()}"}
    async with aiohttp.ClientSession() as http:
        gone = asyncio.create_task(http.post(f"{bridge.private_url}{RELOAD}", headers=headers))
        (first,) = await judging(bridge)
        gone.cancel()
    bridge.rules.write_text(f"{HEAD}# и всё\n", "utf-8")
    asked = asyncio.create_task(bridge.run("rules", "reload", "--key-file", key))
    async with asyncio.timeout(25):
        while len(bridge.events("rules.reload_asked")) < 2:
            await asyncio.sleep(0.02)
    assert (await ask(bridge, SALES))["CTI_QUEUE"] == "sales"
    with suppress(ProcessLookupError):
        os.kill(int(first), signal.SIGKILL)  # the judge of the first

    code, out, _ = await asked
    assert (code, out.startswith("rules ")) == (0, True)
    assert "was ended by SIGKILL" in bridge.events("rules.refused")[-1]["problem"]


async def test_it_decides_meanwhile_and_leaves_without_waiting_for_the_end(bridge: Bridge) -> None:
    assert judges(bridge) == []
    bridge.rules.write_text(ENDLESS, "utf-8")
    bridge.signal(signal.SIGHUP)
    started = await judging(bridge)
    assert (await ask(bridge, SALES))["CTI_QUEUE"] == "sales"

    began = time.monotonic()
    assert await bridge.stop() == 0

    assert time.monotonic() - began < LEFT_S
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)


async def test_it_leaves_without_waiting_for_the_end_of_its_start(bridge: Bridge) -> None:
    assert await bridge.stop() == 0
    bridge.rules.write_text(ENDLESS, "utf-8")
    start = asyncio.create_task(bridge.start())
    await asyncio.sleep(0)
    async with asyncio.timeout(30):
        while not bridge.running:
            await asyncio.sleep(0.01)
    started = await judging(bridge)

    began = time.monotonic()
    assert await bridge.stop() == 0

    assert time.monotonic() - began < LEFT_S
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)
    with pytest.raises(BridgeError):
        await start
