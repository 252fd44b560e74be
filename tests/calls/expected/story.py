"""How a story is said to come out, in few words."""

from dataclasses import dataclass

from story_telling import ANSWERED, ENDED, RINGING, UPDATED

from cti_bridge.domain.ids import OperatorId


@dataclass(frozen=True, slots=True)
class Talk:
    """One leg as a story should leave it: whose, why it ended, and how long it was with the caller, to a quarter."""

    who: str
    why: str
    talked_s: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What a call should come to: the states in order, what each operator was told, the legs, how it ended, the queue.

    `offered` is left out of the states: whether the caller is seen alone for a moment, while those he talked with are
    hung up, is chance; recordings of the same story differ.
    """

    states: str
    told: dict[OperatorId, tuple[str, ...]]
    legs: tuple[Talk, ...]
    outcome: str = "answered"
    queue: str = "sales"


PLAIN = (RINGING, ANSWERED, ENDED)
ANSWERED_ONLY = (ANSWERED, ENDED)
ASKED = (RINGING, ANSWERED, UPDATED, ENDED)
NOT_ANSWERED = (RINGING, "call.withdrawn no_answer")
TAKEN = (RINGING, "call.withdrawn answered_elsewhere")
GAVE_UP = (RINGING, "call.withdrawn abandoned")


def talked(extension: str, seconds: float, why: str = "ended") -> Talk:
    """The leg of a phone that was with the caller."""
    return Talk(f"PJSIP/{extension}", why, seconds)


def rang(extension: str, why: str) -> Talk:
    """The leg of a phone that was called in vain."""
    return Talk(f"PJSIP/{extension}", why, 0.0)
