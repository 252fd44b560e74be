"""`[cti-wait]` on a real Asterisk: who is to be called last is called last, and is called; nobody loses his place."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from asterisk.stand_in import bridge, deciding
from asterisk.test_dialplan_route import PATIENT
from demo.asterisk import AsteriskInstance
from demo.lab import Message
from demo.sip import Behaviour, Caller, Phones

DID = "74950000149"
WITHIN_S = 30.0
RINGS, ANSWERS = Behaviour(answer_after=None), Behaviour(answer_after=0.1)
Decide = Callable[..., Awaitable[None]]


@pytest_asyncio.fixture(loop_scope="session")
async def decide(asterisk: AsteriskInstance) -> AsyncIterator[Decide]:
    """Make a bridge decide so for all calls of the test, which wait in `sales`; somebody has the penalty 10."""
    async with AsyncExitStack() as stack:

        async def so(**values: str) -> None:
            decision = {
                "CTI_CALL_ID": "main-1", "CTI_DECISION": "matched", "CTI_LAST_AFTER": "2",
                "CTI_STEPS": "1", "CTI_STEP_1_QUEUE": "sales",
            } | values  # fmt: skip
            stand_in = await stack.enter_async_context(bridge(deciding(decision)))
            await asterisk.lab.set_global("CTI_AGI", stand_in.url)

        await asterisk.lab.set_global("CTI_DEADLINE", PATIENT["CTI_DEADLINE"])
        await asterisk.lab.set_global("CTI_LAST", "10")
        yield so
        await asterisk.lab.set_global("CTI_LAST", "")


@pytest_asyncio.fixture(loop_scope="session")
async def staff(asterisk: AsteriskInstance) -> None:
    """Two members of `sales`, and a third who is to be called last."""
    for phone, penalty in (("101", 0), ("102", 0), ("103", 10)):
        await asterisk.add_member("sales", f"PJSIP/{phone}", penalty=penalty)


async def joins(asterisk: AsteriskInstance, since: int, count: int) -> list[Message]:
    """Wait until somebody has joined a queue for the so-manyeth time; all of these, in order."""
    while len(found := asterisk.lab.events("QueueCallerJoin", since=since)) < count:
        last = asterisk.lab.mark()
        if len(found := asterisk.lab.events("QueueCallerJoin", since=since)) < count:
            await asterisk.lab.event("QueueCallerJoin", since=last, within=WITHIN_S)
    return found


async def waiting(asterisk: AsteriskInstance) -> list[str]:
    """Who waits in `sales`, whoever is served next first."""
    since = asterisk.lab.mark()
    await asterisk.lab.action("QueueStatus", Queue="sales")
    await asterisk.lab.event("QueueStatusComplete", since=since)
    entries = asterisk.lab.events("QueueEntry", since=since)
    return [entry["Uniqueid"] for entry in sorted(entries, key=lambda entry: int(entry["Position"]))]


async def test_who_is_last_is_called_when_the_others_ring_without_answering(
    asterisk: AsteriskInstance, decide: Decide, staff: None
) -> None:
    await decide()
    start = asterisk.lab.mark()
    async with (
        Phones(asterisk, {"101": RINGS, "102": RINGS, "103": ANSWERS}) as phones,
        Caller(asterisk, did=DID) as caller,
    ):
        await caller.answered(WITHIN_S)
        assert phones["103"].calls == 1
        first, again = await joins(asterisk, start, 2)
        called = next(one for one in asterisk.lab.events("AgentCalled", since=start) if "103" in one["Interface"])
        assert float(called["Timestamp"]) > float(again["Timestamp"]) >= float(first["Timestamp"]) + 2
    assert not asterisk.lab.events("UserEvent", UserEvent="CtiStep", since=start), "it is still the same step"


async def test_who_is_last_is_not_called_while_somebody_else_is_free(
    asterisk: AsteriskInstance, decide: Decide, staff: None
) -> None:
    await decide()
    async with Phones(asterisk, {"101": ANSWERS, "102": ANSWERS, "103": ANSWERS}) as phones:
        for _ in range(3):
            async with Caller(asterisk, did=DID) as caller:
                await caller.answered(WITHIN_S)
        assert phones["103"].calls == 0


async def test_who_is_last_is_called_at_once_when_nobody_else_is_there(
    asterisk: AsteriskInstance, decide: Decide, staff: None
) -> None:
    await decide()
    for phone in ("101", "102"):
        await asterisk.lab.action("QueuePause", Interface=f"PJSIP/{phone}", Paused="true")
    start = asterisk.lab.mark()
    async with Phones(asterisk, {"103": ANSWERS}), Caller(asterisk, did=DID) as caller:
        await caller.answered(WITHIN_S)
    assert len(asterisk.lab.events("QueueCallerJoin", since=start)) == 1


async def test_everybody_keeps_his_place(asterisk: AsteriskInstance, decide: Decide) -> None:
    await decide()
    async with AsyncExitStack() as stack:
        start = asterisk.lab.mark()
        for count in range(1, 4):
            await stack.enter_async_context(Caller(asterisk, did=DID))
            came = await joins(asterisk, start, count)
        await joins(asterisk, start, 6)
        assert await waiting(asterisk) == [one["Uniqueid"] for one in came[:3]]


async def test_who_has_a_higher_rank_stays_before_those_who_step_in_again(
    asterisk: AsteriskInstance, decide: Decide
) -> None:
    await decide()
    async with AsyncExitStack() as stack:
        start = asterisk.lab.mark()
        await stack.enter_async_context(Caller(asterisk, did=DID))
        (ordinary,) = await joins(asterisk, start, 1)
        await decide(CTI_PRIORITY="10", CTI_LAST_AFTER="0")
        await stack.enter_async_context(Caller(asterisk, did=DID))
        _, high, _ = await joins(asterisk, start, 3)
        assert await waiting(asterisk) == [high["Uniqueid"], ordinary["Uniqueid"]]


async def test_a_step_takes_the_time_it_has_and_is_told_once(asterisk: AsteriskInstance, decide: Decide) -> None:
    await decide(CTI_STEP_1_TIMEOUT="3", CTI_LAST_AFTER="1", CTI_STEPS="2", CTI_STEP_2_QUEUE="production")
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID):
        first, again, production = await joins(asterisk, start, 3)
    (step,) = asterisk.lab.events("UserEvent", UserEvent="CtiStep", since=start)
    assert (step["Queue"], step["Status"]) == ("sales", "TIMEOUT")
    assert [one["Queue"] for one in (first, again, production)] == ["sales", "sales", "production"]
    assert float(production["Timestamp"]) - float(first["Timestamp"]) > 2.5, "whole seconds of a coarse clock"


@pytest.mark.parametrize(
    ("last", "decision"),
    [
        pytest.param("none", {}, id="nobody is last"),
        pytest.param("10", {"CTI_LAST_AFTER": "0"}, id="the admin does not want it"),
        pytest.param("10", {"CTI_MAX_PENALTY": "4"}, id="the rule does not let anybody in who is last"),
        pytest.param("10", {"CTI_MIN_PENALTY": "4"}, id="the rule wants members with a penalty"),
        pytest.param("10", {"CTI_LAST_AFTER": "3"}, id="the step is over before"),
    ],
)
async def test_where_it_would_be_of_no_use_nobody_steps_out(
    asterisk: AsteriskInstance, decide: Decide, last: str, decision: dict[str, str]
) -> None:
    await decide(CTI_STEP_1_TIMEOUT="3", CTI_FINAL="queue:production", **{"CTI_LAST_AFTER": "1"} | decision)
    await asterisk.lab.set_global("CTI_LAST", last)
    start = asterisk.lab.mark()
    async with Caller(asterisk, did=DID):
        came = await joins(asterisk, start, 2)
    assert [one["Queue"] for one in came] == ["sales", "production"]


async def test_without_a_word_of_the_bridge_somebody_may_be_last(
    asterisk: AsteriskInstance, decide: Decide, staff: None
) -> None:
    await decide()
    await asterisk.lab.set_global("CTI_LAST", "")
    async with (
        Phones(asterisk, {"101": RINGS, "102": RINGS, "103": ANSWERS}),
        Caller(asterisk, did=DID) as caller,
    ):
        await caller.answered(WITHIN_S)
