"""What an operator writes down about one call: what came of it, his note, what the caller thought, what comes next."""

from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.domain.ids import CallId, OperatorId


class StepKind(StrEnum):
    """What is to be done next."""

    CALLBACK = "callback"
    """Ring the caller back; whoever does."""
    TASK = "task"
    """Something else, for the operator who wrote it down."""


@dataclass(frozen=True, slots=True)
class NextStep:
    """What is to be done, and by when (seconds since 1970)."""

    at: float
    text: str
    kind: StepKind


@dataclass(frozen=True, slots=True)
class AfterCall:
    """What one operator has written down about one call; an empty text and None stand for nothing."""

    call: CallId
    operator: OperatorId
    outcome: str = ""
    note: str = ""
    score: int | None = None
    """How content the caller was, from 1 to 5."""
    feedback: str = ""
    next_step: NextStep | None = None
    saved_at: float = 0.0
    finished_at: float | None = None
    """When all of this was handed on to the CRM, or there was nothing to hand on; None: not yet."""
    told: int = 0
    """How many notes were made of it: one, and one more each time something was changed afterwards."""


@dataclass(frozen=True, slots=True)
class AboutCall:
    """Whom a call was with: his number (empty where hidden), name and id in the CRM; `ended_at` None: it goes on."""

    number: str
    name: str
    customer_id: str
    ended_at: float | None
    unasked: bool = False
    """Whether the CRM could not be asked who that is."""
