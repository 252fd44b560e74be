"""What every happening does to a call in every state: one table, and nothing beside it changes a call. Pure.

A call is *offered* when the caller has arrived and nobody is called for him yet, *queued* while he waits in a queue,
*ringing* while a phone is called for him, *talking* while somebody is connected with him or has just answered, *held*
while he waits in the middle of a talk (on hold, in a parking lot, or because the operator asks a colleague), *ended*
when his own channel is gone, and *closed* when nothing of it will change any more. The state is never stored. It
follows from what is known of the caller and of the legs, so that a picture that was put together from late, doubled or
missing events has no state that contradicts it.

Ten rules are behind the rows.

* **A leg only moves forward**: ringing, talking (or consulting, then talking), gone. Only between talking and being
  left behind by the caller there is a way back, when he returns. What comes late for a leg that is gone changes
  nothing but its reason (a phone that refused, an operator who handed the caller over), with one exception: a phone
  that was told to stop because another one seemed quicker, and answered all the same, did answer.
* **Answered stays answered, ended stays ended.** In the table every happening but one is ignored in `ended`, and every
  one in `closed`.
* **Closed is ended, with all recordings complete** (`Recorded`), which most calls are with their end: the recording of
  a caller is over with his channel. Two things come later, the name of a file that the PBX is being asked for, and the
  end of a recording on the phone of an operator who goes on talking to a colleague. Nobody else waits for that: an
  ended call has no part for anybody, and is found by nothing but its recordings.
* **Leaving a queue means nothing.** Time-out, redirect and hanging up look alike. That the caller gave up is known only
  when his own channel ends without an answer, and what the dialplan had done with him before that decides between
  abandoned, overflowed and missed.
* **Talk is what bridges say.** A leg is with the caller from entering his bridge to leaving it, and its talk is
  measured so, through holds, parking and transfers. An operator who leaves the caller's bridge for another one asks
  somebody: he keeps his part, and the call is held. Whoever of ours enters the caller's bridge talks with him, however
  he got there: picked up, taken out of the parking lot, or handed over.
* **Whom the caller left behind has no part any more**, even while his channel stays: the caller waits in a queue or
  a parking lot again, or talks with somebody else in another bridge. Merely to leave a bridge is not to go on; that is
  also how a call ends. And where somebody joins a caller who has stayed, whoever is not there has gone himself.
* **A caller who is set aside is held, and nothing else has happened to him.** He waits in a place of our dialplan while
  his operator's channel waits in another, or asks somebody (`SetAside`); neither hears anybody, so bridges say only
  that they are apart. The operator keeps his part until the caller is with somebody else or his channel is gone.
* **A colleague who is asked has a part of his own** (consulting). He is called by a leg and not by the caller, sees the
  customer from the first ring on, and becomes a talker only by the bridge. His part is over when the caller goes on
  without whoever asks: waits or is parked, talks with somebody else, has somebody else called. That whoever asks is
  gone says nothing: a moment later the caller may have been handed over.
* **Whom the caller reaches after the dialplan has sent him out of our hands answers the call only if he is ours**: an
  operator's phone, or one that a queue called. Anybody else is a leg that talked, of a call that overflowed.
* **Whoever is called outside is the caller's side as soon as he answers.** Until then that is the operator who dials,
  because there is nobody else, and nothing but the answer outside answers the call. Then the sides change, once
  (`Reached`): the call belongs to the customer's channel, and the operator's is a leg that talks with him. A colleague
  who is called stays the called one.

A call goes back from talking or held to queued, ringing or offered when the last talker is gone and the caller is not:
that is every transfer, redirect and return from parking. `offered` then means no more than "in the dialplan".
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from cti_bridge.calls import call as calls
from cti_bridge.calls import outbound
from cti_bridge.calls.call import Call, CallState
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


@dataclass(frozen=True, slots=True)
class Move:
    """What a happening does in one state, and every state in which it can leave the call."""

    by: Callable[[Call, Any], Call]
    to: frozenset[CallState]


IGNORED = None
"""The happening changes nothing in this state, on purpose."""


def _row(by: Callable[[Call, Any], Call], **to: str) -> Mapping[CallState, Move | None]:
    """One row: for each state, named by its first letter, the letters of the states that can follow.

    In a state that is not named the happening is ignored.
    """
    letters = {state.value[0].upper(): state for state in CallState}
    moves: dict[CallState, Move | None] = {
        letters[state]: Move(by, frozenset(letters[after] for after in follow)) for state, follow in to.items()
    }
    return dict.fromkeys(CallState, IGNORED) | moves


TABLE: Mapping[type[Happening], Mapping[CallState, Move | None]] = {
    Queued: _row(calls.queued, O="Q", Q="Q", R="R", T="QRTH", H="QRTH"),
    LeftQueue: _row(calls.left_queue, O="O", Q="OQ", R="R", T="T", H="H"),
    LegRings: _row(calls.leg_rings, O="OR", Q="QR", R="R", T="T", H="H"),
    LegStops: _row(calls.leg_stops, O="O", Q="Q", R="OQR", T="T", H="H"),
    LegAnswers: _row(calls.leg_answers, O="OT", Q="QT", R="RT", T="T", H="TH"),
    Reached: _row(outbound.reaches, O="OT", Q="QT", R="RT", T="T", H="TH"),
    LegTransfers: _row(calls.leg_transfers, O="O", Q="Q", R="R", T="T", H="H"),
    LegHangsUp: _row(calls.leg_hangs_up, T="T", H="H"),
    LegEnds: _row(calls.leg_ends, O="O", Q="Q", R="OQR", T="OQRTH", H="OQRH"),
    Connected: _row(calls.connected, O="OT", Q="QT", R="RT", T="TH", H="TH"),
    Holds: _row(calls.holds, T="TH", H="TH"),
    SetAside: _row(calls.sets_aside, T="TH", H="H"),
    Parks: _row(calls.parks, O="OH", Q="QH", R="RH", T="TH", H="OQRTH"),
    SentOn: _row(calls.sent_on, O="O", Q="Q", R="R", T="T", H="H"),
    CallerGone: _row(calls.ends, O="EC", Q="EC", R="EC", T="EC", H="EC"),
    Recorded: _row(calls.recorded, O="O", Q="Q", R="R", T="T", H="H", E="EC"),
}
"""For every happening and state the move, or that it is ignored."""


def step(call: Call, now: Happening) -> Call:
    """The call after this happening; the same call when it changes nothing."""
    move = TABLE[type(now)][call.state]
    return call if move is IGNORED else move.by(call, now)
