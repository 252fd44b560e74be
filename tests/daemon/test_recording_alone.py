"""`cti-bridge record --mask` as an admin has it: what it needs, what it says, what it leaves behind."""

import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest
from by_itself import DID, SALES, ask, install

from cti_bridge.cli.main import main
from demo.asterisk import REPOSITORY
from demo.bridge import Bridge

pytestmark = pytest.mark.slow


@pytest.fixture
async def bridge(tmp_path: Path) -> AsyncIterator[Bridge]:
    """A running bridge with customers and without an Asterisk."""
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    bridge = install(tmp_path, port)
    await bridge.start(ready=("crm", "journal", "rules"))
    yield bridge
    await bridge.kill()


async def recording(bridge: Bridge, file: Path, *options: str) -> asyncio.subprocess.Process:
    """The command, when it has begun to write."""
    process = await asyncio.create_subprocess_exec(
        *bridge.command("record", "--mask", str(file), *options), cwd=REPOSITORY, stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(20):
        said = (await process.stderr.readline()).decode()
    assert said.startswith(f"recording to {file}; "), said
    return process


async def ended(process: asyncio.subprocess.Process) -> tuple[int | None, str]:
    async with asyncio.timeout(20):
        _, said = await process.communicate()
    return process.returncode, said.decode()


async def test_it_records_for_a_time(bridge: Bridge, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    process = await recording(bridge, file, "--for", "3s")
    await ask(bridge, SALES, name="Прохор Шумилов", uniqueid="1795288011.12")

    assert await ended(process) == (0, "")
    assert file.stat().st_mode & 0o777 == 0o600
    header, *said = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    assert (header["pbx"], header["asterisk"]) == ("main", "")
    assert [list(line)[1] for line in said] == ["snapshot", "snapshot", "agi", "answer"]
    assert said[3]["answer"]["variables"]["CTI_CLASS"] == "sales"
    text = file.read_text("utf-8")
    assert not [word for word in (SALES, DID, "Шумилов", "q-1") if word in text]


async def test_ctrl_c_and_a_bridge_that_stops_leave_whole_lines(bridge: Bridge, tmp_path: Path) -> None:
    first, second = tmp_path / "1.jsonl", tmp_path / "2.jsonl"
    interrupted, abandoned = await recording(bridge, first), await recording(bridge, second)
    interrupted.send_signal(signal.SIGINT)
    assert await ended(interrupted) == (130, "")
    await bridge.stop()
    code, said = await ended(abandoned)
    assert (code, said) == (
        1, "cti-bridge: the recording ended early: the daemon ended it; the last line of the file may say why\n"
    )  # fmt: skip
    for file in (first, second):
        assert file.read_text("utf-8").endswith("}\n")
        assert all(json.loads(line) for line in file.read_text("utf-8").splitlines())
    assert '"end":"the bridge stops"' in second.read_text("utf-8")


async def test_it_says_what_is_in_the_way(bridge: Bridge, tmp_path: Path) -> None:
    there = tmp_path / "there.jsonl"
    there.write_text("mine")
    code, _, said = await bridge.run("record", "--mask", str(there), "--for", "1s")
    assert (code, said) == (2, f"cti-bridge: {there}: File exists\n")
    assert there.read_text() == "mine"

    others = [await recording(bridge, tmp_path / f"{n}.jsonl") for n in range(2)]
    code, _, said = await bridge.run("record", "--mask", str(tmp_path / "3.jsonl"))
    assert code == 2
    assert said.endswith("answered 503: 2 recordings are being made already\n")
    for other in others:
        other.send_signal(signal.SIGINT)
        await ended(other)

    await bridge.stop()
    code, _, said = await bridge.run("record", "--mask", str(tmp_path / "4.jsonl"))
    assert code == 2
    assert said.startswith("cti-bridge: the daemon does not answer at http://")
    assert not [number for number in "34" if (tmp_path / f"{number}.jsonl").exists()]


@pytest.mark.parametrize(
    "words",
    [[], ["--mask", "a", "--replay", "b"], ["--mask", "a", "--for", "a while"], ["--mask", "a", "--config", "no"]],
)
def test_what_makes_no_sense_is_not_begun(words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    try:
        assert main(["record", *words]) == 2
    except SystemExit as usage:
        assert usage.code == 2
    assert not list(tmp_path.iterdir())
