"""Members of queues: a phone in a queue, as the PBX has it, and what is heard of it."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import NamedTuple


class MemberKey(NamedTuple):
    """What tells one member from all others; `interface` is his own in that queue, such as `Local/101@agents/n`."""

    queue: str
    interface: str


class OwnPenalty(NamedTuple):
    """The penalty that a member has of his own, and the one that was `given` to him for being called last."""

    penalty: int
    given: int


@dataclass(frozen=True, slots=True)
class Member:
    """One phone in one queue. A paused member gets no calls; one with a higher penalty comes after the others."""

    queue: str
    interface: str
    state_interface: str
    """The phone whose state counts; mostly the interface itself."""
    paused: bool = False
    reason: str = ""
    """Why he is paused, as whoever did it said."""
    penalty: int = 0
    available: bool = True
    """Whether the phone can be reached at all; one that talks can."""
    behind: tuple[str, ...] = ()
    """The phones for which the state interface stands, where it names none but is only known to the dialplan."""

    @property
    def key(self) -> MemberKey:
        """What tells it from all others."""
        return MemberKey(self.queue, self.interface)

    @property
    def phones(self) -> tuple[str, ...]:
        """The interfaces by which an operator may be known whose phone this is, the closest first."""
        without_options = "/".join(self.interface.split("/", 2)[:2])  # Local/101@agents/n
        return tuple(dict.fromkeys((self.interface, without_options, self.state_interface, *self.behind)))


class About(Enum):
    """What was done to a member."""

    ADDED = auto()
    PAUSE = auto()
    """He was paused, or may be called again."""
    PENALTY = auto()
    STATE = auto()
    """The state of his phone is another one, or something that does not matter here."""


@dataclass(frozen=True, slots=True)
class MemberChanged:
    """Something was done to a member; he is like this now."""

    member: Member
    about: About


@dataclass(frozen=True, slots=True)
class MemberRemoved:
    """A member is in this queue no longer."""

    key: MemberKey


@dataclass(frozen=True, slots=True)
class MembersReloaded:
    """The PBX has read its settings again: of members that are written in them, it may have forgotten something."""


MemberEvent = MemberChanged | MemberRemoved | MembersReloaded
"""What is heard of members."""
