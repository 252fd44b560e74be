"""P3 and P4: what the journal and each receiver hear of one call, checked at every step."""

import json
from collections.abc import Collection
from typing import Any

from cti_bridge.calls.record import CallRecord
from cti_bridge.delivery.reports import Report, ReportType
from cti_bridge.domain.ids import CallId
from simulation.violation import Trail


def _end(record: CallRecord) -> tuple[object, ...]:
    return record.ended_at, record.outcome, record.answered_at, record.operator


_FOLLOWS = {
    None: {ReportType.STARTED},
    ReportType.STARTED: {ReportType.ANSWERED, ReportType.ENDED},
    ReportType.ANSWERED: {ReportType.ENDED},
    ReportType.ENDED: {ReportType.UPDATED},
    ReportType.UPDATED: {ReportType.UPDATED},
}
"""The legal sequences: started, answered, ended, updated; or started, ended, updated; updated may come again."""
_FIXED = ("call", "started_at", "answered_at", "ended_at", "outcome")
"""Facts that, once told, are only added to."""


class Reports:
    """Everything told so far, by receiver and call."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._said: dict[tuple[CallId, str], tuple[int, ReportType, dict[str, Any]]] = {}
        self._bodies: dict[tuple[str, str], str] = {}
        self._kept: dict[CallId, CallRecord] = {}
        self.ends: dict[str, set[str]] = {}
        """The outcomes that were told of each call."""

    def kept(self, record: CallRecord) -> None:
        """A state of a call goes to the journal: finished stays finished, answered stays answered."""
        before = self._kept.get(record.id)
        if before is not None:
            if before.ended_at is not None and _end(before) != _end(record):
                self._trail.broken("P4: a finished call goes on, or ended otherwise", record.id, before, record)
            if before.answered_at is not None and before.answered_at != record.answered_at:
                self._trail.broken("P4: an answer was taken back or moved", record.id, before, record)
        if record.ended_at is not None and (record.answered_at is not None) != (record.outcome == "answered"):
            self._trail.broken("P4: answer and outcome contradict each other", record.id, record)
        self._kept[record.id] = record

    def forget(self) -> None:
        """The process is gone, and what it had not written nobody has seen."""
        self._kept.clear()

    def told(self, receiver: str, report: Report, record: CallRecord | None = None) -> None:
        """One report to one receiver."""
        body = json.loads(report.body)
        key, facts = body["id"], body["data"]
        if self._bodies.setdefault((receiver, key), report.body) != report.body:
            self._trail.broken("P3: one key with two bodies", report.call_id, key, report.body)
        seq, last, known = self._said.get((report.call_id, receiver), (0, None, {}))
        if report.seq != seq + 1 or key != f"{report.call_id}/{report.seq}":
            self._trail.broken("P3: keys are not gap-free", report.call_id, key, seq)
        if report.type not in _FOLLOWS[last]:
            self._trail.broken("P3: not a legal sequence", report.call_id, last, report.type, record)
        for fact in _FIXED:
            self._only_added_to(report, fact, known.get(fact), facts[fact])
        if report.type is ReportType.ANSWERED and facts["answered_at"] is None:
            self._trail.broken("P3: an answer without its time", report.call_id)
        if report.type in {ReportType.ENDED, ReportType.UPDATED}:
            if facts["ended_at"] is None or not facts["outcome"]:
                self._trail.broken("P3: an end without time or outcome", report.call_id, report.body)
            self.ends.setdefault(report.call_id, set()).add(facts["outcome"])
        self._said[report.call_id, receiver] = (report.seq, report.type, facts)

    def _only_added_to(self, report: Report, fact: str, before: object, after: object) -> None:
        if before is None or before == after or (fact == "outcome" and after == "answered"):
            return
        what = "P4: told differently afterwards" if fact == "outcome" else "P3: a fact was taken back"
        self._trail.broken(f"{what}: {fact}", report.call_id, before, after)

    def ended_for_all(self, receivers: Collection[str]) -> set[str]:
        """The calls of whose end every receiver has heard, and of nothing less since."""
        heard: dict[str, set[str]] = {}
        for (call, receiver), (_, last, _) in self._said.items():
            if last is ReportType.UPDATED:
                heard.setdefault(call, set()).add(receiver)
        return {call for call, by in heard.items() if by == set(receivers)}
