"""The daemon while a rule file is being judged: it decides, and it leaves when it is told, with the judge."""

import signal
import socket
import time
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from by_itself import SALES, ask, install

from demo.bridge import Bridge

pytestmark = pytest.mark.slow

LEFT_S = 5.0
HEAD = "version: 1\nqueues: {sales: }\ndefault: {queue: sales}\n"
ENDLESS = "".join((
    HEAD,
    "rules:\n",
    *(f"  - {{name: r{number}, when: {{customer.city: Тверь}}, queue: sales}}\n" for number in range(2_500)),
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
    tasks = Path(f"/proc/{bridge.pid}/task")
    return [pid for task in tasks.iterdir() for pid in (task / "children").read_text().split()]


async def test_it_decides_meanwhile_and_leaves_without_waiting_for_the_end(bridge: Bridge) -> None:
    assert judges(bridge) == []
    bridge.rules.write_text(ENDLESS, "utf-8")
    bridge.signal(signal.SIGHUP)
    deadline = time.monotonic() + 10
    while not (started := judges(bridge)):
        assert time.monotonic() < deadline
    assert (await ask(bridge, SALES))["CTI_QUEUE"] == "sales"

    began = time.monotonic()
    assert await bridge.stop() == 0

    assert time.monotonic() - began < LEFT_S
    assert not any(Path(f"/proc/{pid}").exists() for pid in started)
