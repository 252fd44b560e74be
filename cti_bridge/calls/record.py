"""What the journal keeps of a call: one row that grows from the decision to the end."""

from dataclasses import dataclass, field

from cti_bridge.domain.decision import Facts
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

_CANDIDATES = "call.candidates"
"""The fact that says how many customers have the caller's number."""


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
    """Milliseconds by part: `crm`, `journal` where it was asked beside, `rules`, `whole`."""
    delivered: bool = True
    """Whether Asterisk took the decision; False when the caller or the dialplan's patience was gone, or `shadow`."""
    max_waiting: tuple[int | None, ...] = ()
    """With how many callers waiting each step was to be passed over; None: never; all of them where none has one."""
    penalties: tuple[int | None, int | None] | None = None
    """The least and the greatest penalty of the members who may be called; None: any."""
    language: str = ""
    announcement: str = ""
    skipped: tuple[tuple[str, str], ...] = ()
    """Who was wanted before `operator` and not rung: his id, or else the CRM's, and why, as the end of a sentence."""
    shadow: bool = False
    """The bridge was in shadow mode: it decided, and told nobody."""


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
    """Why it ended: no_answer, refused, cancelled, ended, hung_up, transferred, or unseen."""


@dataclass(frozen=True, slots=True)
class RecordingRecord:
    """One recording of what was said; times are seconds since 1970. Only what it was is kept, never what is in it."""

    channel: ChannelId
    leg: ChannelId
    """The leg on whose channel it was made; empty where it was the caller's own."""
    started_at: float
    ended_at: float | None
    """None while it goes on."""
    file: str | None
    """As the PBX names it: a path there. None while it is being asked, empty when it could not say."""


@dataclass(frozen=True, slots=True)
class DeskOutcome:
    """What an operator says came of a call; not to be taken for the outcome of the call itself."""

    operator: OperatorId
    outcome: str
    """One of the settings'; empty where he gave only a score."""
    score: int | None
    """How content the caller was, from 1 to 5."""


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
    """None when the call was first seen in a queue, or an operator made it: the dialplan had no decision of ours."""
    operator: OperatorId | None = None
    """Who answered first; in an outbound call who made it."""
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
    recordings: tuple[RecordingRecord, ...] = ()
    direction: Direction = Direction.INBOUND
    """In an outbound call `caller` is whoever was called."""
    dialler: str = ""
    """The phone of the operator who made the call; empty in an inbound one."""
    customer_id: str = ""
    """The CRM's customer where the decision does not say who it is: it was not decided, and his number was looked up;
    or an operator has chosen him among several, or made him."""
    final: str = ""
    """Where the dialplan sent the caller when the steps had run out: a `Final`; empty while it has not."""

    @property
    def customer(self) -> str:
        """Whose call it is; empty for nobody's, and while nobody has chosen among several customers of the number."""
        if self.customer_id or self.decision is None:
            return self.customer_id
        return "" if self.choice_open else self.decision.customer_id

    @property
    def choice_open(self) -> bool:
        """Whether several customers have the number, and no operator has said yet which of them called."""
        return not self.customer_id and self.decision is not None and _are_several(self.decision.facts)

    @property
    def customer_name(self) -> str:
        """How the CRM called him; empty where the rules had only guessed at one of several, or it was somebody else."""
        return name_of(self.decision.facts, self.decision.customer_id, self.customer_id) if self.decision else ""

    desk_outcomes: tuple[DeskOutcome, ...] = ()
    """What operators said came of it once they were through; the journal has them in a table of their own."""

    @property
    def closed(self) -> bool:
        """Whether the call is over, and its times and recordings are final."""
        return self.ended_at is not None and all(
            one.ended_at is not None and one.file is not None for one in self.recordings
        )

    @property
    def decided_by(self) -> str:
        """The kind of decision that was carried out: the bridge's, or `fallback` where the dialplan never took it.

        Empty where there was nothing to decide, because an operator made the call.
        """
        if self.decision is None and self.direction is not Direction.INBOUND:
            return ""
        return self.decision.kind if self.decision and self.decision.delivered else "fallback"


def name_of(facts: Facts, decided_for: str, chosen: str) -> str:
    """The customer's name in the facts of a decision, as far as it is sure that it is his.

    `decided_for` is the customer for whom it was decided, `chosen` who the caller is as an operator says; empty: none.
    """
    if chosen != decided_for if chosen else _are_several(facts):
        return ""
    return str(facts.get("customer.name") or "")


def _are_several(facts: Facts) -> bool:
    found = facts.get(_CANDIDATES)
    return isinstance(found, int) and found > 1
