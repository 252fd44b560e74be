"""P5 while nothing is wrong: what Asterisk lists at any moment is what its events had said, so a look changes nothing.

A call that goes on for long is held against such a list from time to time, in case an event was lost. Here none is.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from cti_bridge.asterisk.ami.sighting import LISTS, Sighting
from cti_bridge.asterisk.ami.translate import PbxClock, translate
from cti_bridge.calls.book import CallBook
from demo.asterisk import AsteriskInstance
from demo.lab import Lab, Message
from demo.sip import Behaviour, Caller, Phones
from promises.scene import PARK_MYSELF, SALES, TAKE_OUT, UNKNOWN
from promises.screens import WITHIN_S, Incoming, incoming, pick_up, talking_leg

pytestmark = pytest.mark.unhurried

RINGS = Behaviour(answer_after=None)
LISTED = frozenset(
    (
        *("CoreShowChannel", "CoreShowChannelsComplete", "BridgeListItem", "BridgeListComplete"),
        *("QueueParams", "QueueMember", "QueueEntry", "QueueStatusComplete"),
    )
)


class Ear:
    """What the bridge's own AMI user hears and may ask, without a bridge."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    @classmethod
    @asynccontextmanager
    async def of(cls, asterisk: AsteriskInstance) -> AsyncIterator["Ear"]:
        async with Lab(asterisk.address, asterisk.ami_port, asterisk.ami_username, asterisk.ami_secret) as lab:
            yield cls(lab)

    async def look(self, state: str) -> None:
        """Wait until a call is in this state and nothing happens any more; then look, and nothing may change."""
        last = ""
        try:
            async with asyncio.timeout(WITHIN_S):
                while last != state or not await self._looked():
                    await asyncio.sleep(0.05)
                    last = self._book().live()[-1].state.value if self._book().live() else ""
        except TimeoutError:
            raise TimeoutError(f"the call is not {state} but {last}") from None

    async def _looked(self) -> bool:
        """Look once; False when something happened meanwhile, so that it says nothing."""
        book, began, at = self._book(), self._lab.mark(), time.time()
        for name in LISTS:
            await self._lab.action(name)
        await asyncio.sleep(0.05)  # an event that Asterisk had not sent yet would be on its way
        said, sighting = self._lab.events(since=began), Sighting()
        for entry in said:
            sighting.add(entry)
        if any(entry["Event"] not in LISTED for entry in said):
            return False
        assert book.resync(sighting.snapshot(at)) == []
        return True

    def _book(self) -> CallBook:
        """All that was said so far."""
        book = CallBook("main", is_operator_phone=lambda interface: interface.startswith("PJSIP/10"))
        for message in self._said():
            event = translate(message, float(message["Timestamp"]), PbxClock())
            if event is not None:
                book.apply(event)
        return book

    def _said(self) -> list[Message]:
        return [event for event in self._lab.events() if event["Event"] not in LISTED and "Timestamp" in event]


@asynccontextmanager
async def talk(asterisk: AsteriskInstance, ear: Ear, phones: Phones) -> AsyncIterator[Incoming]:
    async with incoming(asterisk, SALES) as caller:
        await ear.look("ringing")
        await pick_up(phones["101"])
        await talking_leg(asterisk, caller, "101")
        await ear.look("talking")
        yield caller


async def test_while_a_caller_waits_talks_is_held_is_asked_about_and_is_handed_over(asterisk: AsteriskInstance) -> None:
    await asterisk.add_member("primary-consult", "PJSIP/101")
    phones = Phones(asterisk, dict.fromkeys(("101", "104"), RINGS))
    async with Ear.of(asterisk) as ear, phones, talk(asterisk, ear, phones) as caller:
        await phones["101"].hold()
        await ear.look("held")
        async with Caller(asterisk, phone="101", did="104") as second_line:
            await phones["104"].rings()
            await ear.look("held")
            await pick_up(phones["104"])
            await second_line.answered()
            await ear.look("held")
            await phones["101"].transfer("104", instead_of=second_line.dialog)
            await ear.look("talking")
        async with incoming(asterisk, UNKNOWN):
            await ear.look("ringing")
        await caller.phone.hang_up()


async def test_while_a_caller_is_parked_beside_an_operator_and_taken_out(asterisk: AsteriskInstance) -> None:
    await asterisk.add_member("primary-consult", "PJSIP/101")
    async with Ear.of(asterisk) as ear, Phones(asterisk, {"101": RINGS}) as phones:
        async with talk(asterisk, ear, phones) as caller, Caller(asterisk, phone="105", did=PARK_MYSELF):
            leg = await talking_leg(asterisk, caller, "101")
            await asterisk.lab.action("Park", Channel=caller.channel_name, TimeoutChannel=leg)
            await ear.look("held")
            # The space from which people are taken out is the operator's, so once more without him.
        async with talk(asterisk, ear, phones) as caller:
            leg = await talking_leg(asterisk, caller, "101")
            await asterisk.lab.action("Park", Channel=caller.channel_name, TimeoutChannel=leg)
            await ear.look("held")
            async with Caller(asterisk, phone="104", did=TAKE_OUT):
                await ear.look("talking")


async def test_while_a_member_is_called_through_a_local_channel(asterisk: AsteriskInstance) -> None:
    await asterisk.add_member("primary-consult", "Local/101@phones/n")
    phones = Phones(asterisk, {"101": RINGS})
    async with Ear.of(asterisk) as ear, phones, incoming(asterisk, SALES) as caller:
        await ear.look("ringing")
        await pick_up(phones["101"])
        await asterisk.lab.event("BridgeEnter", Uniqueid=caller.channel)
        await ear.look("talking")
