"""Whoever calls from a number of the house is no customer, even where the CRM has one with that number."""

import json
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from by_itself import PRODUCTION, SALES, ask, install

from cti_bridge.cli.main import main
from demo.bridge import Bridge


@pytest.fixture
def bridge(tmp_path: Path) -> Bridge:
    """A bridge with customers and, from now on, one of their numbers in its settings; not started."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bridge = install(tmp_path, port)
    plain = json.loads(bridge.settings.read_text("utf-8"))
    plain["pbxes"][0]["staff_numbers"] = ["8 (495) 000-03-01"]
    bridge.settings.write_text(json.dumps(plain), "utf-8")
    return bridge


@pytest.fixture
async def running(bridge: Bridge) -> AsyncIterator[Bridge]:
    """The same, deciding."""
    await bridge.start(ready=("journal", "rules", "crm"))
    yield bridge
    await bridge.kill()


@pytest.mark.slow
async def test_a_colleague_gets_no_card_of_a_customer(running: Bridge) -> None:
    colleague = await ask(running, SALES)
    assert (colleague["CTI_CRM"], colleague["CTI_CLASS"]) == ("skipped", "new")
    customer = await ask(running, PRODUCTION, uniqueid="1795288011.13")
    assert (customer["CTI_CRM"], customer["CTI_CLASS"]) == ("fresh", "production")


def test_the_commands_say_the_same(bridge: Bridge, capsys: pytest.CaptureFixture[str]) -> None:
    config = ["--config", str(bridge.settings)]
    capsys.readouterr()
    assert main(["crm", "lookup", SALES, *config]) == 1
    assert "such a number is never looked up" in capsys.readouterr().out
    assert main(["explain", "--caller", SALES, "--json", *config]) == 0
    assert json.loads(capsys.readouterr().out)["crm"] == "skipped"
