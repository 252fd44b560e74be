"""What is left to do after calls: whom to ring back, what was promised, and who has taken which of it. Pure."""

import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.domain.ids import OperatorId

MISSED_PREFIX, STEP_PREFIX = "missed:", "step:"
CLAIM_S = 1800.0
"""So long is an item somebody's own who has taken it and does not end it."""


class WorkKind(StrEnum):
    """What there is to do."""

    MISSED = "missed"
    """Somebody called from outside and was not answered."""
    CALLBACK = "callback"
    """Somebody was promised a call."""
    TASK = "task"
    """Something else that an operator wrote down for himself."""


@dataclass(frozen=True, slots=True)
class WorkItem:
    """One thing to do; times are seconds since 1970, an empty text means none."""

    id: str
    """Says neither number nor name: it may stand in a log."""
    kind: WorkKind
    number: str
    name: str
    text: str
    due_at: float | None
    since: float
    """When the caller tried first, or the step was written down."""
    calls: int
    queue: str
    call: str
    """The latest call in vain, or the one after which the step was written down."""
    rang: frozenset[OperatorId] = frozenset()
    """Whose phones rang in vain."""
    owner: OperatorId | None = None
    """Who wrote the step down."""
    promised: bool = False
    """A missed caller was told that he will be called back."""


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has taken an item, and until when it was done last; only one of both, or neither, need be there."""

    item: str
    operator: OperatorId | None
    taken_at: float | None
    done_at: float | None

    def holder(self, now: float) -> OperatorId | None:
        """Whose it is at this time."""
        return self.operator if self.taken_at is not None and now < self.taken_at + CLAIM_S else None


@dataclass(frozen=True, slots=True)
class Work:
    """All there is at one moment."""

    items: tuple[WorkItem, ...] = ()
    claims: tuple[Claim, ...] = ()
    reached: tuple[str, ...] = ()
    """Steps whose callers somebody has talked with meanwhile: they are done."""
    whole: bool = True
    """Whether no item was left out because there were too many."""


def missed_item_id(key: bytes, caller: str) -> str:
    """Names the item of a caller without saying his number; the same one each time with the same key."""
    return MISSED_PREFIX + hmac.new(key, caller.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]


def step_item_id(step: str) -> str:
    """Names the item of a next step."""
    return STEP_PREFIX + step


def void(claim: Claim, open_items: frozenset[str], staff: frozenset[OperatorId], now: float) -> bool:
    """Whether a claim holds no longer: too old, of an item that is gone, or of somebody who is no operator now."""
    if claim.taken_at is None:
        return False
    return claim.holder(now) is None or claim.item not in open_items or claim.operator not in staff
