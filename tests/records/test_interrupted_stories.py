"""The bridge does not hear a part of a story and reads it up: the call comes to the same as if it had heard all.

Every story is interrupted at every event until its end, and to each quiet moment, after which it is heard again.
"""

import pytest
from brief import BRIEF
from heard import NAMES, Listener, told, written

from cti_bridge.asterisk.records.reading import CEL_MARGIN_S
from cti_bridge.calls.call import Call
from cti_bridge.calls.record import CallRecord
from cti_bridge.reception.restored import restored
from cti_bridge.reception.written import leg_record

APART_S = 0.12
"""What is heard and read twice lies within the margin on both sides of the interruption."""
QUIET_S = 0.02
"""The end of an interruption is the moment of a snapshot; what is told and written on either side of it in the same few
milliseconds is taken in once, twice, or by the snapshot alone, which these stories do not have.
"""
STEP = 16 if BRIEF else 4
"""Of the pairs of a beginning and an end, and of the moments in which the bridge is killed, one in so many is tried."""


def interrupted(name: str, first: int, last: int) -> Listener:
    """The story with the events from `first` to before `last` unheard."""
    events = told(name)
    heard = max((event.at for event in events[:first]), default=0.0)
    until = events[last].at - QUIET_S / 2 if last < len(events) else events[-1].at + 1.0
    past = written(name, since=heard - CEL_MARGIN_S, until=until)
    listener = Listener().hears(events[:first]).finds_out(past, heard=heard)
    return listener.hears(events[last:])


def record(call: Call) -> CallRecord:
    """What the journal has of a call, as far as the book is concerned."""
    return CallRecord(
        call.id, "main", call.channel, call.linkedid, call.offered_at, "", "external", "", "", "", False,
        queue=call.queue, answered_at=call.answered_at, ended_at=call.ended_at, direction=call.direction,
        legs=tuple(leg_record(leg, None) for leg in call.legs), dialler=call.dialler.interface if call.dialler else "",
    )  # fmt: skip


def restarted(name: str, first: int) -> Listener:
    """The bridge is killed after so many events, and started anew when all is over."""
    before = Listener().hears(told(name)[:first])
    live = before.book.live()
    talking = {leg.id for call in live for leg in call.legs}
    again = Listener()
    again.calls, again.ends = dict(before.calls), list(before.ends)
    for call in before.calls.values():
        if call.ended_at is not None:
            if call.channel not in talking:
                again.book.finished(call.channel, call.ended_at, was_called=False)
            for leg in call.legs:
                again.book.finished(leg.id, call.ended_at, was_called=True)
    for call in live:
        again.book.restore(restored(record(call))[0])
    heard = max(event.at for event in told(name)[:first])
    again.finds_out(written(name, since=min([heard, *(call.offered_at for call in live)]) - 2.0))
    return again.sees_nobody(told(name)[-1].at + 5.0)


@pytest.mark.parametrize("name", NAMES)
def test_a_bridge_that_is_killed_anywhere_reads_the_same_story_to_its_end(name: str) -> None:
    whole = Listener().hears(told(name))
    for first in range(1 + NAMES.index(name) % STEP, len(told(name)) + 1, STEP):
        read = restarted(name, first)
        assert read.said().keys() == whole.said().keys(), first
        for call_id, call in whole.calls.items():
            known = read.calls[call_id]
            assert (known.outcome, known.direction, known.queue) == (call.outcome, call.direction, call.queue), first
        assert read.times() == pytest.approx(whole.times(), abs=APART_S), first
        assert sorted(read.ends) == sorted(whole.ends), first


@pytest.mark.parametrize("name", NAMES)
def test_a_story_that_is_not_heard_to_its_end_is_read_to_its_end(name: str) -> None:
    whole = Listener().hears(told(name))
    for first in range(0, len(told(name)), STEP // 4):
        read = interrupted(name, first, len(told(name)))
        assert read.said() == whole.said(), first
        assert read.times() == pytest.approx(whole.times(), abs=APART_S), first
        assert sorted(read.ends) == sorted(whole.ends), first
        assert len(read.sees_nobody(told(name)[-1].at + 1e5).ends) == len(whole.ends)


@pytest.mark.parametrize("name", NAMES)
def test_a_story_of_which_a_part_is_not_heard_is_the_same_story(name: str) -> None:
    whole, events = Listener().hears(told(name)), told(name)
    quiet = [at for at in range(2, len(events)) if events[at].at - events[at - 1].at > QUIET_S]
    for last in quiet:
        for first in range(1 + last % STEP, last, STEP):
            read = interrupted(name, first, last)
            assert read.said() == whole.said(), (first, last)
            assert read.times() == pytest.approx(whole.times(), abs=APART_S), (first, last)
