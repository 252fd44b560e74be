"""Callers who wait in the middle of a talk: on hold, in the parking lot; and Asterisk that is stopped."""

import asyncio

from demo.lab import Message
from demo.sip import Caller
from recorder.place import DID, OTHER_NUMBER
from recorder.stage import A_MOMENT_S, Stage, Story, gone


async def hold(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        await asyncio.sleep(0.5)
        await phone.hold(on=False)
        await asyncio.sleep(0.3)
        await caller.hang_up()
        await caller.over()


async def parked_and_taken(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await stage.asterisk.lab.action(
            "Park", Channel=connected["Channel"], TimeoutChannel=connected["DestChannel"], Timeout=30000
        )
        await stage.ear.event("ParkedCall")
        await asyncio.sleep(0.5)
        async with Caller(stage.asterisk, phone="103", did="700"):
            await stage.ear.event("UnParkedCall")
            await stage.bridged("103")
            await asyncio.sleep(0.5)
            await caller.hang_up()
            await caller.over()


async def parked_too_long(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await _park(stage, connected, 1.5)
        await stage.ear.event("ParkedCallTimeOut")
        await stage.answers("101", times=2)
        await gone(caller)


async def parked_and_given_up(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await _park(stage, connected, 30)
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def _park(stage: Stage, connected: Message, seconds: float) -> None:
    await stage.asterisk.lab.action(
        "Park",
        Channel=connected["Channel"],
        TimeoutChannel=connected["DestChannel"],
        Timeout=round(seconds * 1000),
    )
    await stage.ear.event("ParkedCall")


async def caller_holds(stage: Stage) -> None:
    async with stage.talk() as (caller, _, _):
        await caller.hold()
        await asyncio.sleep(A_MOMENT_S)
        await caller.hold(on=False)
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def asterisk_stopped(stage: Stage) -> None:
    async with (
        stage.talk(),
        Caller(stage.asterisk, OTHER_NUMBER, did=DID),
    ):
        await stage.ear.event("QueueCallerJoin", CallerIDNum=OTHER_NUMBER)
        await asyncio.sleep(A_MOMENT_S)
        await stage.asterisk.stop()


STORIES: tuple[Story, ...] = (
    hold,
    caller_holds,
    parked_and_taken,
    parked_too_long,
    parked_and_given_up,
    asterisk_stopped,
)
