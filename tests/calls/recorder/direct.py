"""Calls to an operator's own number, several calls of one operator, and a caller with a hostile name."""

import asyncio

from demo.sip import Caller
from recorder.place import DID, NUMBER, OTHER_NUMBER
from recorder.stage import A_MOMENT_S, Stage, Story, gone

HOSTILE = 'Зоя "Ёлкина" \\nEvent: Hangup\\r\\nUniqueid: 1, ${EXTEN} <b>'
"""Its backslashes are backslashes: a line break cannot travel in a SIP header."""


async def direct_answered(stage: Stage) -> None:
    async with Caller(stage.asterisk, NUMBER, did="101") as caller:
        await stage.answers("101")
        await gone(caller)


async def direct_given_up(stage: Stage) -> None:
    async with Caller(stage.asterisk, NUMBER, did="101") as caller:
        await stage.ring("101")
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def direct_refused(stage: Stage) -> None:
    async with Caller(stage.asterisk, NUMBER, did="101") as caller:
        await stage.ring("101")
        await stage.phones["101"].refuse()
        await caller.over()


async def direct_picked_up(stage: Stage) -> None:
    async with Caller(stage.asterisk, NUMBER, did="101") as caller:
        await stage.ring("101")
        async with Caller(stage.asterisk, phone="103", did="810"):
            await caller.answered()
            await stage.bridged("103")
            await asyncio.sleep(A_MOMENT_S)
            await gone(caller)


async def two_calls_at_once(stage: Stage) -> None:
    async with stage.talk() as (first, phone, _), Caller(stage.asterisk, OTHER_NUMBER, did="101") as second:
        await phone.rings(2)
        await phone.hold()
        await stage.answers("101", times=2)
        await gone(second)
        await asyncio.sleep(A_MOMENT_S)
        await phone.hold(on=False)
        await asyncio.sleep(A_MOMENT_S)
        await gone(first)


async def hostile_name(stage: Stage) -> None:
    await stage.members("sales", "101")
    async with Caller(stage.asterisk, NUMBER, name=HOSTILE, did=DID) as caller:
        await stage.answers("101")
        await gone(caller)


STORIES: tuple[Story, ...] = (
    direct_answered,
    direct_given_up,
    direct_refused,
    direct_picked_up,
    two_calls_at_once,
    hostile_name,
)
