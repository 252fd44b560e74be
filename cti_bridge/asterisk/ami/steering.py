"""What operators have done with calls, in AMI's words: hanging up, sending on, having a phone called.

Each answers when AMI has; that it has really happened is told by the events that follow. A channel is named by its
Uniqueid, which it keeps whatever is done with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from cti_bridge.asterisk.ami.hints import hint_of, phones_of, question
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.asterisk.ami.translate import Headers, text, whole
from cti_bridge.domain.ids import ChannelId
from cti_bridge.domain.member import Member

ANSWER_MARGIN_S = 3.0
"""How much longer than a phone may ring the PBX has to say that nobody answered there."""


class Ami(Protocol):
    """The connection to the PBX."""

    def ask(
        self,
        headers: Mapping[str, str],
        *,
        take: Callable[[Headers], None] | None = None,
        within_s: float | None = None,
    ) -> Awaitable[Sequence[Headers]]:
        """Carry out one action, within a time limit."""


class PbxRefused(Exception):
    """The PBX did not do it; the message says why, for people."""


class PbxSilent(Exception):
    """The PBX cannot be asked, or did not answer in time; whether it was done is not known."""


class Rang(StrEnum):
    """What came of calling a phone for its owner."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"
    """It rang until its time was up."""
    REFUSED = "refused"
    """It is busy, its owner rejected the call, or it cannot be reached at all."""


@dataclass(frozen=True, slots=True)
class QueueNow:
    """How a queue stands: members who could take a call now, callers who wait."""

    free: int
    waiting: int


class Steering:
    """Commands to one PBX. Every method raises PbxRefused or PbxSilent."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami

    async def hang_up(self, channel: ChannelId, *, refuses: bool = False) -> None:
        """End a channel; `refuses`: as its owner's refusal of the call that rings on it.

        queue_log says of a talk then that the caller ended it: AMI does not tell it who did.
        """
        try:
            await self._ask({"Action": "Hangup", "Channel": channel, "Cause": "21" if refuses else "16"})
        except PbxRefused as refused:
            if "no such channel" not in str(refused).lower():  # one that has ended by itself meanwhile is ended
                raise

    async def set_variables(self, channel: ChannelId, variables: Mapping[str, str]) -> None:
        """Set variables of a channel, one after another; that names and values are harmless is the caller's care."""
        for name, value in variables.items():
            await self._ask({"Action": "Setvar", "Channel": channel, "Variable": name, "Value": value})

    async def variable(self, channel: ChannelId | None, name: str) -> str:
        """A variable or function of a channel, or of the PBX itself; empty when it is not set."""
        where = {"Channel": channel} if channel else {}
        answer = await self._ask({"Action": "Getvar", **where, "Variable": name})
        return text(answer[0], "Value") if answer else ""

    async def has_contexts(self, channel: ChannelId, contexts: Sequence[str]) -> bool:
        """Whether all these contexts can be entered: a channel that is sent to one that is not there is hung up."""
        asked = (self.variable(channel, f"DIALPLAN_EXISTS({context},s,1)") for context in contexts)
        return all(there == "1" for there in await asyncio.gather(*asked))

    async def can_be_reached(self, interface: str) -> bool:
        """Whether a phone is registered, or has a fixed address; of a phone that is not PJSIP's nothing is known."""
        technology, _, name = interface.partition("/")
        if technology != "PJSIP":
            return True
        return bool(await self.variable(None, f"PJSIP_DIAL_CONTACTS({name})"))

    async def send_on(self, leg: ChannelId, context: str, extension: str = "s") -> None:
        """Send the other side of the talk on this leg to a place in the dialplan, and end the leg."""
        await self._ask({"Action": "BlindTransfer", "Channel": leg, "Context": context, "Exten": extension})

    async def redirect(self, channel: ChannelId, context: str, extension: str = "s") -> None:
        """Take a channel to a place in the dialplan, out of whatever it is in."""
        where = {"Context": context, "Exten": extension, "Priority": "1"}
        await self._ask({"Action": "Redirect", "Channel": channel, **where})

    async def redirect_both(
        self, channel: ChannelId, to: tuple[str, str], other: ChannelId, other_to: tuple[str, str]
    ) -> None:
        """Take two channels, each to its place (context, extension), in one go."""
        first = {"Channel": channel, "Context": to[0], "Exten": to[1], "Priority": "1"}
        second = {"ExtraChannel": other, "ExtraContext": other_to[0], "ExtraExten": other_to[1], "ExtraPriority": "1"}
        await self._ask({"Action": "Redirect", **first, **second})

    async def call_phone(
        self,
        interface: str,
        channel: ChannelId,
        *,
        context: str,
        extension: str = "s",
        caller_id: str,
        variables: Mapping[str, str],
        ring_s: float,
    ) -> Rang:
        """Have a phone called on a channel with this id; when it answers it goes to that place in the dialplan.

        Returns when the phone has answered, or will not. `variables` may have no comma in their values.
        """
        listed = ",".join(f"{name}={value}" for name, value in variables.items())
        order = {
            "Action": "Originate",
            "Channel": interface,
            "ChannelId": channel,
            "Context": context,
            "Exten": extension,
            "Priority": "1",
            "CallerID": caller_id,
            "Timeout": str(round(ring_s * 1000)),
            "Async": "true",
            **({"Variable": listed} if listed else {}),
        }
        # The client waits for the OriginateResponse behind the answer that the order was taken.
        response = (await self._ask(order, within_s=ring_s + ANSWER_MARGIN_S))[-1]
        if text(response, "Response") == "Success":
            return Rang.ANSWERED
        return Rang.NO_ANSWER if text(response, "Reason") in _RANG else Rang.REFUSED

    async def may_steer(self) -> bool:
        """Whether this user of AMI may command channels; asked with one that nobody has."""
        try:
            await self._ask({"Action": "Setvar", "Channel": "cti-nobody", "Variable": "cti_nothing", "Value": ""})
        except PbxRefused as refused:
            return "permission" not in str(refused).lower()
        return True

    async def send_probe(self, channel: ChannelId, context: str) -> None:
        """Send a channel of our own through a context; it rings nobody. Its ids begin with `channel`."""
        await self._ask(
            {
                "Action": "Originate",
                "Channel": f"Local/s@{context}/n",
                "ChannelId": channel,
                "OtherChannelId": f"{channel}-2",
                "Application": "NoOp",
                "Async": "true",
                "Timeout": "2000",
            }
        )

    async def queues(self) -> dict[str, QueueNow]:
        """All queues, and how they stand."""
        found: dict[str, QueueNow] = {}

        def take(entry: Headers) -> None:
            if text(entry, "Queue"):
                found[text(entry, "Queue")] = QueueNow(whole(entry, "Available"), whole(entry, "Callers"))

        await self._ask({"Action": "QueueSummary"}, take=take)
        return found

    async def members(self, queue: str) -> frozenset[str]:
        """The interfaces that a queue calls, without options too, and those whose state says whether they are free."""
        found: set[str] = set()
        hints: dict[str, None] = {}

        def take(entry: Headers) -> None:
            if text(entry, "Event") == "QueueMember" and text(entry, "Queue") == queue:
                state_interface = text(entry, "StateInterface")
                found.update(Member(queue, text(entry, "Location"), state_interface).phones)
                if hint := hint_of(state_interface):
                    hints[hint] = None

        await self._ask({"Action": "QueueStatus", "Queue": queue}, take=take)
        for answer in await asyncio.gather(*(self._ask(question(hint)) for hint in hints)):
            found.update(phones_of(text(answer[0], "Hint")) if answer else ())
        return frozenset(found - {""})

    async def _ask(
        self,
        headers: Mapping[str, str],
        *,
        take: Callable[[Headers], None] | None = None,
        within_s: float | None = None,
    ) -> Sequence[Headers]:
        try:
            return await self._ami.ask(headers, take=take, within_s=within_s)
        except ActionRefused as refused:
            raise PbxRefused(str(refused)) from None
        except (NotConnected, TimeoutError) as silent:
            raise PbxSilent(str(silent) or "the PBX did not answer in time") from None
        except ValueError as unsafe:
            raise PbxRefused(str(unsafe)) from None


_RANG = ("1", "3")
"""Reasons of an OriginateResponse: it rang, or its time was up."""
