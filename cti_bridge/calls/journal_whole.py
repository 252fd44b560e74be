"""Calls with all that the journal has of them: their rows hold neither legs, recordings nor what operators say."""

import sqlite3
from collections.abc import Sequence
from dataclasses import replace

from cti_bridge.calls.journal_after import desk_outcomes
from cti_bridge.calls.journal_legs import legs_of
from cti_bridge.calls.journal_recordings import recordings_of
from cti_bridge.calls.record import CallRecord


def whole(connection: sqlite3.Connection, calls: Sequence[CallRecord]) -> list[CallRecord]:
    """These calls with their legs, the first to ring first, and all else that the journal has of them now."""
    ids = [call.id for call in calls]
    legs, recordings, said = legs_of(connection, ids), recordings_of(connection, ids), desk_outcomes(connection, ids)
    return [
        replace(
            call,
            legs=legs.get(call.id, ()),
            recordings=recordings.get(call.id, ()),
            desk_outcomes=said.get(call.id, ()),
        )
        for call in calls
    ]
