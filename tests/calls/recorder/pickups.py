"""Calls that reach an operator on a way round: picked up by a colleague, or through a Local channel."""

import asyncio
import socket

from demo.sip import Caller
from recorder.place import DID, NUMBER
from recorder.stage import A_MOMENT_S, Stage, Story, gone


async def picked_up(stage: Stage) -> None:
    await stage.asterisk.add_member("sales", "PJSIP/101")
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.phones["101"].rings()
        async with Caller(stage.asterisk, phone="103", did="810"):
            await caller.answered()
            await stage.bridged("103")
            await asyncio.sleep(0.5)
            await caller.hang_up()
            await caller.over()


async def local_member(stage: Stage) -> None:
    async with stage.talk(member="Local/101@agents/n") as (caller, _, _):
        await caller.hang_up()
        await caller.over()


async def local_member_optimised(stage: Stage) -> None:
    async with stage.talk(member="Local/101@agents") as (caller, _, connected):
        await _speaks(stage, connected["Channel"])
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def _speaks(stage: Stage, channel: str) -> None:
    """Somebody speaks on this channel for a moment; before that, a Local channel does not get out of the way."""
    where = await stage.asterisk.lab.action("Getvar", Channel=channel, Variable="CHANNEL(rtp,src)")
    port = where["Value"].rpartition(":")[2]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as voice:
        voice.bind((stage.asterisk.trunk_address, 9))  # where the caller said that he hears and speaks
        for number in range(25):
            header = bytes((0x80, 8)) + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big") + b"cti."
            voice.sendto(header + b"\xd5" * 160, (stage.asterisk.address, int(port)))
            await asyncio.sleep(0.02)


STORIES: tuple[Story, ...] = (picked_up, local_member, local_member_optimised)
