"""Callers in one queue: who is called for them, who answers, and who does not."""

import asyncio

from demo.sip import Caller
from recorder.place import DID, IN_DELIVERY, IN_SERVICE, NUMBER, OTHER_NUMBER
from recorder.stage import A_MOMENT_S, Stage, Story, gone


async def ring_all_one_answers(stage: Stage) -> None:
    await stage.members("service", "101", "102", "103")
    async with Caller(stage.asterisk, NUMBER, did=IN_SERVICE) as caller:
        await stage.ring("101", "102", "103")
        await stage.answers("102")
        await gone(caller)


async def ring_all_two_answer(stage: Stage) -> None:
    await stage.members("service", "101", "102")
    async with Caller(stage.asterisk, NUMBER, did=IN_SERVICE) as caller:
        await stage.ring("101", "102")
        await asyncio.gather(stage.phones["101"].answer(), stage.phones["102"].answer())
        await caller.answered()
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def next_member_after_no_answer(stage: Stage) -> None:
    await stage.members("delivery", "101")
    async with Caller(stage.asterisk, NUMBER, did=IN_DELIVERY) as caller:
        await stage.ring("101")
        await stage.members("delivery", "102")
        await stage.answers("102")
        await gone(caller)


async def refused_then_next(stage: Stage) -> None:
    await stage.members("sales", "101")
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.ring("101")
        await stage.members("sales", "102")
        await stage.phones["101"].refuse()
        await stage.answers("102")
        await gone(caller)


async def refused_while_others_ring(stage: Stage) -> None:
    await stage.members("service", "101", "102")
    async with Caller(stage.asterisk, NUMBER, did=IN_SERVICE) as caller:
        await stage.ring("101", "102")
        await stage.phones["101"].refuse()
        await asyncio.sleep(A_MOMENT_S)
        await stage.answers("102")
        await gone(caller)


async def second_tier(stage: Stage) -> None:
    async with stage.talk() as (first, _, _):
        await stage.asterisk.add_member("sales", "PJSIP/102", penalty=5)
        async with Caller(stage.asterisk, OTHER_NUMBER, did=DID) as second:
            await stage.answers("102")
            await gone(second)
        await gone(first)


async def unplugged_phone(stage: Stage) -> None:
    await stage.phones["101"].stop()
    await stage.members("delivery", "101")
    async with Caller(stage.asterisk, NUMBER, did=IN_DELIVERY) as caller:
        await stage.ear.event("AgentCalled")
        await stage.members("delivery", "102")
        await stage.answers("102")
        await gone(caller)


async def paused_while_ringing(stage: Stage) -> None:
    await stage.members("delivery", "101")
    async with Caller(stage.asterisk, NUMBER, did=IN_DELIVERY) as caller:
        await stage.ring("101")
        await stage.pause("delivery", "101")
        await stage.members("delivery", "102")
        await stage.answers("102")
        await gone(caller)


async def paused_and_answered(stage: Stage) -> None:
    await stage.members("sales", "101")
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.ring("101")
        await stage.pause("sales", "101")
        await stage.answers("101")
        await gone(caller)


async def member_added_while_waiting(stage: Stage) -> None:
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.ear.event("QueueCallerJoin")
        await asyncio.sleep(A_MOMENT_S)
        await stage.members("sales", "101")
        await stage.answers("101")
        await gone(caller)


async def abandoned_waiting(stage: Stage) -> None:
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.ear.event("QueueCallerJoin")
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def abandoned_ringing(stage: Stage) -> None:
    await stage.members("sales", "101")
    async with Caller(stage.asterisk, NUMBER, did=DID) as caller:
        await stage.ring("101")
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def abandoned_ringing_three(stage: Stage) -> None:
    await stage.members("service", "101", "102", "103")
    async with Caller(stage.asterisk, NUMBER, did=IN_SERVICE) as caller:
        await stage.ring("101", "102", "103")
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def operator_hangs_up(stage: Stage) -> None:
    async with stage.talk() as (caller, phone, _):
        await phone.hang_up()
        await caller.over()


STORIES: tuple[Story, ...] = (
    ring_all_one_answers,
    ring_all_two_answer,
    next_member_after_no_answer,
    refused_then_next,
    refused_while_others_ring,
    second_tier,
    unplugged_phone,
    paused_while_ringing,
    paused_and_answered,
    member_added_while_waiting,
    abandoned_waiting,
    abandoned_ringing,
    abandoned_ringing_three,
    operator_hangs_up,
)
