"""What can happen to an operator that matters to his state. Pure."""

from collections.abc import Set
from dataclasses import dataclass

from cti_bridge.domain.ids import CallId
from cti_bridge.operators.desk_settings import StateDefinition
from cti_bridge.operators.states import MemberPicture


@dataclass(frozen=True, slots=True)
class Asked:
    """He asks for a state; `by` is who asked in his place, who may do so whatever is missing."""

    state: StateDefinition
    by: str = ""


@dataclass(frozen=True, slots=True)
class Finished:
    """He has written down what there is to write, and wants to go on."""


@dataclass(frozen=True, slots=True)
class TalkBegan:
    """He talks in a call, calls somebody, or is asked about a caller."""

    call: CallId


@dataclass(frozen=True, slots=True)
class TalkEnded:
    """He no longer does; `after` says whether there is something to write down, `at` is in seconds since 1970."""

    call: CallId
    at: float
    after: bool
    missing: Set[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Written:
    """Something was written down of a call; this is still missing."""

    call: CallId
    missing: Set[str]


@dataclass(frozen=True, slots=True)
class Pages:
    """So many of his pages are open now."""

    count: int


@dataclass(frozen=True, slots=True)
class SignedOut:
    """He has signed out everywhere."""


@dataclass(frozen=True, slots=True)
class MembersSeen:
    """What Asterisk says of his phones in their queues; `foreign`: somebody else has changed a pause just now."""

    members: tuple[MemberPicture, ...]
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class Pbx:
    """What Asterisk says can be relied upon, or not any more."""

    up: bool


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed."""


Happening = Asked | Finished | TalkBegan | TalkEnded | Written | Pages | SignedOut | MembersSeen | Pbx | Tick
