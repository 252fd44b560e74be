"""A reload of a thousand rules with five hundred tests by the real bridge, and how callers fare meanwhile.

The clients of FastAGI are in this process and the bridge in another, so on two cores the judge, a third, takes turns
with them, as it would with Asterisk.
"""

import asyncio
import tempfile
import time
from itertools import count
from pathlib import Path
from typing import Any

import aiohttp

from benchmarks.agi_client import ask, question
from benchmarks.customers import FOLDER
from benchmarks.fake_pbx import FakePbx
from benchmarks.figures import Row, percentile
from benchmarks.processes import free_tcp_port
from benchmarks.rules import EXPRESSIONS, MAPS, thousand_rules
from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT, Bridge

TESTS, RELOADS = 500, 5
RATE = 20.0
WARM_UP = 100
LIMIT_S = 30.0
"""What a file may take to be judged; one that takes longer is refused."""
CALLER = "+74950000150"
CUSTOMERS = f"customer_id,name,number,deal_id,stage\nc-1,Ия Ласточкина,{CALLER},t-1,offer_sent\n"
_SUNDAY = "2026-11-22 11:00"


async def rows() -> list[Row]:
    """Measure and return the rows."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="run-", dir=FOLDER) as folder:
        bridge, address = await _prepared(Path(folder))
        async with FakePbx(address, AGI_PORT) as pbx:
            try:
                await bridge.start(within=60)
                return await _measured(bridge, pbx, (Path(folder) / "reload.key").read_text("utf-8").strip())
            finally:
                await bridge.kill()


async def _prepared(folder: Path) -> tuple[Bridge, str]:
    """A bridge with these rules, not started, and where it expects its PBX."""
    place = AsteriskInstance(Path("/nonexistent"), folder / "pbx")  # only for its addresses, never started
    (folder / "routing.yaml").write_text(thousand_rules() + _tests(), "utf-8")
    bridge = Bridge(folder, place, page_port=free_tcp_port(), rules=folder / "routing.yaml")
    settings = bridge.read_settings()
    del settings["pbxes"][0]["ari"]  # the fake PBX has none
    bridge.write_settings(settings)
    (folder / "customers.csv").write_text(CUSTOMERS, "utf-8")
    for words in (("crm", "import", str(folder / "customers.csv")), ("keys", "add", "bench", "--for", "reload")):
        code, out, complaint = await bridge.run(*words)
        if code:
            raise RuntimeError(complaint)
    (folder / "reload.key").write_text(out, "utf-8")
    return bridge, place.address


def _tests() -> str:
    """Every test tries every rule."""
    given = f"{{caller: '{CALLER}', deal.stage: offer_sent, deal.amount: 148000, at: '{_SUNDAY}'}}"
    tests = (f"  - {{name: t{n}, given: {given}, expect: {{rule: last}}}}\n" for n in range(TESTS))
    return "".join(("tests:\n", *tests))


async def _measured(bridge: Bridge, pbx: FakePbx, key: str) -> list[Row]:
    await _calls(pbx, asyncio.create_task(asyncio.sleep(WARM_UP / RATE)))
    took: list[float] = []
    quiet: list[float] = []
    meanwhile: list[float] = []
    headers = {"Authorization": f"Bearer {key}"}
    async with aiohttp.ClientSession(headers=headers) as http:
        for _ in range(RELOADS):
            reload = asyncio.create_task(_reload(http, f"{bridge.private_url}/api/v1/rules/reload"))
            meanwhile += await _calls(pbx, reload)
            took.append(reload.result())
            quiet += await _calls(pbx, asyncio.create_task(asyncio.sleep(took[-1])))
    (middle, longest), rules = (percentile(took, 50), max(took)), f"{MAPS + EXPRESSIONS:,} rules"
    p50, p99, quiet_p50, quiet_p99 = (percentile(times, p) for times in (meanwhile, quiet) for p in (50, 99))
    return [
        Row(f"reload of {rules} with {TESTS} tests: median / longest of {RELOADS}", f"{middle:.1f} / {longest:.1f} s",
            f"limit {LIMIT_S:.0f} s", longest / LIMIT_S, "≤ 1"),
        Row(f"decision under {rules} over FastAGI during the reload, {RATE:.0f} a second: p50 / p99",
            f"{p50:.2f} / {p99:.2f} ms", f"without one {quiet_p50:.2f} / {quiet_p99:.2f} ms", p99 / quiet_p99),
    ]  # fmt: skip


async def _reload(http: aiohttp.ClientSession, url: str) -> float:
    """Seconds until the answer that the file is in force. Raises RuntimeError for any other."""
    began = time.monotonic()
    async with http.post(url) as answer:
        said: dict[str, Any] = await answer.json()
    if not said.get("accepted"):
        raise RuntimeError(f"the reload was answered {answer.status}: {str(said)[:500]}")
    return time.monotonic() - began


async def _calls(pbx: FakePbx, until: "asyncio.Task[Any]") -> list[float]:
    """Ask so many times a second until that is over; milliseconds of each conversation."""
    began, asked = time.monotonic(), []
    async with asyncio.TaskGroup() as group:
        for position in count():
            await asyncio.wait({until}, timeout=max(0.0, began + position / RATE - time.monotonic()))
            if until.done():
                break
            asked.append(group.create_task(_call(pbx)))
    return [task.result() for task in asked]


async def _call(pbx: FakePbx) -> float:
    channel = pbx.new_id()
    took_ms, commands = await ask(pbx.agi, question(pbx.address, channel, CALLER))
    pbx.hang_up(channel)
    if not any(b"CTI_RULE=last" in command for command in commands):
        raise RuntimeError(f"another decision than the last rule's: {commands}")
    return took_ms
