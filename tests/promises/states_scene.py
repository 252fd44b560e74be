"""What the promises about operators' states look at: what the page shows, and how Asterisk treats his phones."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from demo.asterisk import AsteriskInstance
from demo.desks import Desk
from promises.scene import until
from promises.screens import WITHIN_S

PHONE, LOCAL = "PJSIP/103", "Local/103@phones/n"
"""The two interfaces of op3's phone."""
Members = dict[tuple[str, str], tuple[bool, str, int]]
"""By queue and interface: whether he is paused, why, and his penalty."""


async def sets(desk: Desk, state: str) -> None:
    """Set his own state."""
    result = await desk.command("state.set", state=state)
    assert result["ok"], result


def state_of(desk: Desk) -> dict[str, Any]:
    """His state as his page shows it now."""
    shown = [desk.welcome["snapshot"]["state"]]
    shown += [frame.body["state"] for frame in desk.frames if frame.type == "operator.state"]
    return dict(shown[-1])


async def is_shown(desk: Desk, **values: Any) -> dict[str, Any]:
    """Wait until the page shows a state with these values."""
    try:
        return await until(lambda: shown if (shown := state_of(desk)).items() >= values.items() else None, WITHIN_S)
    except TimeoutError:
        raise TimeoutError(f"{values} is not shown, but {state_of(desk)}") from None


async def members(asterisk: AsteriskInstance, *phones: str) -> Members:
    """The members of all queues with these interfaces, as Asterisk has them."""
    since = asterisk.lab.mark()
    await asterisk.lab.action("QueueStatus")
    await asterisk.lab.event("QueueStatusComplete", since=since)
    return {
        (one["Queue"], one["Location"]): (one["Paused"] == "1", one["PausedReason"], int(one["Penalty"]))
        for one in asterisk.lab.events("QueueMember", since=since)
        if one["Location"] in (phones or (PHONE, LOCAL))
    }


async def comes_to(asterisk: AsteriskInstance, expected: Members, *phones: str) -> None:
    """Wait until Asterisk has these members so."""
    found: Members = {}
    try:
        async with asyncio.timeout(WITHIN_S):
            while (found := await members(asterisk, *phones)) != expected:
                await asyncio.sleep(0.05)
    except TimeoutError:
        assert found == expected


@asynccontextmanager
async def static_member(asterisk: AsteriskInstance) -> AsyncIterator[Path]:
    """A queue `standing`, whose member op3 is in the file, with the penalty 3."""
    file = asterisk.workdir / "etc" / "queues.conf"
    before = file.read_text("utf-8")
    file.write_text(f"{before}\n[standing](cti)\nmember => {PHONE},3,Галина\n", "utf-8")
    await asterisk.lab.command("module reload app_queue.so")
    try:
        yield file
    finally:
        file.write_text(before, "utf-8")
        await asterisk.lab.command("module reload app_queue.so")
