"""What the bridge decides about a call: where it goes, why, and how the CRM answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.ids import CustomerId, DealId, OperatorId


class CrmSource(StrEnum):
    """How the CRM's part of a decision was obtained."""

    FRESH = "fresh"
    """The CRM answered just now."""
    CACHED = "cached"
    """A kept answer, younger than `crm.fresh`."""
    STALE = "stale"
    """The CRM was late or failed; an older kept answer was used."""
    NONE = "none"
    """The CRM answered: nobody has this number."""
    SKIPPED = "skipped"
    """Not asked: the caller is anonymous or internal."""
    FAILED = "failed"
    """The CRM did not answer and nothing was kept."""


@dataclass(frozen=True, slots=True)
class CrmAnswer:
    """The outcome of one look-up; `age_s` is the age of a kept answer in seconds, `error` says why it failed."""

    source: CrmSource
    records: tuple[CustomerRecord, ...] = ()
    age_s: float | None = None
    took_ms: float = 0.0
    error: str = ""


class DecisionKind(StrEnum):
    """How the decision came about."""

    MATCHED = "matched"
    DEFAULT = "default"
    DEGRADED = "degraded"
    FALLBACK = "fallback"
    """Made by the dialplan alone, because it got no answer in time."""


@dataclass(frozen=True, slots=True)
class Step:
    """One queue to wait in; `timeout_s` in whole seconds, 0 means without limit.

    The step is passed over when `max_waiting` callers or more wait in the queue at the moment in which it is reached.
    """

    queue: str
    timeout_s: int
    max_waiting: int | None = None


@dataclass(frozen=True, slots=True)
class Penalties:
    """Which members of a queue may be called: those with a penalty within these limits, both included; None: any."""

    min: int | None = None
    max: int | None = None

    @property
    def in_words(self) -> str:
        """Such as `1 to 4`, `2 or more`, `4 or less`."""
        if self.min is None or self.max is None:
            return f"{self.max} or less" if self.min is None else f"{self.min} or more"
        return f"{self.min} to {self.max}"


class OperatorSource(StrEnum):
    """Why somebody is to be rung first."""

    RESPONSIBLE = "responsible"
    """The CRM says that he is responsible for the deal, or else for the customer."""
    LAST = "last"
    """He spoke with this number last."""
    NAMED = "named"
    """The rule names him."""


@dataclass(frozen=True, slots=True)
class WantedOperator:
    """Somebody whom a rule wants to ring first: a user of the CRM where he is responsible, else an operator."""

    source: OperatorSource
    crm_user: str = ""
    operator: OperatorId | None = None

    @property
    def id(self) -> str:
        """Who it is, as the CRM or as the bridge calls him."""
        return self.crm_user or self.operator or ""


@dataclass(frozen=True, slots=True)
class PreferredOperator:
    """Whom a rule wants to ring first: the first of `wanted`, of whom there is one at least, who is free.

    For `timeout_s` whole seconds.
    """

    wanted: tuple[WantedOperator, ...]
    timeout_s: int


@dataclass(frozen=True, slots=True)
class Decision:
    """Where one call goes and why. `steps` has at least one entry and at most nine."""

    kind: DecisionKind
    crm: CrmSource | None
    rule: str
    steps: tuple[Step, ...]
    final: str
    class_name: str = ""
    record: CustomerRecord | None = None
    """The customer that was recognised; None when there is none or the choice is open."""
    deal_id: DealId | None = None
    """The open deal that the class was derived from."""
    preferred: PreferredOperator | None = None
    priority: int | None = None
    language: str = ""
    """The language of the rule or the line, for the queue's announcements; empty leaves the channel's own."""
    penalties: Penalties | None = None
    """Which members of the queues may be called for this caller; None: all."""
    announcement: str = ""
    """The sound that the caller hears first; empty: none."""

    @property
    def queue(self) -> str:
        """The queue of the first step."""
        return self.steps[0].queue

    @property
    def customer_id(self) -> CustomerId | None:
        """Id of the recognised customer."""
        return self.record.customer.id if self.record else None


@dataclass(frozen=True, slots=True)
class OperatorDial:
    """The operator to ring before the first queue: his id, Asterisk's dial string, and for how many seconds."""

    id: OperatorId
    dial: str
    timeout_s: int


FactValue = str | int | float | bool | None
Facts = Mapping[str, FactValue | list[dict[str, FactValue]]]
"""Facts by dotted name, as they were known at the decision; an unknown fact is left out, an absent one is None."""
