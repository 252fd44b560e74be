"""What an operator reads beside a call: the notes of the CRM, earlier calls from it and the journal. Never raises."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from cti_bridge.calls.call import Call
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.crm.health import reason_of
from cti_bridge.crm.port import Crm, CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.customer import FinishedCall, Note
from cti_bridge.domain.ids import CallId
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.card import Card, PastCall

log = structlog.get_logger(__name__)

NOTES = 20
PAST_CALLS = 20
_OTHER_NUMBERS = 5
"""So many numbers of a customer are looked for in the journal besides the one that he calls from."""
AT_ONCE = 16
"""Cards that are completed at the same time; after an interruption all live calls want theirs, and the CRM takes only
so many questions: callers who wait to be decided about must not find its places taken."""
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
        self._room = asyncio.Semaphore(AT_ONCE)

    async def complete(self, call: Call, card: Card) -> Card:
        """The card with customer, notes and history, as far as they can be had within three seconds of its turn."""
        async with self._room:
            return await self._complete(call, card)

    async def _complete(self, call: Call, card: Card) -> Card:
        if card.to_look_up:
            card = await self._look_up_late(card)
        try:
            async with asyncio.timeout(_LIMIT_S):
                notes, history = await asyncio.gather(self._notes(card), self._history(call.id, card))
        except (CrmUnavailable, DatabaseUnusable, TimeoutError) as error:
            log.info("card.without_history", reason=str(error) or type(error).__name__)
            return replace(card, extras="failed")
        except Exception as error:  # the message of an error that nobody expected may name the customer
            log.error("card.failed", reason=reason_of(error))
            return replace(card, extras="failed")
        return replace(card, notes=notes, history=history, extras="ready")

    async def _notes(self, card: Card) -> tuple[Note, ...]:
        if card.known is None:
            return ()  # nobody, or one of several: whose notes they should be is known when somebody has asked
        return await self._crm.notes(card.known.customer.id, limit=NOTES)

    async def _history(self, call_id: CallId, card: Card) -> tuple[PastCall, ...]:
        """Earlier calls from this number, and those of this customer from others: each call once, the latest first."""
        key = card.caller.key
        known = card.known.customer.numbers if card.known is not None else ()
        others = [number for number in known[:_OTHER_NUMBERS] if number.startswith("+") and number != key]
        records = (
            await self._journal.calls_from(key, limit=PAST_CALLS, but=call_id, also=others) if key is not None else []
        )
        past = {record.id: self._past(record) for record in records if record.ended_at is not None}
        if card.known is not None:
            for call in await self._crm.calls(card.known.customer.id, limit=PAST_CALLS):
                if call.key != call_id:
                    past.setdefault(CallId(call.key), self._reported(call))
        return tuple(sorted(past.values(), key=lambda one: -one.at)[:PAST_CALLS])

    def _reported(self, call: FinishedCall) -> PastCall:
        """A call as the CRM has it: the journal may have forgotten it, or had it under another number."""
        operator = self._directory().by_crm_user(call.user) if call.user else None
        return _past(
            call.started_at.timestamp(),
            call.answered_at.timestamp() if call.answered_at else None,
            call.ended_at.timestamp(),
            direction=call.direction,
            outcome=call.outcome,
            queue=call.queue,
            operator=operator.name if operator else call.user,
        )

    def _past(self, record: CallRecord) -> PastCall:
        operator = self._directory().get(record.operator) if record.operator else None
        return _past(
            record.offered_at,
            record.answered_at,
            record.ended_at,
            direction=record.direction.value,
            outcome=record.outcome,
            queue=record.queue,
            operator=operator.name if operator else record.operator or "",
            stage=str(record.decision.facts.get("deal.stage") or "") if record.decision else "",
        )


def _past(
    began: float,
    answered_at: float | None,
    ended_at: float | None,
    *,
    direction: str,
    outcome: str,
    queue: str,
    operator: str,
    stage: str = "",
) -> PastCall:
    until = answered_at if answered_at is not None else ended_at
    return PastCall(
        at=began,
        direction=direction,
        outcome=outcome,
        queue=queue,
        operator=operator,
        wait_s=_seconds(began, until),
        talk_s=_seconds(answered_at, ended_at),
        stage=stage,
    )


def _seconds(begin: float | None, end: float | None) -> float | None:
    """Never less than none, though clocks are set during calls."""
    return None if begin is None or end is None else round(max(0.0, end - begin), 1)
