"""What the promises about the call in hand look at: talks to be steered, answers to commands, where channels are."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import pytest

from demo.asterisk import AsteriskInstance
from demo.desks import Desk
from demo.lab import Message
from demo.sip import Behaviour, Phone, Phones
from promises.scene import PHONE_OF, SALES, until
from promises.screens import WITHIN_S, Incoming, incoming, pick_up, showing, talking_leg

Json = Mapping[str, Any]
RINGS = Behaviour(answer_after=None)
BUSY = Behaviour(answer_after=0.0, busy=True)
FIRST, SECOND, THIRD = "op3", "op4", "op5"
CUSTOMER = "Глеб Ракитин"
LINE = "+74950000149"
"""The number that is shown to whom an operator calls."""
ABROAD = "+44 20 7946 0018"
"""A number that operators may not call; it is kept for films."""
OPERATORS_MAY = {"operators": {"outbound": {"prefixes": ["+7495"], "per_minute": 60, "line": LINE}}}
"""Settings of a bridge whose operators call outside."""


def one_bridge(
    settings: Mapping[str, Any] = MappingProxyType({}), *, cabled: bool = False
) -> list[pytest.MarkDecorator]:
    """Marks of a file whose tests share one bridge with short times and these settings.

    Where it is `cabled`, the fixture `cable` is its way to Asterisk's manager interface.
    """
    return [pytest.mark.one_bridge(settings, cabled=cabled), pytest.mark.usefixtures("running")]


@dataclass(frozen=True, slots=True)
class Talk:
    """A customer with an offer talks with the first operator."""

    asterisk: AsteriskInstance
    caller: Incoming
    desk: Desk
    phone: Phone
    leg: str
    """The name of the operator's channel."""

    @property
    def call_id(self) -> str:
        """The id of the call."""
        return self.caller.call_id

    async def give(self, name: str, **args: Any) -> dict[str, Any]:
        """Command something with this call at the first operator's desk."""
        return await self.desk.command(f"call.{name}", call=self.call_id, **args)

    async def leg_id(self) -> str:
        """The id of the operator's channel."""
        answer = await self.asterisk.lab.action("Getvar", Channel=self.leg, Variable="CHANNEL(uniqueid)")
        return answer["Value"]

    async def can(self, name: str) -> None:
        """Wait until the page offers it."""
        await until(lambda: can(self.desk, self.call_id, name), WITHIN_S)

    async def together_with(self, phone: str) -> str:
        """Wait until the caller is connected with this phone, and nobody else; gives back its channel."""
        return await together(self.asterisk, self.caller.channel, phone)

    async def waits(self) -> None:
        """Wait until the caller is where we have him wait."""
        await where(self.asterisk, lambda seen: any(_is(one, self.caller.channel, "cti-hold") for one in seen))


@asynccontextmanager
async def talk(
    asterisk: AsteriskInstance, desk: Desk, phones: Phones, *, member: str = "", **options: Any
) -> AsyncIterator[Talk]:
    """A talk in which the first operator may hold and consult; the caller hangs up at the end if he still can."""
    extension = PHONE_OF[FIRST]
    await asterisk.add_member("sales", member or f"PJSIP/{extension}")
    async with incoming(asterisk, SALES, **options) as caller:
        await pick_up(phones[extension])
        leg = await talking_leg(asterisk, caller, extension) if not member else await _phone_of(asterisk, extension)
        talking = Talk(asterisk, caller, desk, phones[extension], leg)
        await talking.can("hold")
        yield talking


async def _phone_of(asterisk: AsteriskInstance, extension: str) -> str:
    """The one channel of a phone, once it is connected."""

    def look(seen: list[Message]) -> str | None:
        his = [one["Channel"] for one in seen if one["Channel"].startswith(f"PJSIP/{extension}-") and one["BridgeId"]]
        return his[0] if len(his) == 1 else None

    found: str = await where(asterisk, look)
    return found


def can(desk: Desk, call_id: str, name: str) -> bool:
    """Whether the page offers this with a call now."""
    return showing(desk).get(call_id, {}).get("actions", {}).get(name, "") is None


async def channels(asterisk: AsteriskInstance) -> list[Message]:
    """All channels that there are, as Asterisk lists them."""
    start = asterisk.lab.mark()
    await asterisk.lab.action("CoreShowChannels")
    await asterisk.lab.event("CoreShowChannelsComplete", since=start)
    return asterisk.lab.events("CoreShowChannel", since=start)


async def where(asterisk: AsteriskInstance, look: Callable[[list[Message]], Any]) -> Any:
    """Look at all channels until there is what is looked for. Raises TimeoutError with what there is."""
    seen: list[Message] = []
    for _ in range(600):
        seen = await channels(asterisk)
        found = look(seen)
        if found:
            return found
        await asyncio.sleep(0.05)
    raise TimeoutError([(one["Channel"], one["Context"], one["Application"], one["BridgeId"]) for one in seen])


async def together(asterisk: AsteriskInstance, channel: str, phone: str) -> str:
    """Wait until a channel and a phone are connected, and nobody else is with them."""

    def look(seen: list[Message]) -> str | None:
        bridge = next((one["BridgeId"] for one in seen if one["Uniqueid"] == channel), "")
        beside = [one["Channel"] for one in seen if bridge and one["BridgeId"] == bridge and one["Uniqueid"] != channel]
        return beside[0] if len(beside) == 1 and beside[0].startswith(f"PJSIP/{phone}-") else None

    found: str = await where(asterisk, look)
    return found


def _is(seen: Message, channel: str, context: str) -> bool:
    return (seen["Uniqueid"], seen["Context"]) == (channel, context)


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
