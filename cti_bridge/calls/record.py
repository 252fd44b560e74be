"""What the journal keeps of a call: one row that grows from the decision to the end."""

from dataclasses import dataclass, field

from cti_bridge.domain.decision import Facts
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId


@dataclass(frozen=True, slots=True)
class DecisionRecord:
    """How a call was decided: everything that is needed to compute the reasons again under these or other rules."""

    kind: str
    crm: str
    crm_age_s: float | None
    rule: str
    class_name: str
    queue: str
    steps: tuple[tuple[str, int], ...]
    final: str
    customer_id: str
    operator: str
    """The preferred operator who was to be rung first; empty when none was wanted or he was not free."""
    priority: int | None
    rules_hash: str
    facts: Facts
    crm_error: str = ""
    took_ms: dict[str, float] = field(default_factory=dict)
    """Milliseconds by part: `crm`, `rules`, `whole`."""
    delivered: bool = True
    """Whether Asterisk took the decision; False when the caller or the dialplan's patience was gone."""


@dataclass(frozen=True, slots=True)
class LegRecord:
    """One phone that was called for a call, or joined it; times are seconds since 1970, an empty text means none."""

    leg: ChannelId
    parent: ChannelId
    """The leg that called it, where it was not the caller who waited: half of a Local channel, or whoever asked."""
    operator: OperatorId
    number: str
    """The number called where the phone is no operator's, masked."""
    interface: str
    queue: str
    rang_at: float
    answered_at: float | None
    ended_at: float | None
    talked_s: float
    """Seconds that it was connected with the caller, holding and consultations left out."""
    why: str
    """Why it ended: no_answer, cancelled, ended, transferred, or unseen."""


@dataclass(frozen=True, slots=True)
class CallRecord:
    """One call in the journal; times are seconds since 1970, numbers in full (the file is readable by us alone)."""

    id: CallId
    pbx: str
    channel: ChannelId
    linkedid: str
    offered_at: float
    caller: str
    caller_kind: str
    caller_name: str
    did: str
    trunk: str
    verified: bool
    decision: DecisionRecord | None = None
    """None when the call was first seen in a queue: the dialplan had no decision of ours."""
    operator: OperatorId | None = None
    """Who answered first."""
    queue: str = ""
    """The queue the call was in last."""
    rang: tuple[OperatorId, ...] = ()
    pop_ms: float | None = None
    """From the PBX calling the first operator's phone to his pop being sent."""
    answered_at: float | None = None
    ended_at: float | None = None
    outcome: str = ""
    recovered: bool = False
    """Its end was not seen but found out later, after an interruption."""
    legs: tuple[LegRecord, ...] = ()
    """The phones that this run of the bridge knows of; the journal's table has those of earlier runs as well."""

    @property
    def decided_by(self) -> str:
        """The kind of decision that was carried out: the bridge's, or `fallback` where the dialplan never took it."""
        return self.decision.kind if self.decision and self.decision.delivered else "fallback"
