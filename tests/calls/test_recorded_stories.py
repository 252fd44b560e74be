"""Stories recorded from a real Asterisk: who talked to whom and when, told once, doubled, and cut off at every point.

`record_stories.py` plays and records them. Phone 101 belongs to olga, 102 to timur, 103 to zoya.
"""

from dataclasses import dataclass
from pathlib import Path

import pytest

from cti_bridge.asterisk.ami.translate import PbxClock, translate
from cti_bridge.calls.book import CallBook, Change
from cti_bridge.calls.call import Call, Outcome
from cti_bridge.calls.events import CallerQueued, CallEvent, CallOffered, Snapshot
from cti_bridge.calls.pops import changes
from cti_bridge.domain.ids import CallId, OperatorId

STORIES = Path(__file__).parent / "stories"
OLGA, TIMUR, ZOYA = OperatorId("olga"), OperatorId("timur"), OperatorId("zoya")
OWNERS = {"PJSIP/101": OLGA, "PJSIP/102": TIMUR, "PJSIP/103": ZOYA}

RINGING, ANSWERED, ENDED = "call.ringing", "call.answered", "call.ended"


@dataclass(frozen=True, slots=True)
class Talk:
    """One leg as a story should leave it: whose, why it ended, and how long it was with the caller, to a quarter."""

    who: str
    why: str
    talked_s: float


@dataclass(frozen=True, slots=True)
class Expected:
    """What a story should come to: the states in order, what each operator was told, and the legs.

    `offered` is left out of the states: whether the caller is seen alone for a moment, while those he talked with are
    hung up, is chance; recordings of the same story differ.
    """

    states: str
    told: dict[OperatorId, tuple[str, ...]]
    legs: tuple[Talk, ...]


PLAIN = (RINGING, ANSWERED, ENDED)
EXPECTED = {
    "blind_to_operator": Expected(
        "queued ringing talking ringing talking ended",
        {OLGA: PLAIN, TIMUR: PLAIN},
        (Talk("PJSIP/101", "transferred", 0.5), Talk("PJSIP/102", "ended", 0.5)),
    ),
    "blind_to_queue": Expected(
        "queued ringing talking queued ringing talking ended",
        {OLGA: PLAIN, ZOYA: PLAIN},
        (Talk("PJSIP/101", "transferred", 0.5), Talk("PJSIP/103", "ended", 0.5)),
    ),
    "blind_outside": Expected(
        "queued ringing talking ringing talking ended",
        {OLGA: PLAIN},
        (Talk("PJSIP/101", "transferred", 0.5), Talk("PJSIP/trunk", "ended", 0.5)),
    ),
    "attended": Expected(
        "queued ringing talking held talking ended",
        {OLGA: PLAIN, TIMUR: (RINGING, ANSWERED, "call.updated", ENDED)},
        (Talk("PJSIP/101", "transferred", 1.1), Talk("PJSIP/102", "ended", 0.5)),
    ),
    "feature_attended": Expected(
        "queued ringing talking held talking ended",
        {OLGA: PLAIN, TIMUR: (RINGING, ANSWERED, "call.updated", ENDED)},
        (Talk("PJSIP/101", "transferred", 1.9), Talk("PJSIP/102", "ended", 0.9)),
    ),
    "feature_cancelled": Expected(
        "queued ringing talking held talking ended",
        {OLGA: PLAIN, TIMUR: PLAIN},
        (Talk("PJSIP/101", "ended", 2.5), Talk("PJSIP/102", "ended", 0.0)),
    ),
    "consultation_taken_back": Expected(
        "queued ringing talking held talking ended",
        {OLGA: PLAIN, TIMUR: PLAIN},
        (Talk("PJSIP/101", "ended", 1.5), Talk("PJSIP/102", "ended", 0.0)),
    ),
    "caller_gone_in_consultation": Expected(
        "queued ringing talking held ended",
        {OLGA: PLAIN, TIMUR: PLAIN},
        (Talk("PJSIP/101", "ended", 0.9), Talk("PJSIP/102", "ended", 0.0)),
    ),
    "hold": Expected(
        "queued ringing talking held talking ended",
        {OLGA: PLAIN},
        (Talk("PJSIP/101", "ended", 1.3),),
    ),
    "parked_and_taken": Expected(
        "queued ringing talking held talking ended",
        {OLGA: PLAIN, ZOYA: (ANSWERED, ENDED)},
        (Talk("PJSIP/101", "ended", 0.5), Talk("PJSIP/103", "ended", 0.5)),
    ),
    "picked_up": Expected(
        "queued ringing talking ended",
        {OLGA: (RINGING, "call.withdrawn"), ZOYA: (ANSWERED, ENDED)},
        (Talk("PJSIP/101", "cancelled", 0.0), Talk("PJSIP/103", "ended", 0.5)),
    ),
    "local_member": Expected(
        "queued ringing talking ended",
        {OLGA: PLAIN},
        (Talk("Local/101@agents", "ended", 0.5), Talk("PJSIP/101", "ended", 0.5)),
    ),
    "waiting_caller_redirected": Expected(
        "queued ringing queued ringing talking ended",
        {OLGA: (RINGING, "call.withdrawn"), TIMUR: PLAIN},
        (Talk("PJSIP/101", "cancelled", 0.0), Talk("PJSIP/102", "ended", 0.3)),
    ),
    "talk_redirected": Expected(
        "queued ringing talking ringing talking ended",
        {OLGA: PLAIN, TIMUR: PLAIN},
        (Talk("PJSIP/101", "ended", 0.5), Talk("PJSIP/102", "ended", 0.3)),
    ),
}
NAMES = sorted(EXPECTED)


class Telling:
    """A story as the book and the operators heard it."""

    def __init__(self) -> None:
        self.book = CallBook("main", is_operator_phone=OWNERS.__contains__)
        self.calls: dict[CallId, Call] = {}
        self.states: list[str] = []
        self.told: dict[OperatorId, list[str]] = {}
        self.ends: list[CallId] = []

    def tell(self, *events: CallEvent) -> "Telling":
        for event in events:
            self._take(self.book.apply(event))
        return self

    def cut(self, at: float) -> "Telling":
        """The line was cut, and when it is back there is no channel any more."""
        self._take(self.book.resync(Snapshot(at, ())))
        return self

    def _take(self, found: list[Change]) -> None:
        for change in found:
            after = change.after
            self.calls[after.id] = after
            if not self.states or self.states[-1] != after.state.value:
                self.states.append(after.state.value)
            if after.ended_at is not None:
                self.ends.append(after.id)
            for pop in changes(change.before, after, OWNERS.get):
                self.told.setdefault(pop.operator, []).append(pop.event.value)

    @property
    def call(self) -> Call:
        (call,) = self.calls.values()
        return call


def events_of(name: str) -> list[CallEvent]:
    """What the bridge makes of a recording."""
    events = []
    for block in (STORIES / f"{name}.ami").read_text("utf-8").strip().split("\n\n"):
        message = dict(line.partition(": ")[::2] for line in block.splitlines())
        event = translate(message, float(message["Timestamp"]), PbxClock())
        events += [event] if event is not None else []
    return events


def test_every_recording_has_its_expectation_and_none_is_missing() -> None:
    assert sorted(file.stem for file in STORIES.glob("*.ami")) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_a_story_comes_to_who_talked_to_whom_and_how_long(name: str) -> None:
    expected, heard = EXPECTED[name], Telling().tell(*events_of(name))

    call = heard.call
    assert len(heard.book) == 0
    assert (call.outcome, len(heard.ends)) == (Outcome.ANSWERED, 1)
    seen = [state for state in heard.states if state != "offered"]
    assert (
        " ".join(state for state, before in zip(seen, ["", *seen], strict=False) if state != before) == expected.states
    )
    assert heard.told == {operator: list(told) for operator, told in expected.told.items()}
    assert [(leg.interface, leg.why and leg.why.value) for leg in call.legs] == [
        (talk.who, talk.why) for talk in expected.legs
    ]
    assert [leg.talked_s for leg in call.legs] == pytest.approx([talk.talked_s for talk in expected.legs], abs=0.25)


@pytest.mark.parametrize("name", NAMES)
def test_a_story_that_is_told_twice_event_by_event_is_the_same_story(name: str) -> None:
    once = Telling().tell(*events_of(name))
    twice = Telling().tell(*(event for event in events_of(name) for _ in range(2)))

    assert (twice.call.legs, twice.call.outcome, twice.told, twice.ends) == (
        once.call.legs,
        once.call.outcome,
        once.told,
        once.ends,
    )


@pytest.mark.parametrize("name", NAMES)
def test_a_story_that_is_cut_off_anywhere_ends_once_and_leaves_no_card_open(name: str) -> None:
    events = events_of(name)
    for point in range(1, len(events)):
        heard = Telling().tell(*events[:point]).cut(events[-1].at)
        late = events[point:]
        heard.tell(*late)

        assert len(heard.book) == 0
        assert all(heard.ends.count(call) == 1 for call in heard.calls)
        answered = any(ANSWERED in told for told in heard.told.values())
        assert not answered or any(call.outcome is Outcome.ANSWERED for call in heard.calls.values())
        for told in heard.told.values():
            opened = told.count(RINGING) + told.count(ANSWERED)
            assert (opened > 0) == (told[-1] in (ENDED, "call.withdrawn"))


@pytest.mark.parametrize("name", NAMES)
def test_a_story_whose_first_part_was_missed_is_taken_up_where_it_is(name: str) -> None:
    events = events_of(name)
    for point in range(1, len(events)):
        heard = Telling().tell(*events[point:])

        assert len(heard.book) == 0, "no call stays behind"
        assert all(heard.ends.count(call) == 1 for call in heard.calls)


def test_the_number_outside_that_a_call_was_sent_to_is_known() -> None:
    call = Telling().tell(*events_of("blind_outside")).call
    assert [leg.number for leg in call.legs] == ["101", "74950000277"]


def test_whoever_is_asked_was_called_by_the_leg_that_asks() -> None:
    first, second = Telling().tell(*events_of("attended")).call.legs
    assert (first.parent, second.parent) == (None, first.id)


def test_a_decided_call_keeps_its_id_through_a_transfer() -> None:
    events = events_of("attended")
    channel = next(event.channel for event in events if isinstance(event, CallerQueued))
    offered = CallOffered(events[0].at, CallId("main-decided"), channel, channel)
    assert Telling().tell(offered, *events).call.id == "main-decided"
