"""What happens when a caller arrives: look him up, decide, answer the dialplan, and tell the switchboard.

The caller never waits for a disk, and for all of it one second at most: what is not known by then is left out.
"""

import asyncio
import re
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Protocol

import structlog

from cti_bridge.asterisk.dialplan import RouteAnswer, RouteRequest, route_answer, withheld
from cti_bridge.calls.events import CallerId, CallEvent, CallOffered
from cti_bridge.calls.record import DecisionRecord
from cti_bridge.crm.lookup import Lookup
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.decision import CrmAnswer, Decision, DecisionKind, OperatorDial
from cti_bridge.domain.history import CallerHistory
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.number import CallerNumber, parse_number
from cti_bridge.domain.staff import StaffNumbers
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.card import Card
from cti_bridge.reception.first_rung import as_on_a_card, first_rung
from cti_bridge.reception.histories import Histories
from cti_bridge.reception.strange_stages import StrangeStages
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.reception.why import why
from cti_bridge.routing.decide import decide
from cti_bridge.routing.facts import CallFacts, Gathered, flatten, gather
from cti_bridge.routing.line_facts import line_of
from cti_bridge.routing.rules import RuleSet

log = structlog.get_logger(__name__)

WHOLE_DECISION_S = 1.0
_CALL_ID = re.compile(r"[A-Za-z0-9_.:@+-]{1,120}")
_RESERVE_S = 0.1
"""Kept free of the look-up for the rules and for talking to Asterisk."""


class RulesInForce(Protocol):
    """Who knows the rules in force; a reload replaces the whole reference, and a call takes it once."""

    @property
    def current(self) -> RuleSet:
        """The rules that a call arriving now is decided by."""


class Reception:
    """Answers the dialplan's question for one PBX; in `shadow` it does all but answer, and the dialplan decides."""

    def __init__(
        self,
        *,
        region: str | None,
        staff: StaffNumbers,
        rules: RulesInForce,
        lookup: Lookup,
        histories: Histories,
        stages: Callable[[], StageList],
        directory: Callable[[], Directory],
        switchboard: Switchboard,
        feed: Callable[[CallEvent], None],
        observe: Callable[[Decision, float], None],
        shadow: bool = False,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.expression_errors = 0
        """Expressions in the rules that could not be computed for a call, and so did not match."""
        self.is_away: Callable[[OperatorId], bool] = lambda operator: False
        """Whether no rule is to have this operator rung; whoever keeps operators' states says so."""
        self._region = region
        self._staff = staff
        self._rules = rules
        self._lookup = lookup
        self._histories = histories
        self._stages = stages
        self._strange_stages = StrangeStages()
        self._directory = directory
        self._switchboard = switchboard
        self._feed = feed
        self._observe = observe
        self._shadow = shadow
        self._now = now
        self._monotonic = monotonic

    async def decide(self, request: RouteRequest, accepted_at: float) -> RouteAnswer:
        """Decide about one caller; `accepted_at` is the monotonic time at which the dialplan began to wait."""
        rules = self._rules.current
        offered_at = self._now()
        call = self._call_facts(request, rules, offered_at)
        left_s = accepted_at + WHOLE_DECISION_S - _RESERVE_S - self._monotonic()
        within_s = max(0.0, min(rules.degraded.deadline_s, left_s))
        channel = ChannelId(request.uniqueid)
        answer, history, took_ms = await self._ask(call, rules, offered_at, channel, within_s)
        began = self._monotonic()
        gathered = gather(call, answer, rules, self._stages(), history)
        decision, trace = decide(rules, gathered)
        self.expression_errors += len(trace.cel_errors)
        operator, skipped = first_rung(
            decision.preferred, self._directory(), self._switchboard.free_phones, self.is_away
        )
        took_ms["rules"] = _ms(self._monotonic() - began)
        call_id = self._call_id(request)
        record = _decision_record(decision, gathered, answer, operator, rules.hash, took_ms)
        record = replace(record, skipped=skipped, delivered=not self._shadow, shadow=self._shadow)

        def sent(complete: bool) -> None:
            whole_s = self._monotonic() - accepted_at
            self._observe(decision, whole_s)
            taken, all_ms = complete and not self._shadow, {**took_ms, "whole": _ms(whole_s)}
            self._switchboard.delivered(call_id, replace(record, took_ms=all_ms, delivered=taken))
            # Journal, history and notes begin here, when the caller no longer waits for anything of ours. What else
            # happens to the call is heard of later: the dialplan is let go only now.
            self._feed(CallOffered(offered_at, call_id, channel, request.linkedid))
            self._strange_stages.look_at(answer.records, self._stages())

        told = route_answer(decision, call_id, operator, sent)
        because = why(decision, trace, as_on_a_card(record.operator, skipped, self._directory()))
        card = replace(_card(call, gathered, decision, answer), why=because)
        if self._shadow:
            card = replace(card, decision=DecisionKind.FALLBACK.value, rule="")
        self._switchboard.decided(call_id, card, record)
        return withheld(told) if self._shadow else told

    async def _ask(
        self, call: CallFacts, rules: RuleSet, at: float, channel: ChannelId, within_s: float
    ) -> tuple[CrmAnswer, CallerHistory | None, dict[str, float]]:
        """What the CRM says of the caller, and beside it the journal, if the rules want to know.

        With the milliseconds of each; the caller waited for the slower one.
        """
        limits = rules.degraded
        found = self._lookup.find(call.caller, deadline_s=within_s, stale_s=limits.cache_s, usual_s=limits.deadline_s)
        if not rules.asks_history:
            answer = await found
            return answer, None, {"crm": round(answer.took_ms, 3)}
        kept = self._history(call.caller, at, channel, within_s)
        answer, (history, journal_ms) = await asyncio.gather(found, kept)
        return answer, history, {"crm": round(answer.took_ms, 3), "journal": journal_ms}

    async def _history(
        self, caller: CallerNumber, at: float, channel: ChannelId, within_s: float
    ) -> tuple[CallerHistory | None, float]:
        began = self._monotonic()
        history = await self._histories.of(caller, at=at, but=channel, within_s=within_s)
        return history, _ms(self._monotonic() - began)

    def new_card(self, caller_id: CallerId) -> Card:
        """A card for a call that was first seen in the middle of its life: only what the network says."""
        region = self._region or self._rules.current.region
        caller = self._staff.seen(parse_number(caller_id.number, region=region))
        return Card(caller, caller_name=caller_id.name, to_look_up=True)

    async def look_up_late(self, card: Card) -> Card:
        """Complete the card of a call that was not decided by this run of the bridge."""
        rules = self._rules.current
        call = CallFacts(card.caller, card.did, card.trunk)
        answer = await self._lookup.find(call.caller)
        gathered = gather(call, answer, rules, self._stages())
        return replace(
            card,
            to_look_up=False,
            crm_source=card.crm_source or answer.source.value,
            crm_age_s=answer.age_s,
            record=gathered.record,
            deal_id=gathered.deal_id,
            candidates=gathered.candidates,
        )

    def _call_facts(self, request: RouteRequest, rules: RuleSet, at: float) -> CallFacts:
        caller = parse_number(
            request.caller_number,
            region=self._region or rules.region,
            presentation_allowed=request.presentation_allowed,
        )
        return CallFacts(
            caller=self._staff.seen(caller),
            did=request.did,
            trunk=request.trunk,
            attestation=request.attestation,
            language=request.language,
            name=request.caller_name,
            at=datetime.fromtimestamp(at, UTC),
        )

    def _call_id(self, request: RouteRequest) -> CallId:
        """The id that the subroutine gave this call before, unless another live call has it; else a new one.

        In shadow mode the subroutine has only ids of its own.
        """
        if not self._shadow and _CALL_ID.fullmatch(request.call_id):
            known = self._switchboard.book.get(CallId(request.call_id))
            if known is None or known.channel == request.uniqueid:
                return CallId(request.call_id)
        return self._switchboard.book.id_for(ChannelId(request.uniqueid), request.linkedid)


def _card(call: CallFacts, gathered: Gathered, decision: Decision, answer: CrmAnswer) -> Card:
    return Card(
        caller=call.caller,
        caller_name=call.name,
        did=str(gathered.facts.get("call.did") or ""),
        line=line_of(gathered.facts),
        trunk=call.trunk,
        verified=bool(gathered.facts.get("call.verified")),
        decision=decision.kind.value,
        rule=decision.rule,
        class_name=decision.class_name,
        crm_source=decision.crm.value if decision.crm else "",
        crm_age_s=answer.age_s,
        record=gathered.record,
        deal_id=gathered.deal_id,
        candidates=gathered.candidates,
    )


def _decision_record(
    decision: Decision,
    gathered: Gathered,
    answer: CrmAnswer,
    operator: OperatorDial | None,
    rules_hash: str,
    took_ms: dict[str, float],
) -> DecisionRecord:
    max_waiting, penalties = tuple(step.max_waiting for step in decision.steps), decision.penalties
    return DecisionRecord(
        kind=decision.kind.value,
        crm=decision.crm.value if decision.crm else "",
        crm_age_s=answer.age_s,
        rule=decision.rule,
        class_name=decision.class_name,
        queue=decision.queue,
        steps=tuple((step.queue, step.timeout_s) for step in decision.steps),
        final=decision.final,
        customer_id=decision.customer_id or "",
        operator=operator.id if operator else "",
        priority=decision.priority,
        max_waiting=max_waiting if any(max_waiting) else (),
        penalties=(penalties.min, penalties.max) if penalties else None,
        language=decision.language,
        announcement=decision.announcement,
        rules_hash=rules_hash,
        facts=flatten(gathered),
        crm_error=answer.error,
        took_ms=took_ms,
    )


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
