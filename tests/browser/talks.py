"""A talk of the first operator, on his page and in Asterisk: for the tests of what he does with it."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from playwright.async_api import Locator, expect
from promises.desk_scene import FIRST, where
from promises.scene import PHONE_OF, SALES
from promises.screens import Incoming, incoming, pick_up, talking_leg

from browser.desk_page import DeskPage
from demo.asterisk import AsteriskInstance
from demo.lab import Message
from demo.sip import Behaviour, Phones

WITHIN_MS = 30_000
RINGS = Behaviour(answer_after=None)


@dataclass(frozen=True, slots=True)
class PageTalk:
    """`leg` is the name of the operator's channel."""

    desk: DeskPage
    caller: Incoming
    leg: str

    @property
    def call_id(self) -> str:
        """The id of the call."""
        return self.caller.call_id

    async def is_(self, state: str) -> None:
        """Wait until the card is in this state."""
        await expect(self.desk.card_of(self.call_id, state)).to_be_visible(timeout=WITHIN_MS)


async def leg_id(asterisk: AsteriskInstance, leg: str) -> str:
    """The id of the channel with this name."""
    return (await asterisk.lab.action("Getvar", Channel=leg, Variable="CHANNEL(uniqueid)"))["Value"]


async def waits(asterisk: AsteriskInstance, channel: str) -> None:
    """Wait until the caller is where we have him wait, and nobody is connected with him."""

    def look(seen: list[Message]) -> bool:
        return any((one["Uniqueid"], one["Context"], one["BridgeId"]) == (channel, "cti-hold", "") for one in seen)

    await where(asterisk, look)


def control(desk: DeskPage, name: str) -> Locator:
    """A button of the row of controls."""
    return desk.page.locator(f".controls [data-action={name}]")


def able(desk: DeskPage, name: str) -> Locator:
    """The same, when it can be pressed."""
    return desk.page.locator(f".controls [data-action={name}][aria-disabled=false]")


def said(desk: DeskPage, kind: str) -> Locator:
    """What is said below the row, when it is of this kind."""
    return desk.page.locator(f"[data-field=said] [data-said={kind}]")


def phones_of(asterisk: AsteriskInstance, *operators: str) -> Phones:
    """Phones that ring until they are told to do something else."""
    return Phones(asterisk, {PHONE_OF[one]: RINGS for one in operators})


@asynccontextmanager
async def talk(
    asterisk: AsteriskInstance, desk: DeskPage, phones: Phones, number: str = SALES
) -> AsyncIterator[PageTalk]:
    """A customer talks with the first operator, who has his page open; hangs up at the end if he still can."""
    extension = PHONE_OF[FIRST]
    async with incoming(asterisk, number) as caller:
        await pick_up(phones[extension])
        leg = await talking_leg(asterisk, caller, extension)
        talking = PageTalk(desk, caller, leg)
        await talking.is_("talking")
        await expect(able(desk, "hold")).to_be_visible(timeout=WITHIN_MS)
        yield talking
