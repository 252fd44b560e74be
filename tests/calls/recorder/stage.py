"""Where a story is played: an Asterisk, its phones, and the ear of the bridge."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from demo.asterisk import AsteriskInstance
from demo.lab import Lab, Message
from demo.sip import Behaviour, Caller, Phone, Phones
from recorder.place import DID, NUMBER

RINGS = Behaviour(answer_after=None)
"""It rings until the story says what happens."""
A_MOMENT_S = 0.5
"""How long people in a story talk or wait before the next thing happens."""


class Stage:
    """An Asterisk without members, phones 101 to 104 that ring until they are told more, and what the bridge hears."""

    def __init__(self, asterisk: AsteriskInstance, ear: Lab, phones: Phones) -> None:
        self.asterisk, self.ear, self.phones = asterisk, ear, phones

    @asynccontextmanager
    async def talk(self, *, member: str = "PJSIP/101", did: str = DID) -> AsyncIterator[tuple[Caller, Phone, Message]]:
        """A caller talks with phone 101: caller, phone, and the AgentConnect."""
        await self.asterisk.add_member("sales", member)
        await self.asterisk.add_member("production", "PJSIP/103")
        async with Caller(self.asterisk, NUMBER, did=did) as caller:
            phone = self.phones["101"]
            await phone.rings()
            await phone.answer()
            await caller.answered()
            connected = await self.ear.event("AgentConnect")
            await self.ear.event("BridgeEnter", Uniqueid=connected["Uniqueid"])
            await asyncio.sleep(A_MOMENT_S)
            yield caller, phone, connected

    async def members(self, queue: str, *extensions: str) -> None:
        """These phones answer this queue."""
        for extension in extensions:
            await self.asterisk.add_member(queue, f"PJSIP/{extension}")

    async def pause(self, queue: str, extension: str) -> None:
        """The member with this phone takes a pause from this queue."""
        await self.asterisk.lab.action("QueuePause", Queue=queue, Interface=f"PJSIP/{extension}", Paused="true")

    async def ring(self, *extensions: str, times: int = 1) -> None:
        """Wait until all these phones have rung that often."""
        await asyncio.gather(*(self.phones[extension].rings(times) for extension in extensions))

    async def answers(self, extension: str, *, times: int = 1) -> None:
        """This phone rings, for the so manieth time, and is answered; they talk for a moment."""
        await self.phones[extension].rings(times)
        await self.phones[extension].answer()
        await self.bridged(extension, times=times)
        await asyncio.sleep(A_MOMENT_S)

    async def bridged(self, extension: str, *, times: int = 1) -> None:
        """Wait until that many channels of this phone have been in a bridge with somebody."""
        async with asyncio.timeout(30):
            while True:
                entered = self.ear.events("BridgeEnter")
                if (
                    len({one["Uniqueid"] for one in entered if one["Channel"].startswith(f"PJSIP/{extension}-")})
                    >= times
                ):
                    break
                await asyncio.sleep(0.02)


Story = Callable[[Stage], Awaitable[None]]


async def gone(caller: Caller) -> None:
    """The caller hangs up."""
    await caller.hang_up()
    await caller.over()
