"""Puts reports into the outbox, in the transaction that writes the state of the call: neither is on disk alone."""

import json
import math
import sqlite3
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from cti_bridge.calls.record import CallRecord
from cti_bridge.delivery.outbox import DEAD, SET_S, WAITING
from cti_bridge.delivery.reports import CrmUser, ReportType, Told, due
from cti_bridge.delivery.sink import OF_THE_CRM
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.number import NumberKind

_ADD = """
INSERT INTO outbox (call_id, sink, seq, type, body, state, since, attempts, due_at, reason)
VALUES (:call, :sink, :seq, :type, :body, :state, :now, 0, CASE WHEN :state <> 'dead' AND NOT EXISTS (
    SELECT 1 FROM outbox WHERE call_id = :call AND sink = :sink AND +state = 'waiting') THEN :now END, :reason)
"""
_TOLD = """
INSERT INTO reported (call_id, sink, seq, last, answered_at, operator, final)
VALUES (:call, :sink, :seq, :last, :answered_at, :operator, :final)
ON CONFLICT (call_id, sink) DO UPDATE SET seq = excluded.seq, last = excluded.last,
    answered_at = excluded.answered_at, operator = excluded.operator, final = excluded.final
"""
CHOICE_S = 3_660.0
"""So long after a call's end may an operator say who of several customers it was: an hour, and the time to say it."""
_MAY_BE_CUSTOMERS = frozenset({NumberKind.EXTERNAL, NumberKind.UNPARSED})


@dataclass(frozen=True, slots=True)
class Receiver:
    """Who is to be told, by the name in the settings, and of what."""

    name: str
    types: frozenset[ReportType]
    customers_only: bool = False
    """Whether only of calls of customers whom the CRM knows."""

    def hears_of(self, call: CallRecord, *, now: float, knows: bool = False) -> bool:
        """Whether this call concerns him, or may: where the CRM did not answer, nobody knows yet who called.

        Of a call that was not decided here (made by an operator, or while the bridge was down) somebody else may still
        find the customer as long as it goes on. Whose call of several customers it is says an operator; as long as he
        can, the CRM hears nothing of it, because it would write it down with one of them. Afterwards it is a
        stranger's. `now` is in seconds since 1970; `knows`: he was told of the call, so he hears how it goes on.
        """
        if self.name.startswith(OF_THE_CRM) and not knows and _may_be_chosen(call, now):
            return False
        if not self.customers_only:
            return True
        if call.decision is None:
            return bool(call.customer) or (call.ended_at is not None and call.caller_kind in _MAY_BE_CUSTOMERS)
        return bool(call.customer) or call.decision.crm == CrmSource.FAILED


class OutboxWriter:
    """Puts what is due into the outbox while the journal writes; `on_written` is called when that is on disk."""

    def __init__(
        self,
        receivers: Sequence[Receiver],
        *,
        crm_user: CrmUser,
        on_written: Callable[[], None],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._receivers = tuple(receivers)
        self._crm_user = crm_user
        self._on_written = on_written
        self._now = now
        self._aside: dict[str, tuple[float, str]] = {}
        self._since: dict[str, float] = {}

    def put_aside(self, receiver: str, *, begun_before: float, reason: str) -> None:
        """From now on what is due to him of customers' calls that began before this time are dead letters at once."""
        self._aside[receiver] = begun_before, reason

    def begin_with(self, receiver: str, *, since: float) -> None:
        """He is told of calls since then (seconds since 1970): what is found out now of earlier ones is not for him."""
        self._since[receiver] = since

    def begun_since(self, receiver: str) -> float:
        """Since when calls have to have begun of which he is told, in seconds since 1970."""
        times = (self._aside.get(receiver, (0.0, ""))[0], self._since.get(receiver, 0.0))
        return max((since for since in times if since <= self._now() + SET_S), default=0.0)  # later: a wrong clock's

    def add(
        self,
        connection: sqlite3.Connection,
        calls: Sequence[CallRecord],
        *,
        to_whom_knows: bool = False,
        only: str = "",
    ) -> None:
        """Add the reports that these states of calls make due; within a transaction, on the journal's thread.

        With `to_whom_knows`, only for receivers that have heard of the call before; with `only`, for that one.
        """
        receivers = [one for one in self._receivers if only in ("", one.name)]
        if not receivers:
            return
        told = _told(connection, [call.id for call in calls])
        now = self._now()
        for call in calls:
            for receiver in receivers:
                before = told.get((call.id, receiver.name), Told())
                knows = before.last is not None
                if not receiver.hears_of(call, now=now, knows=knows) or (to_whom_knows and not knows):
                    continue
                reports, after = due(before, call, now=now, crm_user=self._crm_user, types=receiver.types)
                begun_before, reason = self._aside.get(receiver.name, (-math.inf, ""))
                aside = bool(call.customer) and call.offered_at < begun_before <= now + SET_S  # later: a wrong clock's
                state, why = (DEAD, reason) if aside else (WAITING, "")
                names = {"call": call.id, "sink": receiver.name, "now": now, "state": state, "reason": why}
                connection.executemany(
                    _ADD,
                    [
                        {**names, "seq": report.seq, "type": report.type.value, "body": report.body}
                        for report in reports
                    ],
                )
                if after != before:
                    told[call.id, receiver.name] = after
                    connection.execute(_TOLD, {**names, **_told_row(after)})

    def written(self) -> None:
        """The transaction is on disk."""
        self._on_written()


def _may_be_chosen(call: CallRecord, now: float) -> bool:
    """Whether somebody who talks, or has talked, with one of several customers can still say with which."""
    if not call.choice_open or call.ended_at is None:
        return call.choice_open
    return call.answered_at is not None and now < call.ended_at + CHOICE_S


def _told(connection: sqlite3.Connection, calls: Sequence[CallId]) -> dict[tuple[CallId, str], Told]:
    rows = connection.execute(
        "SELECT call_id, sink, seq, last, answered_at, operator, final FROM reported"
        " WHERE call_id IN (SELECT value FROM json_each(?))",
        [json.dumps(calls)],
    )
    return {
        (CallId(row[0]), row[1]): Told(
            row[2], ReportType(row[3]), row[4], OperatorId(row[5]) if row[5] else None, row[6]
        )
        for row in rows
    }


def _told_row(told: Told) -> dict[str, Any]:
    assert told.last is not None
    return {
        "seq": told.seq,
        "last": told.last.value,
        "answered_at": told.answered_at,
        "operator": told.operator,
        "final": told.final,
    }
