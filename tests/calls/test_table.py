"""The transition table: complete, true, and drawn in the documentation as it is."""

import random
import re
from dataclasses import replace
from itertools import count, product
from pathlib import Path
from typing import get_args

import pytest

from cti_bridge.calls.call import Call, CallState, Outcome
from cti_bridge.calls.events import Final, Stop
from cti_bridge.calls.happenings import (
    CallerGone,
    Connected,
    Happening,
    Holds,
    LeftQueue,
    LegAnswers,
    LegEnds,
    LegHangsUp,
    LegRings,
    LegStops,
    LegTransfers,
    Parks,
    Queued,
    Reached,
    Recorded,
    SentOn,
    SetAside,
)
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.calls.recordings import Recording
from cti_bridge.calls.table import IGNORED, TABLE, Move, step
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, ChannelId
from scripts.call_states import diagram

ROOT = Path(__file__).parents[2]
LEGS = ("a", "b", "c")
BRIDGES = ("b-1", "b-2")
WALKS = range(100)


def leg(name: str, at: float, *, consults: bool = False) -> Leg:
    return Leg(ChannelId(name), f"PJSIP/{name}-1", f"PJSIP/{name}", "", at, consults=consults)


def tape(channel: ChannelId, at: float, chance: random.Random) -> Recording:
    return Recording(channel, float(chance.randrange(2)), chance.choice([None, "", "a.wav"]), chance.choice([None, at]))


def anything(chance: random.Random, at: float) -> Happening:
    """Any happening, with as much in it as a call of three legs can tell apart."""
    name = ChannelId(chance.choice(LEGS))
    some = tuple(leg(one, at) for one in LEGS if chance.random() < 0.4)
    possible: list[Happening] = [
        Queued(at, chance.choice(["sales", "production"])),
        LeftQueue(at, chance.choice(["sales", "production"])),
        LegRings(at, leg(name, at, consults=chance.random() < 0.3), colleague=chance.random() < 0.3),
        LegStops(at, name, chance.choice([Stop.NO_ANSWER, Stop.CANCELLED])),
        LegAnswers(at, leg(name, at, consults=chance.random() < 0.3)),
        Reached(at, name),
        LegTransfers(at, name),
        LegHangsUp(at, name),
        LegEnds(at, name, chance.random() < 0.5),
        Recorded(name, tuple(tape(name, at, chance) for _ in range(chance.randrange(3)))),
        Connected(at, some, frozenset(ChannelId(one) for one in LEGS if chance.random() < 0.3), chance.choice(BRIDGES)),
        Holds(at, chance.choice([None, name]), chance.random() < 0.5),
        SetAside(at, name),
        Parks(at, chance.random() < 0.5),
        SentOn(at, chance.choice(list(Final))),
        *([CallerGone(at, chance.random() < 0.5)] if chance.random() < 0.2 else []),
    ]
    return chance.choice(possible)


def walk(seed: int) -> list[tuple[Call, Happening, Call]]:
    """A call to which sixty things happen in any order: before, what, after. Every third is made by an operator."""
    chance, clock = random.Random(seed), count(100)
    call = Call(CallId("main-1"), ChannelId("t"), "t", 1.0)
    if seed % 3 == 0:
        call = replace(call, direction=Direction.OUTBOUND, dialler=leg("t", 1.0))
    steps = []
    for _ in range(60):
        now = anything(chance, float(next(clock)))
        after = step(call, now)
        steps.append((call, now, after))
        call = after
    return steps


def test_every_happening_is_decided_in_every_state() -> None:
    assert set(TABLE) == set(get_args(Happening))
    for happening, state in product(TABLE, CallState):
        assert state in TABLE[happening], f"{happening.__name__} in {state}"


def test_a_closed_call_ignores_everything_and_nobody_holds_who_does_not_talk() -> None:
    ignored = {(happening, state) for happening, row in TABLE.items() for state, move in row.items() if move is IGNORED}
    not_talking = (CallState.OFFERED, CallState.QUEUED, CallState.RINGING)
    over = {(happening, state) for happening in TABLE for state in (CallState.ENDED, CallState.CLOSED)}
    of_talks = (Holds, SetAside, LegHangsUp)
    assert ignored == (over - {(Recorded, CallState.ENDED)}) | set(product(of_talks, not_talking))


def test_only_the_callers_own_channel_ends_a_call() -> None:
    enders = {
        happening
        for happening, row in TABLE.items()
        for state, move in row.items()
        if move is not IGNORED and state is not CallState.ENDED and move.to & {CallState.ENDED, CallState.CLOSED}
    }
    assert enders == {CallerGone}


@pytest.mark.parametrize("seed", WALKS)
def test_whatever_happens_leads_only_where_the_table_says(seed: int) -> None:
    for before, now, after in walk(seed):
        move = TABLE[type(now)][before.state]
        if isinstance(move, Move):
            assert after.state in move.to, f"{before.state} --{now}--> {after.state}"
        else:
            assert after is before


@pytest.mark.parametrize("seed", WALKS)
def test_whatever_happens_a_leg_only_moves_forward_and_answered_stays_answered(seed: int) -> None:
    order = ((LegState.RINGING,), (LegState.CONSULTING,), (LegState.TALKING, LegState.LEFT), (LegState.GONE,))
    rank = {state: place for place, states in enumerate(order) for state in states}
    for before, _, after in walk(seed):
        assert before.answered_at is None or after.answered_at == before.answered_at
        assert before.outcome is None or after.outcome is before.outcome
        assert after.outcome is None or (after.outcome is Outcome.ANSWERED) == (after.answered_at is not None)
        assert before.channel == after.channel or before.dialling
        for known in before.legs:
            if before.channel != after.channel == known.id:
                continue  # he was called, answered, and is the customer
            now = after.leg(known.id)
            assert now is not None
            assert now.talked_s >= known.talked_s >= 0
            answered_all_the_same = known.answered_at is None and now.answered_at is not None
            assert rank[now.state] >= rank[known.state] or answered_all_the_same
            assert (now.ended_at is None) == (now.state is not LegState.GONE)


def test_the_moves_of_the_table_all_happen() -> None:
    """What the table allows and no walk ever does would be a line in the diagram that means nothing."""
    missing = {
        (happening, state, after)
        for happening, row in TABLE.items()
        for state, move in row.items()
        if move is not IGNORED
        for after in move.to
    }
    for seed in range(5000):
        missing -= {(type(now), before.state, after.state) for before, now, after in walk(seed)}
        if not missing:
            break
    assert not missing


def test_the_diagram_in_the_documentation_is_the_table() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    found = re.search(r"^```mermaid\n(stateDiagram-v2\n.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert found is not None
    assert found[1] == diagram(), "python -m scripts.call_states prints it as it should be"


class TestOutcomes:
    """How a call ended is settled by the caller's own hang-up, and by what the dialplan had done with him before."""

    @staticmethod
    def ended(*happened: Happening) -> Outcome | None:
        call = Call(CallId("main-1"), ChannelId("t"), "t", 1.0)
        for now in happened:
            call = step(call, now)
            assert call.outcome is None
        return step(call, CallerGone(9.0)).outcome

    def test_who_leaves_while_he_waits_has_given_up(self) -> None:
        assert self.ended(Queued(2.0, "sales"), LeftQueue(3.0, "sales")) is Outcome.ABANDONED

    def test_who_was_sent_to_voicemail_or_promised_a_call_was_missed(self) -> None:
        waited = (Queued(2.0, "sales"), LeftQueue(3.0, "sales"))
        for final in (Final.MESSAGE, Final.CALLBACK):
            assert self.ended(*waited, SentOn(3.0, final)) is Outcome.MISSED

    def test_who_waited_again_after_that_has_given_up(self) -> None:
        for final in (Final.MESSAGE, Final.CALLBACK):
            again = (SentOn(3.0, final), Queued(4.0, "primary-consult"))
            assert self.ended(*again) is Outcome.ABANDONED
            assert self.ended(*again, LeftQueue(8.0, "primary-consult")) is Outcome.ABANDONED, "as Asterisk tells it"

    def test_a_final_that_could_not_be_carried_out_is_taken_back(self) -> None:
        for final in (Final.MESSAGE, Final.CALLBACK, Final.ELSEWHERE):
            taken_back = (SentOn(3.0, final), SentOn(3.1, Final.QUEUE), Queued(3.1, "primary-consult"))
            assert self.ended(*taken_back) is Outcome.ABANDONED

    def test_who_was_sent_out_of_our_hands_has_overflowed(self) -> None:
        assert self.ended(Queued(2.0, "sales"), SentOn(3.0, Final.ELSEWHERE)) is Outcome.OVERFLOWED

    def test_who_was_sent_to_the_last_queue_and_hangs_up_has_given_up(self) -> None:
        assert self.ended(SentOn(3.0, Final.QUEUE), Queued(3.0, "primary-consult")) is Outcome.ABANDONED

    def test_an_answer_wins_over_everything(self) -> None:
        answer = LegAnswers(5.0, leg("a", 4.0))
        assert self.ended(SentOn(3.0, Final.ELSEWHERE), answer, LegEnds(6.0, ChannelId("a"))) is Outcome.ANSWERED

    def test_who_reaches_somebody_outside_after_he_was_sent_on_has_overflowed_all_the_same(self) -> None:
        outside = replace(leg("a", 4.0), ours=False)
        talk = LegAnswers(5.0, outside), Connected(6.0, (outside,), frozenset(), "b-1")
        assert self.ended(SentOn(3.0, Final.ELSEWHERE), *talk) is Outcome.OVERFLOWED
        assert self.ended(SentOn(3.0, Final.ELSEWHERE), *talk, LegAnswers(7.0, leg("b", 6.0))) is Outcome.ANSWERED
        assert self.ended(*talk) is Outcome.ANSWERED, "the admin's own dialplan has him answered at a phone of nobody"

    def test_a_technical_end_is_a_failure_unless_somebody_had_talked(self) -> None:
        call = Call(CallId("main-1"), ChannelId("t"), "t", 1.0)
        assert step(call, CallerGone(9.0, failed=True)).outcome is Outcome.FAILED
        answered = step(call, LegAnswers(5.0, leg("a", 4.0)))
        assert step(answered, CallerGone(9.0, failed=True)).outcome is Outcome.ANSWERED
