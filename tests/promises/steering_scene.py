"""What the promises about steering calls look at: a talk, what commands are answered with, what Asterisk wrote down."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from demo.asterisk import AsteriskInstance
from demo.desks import Desk
from demo.lab import Message
from demo.sip import Phone, Phones
from promises.desk_scene import FIRST, RINGS, can
from promises.scene import PHONE_OF, SALES, until
from promises.screens import WITHIN_S, Incoming, incoming, pick_up, talking_leg

THIRD = "op5"
LINE = "+74950000149"
"""The number that is shown to whom an operator calls."""
ABROAD = "+44 20 7946 0018"
"""A number that operators may not call; it is kept for films."""
OPERATORS_MAY = {"operators": {"outbound": {"prefixes": ["+7495"], "per_minute": 60, "line": LINE}}}
"""Settings of a bridge whose operators call outside."""


def phones_of(asterisk: AsteriskInstance, *operators: str) -> Phones:
    """Phones that ring until they are told to do something else."""
    return Phones(asterisk, {PHONE_OF.get(one, one): RINGS for one in operators})


@asynccontextmanager
async def in_talk(asterisk: AsteriskInstance, desk: Desk, phones: Phones) -> AsyncIterator[tuple[Incoming, Phone]]:
    """A customer with an offer talks with the first operator, who can steer the call: the caller, and the phone."""
    extension = PHONE_OF[FIRST]
    await asterisk.add_member("sales", f"PJSIP/{extension}")
    async with incoming(asterisk, SALES) as caller:
        await pick_up(phones[extension])
        await talking_leg(asterisk, caller, extension)
        try:
            await until(lambda: can(desk, caller.call_id, "transfer"), WITHIN_S)
        except TimeoutError:
            print([f.call["actions"] for f in desk.of_call(caller.call_id)])
            raise
        yield caller, phones[extension]


async def talking_leg_of(asterisk: AsteriskInstance, extension: str) -> None:
    """Wait until this phone is connected with whoever called it."""

    def connected() -> bool:
        entered = asterisk.lab.events("BridgeEnter")
        return any(each["Channel"].startswith(f"PJSIP/{extension}-") for each in entered)

    await until(connected, WITHIN_S)


def to_the_trunk(asterisk: AsteriskInstance, since: int) -> Message | None:
    """The beginning of a call to the trunk, as soon as there is one."""
    begun = asterisk.lab.events("DialBegin", since=since)
    return next((each for each in begun if each["DestChannel"].startswith("PJSIP/trunk-")), None)


def queue_log(asterisk: AsteriskInstance, caller: Incoming) -> list[list[str]]:
    """What Asterisk itself has written down of this caller, by line and column."""
    lines = asterisk.records["queue_log"].read_text("utf-8").splitlines()
    return [columns for line in lines if (columns := line.split("|"))[1] == caller.channel]


def value(result: dict[str, Any]) -> Any:
    """What a command was answered with."""
    assert result["ok"], result
    return result.get("value")


async def send_on(desk: Desk, call_id: str, to: str) -> None:
    """Have the caller sent on to a colleague, as soon as the two are connected: who answers is that a moment later."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            result = await desk.command("call.transfer", call=call_id, to={"operator": to})
            if result["ok"] or "not connected" not in result["error"]["message"]:
                break
    value(result)


def refusal(result: dict[str, Any]) -> str:
    """The code with which a command was refused."""
    assert not result["ok"], result
    return str(result["error"]["code"])
