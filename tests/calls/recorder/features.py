"""Transfers by Asterisk's own feature codes, dialled on the phone."""

import asyncio

from recorder.stage import A_MOMENT_S, Stage, Story, gone


async def dialled(stage: Stage, leg: str, digits: str) -> None:
    """Let Asterisk hear digits from this leg, as if its phone had been dialled on."""
    for digit in digits:
        await stage.asterisk.lab.action("PlayDTMF", Channel=leg, Digit=digit, Duration=100, Receive="true")
        await asyncio.sleep(0.2)


async def feature_attended(stage: Stage) -> None:
    async with stage.talk(did="900") as (caller, phone, connected):
        await dialled(stage, connected["DestChannel"], "*2")
        await asyncio.sleep(0.6)
        await dialled(stage, connected["DestChannel"], "102")
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.5)
        await phone.hang_up()
        await stage.ear.event("AttendedTransfer")
        await asyncio.sleep(0.8)
        await caller.hang_up()
        await caller.over()


async def feature_cancelled(stage: Stage) -> None:
    async with stage.talk(did="900") as (caller, _, connected):
        await dialled(stage, connected["DestChannel"], "*2")
        await asyncio.sleep(0.6)
        await dialled(stage, connected["DestChannel"], "102")
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.5)
        await dialled(stage, connected["DestChannel"], "*1")
        await stage.ear.event("Unhold")
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def feature_three_way(stage: Stage) -> None:
    async with stage.talk(did="900") as (caller, phone, connected):
        await dialled(stage, connected["DestChannel"], "*2")
        await asyncio.sleep(0.6)
        await dialled(stage, connected["DestChannel"], "102")
        await stage.answers("102")
        await dialled(stage, connected["DestChannel"], "*3")
        await stage.ear.event("AttendedTransfer")
        await asyncio.sleep(A_MOMENT_S)
        await phone.hang_up()
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


STORIES: tuple[Story, ...] = (feature_attended, feature_cancelled, feature_three_way)
