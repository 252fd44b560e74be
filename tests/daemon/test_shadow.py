"""`mode: shadow`: the bridge decides, writes down and shows, and the dialplan hears nothing of it."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import aiohttp
import pytest
from by_itself import PRODUCTION, SALES, ask, install

from cti_bridge.cli.main import main
from demo.bridge import Bridge

pytestmark = pytest.mark.slow


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    """An installed bridge with customers, in shadow mode, not started."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bridge = install(tmp_path, port)
    bridge.write_settings(bridge.read_settings() | {"mode": "shadow"})
    yield bridge
    await bridge.kill()


async def test_in_shadow_mode_calls_are_decided_and_written_down_but_not_routed(
    bridge: Bridge, capsys: pytest.CaptureFixture[str]
) -> None:
    await bridge.start(ready=("crm", "journal", "rules"))
    assert await ask(bridge, SALES, uniqueid="1795288011.1") == {}
    assert await ask(bridge, PRODUCTION, uniqueid="1795288011.2") == {}
    async with aiohttp.ClientSession() as http, http.get(f"{bridge.private_url}/readyz") as answer:
        assert (await answer.json())["mode"] == "shadow"
    assert await bridge.stop() == 0
    assert any('"shadow"' in line and "falls back" in line for line in bridge.log)

    config = ["--config", str(bridge.settings)]
    capsys.readouterr()
    assert main(["calls", "show", "main-1795288011.1", "--json", *config]) == 0
    decision = json.loads(capsys.readouterr().out)["decision"]
    assert (decision["rule"], decision["queue"], decision["delivered"], decision["shadow"]) == (
        "sales", "sales", False, True,
    )  # fmt: skip
    assert main(["calls", "show", "main-1795288011.1", *config]) == 0
    lines = [line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines()]
    told = dict(lines)
    assert told["shadow"] == "matched, rule sales, class sales"
    assert [
        "decision",
        "fallback: the bridge was in shadow mode and told the dialplan nothing of the decision below",
    ] in lines
    assert main(["calls", "list", *config]) == 0
    assert "shadow production" in capsys.readouterr().out

    assert main(["rules", "diff", str(bridge.rules), *config, "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert (compared["calls"], compared["first_line"]["skipped_after"]) == (2, 2)


async def test_live_is_what_the_settings_mean_when_they_do_not_say(bridge: Bridge) -> None:
    settings = bridge.read_settings()
    del settings["mode"]
    bridge.write_settings(settings)
    await bridge.start(ready=("crm", "journal", "rules"))

    assert (await ask(bridge, SALES))["CTI_DECISION"] == "matched"
    async with aiohttp.ClientSession() as http, http.get(f"{bridge.private_url}/readyz") as answer:
        assert (await answer.json())["mode"] == "live"


async def test_check_says_that_nothing_is_carried_out(bridge: Bridge) -> None:
    _, _, notice = await bridge.run("check")
    assert "mode: shadow" in notice

    bridge.write_settings(bridge.read_settings() | {"mode": "Shadow"})
    code, problems, _ = await bridge.run("check")
    assert code == 1
    assert "'live' or 'shadow'" in problems
