"""A recording taken in again: translation, call book and switchboard of the daemon, in the recording's own time.

Nothing is asked and nobody is told: no network, no clock, no CRM. The same recording always leads to the same records.
Decisions are those that the dialplan was given when the recording was made; whom the CRM knew is not in it.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from cti_bridge.asterisk.agi import contract as agi
from cti_bridge.asterisk.ami import translate
from cti_bridge.asterisk.ami.sighting import Sighting
from cti_bridge.asterisk.ari import contract as ari
from cti_bridge.asterisk.dialplan import DECISION, RouteRequest
from cti_bridge.asterisk.recording.lines import BadLine, Header, Kind, Line
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallerId, CallEvent, CallOffered, RecordingNamed, RecordingStarted
from cti_bridge.calls.record import CallRecord, DecisionRecord
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId, call_id_for
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.reception.card import Card
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.routing.facts import canonical_number

MAX_QUESTIONS = 40_000
"""Questions that are remembered until their answer comes."""
MAX_PUT_OFF = 20_000
"""Events that wait for a snapshot to be complete; with more it is taken to have failed."""
AT_A_STRETCH = 50


@dataclass(slots=True)
class Replayed:
    """What a recording leads to: the latest record of each call in the order in which they came, and what was wrong."""

    records: list[CallRecord] = field(default_factory=list)
    bad: list[BadLine] = field(default_factory=list)
    lost: int = 0
    """Messages that are missing in it."""
    end: str = ""
    """Why it ended by itself."""


async def replay(header: Header, lines: Iterable[tuple[int, Line | BadLine]]) -> Replayed:
    """Take a whole recording in."""
    player = _Player(header)
    try:
        for number, line in lines:
            if isinstance(line, BadLine):
                player.replayed.bad.append(line)
            else:
                player.take(number, line)
            if number % AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # what the switchboard has begun may go on
        player.no_more()
    finally:
        await player.switchboard.close()
    player.replayed.records = list(player.records.values())
    return player.replayed


class _Player:
    """The parts of a daemon that a call passes through, and the time in which they live."""

    def __init__(self, header: Header) -> None:
        self.replayed = Replayed()
        self.records: dict[CallId, CallRecord] = {}
        self._header = header
        self._now = header.at
        self._clock = translate.PbxClock()
        self._questions: OrderedDict[str, tuple[RouteRequest, float]] = OrderedDict()
        self._sighting: Sighting | None = None
        """Set while a snapshot is coming; what comes meanwhile is put off until it has been taken in."""
        self._asked_at = 0.0
        self._put_off: list[CallEvent] = []
        directory = _directory(header.phones)
        hub = Hub(snapshot_for=lambda operator: {}, team_now=list, registry=CollectorRegistry())
        self.switchboard = Switchboard(
            header.pbx,
            hub=hub,
            journal=self,
            directory=lambda: directory,
            stages=lambda: SHIPPED_STAGES,
            fetch=_as_it_is,
            new_card=self._new_card,
            now=lambda: self._now,
        )

    def keep(self, record: CallRecord) -> None:
        """The journal's part: the latest state of each call."""
        self.records[record.id] = record

    def take(self, number: int, line: Line) -> None:
        """One line; what the parts cannot take is told as a bad line, as the daemon's log would."""
        self._now = self._header.at + line.t
        try:
            match line.kind:
                case Kind.AMI:
                    self._ami(line.said)
                case Kind.AGI:
                    self._asked(agi.read_request(line.said))
                case Kind.ARI:
                    self._asked(ari.read_request(line.said["channel"], line.said["args"]))
                case Kind.ANSWER:
                    self._answered(line.said["channel"], line.said["variables"], taken=line.said["taken"])
                case Kind.SNAPSHOT:
                    self._snapshot(line.said)
                case Kind.LOST:
                    self.replayed.lost += line.said
                    self._snapshot("failed")
                case Kind.END:
                    self.replayed.end = line.said
        except Exception as error:  # as at the daemon's inbox, one line must not end the story of all others
            self.replayed.bad.append(BadLine(number, f"cannot be taken in ({type(error).__name__})"))

    def no_more(self) -> None:
        """The recording is over: a snapshot that is not complete by now will not be."""
        self._snapshot("failed")

    def _ami(self, message: translate.Headers) -> None:
        if translate.text(message, "Event") == "FullyBooted":
            self._clock = translate.PbxClock()  # a new session, whose clock has still to be learnt
        if self._sighting is not None:
            self._sighting.add(message)
        event = translate.translate(message, self._now, self._clock)
        if event is not None:
            self._happened(event)
        if isinstance(event, RecordingStarted):
            # Nobody can be asked for its file any more.
            self._happened(RecordingNamed(self._now, event.channel, event.at, ""))

    def _happened(self, event: CallEvent) -> None:
        if self._sighting is None:
            self.switchboard.take(event)
            return
        self._put_off.append(event)
        if len(self._put_off) > MAX_PUT_OFF:
            self._snapshot("failed")

    def _snapshot(self, stage: str) -> None:
        sighting, put_off = self._sighting, self._put_off
        self._sighting, self._put_off = None, []
        if stage == "asked":
            self._sighting, self._asked_at = Sighting(), self._now
        elif stage == "complete" and sighting is not None:
            self.switchboard.resync(sighting.snapshot(self._asked_at))
        for event in put_off:
            self._happened(event)

    def _asked(self, request: RouteRequest) -> None:
        self._questions[request.uniqueid] = request, self._now
        while len(self._questions) > MAX_QUESTIONS:
            self._questions.popitem(last=False)

    def _answered(self, channel: str, variables: Mapping[str, str], *, taken: bool) -> None:
        """What `Reception` does when the dialplan has been answered, with the decision of then."""
        request, asked_at = self._questions.pop(channel, (None, 0.0))
        if request is None:
            return  # it asked before the recording began; the call is taken up when it is seen in a queue
        call_id = CallId(variables.get("CTI_CALL_ID") or call_id_for(self._header.pbx, request.linkedid))
        decision = _decision(variables, taken=taken)
        self.switchboard.decided(call_id, self._card(request, decision), decision)
        self.switchboard.delivered(call_id, decision)
        self._happened(CallOffered(asked_at, call_id, ChannelId(channel), request.linkedid))

    def _card(self, request: RouteRequest, decision: DecisionRecord) -> Card:
        return Card(
            caller=self._caller(request.caller_number, presentation_allowed=request.presentation_allowed),
            caller_name=request.caller_name,
            did=canonical_number(request.did, self._header.region),
            trunk=request.trunk,
            decision=decision.kind,
            rule=decision.rule,
            class_name=decision.class_name,
            crm_source=decision.crm,
        )

    def _new_card(self, caller_id: CallerId) -> Card:
        return Card(self._caller(caller_id.number), caller_name=caller_id.name)

    def _caller(self, number: str, *, presentation_allowed: bool = True) -> CallerNumber:
        return parse_number(number, region=self._header.region, presentation_allowed=presentation_allowed)


def _directory(phones: Mapping[str, str]) -> Directory:
    """Operators without names, each with the phones that the recording says are his."""
    owned: dict[str, tuple[str, ...]] = {}
    for phone, operator in phones.items():
        owned[operator] = (*owned.get(operator, ()), phone)
    return Directory.of(Operator(OperatorId(operator), operator, phones) for operator, phones in owned.items())


def _decision(variables: Mapping[str, str], *, taken: bool) -> DecisionRecord:
    """The decision that these variables carry; the facts that it was made from are not in a recording."""
    count = min(_whole(variables.get("CTI_STEPS", "")) or 0, 9)
    steps = tuple(
        (variables.get(f"CTI_STEP_{n}_QUEUE", ""), _whole(variables.get(f"CTI_STEP_{n}_TIMEOUT", "")) or 0)
        for n in range(1, count + 1)
    )
    most = tuple(_whole(variables.get(f"CTI_STEP_{n}_MAX_WAITING", "")) for n in range(1, count + 1))
    penalties = (_whole(variables.get("CTI_MIN_PENALTY", "")), _whole(variables.get("CTI_MAX_PENALTY", "")))
    return DecisionRecord(
        kind=variables.get(DECISION, ""),
        crm=variables.get("CTI_CRM", ""),
        crm_age_s=None,
        rule=variables.get("CTI_RULE", ""),
        class_name=variables.get("CTI_CLASS", ""),
        queue=variables.get("CTI_QUEUE", ""),
        steps=steps,
        final=variables.get("CTI_FINAL", ""),
        customer_id="",
        operator=variables.get("CTI_OPERATOR", ""),
        priority=_whole(variables.get("CTI_PRIORITY", "")),
        max_waiting=most if any(most) else (),
        penalties=None if penalties == (None, None) else penalties,
        language=variables.get("CTI_LANGUAGE", ""),
        announcement=variables.get("CTI_ANNOUNCE", ""),
        rules_hash="",
        facts={},
        delivered=taken and bool(variables.get(DECISION)),
    )


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None


async def _as_it_is(_call: Call, card: Card) -> Card:
    """Nobody is asked for notes and earlier calls."""
    return card
