"""What an operator reads beside a call: notes from the CRM and earlier calls from the journal. Never raises."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from cti_bridge.calls.call import Call
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.crm.port import Crm, CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import Note
from cti_bridge.domain.ids import CallId
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.card import Card, PastCall

log = structlog.get_logger(__name__)

NOTES = 20
PAST_CALLS = 20
_LIMIT_S = 3.0


class BesideTheCall:
    """Completes cards; `look_up_late` finds the customer of a call that this run of the bridge did not decide."""

    def __init__(
        self,
        crm: Crm,
        journal: Journal,
        *,
        look_up_late: Callable[[Card], Awaitable[Card]],
        directory: Callable[[], Directory],
    ) -> None:
        self._crm = crm
        self._journal = journal
        self._look_up_late = look_up_late
        self._directory = directory

    async def complete(self, call: Call, card: Card) -> Card:
        """The card with customer, notes and history, as far as they can be had within three seconds."""
        if card.to_look_up:
            card = await self._look_up_late(card)
        try:
            async with asyncio.timeout(_LIMIT_S):
                notes, history = await asyncio.gather(self._notes(card), self._history(call.id, card))
        except (CrmUnavailable, DatabaseUnusable, TimeoutError) as error:
            log.info("card.without_history", reason=str(error) or type(error).__name__)
            return replace(card, extras="failed")
        except Exception:
            log.exception("card.failed")
            return replace(card, extras="failed")
        return replace(card, notes=notes, history=history, extras="ready")

    async def _notes(self, card: Card) -> tuple[Note, ...]:
        if card.record is None or card.candidates:
            return ()  # nobody, or one of several: whose notes they should be is known when somebody has asked
        return await self._crm.notes(card.record.customer.id, limit=NOTES)

    async def _history(self, call_id: CallId, card: Card) -> tuple[PastCall, ...]:
        key = card.caller.key
        if key is None:
            return ()
        records = await self._journal.calls_from(key, limit=PAST_CALLS, but=call_id)
        return tuple(self._past(record) for record in records if record.ended_at is not None)

    def _past(self, record: CallRecord) -> PastCall:
        operator = self._directory().get(record.operator) if record.operator else None
        ended_at, answered_at = record.ended_at, record.answered_at
        until = answered_at if answered_at is not None else ended_at
        return PastCall(
            at=record.offered_at,
            outcome=record.outcome,
            queue=record.queue,
            operator=operator.name if operator else record.operator or "",
            wait_s=round(until - record.offered_at, 1) if until is not None else None,
            talk_s=round(ended_at - answered_at, 1) if ended_at is not None and answered_at is not None else None,
        )
