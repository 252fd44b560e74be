"""The example client for integrators, as a process of its own against the real application."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from front_desk import ANNA, FrontDesk, Json, call, front_desk

pytestmark = pytest.mark.slow

EXAMPLE = Path(__file__).resolve().parents[2] / "docs" / "examples" / "screen_pop_client.py"


@asynccontextmanager
async def running_example(desk: FrontDesk) -> AsyncIterator[asyncio.StreamReader]:
    """The example, as its docstring says; yields what it prints."""
    client = await asyncio.create_subprocess_exec(
        sys.executable, str(EXAMPLE), desk.url, ANNA.id,
        env=os.environ | {"CTI_KEY": await desk.accounts.add_key("example"), "PYTHONIOENCODING": "utf-8"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert client.stdout is not None
    try:
        yield client.stdout
        assert client.returncode is None
    finally:
        if client.returncode is None:
            client.send_signal(signal.SIGKILL)
        _, errors = await client.communicate()
    assert errors == b""


async def line_of(printed: asyncio.StreamReader) -> str:
    async with asyncio.timeout(30):
        return (await printed.readline()).decode().rstrip()


def sample(id_: str, name: str | None) -> Json:
    caller = {"number": "+74950000150", "display": "+7 495 000-01-50", "name": "", "kind": "external"}
    return call(id_, caller=caller, customer={"name": name} if name else None)


async def test_it_prints_a_pop_survives_a_cut_and_gets_what_it_missed(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk, running_example(desk) as printed:
        assert await line_of(printed) == "calls now: []"
        desk.hub.publish(ANNA.id, "call.ringing", call=sample("c1", "Злата \x1b[2J"))
        assert await line_of(printed) == "call.ringing +7 495 000-01-50 'Злата \\x1b[2J'"
        await desk.counted("cti_pops_acknowledged_total", 1)
        desk.cut_every_line()
        await desk.counted("cti_pages", 0)
        desk.hub.publish(ANNA.id, "call.withdrawn", call=sample("c1", "Злата"), reason="no_answer")
        desk.hub.team_changed()
        desk.hub.publish(ANNA.id, "call.ringing", call=sample("c2", None))
        assert await line_of(printed) == "call.withdrawn +7 495 000-01-50 'Злата' no_answer"
        assert await line_of(printed) == "call.ringing +7 495 000-01-50 'unknown'"
        assert desk.registry.get_sample_value("cti_page_resumes_total", {"got": "replayed"}) == 1
        desk.clock.now += 2.0
        desk.hub.repeat_overdue()
        desk.hub.publish(ANNA.id, "call.withdrawn", call=sample("c2", None), reason="abandoned")
        assert await line_of(printed) == "call.withdrawn +7 495 000-01-50 'unknown' abandoned"


def test_it_fits_on_one_screen() -> None:
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 40
