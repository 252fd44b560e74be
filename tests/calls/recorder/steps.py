"""Callers on the way that the dialplan has for them: an operator first, several queues, and what is last."""

import asyncio

from demo.sip import Caller
from recorder.place import (
    ANNOUNCED,
    CALLED_BACK,
    CALLED_BACK_LATER,
    EVENING,
    LIMITED,
    NUMBER,
    OTHER_NUMBER,
    PREFERRED,
    PREFERRED_UNREGISTERED,
    SENT_OUTSIDE,
    TWO_STEPS,
    VOICEMAIL,
)
from recorder.stage import A_MOMENT_S, Stage, Story, gone


async def second_queue_answers(stage: Stage) -> None:
    await stage.members("delivery", "101")
    await stage.members("production", "103")
    async with Caller(stage.asterisk, NUMBER, did=TWO_STEPS) as caller:
        await stage.ring("101")
        await stage.answers("103")
        await gone(caller)


async def first_queue_full(stage: Stage) -> None:
    await stage.members("production", "103")
    async with (
        Caller(stage.asterisk, OTHER_NUMBER, did=LIMITED) as first,
        Caller(stage.asterisk, NUMBER, did=LIMITED) as second,
    ):
        await stage.answers("103")
        await gone(second)
        await gone(first)


async def empty_queue_refuses(stage: Stage) -> None:
    await stage.members("production", "103")
    async with Caller(stage.asterisk, NUMBER, did=EVENING) as caller:
        await stage.answers("103")
        await gone(caller)


async def queue_becomes_empty(stage: Stage) -> None:
    await stage.members("evening", "101")
    await stage.members("production", "103")
    async with Caller(stage.asterisk, NUMBER, did=EVENING) as caller:
        await stage.ring("101")
        await stage.pause("evening", "101")
        await stage.phones["101"].refuse()
        await stage.answers("103")
        await gone(caller)


async def _nobody_answers(stage: Stage, did: str) -> None:
    await stage.members("delivery", "101")
    async with Caller(stage.asterisk, NUMBER, did=did) as caller:
        await stage.ear.event("UserEvent", UserEvent="CtiFinal")
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def missed_with_callback(stage: Stage) -> None:
    await _nobody_answers(stage, CALLED_BACK)


async def missed_with_voicemail(stage: Stage) -> None:
    await _nobody_answers(stage, VOICEMAIL)


async def overflowed_elsewhere(stage: Stage) -> None:
    await _nobody_answers(stage, ANNOUNCED)


async def callback_in_the_last_queue(stage: Stage) -> None:
    await stage.members("delivery", "101")
    await stage.members("sales", "102")
    async with Caller(stage.asterisk, NUMBER, did=CALLED_BACK_LATER) as caller:
        await stage.ring("101")
        await stage.answers("102")
        await gone(caller)


async def overflowed_outside(stage: Stage) -> None:
    await stage.members("delivery", "101")
    async with Caller(stage.asterisk, NUMBER, did=SENT_OUTSIDE) as caller:
        await stage.ring("101")
        await stage.phones["104"].rings()
        await stage.phones["104"].answer()
        await caller.answered()
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


async def preferred_operator_answers(stage: Stage) -> None:
    await stage.members("sales", "102")
    async with Caller(stage.asterisk, NUMBER, did=PREFERRED) as caller:
        await stage.answers("101")
        await gone(caller)


async def preferred_operator_does_not_answer(stage: Stage) -> None:
    await stage.members("sales", "102")
    async with Caller(stage.asterisk, NUMBER, did=PREFERRED) as caller:
        await stage.ring("101")
        await stage.answers("102")
        await gone(caller)


async def preferred_operator_refuses(stage: Stage) -> None:
    await stage.members("sales", "102")
    async with Caller(stage.asterisk, NUMBER, did=PREFERRED) as caller:
        await stage.ring("101")
        await stage.phones["101"].refuse()
        await stage.answers("102")
        await gone(caller)


async def preferred_operator_unregistered(stage: Stage) -> None:
    await stage.members("sales", "102")
    async with Caller(stage.asterisk, NUMBER, did=PREFERRED_UNREGISTERED) as caller:
        await stage.answers("102")
        await gone(caller)


async def preferred_operator_given_up(stage: Stage) -> None:
    async with Caller(stage.asterisk, NUMBER, did=PREFERRED) as caller:
        await stage.ring("101")
        await asyncio.sleep(A_MOMENT_S)
        await gone(caller)


STORIES: tuple[Story, ...] = (
    second_queue_answers,
    first_queue_full,
    empty_queue_refuses,
    queue_becomes_empty,
    missed_with_callback,
    missed_with_voicemail,
    callback_in_the_last_queue,
    overflowed_elsewhere,
    overflowed_outside,
    preferred_operator_answers,
    preferred_operator_does_not_answer,
    preferred_operator_refuses,
    preferred_operator_unregistered,
    preferred_operator_given_up,
)
