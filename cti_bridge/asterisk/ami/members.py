"""Members of queues in AMI's words: what is told of them, the list of all, and how they are paused and put last.

Which member an action means is said by his own interface: for `Local/101@agents/n` with the state interface
`PJSIP/101` it is the former, and an action for `PJSIP/101` does not reach him. Without a queue it is for all queues
that have this very interface. That something was done is told by the events that follow, one for each queue.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Protocol

from cti_bridge.asterisk.ami.hints import hint_of, phones_of, question
from cti_bridge.asterisk.ami.protocol import ActionRefused
from cti_bridge.asterisk.ami.translate import Headers, text, whole
from cti_bridge.domain.member import (
    About,
    Member,
    MemberChanged,
    MemberEvent,
    MemberKey,
    MemberRemoved,
    MembersReloaded,
)

MAX_MEMBERS = 50_000
"""Members that a list may have."""
_ABOUT = {
    "QueueMemberAdded": About.ADDED,
    "QueueMemberPause": About.PAUSE,
    "QueueMemberPenalty": About.PENALTY,
    "QueueMemberStatus": About.STATE,
    "QueueMemberRinginuse": About.STATE,
}
HEARD = frozenset((*_ABOUT, "QueueMemberRemoved", "Reload"))
"""Names of the events that say something about members."""
_RELOADS = ("All", "app_queue.so")
"""The modules whose reloading may change members."""
_UNREACHABLE = ("4", "5")
"""Device states of a phone that is not there: invalid, unavailable."""
_ESSENTIAL = (
    "Event",
    "Queue",
    "Interface",
    "Location",
    "StateInterface",
    "Paused",
    "PausedReason",
    "Penalty",
    "Status",
)
_SENDABLE = re.compile(r"[^\x00-\x1f\x7f]{0,200}")
"""Reasons that the connection takes; with another one he is paused all the same, without it."""


class Ami(Protocol):
    """The connection to the PBX; each action is under a time limit, and `take` gets the entries of a list."""

    def ask(
        self, headers: Mapping[str, str], *, take: Callable[[Headers], None] | None = None
    ) -> Awaitable[Sequence[Headers]]:
        """Raises NotConnected, ActionRefused, TimeoutError or ValueError."""


def heard(message: Headers) -> MemberEvent | None:
    """What an event says about members; None for one that says nothing, or that was tampered with."""
    name = text(message, "Event")
    if name == "Reload":
        return MembersReloaded() if text(message, "Module") in _RELOADS else None
    member = _member(message, text(message, "Interface"))
    if member is None or name not in HEARD:
        return None
    return MemberRemoved(member.key) if name == "QueueMemberRemoved" else MemberChanged(member, _ABOUT[name])


async def all_members(ami: Ami) -> dict[MemberKey, Member]:
    """Every member of every queue, as Asterisk has them now. Raises as `ask`."""
    found: dict[MemberKey, Member] = {}

    def take(entry: Headers) -> None:
        if text(entry, "Event") == "QueueMember" and len(found) < MAX_MEMBERS:
            member = _member(entry, text(entry, "Location"))
            if member is not None:
                found[member.key] = member

    await ami.ask({"Action": "QueueStatus"}, take=take)
    return found


async def phones_behind(ami: Ami, state_interfaces: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Of each of these that is a hint, the phones it stands for: none where the dialplan has no such hint.

    Raises NotConnected or TimeoutError.
    """
    found: dict[str, tuple[str, ...]] = {}
    for one in sorted(set(state_interfaces)):
        if hint := hint_of(one):
            try:
                answer = await ami.ask(question(hint))
            except ActionRefused:
                answer = ()
            found[one] = phones_of(text(answer[0], "Hint")) if answer else ()
    return found


async def pause(ami: Ami, interface: str, *, paused: bool, reason: str, queue: str = "") -> None:
    """Pause this interface, or let it be called again, in one queue or in all that have it. Raises as `ask`."""
    action = {"Action": "QueuePause", "Interface": interface, "Paused": "true" if paused else "false"}
    why = reason if paused and _SENDABLE.fullmatch(reason) else ""
    await ami.ask(_of(queue, action | ({"Reason": why} if why else {})))


async def penalise(ami: Ami, interface: str, penalty: int, *, queue: str = "") -> None:
    """Give this interface a penalty, in one queue or in all that have it. Raises as `ask`."""
    await ami.ask(_of(queue, {"Action": "QueuePenalty", "Interface": interface, "Penalty": str(penalty)}))


async def tell_of_last(ami: Ami, value: str) -> None:
    """Tell `[cti-wait]` of the dialplan, by its global CTI_LAST, which penalty those have who are called last.

    `none`: nobody is. Raises as `ask`.
    """
    await ami.ask({"Action": "Setvar", "Variable": "CTI_LAST", "Value": value})


def _member(message: Headers, interface: str) -> Member | None:
    queue = text(message, "Queue")
    if not queue or not interface or any(isinstance(message.get(name), list) for name in _ESSENTIAL):
        return None
    return Member(
        queue,
        interface,
        text(message, "StateInterface") or interface,
        paused=text(message, "Paused") == "1",
        reason=text(message, "PausedReason"),
        penalty=max(0, whole(message, "Penalty")),
        available=text(message, "Status") not in _UNREACHABLE,
    )


def _of(queue: str, action: Mapping[str, str]) -> dict[str, str]:
    return {**action, "Queue": queue} if queue else dict(action)
