"""The CRM has stages of its own: no list of a CRM keeps the bridge from starting, and each caller has his place."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from by_itself import ask, install
from ruamel.yaml import YAML
from small_crm import BLOCK, RULES, SHIPPED_WORDS, small_crm

from demo.bridge import Bridge

pytestmark = pytest.mark.slow

PATIENCE_S = 30.0
BILLED, WON = "+74950000301", "+74950000302"


def free_port() -> int:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def bridge_with(folder: Path, block: str, rules: str | None = None) -> AsyncIterator[Bridge]:
    """A bridge with this `crm:` block, and the shipped rules or these; not started."""
    bridge = install(folder, free_port(), customers=False)
    settings = bridge.read_settings() | YAML(typ="safe").load(block)
    if rules is not None:
        (folder / "routing.yaml").write_text(rules, "utf-8")
        settings["rules"] = "routing.yaml"
    bridge.write_settings(settings)
    try:
        yield bridge
    finally:
        await bridge.kill()


async def test_a_first_start_without_the_crm_needs_none_of_its_stages(tmp_path: Path) -> None:
    port, rules = free_port(), RULES.replace('["N:BILL"]', '["N:BILL", "N:GONE"]')
    async with bridge_with(tmp_path, BLOCK.format(url=f"http://127.0.0.1:{port}"), rules) as bridge:
        await bridge.start(ready=("journal", "rules"), within=PATIENCE_S)
        assert (await ask(bridge, BILLED))["CTI_DECISION"] == "degraded"
        with small_crm(port):
            await bridge.until(["crm"], within=PATIENCE_S)
            answer = await ask(bridge, BILLED, uniqueid="1795288011.13")
            assert (answer["CTI_QUEUE"], answer["CTI_DECISION"]) == ("sales", "matched")
            async with asyncio.timeout(PATIENCE_S):  # once it has named its stages, the log says which it lacks
                while not any("rules.warning" in line and "N:GONE" in line for line in bridge.log):
                    await asyncio.sleep(0.05)
            assert await bridge.stop() == 0


async def test_rules_that_name_stages_of_another_crm_do_not_keep_it_from_starting(tmp_path: Path) -> None:
    with small_crm() as url:
        async with bridge_with(tmp_path, BLOCK.format(url=url)) as bridge:
            await bridge.start(ready=("crm", "journal"), within=PATIENCE_S)
            told = (await bridge.sources())["rules"]
            assert told["state"] == "at_risk"
            assert "stage `paid` is not in the stage list" in told["reason"]
            assert (await ask(bridge, BILLED))["CTI_QUEUE"] == "primary-consult"
            assert await bridge.stop() == 0
            assert [line for line in bridge.log if "rules.warning" in line and "awaiting_payment" in line]


async def test_with_its_stages_led_to_theirs_the_shipped_rules_route_by_them(tmp_path: Path) -> None:
    with small_crm() as url:
        block = BLOCK.format(url=url).partition("  stage_list:")[0] + SHIPPED_WORDS
        async with bridge_with(tmp_path, block) as bridge:
            await bridge.start(ready=("crm", "journal", "rules"), within=PATIENCE_S)
            queues = [(await ask(bridge, number))["CTI_QUEUE"] for number in (BILLED, WON)]
            assert queues == ["sales", "primary-consult"]
            assert await bridge.stop() == 0
