"""Calls that operators make: to somebody outside, where phone 104 answers, to a colleague, and by a click on a page."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from demo.sip import Caller, Phone
from recorder.place import NUMBER, OUTSIDE, SERVICE
from recorder.stage import A_MOMENT_S, Stage, Story, gone


async def channel_of(stage: Stage, extension: str) -> str:
    """The first channel of this phone, or of the trunk."""
    born = (event["Channel"] for event in stage.ear.events("Newchannel"))
    return next(channel for channel in born if channel.startswith(f"PJSIP/{extension}-"))


async def outside_hangs_up(stage: Stage) -> None:
    await stage.phones["104"].hang_up()
    await stage.ear.event("Hangup", Channel=await channel_of(stage, "trunk"))
    await asyncio.sleep(A_MOMENT_S)


@asynccontextmanager
async def dialled(stage: Stage) -> AsyncIterator[Caller]:
    """Phone 101 has dialled a number outside, and somebody there talks with it."""
    async with Caller(stage.asterisk, phone="101", did=OUTSIDE) as operator:
        await stage.phones["104"].rings()
        await asyncio.sleep(A_MOMENT_S)
        await stage.phones["104"].answer()
        await operator.answered()
        await stage.bridged("trunk")
        await asyncio.sleep(A_MOMENT_S)
        yield operator


async def click(stage: Stage, channel: str = "PJSIP/101", *, to: str = OUTSIDE) -> Phone:
    """A page has phone 101 called, which is to call somebody; returns when the phone rings."""
    ids: dict[str, Any] = {"ChannelId": "cti-call-1"}
    if channel.startswith("Local/"):
        ids["OtherChannelId"] = "cti-call-2"
    await stage.asterisk.lab.action(
        "Originate", Channel=channel, Context="phones", Exten=to, Priority=1, CallerID=NUMBER, Async="true", **ids
    )
    await stage.phones["101"].rings()
    await asyncio.sleep(A_MOMENT_S)
    return stage.phones["101"]


@asynccontextmanager
async def clicked(stage: Stage, channel: str = "PJSIP/101") -> AsyncIterator[Phone]:
    """The same, and somebody outside talks with phone 101."""
    phone = await click(stage, channel)
    await phone.answer()
    await stage.phones["104"].rings()
    await asyncio.sleep(A_MOMENT_S)
    await stage.phones["104"].answer()
    await stage.bridged("trunk")
    await asyncio.sleep(A_MOMENT_S)
    yield phone


async def outbound_answered(stage: Stage) -> None:
    async with dialled(stage):
        await outside_hangs_up(stage)


async def outbound_ended_by_the_operator(stage: Stage) -> None:
    async with dialled(stage) as operator:
        await gone(operator)


async def outbound_busy(stage: Stage) -> None:
    async with Caller(stage.asterisk, phone="101", did=OUTSIDE) as operator:
        await stage.phones["104"].rings()
        await asyncio.sleep(A_MOMENT_S)
        await stage.phones["104"].refuse()
        await operator.over()


async def outbound_given_up(stage: Stage) -> None:
    async with Caller(stage.asterisk, phone="101", did=OUTSIDE) as operator:
        await stage.phones["104"].rings()
        await asyncio.sleep(A_MOMENT_S)
        await gone(operator)


async def outbound_on_hold(stage: Stage) -> None:
    async with clicked(stage) as phone:
        await phone.hold()
        await asyncio.sleep(A_MOMENT_S)
        await phone.hold(on=False)
        await asyncio.sleep(A_MOMENT_S)
        await outside_hangs_up(stage)


async def outbound_blind(stage: Stage) -> None:
    async with dialled(stage) as operator:
        await stage.asterisk.lab.action(
            "BlindTransfer", Channel=await channel_of(stage, "101"), Context="phones", Exten="102"
        )
        await operator.over()
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(A_MOMENT_S)
        await outside_hangs_up(stage)


async def outbound_to_queue(stage: Stage) -> None:
    await stage.asterisk.add_member("production", "PJSIP/103")
    async with clicked(stage) as phone:
        await phone.transfer("600")
        await stage.phones["103"].rings()
        await stage.phones["103"].answer()
        await stage.bridged("103")
        await asyncio.sleep(A_MOMENT_S)
        await outside_hangs_up(stage)


async def outbound_attended(stage: Stage) -> None:
    async with clicked(stage) as phone:
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="102") as second:
            await stage.phones["102"].rings()
            await stage.phones["102"].answer()
            await second.answered()
            await stage.bridged("102")
            await asyncio.sleep(A_MOMENT_S)
            await phone.transfer("102", instead_of=second.dialog)
            await stage.ear.event("AttendedTransfer")
            await asyncio.sleep(A_MOMENT_S)
            await outside_hangs_up(stage)


async def click_to_call(stage: Stage) -> None:
    async with clicked(stage):
        await outside_hangs_up(stage)


async def click_to_call_local(stage: Stage) -> None:
    async with clicked(stage, "Local/101@agents/n"):
        await outside_hangs_up(stage)


async def click_to_call_refused(stage: Stage) -> None:
    phone = await click(stage)
    await phone.refuse()
    await stage.ear.event("OriginateResponse")


async def internal_answered(stage: Stage) -> None:
    async with Caller(stage.asterisk, phone="101", did="102") as operator:
        await stage.phones["102"].rings()
        await asyncio.sleep(A_MOMENT_S)
        await stage.phones["102"].answer()
        await operator.answered()
        await stage.bridged("102")
        await asyncio.sleep(A_MOMENT_S)
        await gone(operator)


async def internal_given_up(stage: Stage) -> None:
    async with Caller(stage.asterisk, phone="101", did="102") as operator:
        await stage.phones["102"].rings()
        await asyncio.sleep(A_MOMENT_S)
        await gone(operator)


async def internal_passed_on(stage: Stage) -> None:
    async with Caller(stage.asterisk, phone="101", did="102") as operator:
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await operator.answered()
        await stage.bridged("102")
        await asyncio.sleep(A_MOMENT_S)
        await stage.phones["102"].transfer("103")
        await stage.phones["103"].rings()
        await stage.phones["103"].answer()
        await stage.bridged("103")
        await asyncio.sleep(A_MOMENT_S)
        await gone(operator)


async def internal_handed_over(stage: Stage) -> None:
    """101 calls 102 and sends him on to 103."""
    phone = await click(stage, to="102")
    await phone.answer()
    await stage.phones["102"].rings()
    await stage.phones["102"].answer()
    await stage.bridged("102")
    await asyncio.sleep(A_MOMENT_S)
    await phone.transfer("103")
    await stage.phones["103"].rings()
    await stage.phones["103"].answer()
    await stage.bridged("103")
    await asyncio.sleep(A_MOMENT_S)
    await stage.phones["103"].hang_up()
    await stage.ear.event("Hangup", Channel=await channel_of(stage, "102"))
    await asyncio.sleep(A_MOMENT_S)


async def internal_to_queue(stage: Stage) -> None:
    await stage.asterisk.add_member("production", "PJSIP/103")
    async with Caller(stage.asterisk, phone="101", did="600") as operator:
        await stage.phones["103"].rings()
        await stage.phones["103"].answer()
        await operator.answered()
        await stage.bridged("103")
        await asyncio.sleep(A_MOMENT_S)
        await gone(operator)


async def connected_by_a_colleague(stage: Stage) -> None:
    """102 is called by 101, dials somebody outside on another line, and connects the two."""
    async with Caller(stage.asterisk, phone="101", did="102") as operator:
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await operator.answered()
        await stage.bridged("102")
        await asyncio.sleep(A_MOMENT_S)
        await stage.phones["102"].hold()
        async with Caller(stage.asterisk, phone="102", did=OUTSIDE) as second:
            await stage.phones["104"].rings()
            await stage.phones["104"].answer()
            await second.answered()
            await stage.bridged("trunk")
            await asyncio.sleep(A_MOMENT_S)
            await stage.phones["102"].transfer(OUTSIDE, instead_of=second.dialog)
            await stage.ear.event("AttendedTransfer")
            await asyncio.sleep(A_MOMENT_S)
            await outside_hangs_up(stage)


async def service_number(stage: Stage) -> None:
    async with Caller(stage.asterisk, phone="101", did=SERVICE) as operator:
        await operator.answered()
        await asyncio.sleep(A_MOMENT_S)
        await gone(operator)


STORIES: tuple[Story, ...] = (
    outbound_answered,
    outbound_ended_by_the_operator,
    outbound_busy,
    outbound_given_up,
    outbound_on_hold,
    outbound_blind,
    outbound_to_queue,
    outbound_attended,
    click_to_call,
    click_to_call_local,
    click_to_call_refused,
    internal_answered,
    internal_given_up,
    internal_passed_on,
    internal_handed_over,
    internal_to_queue,
    connected_by_a_colleague,
    service_number,
)
"""The stories that `record_stories.py` records, one file for each subject; `STORIES` of each file are its stories."""
