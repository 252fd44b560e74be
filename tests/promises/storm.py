"""Many callers and phones with a will of their own, drawn from a seeded chance."""

import asyncio
import random
from contextlib import suppress

from demo.asterisk import AsteriskInstance
from demo.sip import Behaviour, Caller, Phones, SipError
from promises.scene import AMBIGUOUS, DID, NO_OPEN_DEAL, PHONE_OF, PRODUCTION, SALES, UNKNOWN, VIP
from promises.screens import DID_ALL_HANDS, DID_SHORT, queues_set

CALLERS, AT_ONCE = 40, 8
OPERATOR_OF = {phone: operator for operator, phone in PHONE_OF.items()}


async def storm(asterisk: AsteriskInstance, chance: random.Random) -> None:
    """Callers and phones with a will of their own, until everybody has hung up."""
    async with queues_set(asterisk, ring_s=1), Phones(asterisk, some_phones(chance)):
        for operator, phone in PHONE_OF.items():
            await asterisk.add_member("all-hands", f"PJSIP/{phone}", name=operator)
        await asterisk.add_member("short", "PJSIP/101")
        room = asyncio.Semaphore(AT_ONCE)
        await asyncio.gather(*(call(asterisk, chance, room) for _ in range(CALLERS)))
        await asterisk.hang_up_all()


def some_phones(chance: random.Random) -> dict[str, Behaviour]:
    """Phones that answer soon or late or never, refuse, and hang up when they like."""
    return {
        phone: Behaviour(
            answer_after=chance.choice((0.05, 0.3, 0.6, None)), talk=chance.choice((0.1, 0.4)), busy=phone == "104"
        )
        for phone in OPERATOR_OF
    }


async def call(asterisk: AsteriskInstance, chance: random.Random, room: asyncio.Semaphore) -> None:
    """One caller: somebody, to some number, with some patience."""
    number = chance.choice((SALES, PRODUCTION, VIP, AMBIGUOUS, NO_OPEN_DEAL, UNKNOWN))
    did = chance.choice((DID, DID, DID_ALL_HANDS, DID_SHORT, "103"))
    patience, talk = chance.choice((0.05, 0.4, 1.5, 4.0)), chance.choice((0.1, 0.5, 2.0))
    async with room, Caller(asterisk, number, did=did, patience=patience, talk=talk) as caller:
        with suppress(SipError, TimeoutError):  # in the end all are hung up
            await caller.over(within=30)
