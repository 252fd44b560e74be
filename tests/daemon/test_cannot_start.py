"""What keeps the daemon from running is told in lines for a person, and nothing that it had opened stays open."""

import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from by_itself import install

from cti_bridge.daemon import CannotStart, Daemon
from cti_bridge.settings import load_settings
from demo.bridge import AGI_PORT, PRIVATE_PORT, Bridge


@pytest.fixture
def taken() -> Iterator[socket.socket]:
    """A port of 127.0.0.1 that somebody listens on."""
    with closing(socket.socket()) as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        yield server


@pytest.fixture
def bridge(tmp_path: Path, taken: socket.socket) -> Bridge:
    """An installed bridge whose page would be at the taken port."""
    return install(tmp_path, taken.getsockname()[1], customers=False)


async def _refusal(bridge: Bridge) -> str:
    """Why the daemon does not start; afterwards everything it had is closed again."""
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(CannotStart) as refused:
        await Daemon(load_settings(bridge.settings)).run()
    assert set(Path("/proc/self/fd").iterdir()) == before
    return str(refused.value)


async def test_the_port_of_the_page_is_taken(bridge: Bridge) -> None:
    assert await _refusal(bridge) == f"web: 127.0.0.1:{bridge.page_port} already in use"


@pytest.mark.slow
@pytest.mark.parametrize(("port", "who"), [(AGI_PORT, "FastAGI"), (PRIVATE_PORT, "web")], ids=["FastAGI", "private"])
async def test_a_port_of_its_own_is_taken(bridge: Bridge, port: int, who: str) -> None:
    host = bridge.agi_url.removeprefix("agi://").partition(":")[0]
    with closing(socket.socket()) as other:
        other.bind((host, port))
        other.listen()
        assert await _refusal(bridge) == f"{who}: {host}:{port} already in use"


async def test_an_address_of_another_machine(bridge: Bridge) -> None:
    settings = bridge.read_settings()
    settings["web"]["private"]["host"] = "192.0.2.1"
    bridge.write_settings(settings)
    assert await _refusal(bridge) == f"web: 192.0.2.1:{PRIVATE_PORT} is no address of this machine"


async def test_no_usable_rules(bridge: Bridge, tmp_path: Path) -> None:
    rules = tmp_path / "own.yaml"
    rules.write_text("version: 1\ndefault: {queue: nowhere}\n")
    bridge.write_settings(bridge.read_settings() | {"rules": str(rules)})
    assert (await _refusal(bridge)).startswith(f"{rules}:1:1: ")
    rules.unlink()
    assert await _refusal(bridge) == f"{rules}: No such file or directory"


async def test_a_data_folder_that_cannot_be_one(bridge: Bridge, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    bridge.write_settings(bridge.read_settings() | {"data_dir": "file"})
    refusal = await _refusal(bridge)
    assert refusal.startswith("data_dir: ") and str(tmp_path / "file") in refusal
