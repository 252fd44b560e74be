"""Call stories: what happens on the PBX, and what every operator is told about it."""

import random
from itertools import count

import pytest

from cti_bridge.calls.book import CallBook
from cti_bridge.calls.call import Call, CallState, Outcome
from cti_bridge.calls.events import (
    CallerLeftQueue,
    CallerQueued,
    CallEvent,
    CallOffered,
    ChannelHungUp,
    LegAnswered,
    LegRinging,
    LegStopped,
    SeenChannel,
    Snapshot,
    Stop,
)
from cti_bridge.calls.leg import LegState
from cti_bridge.calls.pops import PopChange, PopEvent, Reason, changes
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

OWNERS = {
    "PJSIP/101": OperatorId("olga"),
    "PJSIP/201": OperatorId("olga"),
    "PJSIP/102": OperatorId("timur"),
    "PJSIP/103": OperatorId("zoya"),
}
T = ChannelId("main-1795288011.1")
CALL = CallId("main-1795288011.1")


class Story:
    """Feeds events to a book and keeps what operators were told."""

    def __init__(self) -> None:
        self.book = CallBook("main", is_operator_phone=lambda interface: interface in OWNERS)
        self.told: list[PopChange] = []
        self.last: Call | None = None
        self._seconds = count(1795288011)

    def happens(self, *events: CallEvent) -> list[PopChange]:
        """Everything that operators are told about these events."""
        news: list[PopChange] = []
        for event in events:
            for change in self.book.apply(event):
                self.last = change.after
                news += changes(change.before, change.after, OWNERS.get)
        self.told += news
        return news

    def sees(self, snapshot: Snapshot) -> list[PopChange]:
        """Everything that operators are told after this snapshot."""
        news: list[PopChange] = []
        for change in self.book.resync(snapshot):
            self.last = change.after
            news += changes(change.before, change.after, OWNERS.get)
        self.told += news
        return news

    @property
    def at(self) -> float:
        return float(next(self._seconds))

    def offered(self) -> CallOffered:
        return CallOffered(self.at, CALL, T, "main-1795288011.1")

    def queued(self, queue: str = "sales") -> CallerQueued:
        return CallerQueued(self.at, T, "main-1795288011.1", queue)

    def left(self, queue: str = "sales") -> CallerLeftQueue:
        return CallerLeftQueue(self.at, T, queue)

    def rings(self, phone: str, leg: str, queue: str = "sales") -> LegRinging:
        interface = f"PJSIP/{phone}"
        name = f"{interface}-{leg}"
        return LegRinging(self.at, ChannelId(leg), name, interface, T, "PJSIP/trunk-1", "main-1795288011.1", queue)

    def answers(self, phone: str, leg: str) -> LegAnswered:
        return LegAnswered(self.at, ChannelId(leg), f"PJSIP/{phone}-{leg}", f"PJSIP/{phone}", T)

    def stops(self, leg: str, why: Stop) -> LegStopped:
        return LegStopped(self.at, ChannelId(leg), why)

    def hangs_up(self, channel: str = T) -> ChannelHungUp:
        return ChannelHungUp(self.at, ChannelId(channel))


@pytest.fixture
def story() -> Story:
    return Story()


def told(operator: str, event: PopEvent, reason: Reason | None = None, by: str | None = None) -> PopChange:
    return PopChange(OperatorId(operator), event, reason, OperatorId(by) if by else None)


def test_a_call_rings_is_answered_and_ends(story: Story) -> None:
    assert story.happens(story.offered(), story.queued()) == []
    assert story.happens(story.rings("101", "a")) == [told("olga", PopEvent.RINGING)]
    assert story.happens(story.rings("101", "a", queue="")) == [], "the dial tells of the same leg again"
    assert story.happens(story.answers("101", "a"), story.left()) == [told("olga", PopEvent.ANSWERED)]
    assert story.last is not None and story.last.state is CallState.TALKING
    assert story.happens(story.hangs_up()) == [told("olga", PopEvent.ENDED)]
    assert story.last.outcome is Outcome.ANSWERED
    assert story.book.live() == ()


def test_ring_all_withdraws_from_the_losers_and_names_who_took_it(story: Story) -> None:
    story.happens(story.offered(), story.queued())
    ringing = [story.rings("101", "a"), story.rings("102", "b"), story.rings("103", "c")]
    assert {change.operator for change in story.happens(*ringing)} == {"olga", "timur", "zoya"}
    news = story.happens(
        story.answers("102", "b"),
        story.stops("a", Stop.CANCELLED),
        story.stops("c", Stop.CANCELLED),
        story.left(),
        story.answers("102", "b"),
        story.stops("a", Stop.CANCELLED),
        story.stops("c", Stop.CANCELLED),
        story.hangs_up("a"),
        story.hangs_up("c"),
    )
    assert news == [
        told("timur", PopEvent.ANSWERED),
        told("olga", PopEvent.WITHDRAWN, Reason.ANSWERED_ELSEWHERE, "timur"),
        told("zoya", PopEvent.WITHDRAWN, Reason.ANSWERED_ELSEWHERE, "timur"),
    ]


def test_nobody_answers_and_the_next_phone_rings(story: Story) -> None:
    story.happens(story.offered(), story.queued(), story.rings("101", "a"))
    assert story.happens(story.stops("a", Stop.NO_ANSWER), story.stops("a", Stop.CANCELLED), story.hangs_up("a")) == [
        told("olga", PopEvent.WITHDRAWN, Reason.NO_ANSWER)
    ]
    assert story.happens(story.rings("102", "b")) == [told("timur", PopEvent.RINGING)]


@pytest.mark.parametrize("queue", ["sales", ""])
def test_the_caller_gives_up_while_a_phone_rings(story: Story, queue: str) -> None:
    story.happens(story.offered())
    if queue:
        story.happens(story.queued())
    story.happens(story.rings("101", "a", queue))
    assert story.happens(story.stops("a", Stop.CANCELLED), story.left(), story.hangs_up("a"), story.hangs_up()) == [
        told("olga", PopEvent.WITHDRAWN, Reason.ABANDONED)
    ]
    assert story.last is not None and story.last.outcome is Outcome.ABANDONED


def test_leaving_a_queue_by_time_out_is_no_abandon(story: Story) -> None:
    story.happens(story.offered(), story.queued(), story.rings("101", "a"))
    story.happens(story.stops("a", Stop.NO_ANSWER), story.left(), story.queued("primary-consult"))
    assert story.last is not None
    assert (story.last.state, story.last.queue) == (CallState.QUEUED, "primary-consult")
    story.happens(story.rings("102", "b", "primary-consult"), story.answers("102", "b"), story.hangs_up())
    assert story.last.outcome is Outcome.ANSWERED


def test_a_waiting_caller_who_is_moved_away_has_not_given_up(story: Story) -> None:
    story.happens(story.offered(), story.queued(), story.rings("101", "a"))
    assert story.happens(story.left(), story.stops("a", Stop.CANCELLED)) == [
        told("olga", PopEvent.WITHDRAWN, Reason.MOVED)
    ]


def test_an_operator_with_two_phones_has_one_pop_until_both_are_silent(story: Story) -> None:
    story.happens(story.offered(), story.queued())
    assert story.happens(story.rings("101", "a"), story.rings("201", "b")) == [told("olga", PopEvent.RINGING)]
    assert story.happens(story.stops("a", Stop.NO_ANSWER), story.hangs_up("a")) == []
    assert story.happens(story.stops("b", Stop.NO_ANSWER)) == [told("olga", PopEvent.WITHDRAWN, Reason.NO_ANSWER)]


def test_a_colleague_who_picks_the_call_up_is_the_one_who_talks(story: Story) -> None:
    story.happens(story.offered(), story.queued(), story.rings("101", "a"))
    assert story.happens(story.answers("103", "p"), story.hangs_up("a")) == [
        told("zoya", PopEvent.ANSWERED),
        told("olga", PopEvent.WITHDRAWN, Reason.ANSWERED_ELSEWHERE, "zoya"),
    ]


def test_the_phone_behind_a_local_member_belongs_to_the_same_call(story: Story) -> None:
    story.happens(story.offered(), story.queued())
    outer = LegRinging(
        story.at, ChannelId("L1"), "Local/101@phones-7;1", "Local/101@phones", T, "PJSIP/trunk-1", T, "sales"
    )
    inner = LegRinging(story.at, ChannelId("a"), "PJSIP/101-a", "PJSIP/101", ChannelId("L2"), "Local/101@phones-7;2", T)
    assert story.happens(outer) == []
    assert story.happens(inner) == [told("olga", PopEvent.RINGING)]
    assert story.happens(story.answers("101", "a"), story.hangs_up()) == [
        told("olga", PopEvent.ANSWERED),
        told("olga", PopEvent.ENDED),
    ]


def test_a_phone_that_belongs_to_nobody_pops_nothing_and_a_call_to_it_is_not_ours(story: Story) -> None:
    assert story.happens(story.rings("999", "x", "")) == []
    assert story.book.live() == ()


def test_a_direct_call_to_an_operator_pops_though_the_bridge_was_never_asked(story: Story) -> None:
    assert story.happens(story.rings("101", "a", "")) == [told("olga", PopEvent.RINGING)]
    assert [call.id for call in story.book.live()] == [CALL]


def test_a_finished_call_stays_finished_whatever_comes_late(story: Story) -> None:
    story.happens(story.offered(), story.queued(), story.rings("101", "a"), story.answers("101", "a"))
    story.happens(story.hangs_up(), story.hangs_up("a"))
    late: list[CallEvent] = [
        story.queued(),
        story.rings("101", "a"),
        story.rings("102", "b"),
        story.answers("101", "a"),
    ]
    assert story.happens(*late, story.left(), story.stops("a", Stop.NO_ANSWER), story.hangs_up()) == []
    assert story.book.live() == ()


def test_a_caller_who_hung_up_before_the_decision_leaves_no_call_behind(story: Story) -> None:
    story.happens(story.hangs_up(), story.offered())
    assert story.book.live() == ()
    assert story.last is not None and story.last.outcome is Outcome.ABANDONED


@pytest.mark.parametrize("seed", range(200))
def test_a_story_told_doubled_and_in_any_order_never_pops_for_strangers_and_ends_once(seed: int) -> None:
    story = Story()
    events: list[CallEvent] = [
        story.offered(),
        story.queued(),
        story.rings("101", "a"),
        story.rings("101", "a", ""),
        story.rings("102", "b"),
        story.answers("102", "b"),
        story.stops("a", Stop.CANCELLED),
        story.left(),
        story.hangs_up("a"),
        story.hangs_up("b"),
    ]
    shuffled = events * 2
    random.Random(seed).shuffle(shuffled)
    story.happens(*shuffled)
    story.happens(story.hangs_up(), *events)
    assert story.book.live() == ()
    assert {change.operator for change in story.told} <= {"olga", "timur"}
    for operator in ("olga", "timur"):
        shown = [change.event for change in story.told if change.operator == operator]
        assert shown.count(PopEvent.RINGING) <= 1
        assert shown.count(PopEvent.WITHDRAWN) + shown.count(PopEvent.ENDED) == (1 if shown else 0)


class TestAfterAnInterruption:
    """The connection was lost and is back: a snapshot says what there is now."""

    @staticmethod
    def caller(bridge: str = "", queue: str = "sales") -> SeenChannel:
        return SeenChannel(T, "PJSIP/trunk-1", "PJSIP/trunk", T, False, False, bridge, queue)

    @staticmethod
    def leg(phone: str, leg: str, bridge: str = "") -> SeenChannel:
        name = f"PJSIP/{phone}"
        return SeenChannel(ChannelId(leg), f"{name}-{leg}", name, T, not bridge, True, bridge)

    def test_a_ringing_phone_brings_the_pop_back(self, story: Story) -> None:
        assert story.sees(Snapshot(story.at, (self.caller(), self.leg("101", "a")))) == [told("olga", PopEvent.RINGING)]
        assert story.happens(story.answers("101", "a")) == [told("olga", PopEvent.ANSWERED)]

    def test_a_talk_is_found_by_the_bridge_they_share(self, story: Story) -> None:
        story.happens(story.offered(), story.queued(), story.rings("101", "a"))
        assert story.sees(Snapshot(story.at, (self.caller("b1", ""), self.leg("101", "a", "b1")))) == [
            told("olga", PopEvent.ANSWERED)
        ]

    def test_a_call_that_is_gone_has_ended_and_says_that_this_was_found_out_later(self, story: Story) -> None:
        story.happens(story.offered(), story.queued(), story.rings("101", "a"))
        assert story.sees(Snapshot(story.at, ())) == [told("olga", PopEvent.WITHDRAWN, Reason.ABANDONED)]
        assert story.last is not None and story.last.recovered
        assert story.book.live() == ()

    def test_a_leg_that_is_gone_no_longer_rings(self, story: Story) -> None:
        story.happens(story.offered(), story.queued(), story.rings("101", "a"), story.rings("102", "b"))
        assert [
            change.operator for change in story.sees(Snapshot(story.at, (self.caller(), self.leg("102", "b"))))
        ] == ["olga"]

    def test_what_was_known_is_not_told_again(self, story: Story) -> None:
        story.happens(story.offered(), story.queued(), story.rings("101", "a"))
        assert story.sees(Snapshot(story.at, (self.caller(), self.leg("101", "a")))) == []


def test_a_caller_who_waits_for_hours_while_phones_ring_stays_small(story: Story) -> None:
    story.happens(story.offered(), story.queued())
    for turn in range(1000):
        story.happens(
            story.rings("101", f"a{turn}"), story.stops(f"a{turn}", Stop.NO_ANSWER), story.hangs_up(f"a{turn}")
        )
    (call,) = story.book.live()
    assert len(call.legs) <= 50
    assert all(leg.state is LegState.GONE for leg in call.legs)
