"""A finished call stays finished, whatever is told of it later: in the journal, and so in what others are told.

Only an answer before its end can still be found out. The book of live calls holds to that by itself; but what it knows
of finished calls is bounded, and does not reach back before the start of the bridge for ever.
"""

import json
import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass, replace

from cti_bridge.calls.record import CallRecord
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import OperatorId


@dataclass(frozen=True, slots=True)
class _End:
    """How a call ended, as the journal has it."""

    answered_at: float | None
    ended_at: float
    outcome: str
    operator: OperatorId | None
    recovered: bool


def as_they_ended(connection: sqlite3.Connection, group: Sequence[CallRecord]) -> list[CallRecord]:
    """The states as they may be written, within the transaction that is open; none that has an ended call going on."""
    ids = json.dumps([record.id for record in group])
    rows = connection.execute(
        "SELECT id, answered_at, ended_at, outcome, operator, recovered FROM calls"
        " WHERE id IN (SELECT value FROM json_each(?)) AND ended_at IS NOT NULL",
        [ids],
    )
    ends = {row[0]: _End(*row[1:]) for row in rows}
    return [
        _as_it_ended(record, ends[record.id]) if record.id in ends else record
        for record in group
        if record.ended_at is not None or record.id not in ends
    ]


def _as_it_ended(record: CallRecord, end: _End) -> CallRecord:
    answered_at, outcome = end.answered_at, end.outcome
    if answered_at is None and record.answered_at is not None and record.answered_at < end.ended_at:
        answered_at, outcome = record.answered_at, record.outcome
    known = record.operator if answered_at is not None or record.direction is Direction.OUTBOUND else None
    return replace(
        record,
        answered_at=answered_at,
        ended_at=end.ended_at,
        outcome=outcome,
        operator=end.operator or known,
        recovered=bool(end.recovered) or record.recovered,
    )
