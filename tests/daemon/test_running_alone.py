"""The daemon without an Asterisk: it starts, decides, keeps its journal, says how it is, and leaves when it is told."""

import json
import socket
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from by_itself import DID, PRODUCTION, SALES, UNKNOWN, ask, give_customers, install

from cti_bridge.cli.main import main
from demo.bridge import Bridge

pytestmark = pytest.mark.slow

LEFT_S = 5.0


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    """An installed bridge with customers, not started."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bridge = install(tmp_path, port)
    yield bridge
    await bridge.kill()


async def test_it_starts_and_serves_with_asterisk_and_crm_absent_and_heals(bridge: Bridge) -> None:
    for file in bridge.data.glob("crm.sqlite*"):
        file.unlink()
    await bridge.start(ready=("journal", "rules"))
    assert (await ask(bridge, SALES))["CTI_DECISION"] == "degraded"
    sources = await bridge.sources()
    assert {name: source["state"] for name, source in sources.items()} == {
        "asterisk": "down", "crm": "down", "journal": "up", "rules": "up",
    }  # fmt: skip
    assert "5038" in sources["asterisk"]["reason"] and "does not exist" in sources["crm"]["reason"]
    assert await _status(bridge, "/readyz") == 503
    assert await _status(bridge, "/healthz") == 200
    assert await _status(bridge, "/metrics") == 200
    give_customers(bridge)
    await bridge.until(["crm"])
    assert (await ask(bridge, SALES))["CTI_DECISION"] == "matched"
    began = time.monotonic()
    assert await bridge.stop() == 0
    assert time.monotonic() - began < LEFT_S
    assert len([line for line in bridge.log if "asterisk.lost" in line]) == 1


async def test_its_journal_tells_of_every_call_and_its_log_of_nobody(
    bridge: Bridge, capsys: pytest.CaptureFixture[str]
) -> None:
    bridge.write_settings(bridge.read_settings() | {"log": {"format": "json", "level": "debug"}})
    config = ["--config", str(bridge.settings)]
    assert main(["calls", "list", *config]) == 2
    assert "no journal yet" in capsys.readouterr().err
    await bridge.start(ready=("crm", "journal", "rules"))
    assert main(["calls", "list", *config]) == 1
    callers = {SALES: "Прохор", PRODUCTION: "Злата Берёзкина", UNKNOWN: "<b>Марфа</b>"}
    for line, (number, name) in enumerate(callers.items()):
        answer = await ask(bridge, number, name=name, uniqueid=f"1795288011.{line}")
        assert answer["CTI_DECISION"] in {"matched", "default"}
    assert await bridge.stop() == 0

    capsys.readouterr()
    assert main(["calls", "list", "--json", *config]) == 0
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {row["caller"]: row["caller_name"] for row in rows} == callers
    assert [row["decision"]["queue"] for row in rows] == ["primary-consult", "production", "sales"]
    assert main(["calls", "list", "--limit", "1", *config]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1
    assert main(["calls", "show", "main-1795288011.0", *config]) == 0
    shown = capsys.readouterr().out
    assert all(word in shown for word in (SALES, DID, "matched, rule sales, class sales", "Прохор"))
    assert main(["calls", "show", "main-0.0", *config]) == 1
    assert main(["explain", "--call", "main-1795288011.1", *config]) == 0
    assert "production" in capsys.readouterr().out

    log = (bridge.folder / "bridge.log").read_text("utf-8")
    assert "running" in log
    for secret in ("Прохор", "Шумилов", "Злата", "Берёзкина", "Марфа", "4950000301", "0000302", "4950000348"):
        assert secret not in log


async def test_it_starts_while_somebody_else_holds_the_journal(bridge: Bridge) -> None:
    await bridge.start(ready=("crm", "journal", "rules"))
    assert await bridge.stop() == 0
    with closing(sqlite3.connect(bridge.data / "calls.sqlite")) as holder:
        holder.execute("BEGIN IMMEDIATE")
        await bridge.start(ready=("crm", "rules"))
        assert (await ask(bridge, SALES))["CTI_DECISION"] == "matched"
    await bridge.until(["journal"])


async def test_a_second_bridge_on_the_same_ports_is_one_clear_line(bridge: Bridge) -> None:
    await bridge.start(ready=("crm", "journal", "rules"))
    code, out, complaint = await bridge.run("run")
    assert (code, out) == (2, "")
    (told,) = [line for line in complaint.splitlines() if not line.startswith("{")]
    address = bridge.agi_url.removeprefix("agi://").removesuffix("/route")
    assert told == f"cti-bridge: FastAGI: {address} already in use"
    assert "Traceback" not in complaint
    assert (await ask(bridge, SALES))["CTI_DECISION"] == "matched"


async def _status(bridge: Bridge, path: str) -> int:
    async with aiohttp.ClientSession() as http, http.get(f"{bridge.private_url}{path}") as answer:
        return answer.status
