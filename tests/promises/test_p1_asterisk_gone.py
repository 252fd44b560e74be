"""P1 when AMI is not to be had: calls are decided without it, and all heals when it is back."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Caller
from promises.faults import Wire, wire
from promises.scene import DID, PRODUCTION, SALES, in_time, journalled, source_is

WITHOUT_ASTERISK = ("crm", "journal", "rules")
WATCHED_S = 4.0
WRONG, REFUSED = "falsch", "failed to authenticate as 'cti'"


async def test_a_wrong_password_is_one_line_tried_again_with_patience_and_healed(
    asterisk: AsteriskInstance, installed: Bridge
) -> None:
    refused = asterisk.log.count(REFUSED)
    (installed.folder / "ami.secret").write_text(WRONG)
    await installed.start(ready=WITHOUT_ASTERISK)
    reason = await source_is(installed, "asterisk", "down", why="refused the login")
    assert "'cti'" in reason and WRONG not in reason
    began = time.monotonic()
    while time.monotonic() - began < WATCHED_S:
        async with in_time(asterisk, SALES) as caller:
            assert caller.decided == ("matched", "fresh", "sales")
    attempts = asterisk.log.count(REFUSED) - refused
    assert 2 <= attempts <= 8, "it tries again, and less and less often"
    assert [line["reason"] for line in installed.events("asterisk.lost")] == [reason]
    async with _secret_of_ami(asterisk, WRONG):
        await source_is(installed, "asterisk", "up", within=30)


async def test_ami_that_comes_goes_and_comes_back(asterisk: AsteriskInstance, installed: Bridge) -> None:
    async with wire(asterisk.address, asterisk.ami_port) as line:
        await line.cut()
        _ami_by(installed, line)
        await installed.start(ready=WITHOUT_ASTERISK)
        await source_is(installed, "asterisk", "down", why=f"127.0.0.1:{line.port}")
        async with in_time(asterisk, SALES) as caller:
            assert caller.decided == ("matched", "fresh", "sales")
        await line.open()
        await source_is(installed, "asterisk", "up", within=30)
        async with in_time(asterisk, PRODUCTION) as caller:
            await line.cut()
            await source_is(installed, "asterisk", "down")
            async with in_time(asterisk, SALES) as another:
                assert another.decided == ("matched", "fresh", "sales")
        await line.open()
        await source_is(installed, "asterisk", "up", within=30)
        for call in (caller, another):
            assert (await journalled(installed, call.call_id, ended=True)).recovered


async def test_asterisk_restarted_under_a_running_bridge(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    agi, asterisk.agi = asterisk.agi, bridge.agi_url
    try:
        caller = Caller(asterisk, SALES, did=DID)
        began = asterisk.lab.mark()
        await caller.start()
        lost = await asterisk.lab.event("QueueCallerJoin", since=began)
        await asterisk.kill()
        await caller.stop()
        await source_is(bridge, "asterisk", "down")
        await asterisk.start()
        await source_is(bridge, "asterisk", "up", within=30)
        async with in_time(asterisk, PRODUCTION) as after:
            assert after.decided == ("matched", "fresh", "production")
        assert (await journalled(bridge, lost["Uniqueid"], ended=True)).recovered
        assert not (await journalled(bridge, after.call_id, ended=True)).recovered
    finally:
        asterisk.agi = agi


def _ami_by(bridge: Bridge, line: Wire) -> None:
    settings = bridge.read_settings()
    settings["pbxes"][0]["ami"] |= {"host": "127.0.0.1", "port": line.port}
    bridge.write_settings(settings)


@asynccontextmanager
async def _secret_of_ami(asterisk: AsteriskInstance, secret: str) -> AsyncIterator[None]:
    """The admin gives the bridge's AMI user this secret, and at the end the old one again."""
    file = asterisk.workdir / "etc" / "manager.conf"
    text = file.read_text("utf-8")
    try:
        file.write_text(text.replace(asterisk.ami_secret, secret), "utf-8")
        await asterisk.lab.command("manager reload")
        yield
    finally:
        file.write_text(text, "utf-8")
        await asterisk.lab.command("manager reload")
