"""What the promises about hold and consultation look at: a talk that can be steered, and where channels are."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from demo.asterisk import AsteriskInstance
from demo.desks import Desk
from demo.lab import Message
from demo.sip import Behaviour, Phone, Phones
from promises.scene import PHONE_OF, SALES, until
from promises.screens import WITHIN_S, Incoming, incoming, pick_up, showing, talking_leg

RINGS = Behaviour(answer_after=None)
BUSY = Behaviour(answer_after=0.0, busy=True)
FIRST, SECOND = "op3", "op4"
CUSTOMER = "Глеб Ракитин"


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
