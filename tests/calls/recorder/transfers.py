"""Calls that are sent on by the phone (REFER) or from outside (Redirect), with and without asking first."""

import asyncio

from demo.sip import Caller
from recorder.place import DID, NUMBER, OTHER_NUMBER, OUTSIDE
from recorder.stage import A_MOMENT_S, Stage, Story, gone


async def blind_to_operator(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer("102")
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def blind_to_queue(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer("600")
        await stage.phones["103"].rings()
        await stage.phones["103"].answer()
        await stage.bridged("103")
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def blind_outside(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer(OUTSIDE)
        await stage.phones["104"].rings()
        await stage.phones["104"].answer()
        await stage.bridged("trunk")
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def attended(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="102") as second:
            await stage.phones["102"].rings()
            await stage.phones["102"].answer()
            await second.answered()
            await stage.bridged("102")
            await asyncio.sleep(0.5)
            await phone.transfer("102", instead_of=second.dialog)
            await stage.ear.event("AttendedTransfer")
            await asyncio.sleep(0.5)
            await caller.hang_up()
            await caller.over()


async def consultation_taken_back(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="102") as second:
            await stage.phones["102"].rings()
            await stage.phones["102"].answer()
            await second.answered()
            await stage.bridged("102")
            await asyncio.sleep(0.3)
            await second.hang_up()
            await second.over()
        await phone.hold(on=False)
        await asyncio.sleep(0.5)
        await caller.hang_up()
        await caller.over()


async def caller_gone_in_consultation(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="102") as second:
            await stage.phones["102"].rings()
            await stage.phones["102"].answer()
            await second.answered()
            await stage.bridged("102")
            await asyncio.sleep(0.3)
            await caller.hang_up()
            await caller.over()
            await asyncio.sleep(0.3)


async def waiting_caller_redirected(stage: Stage) -> None:
    await stage.asterisk.add_member("sales", "PJSIP/101")
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.phones["101"].rings()
        joined = await stage.ear.event("QueueCallerJoin")
        await stage.asterisk.lab.action(
            "Redirect", Channel=joined["Channel"], Context="phones", Exten="102", Priority=1
        )
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.3)
        await caller.hang_up()
        await caller.over()


async def talk_redirected(stage: Stage) -> None:
    async with stage.talk() as (caller, _, connected):
        await stage.asterisk.lab.action(
            "Redirect", Channel=connected["Channel"], Context="phones", Exten="102", Priority=1
        )
        await stage.phones["102"].rings()
        await stage.phones["102"].answer()
        await stage.bridged("102")
        await asyncio.sleep(0.3)
        await caller.hang_up()
        await caller.over()


async def blind_to_busy(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer("102")
        await stage.ring("102")
        await stage.phones["102"].refuse()
        await asyncio.sleep(A_MOMENT_S)  # he hears the busy tone
        await gone(caller)


async def blind_refused_and_back(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer("620")
        await stage.ring("102")
        await stage.phones["102"].refuse()
        await stage.answers("101", times=2)
        await gone(caller)


async def blind_to_wrong_extension(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.transfer("999")
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def attended_to_queue(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="600") as second:
            await stage.answers("103")
            await phone.transfer("600", instead_of=second.dialog)
            await stage.ear.event("AttendedTransfer")
            await asyncio.sleep(A_MOMENT_S)
            await gone(caller)


async def three_way_in_the_phone(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hold()
        async with Caller(stage.asterisk, phone="101", did="102") as second:
            await stage.answers("102")
            await phone.hold(on=False)
            await asyncio.sleep(A_MOMENT_S)
            await gone(caller)
            await gone(second)


async def transferred_away_and_free(stage: Stage) -> None:
    async with stage.talk() as (first, phone, _):
        await phone.transfer("102")
        await stage.answers("102")
        async with Caller(stage.asterisk, OTHER_NUMBER, did=DID) as second:
            await stage.answers("101", times=2)
            await gone(second)
        await gone(first)


STORIES: tuple[Story, ...] = (
    blind_to_operator,
    blind_to_queue,
    blind_outside,
    blind_to_busy,
    blind_refused_and_back,
    blind_to_wrong_extension,
    attended,
    attended_to_queue,
    consultation_taken_back,
    caller_gone_in_consultation,
    three_way_in_the_phone,
    transferred_away_and_free,
    waiting_caller_redirected,
    talk_redirected,
)
