"""The forms of everything that bridge and pages say to each other, as types: what is encoded is checked against them.

Times are ISO 8601 with a zone, durations seconds. `frame_schema` makes the JSON Schema of the protocol from these.
"""

from typing import Literal, NotRequired

from typing_extensions import TypedDict

Scalar = str | int | float | bool | None


class OperatorView(TypedDict):
    """An operator as pages see him."""

    id: str
    name: str
    role: Literal["operator", "supervisor", "admin"]
    phones: list[str]
    language: str


class CallerView(TypedDict):
    """Who calls, as the telephone network says."""

    number: str | None
    display: str
    kind: Literal["external", "internal", "anonymous", "unparsed"]
    name: str
    verified: bool


class LineView(TypedDict):
    """What the rules say of the number that was dialled."""

    did: str
    name: str
    channel: str
    city: str
    direction: str
    zone: str
    language: str


class ResponsibleView(TypedDict):
    """Who looks after a customer: a user of the CRM, by the operator's name where he is one."""

    crm_user: str
    name: str


class CustomerView(TypedDict):
    """A customer as the CRM has him; texts may be empty."""

    id: str
    name: str
    numbers: list[str]
    email: str
    city: str
    timezone: str
    segment: str
    preferred_channel: str
    responsible: ResponsibleView | None


class DealView(TypedDict):
    """One deal; `main` is the one that decided, `open` says that its stage is not final."""

    id: str
    title: str
    stage: str
    stage_name: str
    amount: float | int | None
    currency: str
    changed_at: str | None
    responsible: str
    open: bool
    main: bool


class CandidateView(TypedDict):
    """One of several customers with exactly this number."""

    customer: CustomerView
    deals: list[DealView]


class NoteView(TypedDict):
    """What somebody wrote down about the customer."""

    at: str | None
    author: str
    text: str


class PastCallView(TypedDict):
    """An earlier call; `stage` is where the deal was then, as far as that is known."""

    at: str | None
    direction: str
    outcome: str
    queue: str
    operator: str | None
    wait_s: float | None
    talk_s: float | None
    stage: NotRequired[str | None]
    stage_name: NotRequired[str | None]


class ReasonView(TypedDict):
    """A fact that the decision hung on."""

    fact: str
    value: Scalar


class FirstOperatorView(TypedDict):
    """Whom the rule wanted to ring first, and what became of it."""

    name: str
    state: Literal["called", "not_free", "nobody"]


class WhyView(TypedDict):
    """Why a call was decided so."""

    reason: list[ReasonView]
    operators: list[FirstOperatorView]


class CrmView(TypedDict):
    """Where the picture of the customer comes from, and how old it is."""

    source: Literal["fresh", "cached", "stale", "none", "skipped", "failed", ""]
    age_s: float | None


class ByView(TypedDict):
    """Who took a call."""

    operator: str
    name: str


class FeedbackView(TypedDict):
    """What a caller thought."""

    score: int | None
    text: str


class NextStepView(TypedDict):
    """What is to be done after a call, and when."""

    at: str
    text: str
    kind: Literal["callback", "task"]


class AfterView(TypedDict):
    """What an operator has written down about a call; `missing` are the fields that he has still to fill in."""

    call: str
    outcome: str | None
    note: str
    feedback: FeedbackView
    next_step: NextStepView | None
    saved_at: str
    missing: list[str]


TargetKind = Literal["operator", "queue", "number"]
TransferFailure = Literal["", "busy", "no_answer", "unreachable", "missing", "nobody", "full", "failed"]


ClassPart = TypedDict("ClassPart", {"class": str})
"""The caller's class; the key is a word of Python's own."""


class EditView(TypedDict):
    """Something that an operator has changed of a customer; texts by field."""

    id: str
    kind: Literal["update", "create", "note", "deal"]
    state: Literal["waiting", "saved", "conflict", "refused"]
    changes: dict[str, str]
    theirs: dict[str, str]
    reason: str


class OwnEditView(EditView):
    """The same for who made it, whatever call it was in."""

    call: str
    customer: str | None
    name: str
    number: str
    display: str


class TargetView(TypedDict):
    """Whom a caller is handed to, or who is asked about him; `name` is for people."""

    kind: TargetKind
    id: str
    name: str


class SenderView(TypedDict):
    """The operator who sends a caller on."""

    operator: str
    name: str


class TransferView(TypedDict):
    """A caller on his way to somebody else, or back from there, and then why."""

    to: TargetView
    by: SenderView
    state: Literal["ringing", "failed"]
    reason: TransferFailure


class ConsultView(TypedDict):
    """Whom the operator asks about the caller who waits."""

    to: TargetView
    state: Literal["ringing", "talking"]


class ConsultFailedView(TypedDict):
    """Whom the operator wanted to ask last, and why that came to nothing."""

    to: TargetView
    reason: str


class CallView(ClassPart):
    """The whole call as one operator may see it."""

    id: str
    direction: Literal["inbound", "outbound", "internal"]
    state: Literal["offered", "queued", "ringing", "talking", "held", "ended"]
    my_role: Literal["ringing", "talking", "consulting", "none"]
    queue: str | None
    decision: str
    rule: str
    why: WhyView
    crm: CrmView
    caller: CallerView
    did: str | None
    line: LineView | None
    customer: CustomerView | None
    chosen: bool
    candidates: list[CandidateView]
    deals: list[DealView]
    notes: list[NoteView]
    history: list[PastCallView]
    extras: Literal["pending", "ready", "failed"]
    offered_at: str | None
    rang_at: str | None
    answered_at: str | None
    ended_at: str | None
    expires_at: str | None
    edits: NotRequired[list[EditView]]
    held_by: NotRequired[Literal["desk", "phone"] | None]
    consult: NotRequired[ConsultView | None]
    consult_failed: NotRequired[ConsultFailedView | None]
    actions: NotRequired[dict[str, str | None]]
    transfer: NotRequired[TransferView | None]
    after: NotRequired[AfterView | None]


StateKind = Literal["ready", "away", "last", "wrap_up", "signed_off"]


class MemberView(TypedDict):
    """One of an operator's phones in one queue, as Asterisk has it."""

    queue: str
    paused: bool
    reason: str
    penalty: int


class StateView(TypedDict):
    """An operator's state; `confirmed`: Asterisk has said so in all his queues."""

    state: str
    kind: StateKind
    since: str
    until: str | None
    overdue: bool
    confirmed: bool
    next: str | None
    by: str | None
    why: Literal["asked", "call", "limit", "page_gone", "sign_out", "pbx"]
    call: str | None
    missing: list[str]
    unreachable: bool
    elsewhere: Literal["paused", "ready"] | None
    queues: list[MemberView]


class ColleagueStateView(TypedDict):
    """An operator's state as colleagues see it."""

    state: str
    kind: StateKind
    colour: Literal["green", "amber", "red", "blue", "violet", "grey"]
    since: str
    unreachable: bool


class SourceView(TypedDict):
    """How Asterisk, the CRM or the journal is."""

    name: Literal["asterisk", "crm", "journal"]
    state: Literal["up", "down", "at_risk"]
    since: str


class StageView(TypedDict):
    """One stage that deals go through."""

    id: str
    name: str
    order: int
    final: bool


class TeammateView(TypedDict):
    """A colleague: whether his phone rings or he talks, and in which queue; nothing about callers."""

    operator: str
    name: str
    state: Literal["idle", "ringing", "talking"]
    ringing_queue: str | None
    desk_state: NotRequired[ColleagueStateView]


class WorkItemView(TypedDict):
    """One thing that is left to do."""

    id: str
    kind: Literal["missed", "callback", "task"]
    number: str | None
    display: str
    name: str
    text: str
    due_at: str | None
    since: str
    colour: Literal["red", "amber", "green"]
    promised: bool
    taken_by: ByView | None
    calls: int
    queue: str | None
    call: str


class WorkView(TypedDict):
    """What is left to do; `more` when there is more than is told."""

    items: list[WorkItemView]
    more: bool


class ChoiceView(TypedDict):
    """A state, or an outcome of calls, by its names in each language."""

    id: str
    name: dict[str, str]
    kind: NotRequired[StateKind]
    colour: NotRequired[str]
    needs: NotRequired[list[str]]


class CrmCanView(TypedDict):
    """What the CRM takes from operators."""

    update: bool
    create: bool
    note: bool
    deal: bool


class DeskView(TypedDict):
    """How operators work here: what there is to choose from, and what can be done at all."""

    states: list[ChoiceView]
    outcomes: list[ChoiceView]
    required: list[str]
    create_deal: bool
    crm: CrmCanView
    dial: bool


class SnapshotView(TypedDict):
    """All that an operator may see at one moment."""

    calls: list[CallView]
    state: StateView
    after: list[AfterView]
    work: WorkView
    sources: list[SourceView]
    stages: list[StageView]
    team: list[TeammateView]
    desk: DeskView
    edits: list[OwnEditView]


class WelcomeFrame(TypedDict):
    """The answer to `hello`."""

    op: Literal["welcome"]
    protocol: Literal["cti-bridge.v1"]
    stream: str
    seq: int
    resumed: bool
    operator: OperatorView
    heartbeat_s: float
    snapshot: SnapshotView


class EventFrame(TypedDict):
    """Something happened; what has a number belongs to the operator's stream."""

    op: Literal["event"]
    at: str
    type: str
    seq: NotRequired[int]
    call: NotRequired[CallView]
    state: NotRequired[StateView]
    edits: NotRequired[list[OwnEditView]]
    source: NotRequired[SourceView]
    team: NotRequired[list[TeammateView]]
    after: NotRequired[AfterView]
    work: NotRequired[WorkView]
    reason: NotRequired[Literal["answered_elsewhere", "no_answer", "abandoned", "moved", "ended"]]
    by: NotRequired[ByView]


class ErrorView(TypedDict):
    """Why a command was not carried out."""

    code: str
    message: str


class DoneFrame(TypedDict):
    """A command was carried out."""

    op: Literal["result"]
    id: str
    ok: Literal[True]
    value: object


class RefusedFrame(TypedDict):
    """A command was not carried out."""

    op: Literal["result"]
    id: str
    ok: Literal[False]
    error: ErrorView


class PongFrame(TypedDict):
    """The answer to `ping`."""

    op: Literal["pong"]


class ByeFrame(TypedDict):
    """The last frame before the close with the same code."""

    op: Literal["bye"]
    code: int
    reason: str


ServerFrame = WelcomeFrame | EventFrame | DoneFrame | RefusedFrame | PongFrame | ByeFrame
"""Whatever the bridge sends."""


class ResumePart(TypedDict):
    """Where a page stands."""

    stream: str
    seq: int


class HelloFrame(TypedDict):
    """The first frame of a page."""

    op: Literal["hello"]
    ticket: NotRequired[str | None]
    resume: NotRequired[ResumePart | None]


class AckFrame(TypedDict):
    """An event is on the screen."""

    op: Literal["ack"]
    seq: int
    paint_ms: float


class CommandFrame(TypedDict):
    """Something to be done, once."""

    op: Literal["command"]
    id: str
    name: str
    args: NotRequired[dict[str, object]]


class RenewFrame(TypedDict):
    """A fresh ticket."""

    op: Literal["renew"]
    ticket: str


class PingFrame(TypedDict):
    """Is the line alive?"""

    op: Literal["ping"]


ClientFrame = HelloFrame | AckFrame | CommandFrame | RenewFrame | PingFrame
"""Whatever a page may send."""
