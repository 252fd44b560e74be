"""Reads a number's history off its calls, those that the disk has and those that still wait for it. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from heapq import merge
from itertools import islice

from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.history import CallerHistory
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

HOUR_S = 3600.0
MOST_CALLS = 1_000
"""Calls of one number that are looked at, the latest; whoever has more is known, and what they do not say is absent."""


@dataclass(frozen=True, slots=True)
class EarlierCall:
    """One call of a number; `at` is when it began, in seconds since 1970.

    `missed`: it came from outside, is over, and nobody answered. `spoke`: the operator who spoke with the caller last.
    """

    id: CallId
    channel: ChannelId
    at: float
    inbound: bool
    missed: bool
    spoke: OperatorId | None


def history_of(
    kept: Iterable[EarlierCall], waiting: Iterable[EarlierCall], *, at: float, but: ChannelId
) -> CallerHistory:
    """The history at this moment, without the call of the channel that it is asked for.

    `kept` are the calls on disk, the latest first; no more of them are taken than are needed. `waiting` are those whose
    latest state is in memory, in any order: they count as they are there.
    """
    newer = {call.id: call for call in waiting}
    by_time = sorted(newer.values(), key=_latest_first)
    calls = merge(by_time, (call for call in kept if call.id not in newer), key=_latest_first)
    inbound, missed, looked_at = False, 0, 0
    spoke: OperatorId | None = None
    for call in islice(calls, MOST_CALLS):
        looked_at += 1
        recent = call.at >= at - HOUR_S
        if call.channel != but:
            inbound = inbound or call.inbound
            missed += call.missed and recent
            spoke = spoke or call.spoke
        if inbound and spoke is not None and not recent:
            break  # all others are older: no row is read that changes nothing
    return CallerHistory(
        first_time=not inbound and looked_at < MOST_CALLS, missed_last_hour=missed, last_operator=spoke
    )


def earlier(record: CallRecord) -> EarlierCall:
    """What matters of a call here; the query of `journal_history` says the same of a row."""
    inbound = record.direction is Direction.INBOUND
    over = record.ended_at is not None and record.outcome != "answered"
    return EarlierCall(
        id=record.id,
        channel=record.channel,
        at=record.offered_at,
        inbound=inbound,
        missed=inbound and record.caller_kind != "internal" and over,
        spoke=_spoke(record),
    )


def _spoke(record: CallRecord) -> OperatorId | None:
    """Of those who answered and were connected with the caller the one who left last, or has not left yet."""
    if record.answered_at is None:
        return None
    talked = [
        (leg.ended_at is None, leg.ended_at or 0.0, leg.answered_at, leg.operator)
        for leg in record.legs
        if leg.operator and leg.answered_at is not None and (leg.talked_s > 0 or leg.ended_at is None)
    ]
    return max(talked)[-1] if talked else record.operator or None


def _latest_first(call: EarlierCall) -> float:
    return -call.at
