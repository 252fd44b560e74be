"""Who waits in a queue is overtaken by whoever comes later and stands before him; for too long, and he is put first."""

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest

from cti_bridge.asterisk.ami.sighting import Sighting
from cti_bridge.asterisk.ami.translate import PbxClock, translate
from cti_bridge.calls.events import (
    CallerId,
    CallerLeftQueue,
    CallerQueued,
    ChannelHungUp,
    LegAnswered,
    SeenChannel,
    Snapshot,
)
from cti_bridge.calls.overtaking import FIRST, MAX_TRIES, Overtaken, Overtaking
from cti_bridge.domain.ids import ChannelId

NOON = 1795288000.0
"""All times of the stories are seconds after it."""
ANNA, BORIS, VIP, RICH = (ChannelId(f"1795288000.{number}") for number in range(1, 5))
NUMBERS = {ANNA: "+74950000201", BORIS: "+74950000202", VIP: "+74950000203", RICH: "+74950000204"}


def name_of(channel: ChannelId) -> str:
    return f"PJSIP/trunk-{channel[-1]}"


class Queues:
    """Queues in which callers come and go."""

    def __init__(self, **limits: int) -> None:
        self.book = Overtaking(**limits)

    def joins(self, channel: ChannelId, at: float, *, before: int = 0, queue: str = "sales") -> None:
        """He comes, and so many who were there before stand behind him."""
        caller_id = CallerId(NUMBERS.get(channel, ""))
        self.book.apply(
            CallerQueued(NOON + at, channel, channel, queue, caller_id, name=name_of(channel), overtakes=before)
        )

    def leaves(self, channel: ChannelId, at: float, queue: str = "sales") -> None:
        self.book.apply(CallerLeftQueue(NOON + at, channel, queue))

    def hangs_up(self, channel: ChannelId, at: float) -> None:
        self.book.apply(ChannelHungUp(NOON + at, channel))

    def due(self, at: float, max_s: float = 120, queues: Iterable[str] = ("sales", "desk")) -> list[Overtaken]:
        return self.book.due(NOON + at, max_s, tuple(queues), most=100)

    def due_channels(self, at: float, max_s: float = 120) -> list[ChannelId]:
        return [whom.channel for whom in self.due(at, max_s)]


def seen(channel: ChannelId, place: int, waited_s: int, *, priority: int = 0, queue: str = "sales") -> SeenChannel:
    """A caller who waits, as a snapshot has him."""
    return SeenChannel(
        channel, name_of(channel), "PJSIP/trunk", channel, ringing=False, dialled=False, queue=queue,
        caller_id=CallerId(NUMBERS[channel]), place=place, waited_s=waited_s, priority=priority,
    )  # fmt: skip


def test_whoever_was_overtaken_for_too_long_is_due() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)

    assert queues.due(149.9) == []
    assert queues.due(150) == [Overtaken(ANNA, name_of(ANNA), NUMBERS[ANNA], "sales", NOON + 30)]


def test_it_counts_that_the_other_one_has_been_served_before_him() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    queues.leaves(VIP, 40)

    assert queues.due_channels(150) == [ANNA]


def test_who_waits_long_but_in_his_turn_is_not_overtaken() -> None:
    queues = Queues()
    queues.joins(VIP, 0)
    queues.joins(ANNA, 1)
    queues.joins(BORIS, 2)

    assert queues.due(100_000) == []
    assert queues.book.overtaken == 0


def test_only_those_behind_him_are_overtaken() -> None:
    queues = Queues()
    queues.joins(VIP, 0)
    queues.joins(ANNA, 1)
    queues.joins(RICH, 2, before=1)

    assert queues.due_channels(1_000) == [ANNA]


def test_a_second_overtaking_does_not_begin_the_time_anew() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 10, before=1)
    queues.joins(RICH, 100, before=1)

    assert queues.due_channels(130) == [ANNA]


def test_who_was_overtaken_first_is_put_first_first() -> None:
    queues = Queues()
    for channel, at, before in ((ANNA, 0, 0), (VIP, 10, 1), (BORIS, 20, 0), (RICH, 30, 2)):
        queues.joins(channel, at, before=before)

    assert queues.due_channels(200) == [ANNA, BORIS]
    assert [whom.channel for whom in queues.book.due(NOON + 200, 120, ["sales"], most=1)] == [ANNA]


def test_who_has_been_put_first_stays_so_and_is_no_longer_overtaken() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    (whom,) = queues.due(150)
    queues.book.put_first(whom, NOON + 150)

    queues.joins(RICH, 160, before=1)
    assert queues.book.overtaken == 1, "the first one of high rank, by the second"
    assert queues.due_channels(10_000) == [VIP]


def test_who_came_earlier_is_overtaken_by_whoever_is_put_first() -> None:
    queues = Queues()
    queues.joins(VIP, 0)
    queues.joins(ANNA, 10)
    queues.joins(RICH, 20, before=1)
    (whom,) = queues.due(140)
    queues.book.put_first(whom, NOON + 140)

    assert queues.due(260) == [Overtaken(VIP, name_of(VIP), NUMBERS[VIP], "sales", NOON + 140)]


def test_in_the_next_queue_the_time_goes_on_as_soon_as_he_is_overtaken_there_too() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    queues.leaves(ANNA, 100)
    queues.joins(ANNA, 100, queue="desk")
    assert queues.due(100_000) == [], "nobody has come before her here"

    queues.joins(RICH, 200, before=1, queue="desk")
    assert queues.due(249.9) == []
    assert queues.due(250) == [Overtaken(ANNA, name_of(ANNA), NUMBERS[ANNA], "desk", NOON + 130)]


def test_short_steps_keep_nobody_from_being_put_first() -> None:
    queues = Queues()
    for began, queue in ((0, "sales"), (60, "desk"), (120, "sales")):
        queues.joins(ANNA, began, queue=queue)
        queues.joins(VIP, began + 10, before=1, queue=queue)
        if began < 120:
            assert queues.due(began + 60) == []
            queues.leaves(VIP, began + 60, queue)
            queues.leaves(ANNA, began + 60, queue)

    assert queues.due(149.9) == []
    assert queues.due_channels(150) == [ANNA], "50 + 50 + 20 seconds"


def test_a_queue_in_which_nobody_overtook_him_takes_nothing_away() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    queues.leaves(ANNA, 100)
    queues.joins(ANNA, 100, queue="short")
    queues.leaves(ANNA, 110, "short")
    queues.joins(ANNA, 110, queue="desk")
    queues.joins(RICH, 200, before=1, queue="desk")

    assert [NOON + 200 - whom.since for whom in queues.due(250)] == [70]


def test_who_was_put_first_is_so_again_in_the_next_queue_when_he_is_overtaken_there() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    (whom,) = queues.due(150)
    queues.book.put_first(whom, NOON + 150)
    queues.leaves(ANNA, 160)
    queues.joins(ANNA, 160, queue="desk")
    queues.joins(RICH, 165, before=1, queue="desk")

    assert queues.due_channels(165) == [ANNA]


@pytest.mark.parametrize("how", ["answered", "hangs up"])
def test_for_whom_it_is_over_begins_anew(how: str) -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    queues.leaves(ANNA, 100)
    if how == "answered":
        queues.book.apply(LegAnswered(NOON + 100, ChannelId("leg"), "PJSIP/101-1", "PJSIP/101", ANNA))
    else:
        queues.hangs_up(ANNA, 100)
    queues.joins(ANNA, 200, queue="desk")
    queues.joins(RICH, 210, before=1, queue="desk")

    assert queues.due(329) == []


def test_a_snapshot_that_finds_him_in_the_next_queue_takes_nothing_away() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    queues.book.resync(Snapshot(NOON + 110, (seen(ANNA, 1, 10, queue="desk"),)))
    queues.joins(RICH, 200, before=1, queue="desk")

    assert [whom.since - NOON for whom in queues.due(250)] == [130]


@pytest.mark.parametrize(("bridge", "since"), [("", 130), ("b-1", 200)])
def test_a_snapshot_between_two_queues_takes_nothing_away_unless_he_talks(bridge: str, since: float) -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    queues.leaves(ANNA, 100)
    queues.book.resync(Snapshot(NOON + 101, (replace(seen(ANNA, 0, 0, queue=""), bridge=bridge),)))
    queues.joins(ANNA, 102, queue="desk")
    queues.joins(RICH, 200, before=1, queue="desk")

    assert [whom.since - NOON for whom in queues.due(1_000)] == [since]


def test_of_callers_who_went_on_not_too_many_are_remembered() -> None:
    queues = Queues(limit=3)
    for number in range(10):
        one = ChannelId(f"many-{number}")
        queues.joins(one, number)
        queues.joins(VIP, number + 0.1, before=1)
        queues.leaves(one, number + 0.5)
        queues.leaves(VIP, number + 0.5)

    assert queues.book.dropped == 7


def test_leaving_a_queue_in_which_he_no_longer_is_changes_nothing() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(ANNA, 10, queue="desk")
    queues.joins(VIP, 20, before=1, queue="desk")
    queues.leaves(ANNA, 30)

    assert queues.due_channels(1_000) == [ANNA]


@pytest.mark.parametrize("how", ["leaves", "hangs up"])
def test_whoever_is_gone_is_not_put_first(how: str) -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    (whom,) = queues.due(150)
    (queues.leaves if how == "leaves" else queues.hangs_up)(ANNA, 151)
    queues.book.put_first(whom, NOON + 152)

    assert queues.due(100_000) == []
    assert len(queues.book) == 1


def test_queues_that_the_rules_do_not_know_are_left_alone() -> None:
    queues = Queues()
    queues.joins(ANNA, 0, queue="Sales")
    queues.joins(VIP, 30, before=1, queue="Sales")

    assert queues.due(1_000, queues=("desk",)) == []
    assert queues.book.overtaken_since(["desk"]) == [], "nobody there is to be put first"
    assert [whom.queue for whom in queues.due(1_000, queues=("sales",))] == ["Sales"], (
        "letters are the same in any case"
    )


def test_what_does_not_succeed_is_given_up_after_some_tries() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    (whom,) = queues.due(150)

    assert [queues.book.not_put_first(whom) for _ in range(MAX_TRIES)] == [False, False, True]
    assert queues.due(1_000) == []
    assert queues.book.overtaken_since(["sales"]) == [NOON + 30], "he is still overtaken, and that can be seen"


def test_who_was_given_up_is_tried_again_after_a_new_look_at_the_queue() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    (whom,) = queues.due(150)
    for _ in range(MAX_TRIES):
        queues.book.not_put_first(whom)
    queues.book.resync(Snapshot(NOON + 600, (seen(VIP, 1, 570), seen(ANNA, 2, 600))))

    assert queues.due_channels(600) == [ANNA]


def test_a_snapshot_tells_who_is_overtaken_although_nothing_was_seen_of_it() -> None:
    """The bridge was restarted: one of high rank stands before two who came earlier, and behind one who did so too."""
    queues = Queues()
    queues.book.resync(
        Snapshot(NOON, (seen(BORIS, 4, 50), seen(RICH, 1, 300), seen(VIP, 2, 30, priority=10), seen(ANNA, 3, 70)))
    )

    assert [(whom.channel, whom.since - NOON) for whom in queues.due(90)] == [(ANNA, -30), (BORIS, -30)]
    assert queues.due(89) == []


def test_a_snapshot_marks_whoever_had_been_put_first() -> None:
    queues = Queues()
    queues.book.resync(Snapshot(NOON, (seen(ANNA, 1, 200, priority=FIRST), seen(VIP, 2, 90), seen(BORIS, 3, 100))))
    queues.joins(RICH, 10, before=2)

    assert queues.due_channels(1_000) == [BORIS, VIP], "nobody can come before her any more"


def test_a_snapshot_forgets_nothing_of_those_who_still_wait_and_everything_of_the_others() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(BORIS, 1)
    queues.joins(VIP, 30, before=2)
    queues.leaves(VIP, 40)
    queues.book.resync(Snapshot(NOON + 100, (seen(ANNA, 1, 100),)))

    assert queues.due(150) == [Overtaken(ANNA, name_of(ANNA), NUMBERS[ANNA], "sales", NOON + 30)]
    assert len(queues.book) == 1


def test_who_came_back_into_the_queue_meanwhile_is_a_new_one() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    queues.book.resync(Snapshot(NOON + 100, (seen(ANNA, 1, 20),)))

    assert queues.due(100_000) == []


def test_two_who_came_in_the_same_second_are_not_taken_to_have_overtaken_each_other() -> None:
    queues = Queues()
    queues.book.resync(Snapshot(NOON, (seen(ANNA, 1, 59), seen(BORIS, 2, 60))))

    assert queues.book.overtaken == 0


def test_a_channel_that_is_listed_twice_waits_once() -> None:
    queues = Queues()
    queues.book.resync(Snapshot(NOON, (seen(ANNA, 1, 5), seen(ANNA, 1, 5), seen(BORIS, 2, 50))))
    queues.leaves(ANNA, 1)
    queues.joins(VIP, 2, before=2)

    assert len(queues.book) == 2


def test_too_many_are_not_followed() -> None:
    queues = Queues(limit=3)
    for number in range(10):
        queues.joins(ChannelId(f"many-{number}"), number)

    assert (len(queues.book), queues.book.dropped) == (3, 7)


@pytest.mark.parametrize("seed", range(20))
def test_the_order_is_that_of_asterisk_whatever_happens(seed: int) -> None:
    """Held against the plain definition: by priority, then by arrival; overtaken is whom a later one stood before."""
    chance = random.Random(seed)
    queues, there, since = Queues(), list[tuple[int, int]](), dict[int, float]()
    for at in range(200):
        if there and chance.random() < 0.4:
            (_, gone) = there.pop(chance.choice([0, chance.randrange(len(there))]))
            since.pop(gone, None)
            (queues.leaves if chance.random() < 0.5 else queues.hangs_up)(ChannelId(f"c-{gone}"), at)
            continue
        priority = chance.choice([0, 0, 5, 10])
        place = sum(-other <= -priority for other, _ in there)
        for _, behind in there[place:]:
            since.setdefault(behind, NOON + at)
        queues.joins(ChannelId(f"c-{at}"), at, before=len(there) - place)
        there.insert(place, (priority, at))

    assert {whom.channel: whom.since for whom in queues.due(1e6)} == {f"c-{n}": t for n, t in since.items()}


def test_asterisk_tells_how_many_stand_behind_him() -> None:
    told = {
        "Event": "QueueCallerJoin", "Channel": "PJSIP/trunk-1", "Uniqueid": VIP, "Linkedid": VIP, "Queue": "sales",
        "Position": "1", "Count": "3", "Priority": "17",
    }  # fmt: skip
    queued = translate(told, NOON, PbxClock())

    assert isinstance(queued, CallerQueued)
    assert queued.overtakes == 2


@pytest.mark.parametrize(("position", "count"), [("", ""), ("2", "1"), ("eins", "3"), ("9" * 30, "1")])
def test_what_is_no_place_in_a_queue_overtakes_nobody_who_is_not_there(position: str, count: str) -> None:
    told = {"Event": "QueueCallerJoin", "Channel": "PJSIP/trunk-1", "Uniqueid": VIP, "Linkedid": VIP, "Queue": "sales"}
    queued = translate({**told, "Position": position, "Count": count}, NOON, PbxClock())
    queues = Queues()
    assert queued is not None
    queues.book.apply(queued)

    assert queues.book.overtaken == 0


def test_a_number_that_brings_a_place_in_the_queue_overtakes_nobody() -> None:
    """As written by a caller whose number has a line break in it; what he wrote stands first."""
    told: dict[str, str | list[str]] = {
        "Event": "QueueCallerJoin", "Channel": "PJSIP/trunk-1", "Uniqueid": VIP, "Linkedid": VIP, "Queue": "sales",
        "Position": "3", "Count": ["9999", "3"],
    }  # fmt: skip
    sighting = Sighting()
    sighting.add({"Event": "CoreShowChannel", "Channel": name_of(ANNA), "Uniqueid": ANNA, "Linkedid": ANNA})
    sighting.add({"Event": "QueueEntry", "Queue": "sales", "Uniqueid": ANNA, "Wait": ["9999", "7"]})

    assert translate(told, NOON, PbxClock()) is None
    assert sighting.snapshot(NOON).channels[0].waited_s == 0


def test_asterisk_lists_place_time_and_priority_of_everybody_who_waits() -> None:
    sighting = Sighting()
    entry = {"Queue": "sales", "Uniqueid": ANNA, "Position": "2", "Wait": "70", "Priority": "-1"}
    sighting.add({"Event": "CoreShowChannel", "Channel": name_of(ANNA), "Uniqueid": ANNA, "Linkedid": ANNA})
    sighting.add({"Event": "QueueEntry", "Channel": name_of(ANNA), **entry})
    (channel,) = sighting.snapshot(NOON).channels

    assert (channel.queue, channel.place, channel.waited_s, channel.priority) == ("sales", 2, 70, -1)


def test_who_steps_out_and_in_again_has_been_there_all_the_time() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(BORIS, 10)
    queues.joins(VIP, 30, before=2)
    queues.leaves(ANNA, 50)
    queues.joins(ANNA, 50.01, before=1)

    assert {whom.channel: whom.since for whom in queues.due(150)} == {ANNA: NOON + 30, BORIS: NOON + 30}


def test_nobody_overtakes_by_stepping_in_again_at_his_place() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(BORIS, 10)
    queues.leaves(ANNA, 20)
    queues.joins(ANNA, 20.01, before=1)

    assert queues.due(1000) == []


def test_who_was_put_first_and_steps_in_again_behind_a_vip_is_put_first_once_more() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    (anna,) = queues.due(150)
    queues.book.put_first(anna, NOON + 150)
    assert queues.due(160) == []

    queues.leaves(ANNA, 170)
    queues.joins(ANNA, 170.01)

    assert queues.due_channels(171) == [ANNA]


def test_who_finds_a_later_caller_before_him_when_he_steps_in_again_is_overtaken() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(BORIS, 10)
    queues.leaves(ANNA, 20)
    queues.joins(ANNA, 20.01)

    assert [(whom.channel, whom.since) for whom in queues.due(1000)] == [(ANNA, NOON + 20.01)]


def test_a_snapshot_knows_who_stepped_in_again() -> None:
    queues = Queues()
    queues.joins(ANNA, 0)
    queues.joins(VIP, 30, before=1)
    queues.leaves(ANNA, 50)
    queues.joins(ANNA, 50.01)
    queues.book.resync(Snapshot(NOON + 80, (seen(VIP, 1, 50, priority=10), seen(ANNA, 2, 30))))

    assert [(whom.channel, whom.since) for whom in queues.due(1000)] == [(ANNA, NOON + 30)]
