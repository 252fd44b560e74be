"""One call as a terminal and a program get it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from cti_bridge.calls.after_call import AfterCall
from cti_bridge.calls.events import Final
from cti_bridge.calls.record import CallRecord, DecisionRecord, LegRecord, RecordingRecord
from cti_bridge.cli.after_call import after_json, after_lines
from cti_bridge.cli.terminal import printable
from cti_bridge.delivery.outbox import Progress
from cti_bridge.domain.decision import Penalties
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import ChannelId
from cti_bridge.domain.line import Line
from cti_bridge.domain.moments import iso_time
from cti_bridge.routing.explain import Explained, explain_json, reason_lines
from cti_bridge.routing.line_facts import line_of
from cti_bridge.routing.treatment import treatment_words

_FINALS: Mapping[str, str] = {
    Final.QUEUE: "he stayed in a queue",
    Final.ELSEWHERE: "the dialplan went on with him elsewhere",
    Final.MESSAGE: "he could leave a message",
    Final.CALLBACK: "he was told that he will be called back",
}
_TOO_LATE = "the dialplan had gone its own way before the decision below arrived"
_SHADOW = "the bridge was in shadow mode and told the dialplan nothing of the decision below"


def print_record(
    record: CallRecord,
    *,
    as_json: bool,
    told: Sequence[Progress] | None = None,
    why: Explained | None = None,
    after: Sequence[AfterCall] = (),
) -> None:
    """Prints a call with all that is kept of it; safe for a terminal.

    `why` it went there, who was `told` of it, and what operators wrote down `after` it.
    """
    if as_json:
        more: dict[str, object] = {}
        if told is not None:  # else the call is of a recording, which knows neither rules nor receivers
            more["why"] = _why_json(why) if why is not None else None
            more["reports"] = [_told_json(receiver) for receiver in told]
            more["after"] = [after_json(one) for one in after]
        print(json.dumps(record_json(record) | more))
        return
    reasons = [("why", line) for line in reason_lines(*why)] if why is not None else []
    written = [("written down", line) for one in after for line in after_lines(one)]
    for name, value in [*_story(record), *reasons, *written, *(("told", _told(receiver)) for receiver in told or ())]:
        print(f"{name:<12} {printable(value)}")


def record_json(record: CallRecord) -> dict[str, object]:
    """The record for a program: times in ISO 8601, the line by itself, all else as it is kept."""
    line = _line_dialled(record)
    values: dict[str, object] = asdict(record) | {"line": asdict(line) if line else None}
    for name in ("offered_at", "answered_at", "ended_at"):
        values[name] = _time(getattr(record, name)) or None
    values["closed"] = record.closed
    values["recordings"] = [
        asdict(one) | {name: _time(getattr(one, name)) or None for name in ("started_at", "ended_at")}
        for one in record.recordings
    ]
    values["legs"] = [
        asdict(leg) | {name: _time(getattr(leg, name)) or None for name in ("rang_at", "answered_at", "ended_at")}
        for leg in record.legs
    ]
    return values


def _why_json(why: Explained) -> dict[str, object]:
    """Of `explain --json` what a call does not have itself."""
    explained = explain_json(*why)
    return {name: explained[name] for name in ("reason", "classes", "rules")}


def _line_dialled(record: CallRecord) -> Line | None:
    """The line as it was described when the call was decided."""
    return line_of(record.decision.facts) if record.decision else None


def record_line(record: CallRecord) -> str:
    """The call in one line of a list, safe for a terminal."""
    decision, line = record.decision, _line_dialled(record)
    return printable(
        "  ".join(
            (
                _time(record.offered_at),
                f"{record.direction:<8}",
                f"{record.caller or '(forgotten)':<14}",
                f"{line.label if line else record.did or '-':<20}",
                f"{decision.class_name if decision else '':<12}",
                f"{_rule(record):<16}",
                f"{record.queue or (decision.queue if decision else ''):<16}",
                f"{record.operator or '-':<10}",
                f"{record.outcome or 'going on':<10}",
                record.id,
            )
        )
    )


def _rule(record: CallRecord) -> str:
    """The rule that sent the call where it went, or would have, or who did instead."""
    decision = record.decision
    if decision is not None and (decision.delivered or decision.shadow):
        return f"shadow {decision.rule}" if decision.shadow else decision.rule
    return record.decided_by or "-"


def _story(record: CallRecord) -> list[tuple[str, str]]:
    """What happened to a call, as lines of name and value."""
    decision = record.decision
    who = f"{record.caller or 'forgotten'} ({record.caller_kind}) {record.caller_name}".rstrip()
    lines = [
        ("call", record.id + (" (end found out afterwards)" if record.recovered else "")),
        ("direction", record.direction.value),
        ("called" if record.direction is Direction.OUTBOUND else "caller", who),
        ("dialled", f"{record.did or 'unknown'} on trunk {record.trunk or 'unknown'}"),
        ("arrived", _time(record.offered_at)),
    ]
    if record.direction is not Direction.INBOUND:
        outbound = record.direction is Direction.OUTBOUND
        maker = f"{record.operator} at " if outbound and record.operator else ""
        lines[3:] = [("made by", f"{maker}{record.dialler or 'unknown'}, {_time(record.offered_at)}")]
    if line := _line_dialled(record):
        said = asdict(line)
        lines.insert(4, ("line", ", ".join(f"{name} {text}" for name, text in said.items() if text and name != "did")))
    if decision is None and record.decided_by:
        lines.append(("decision", "fallback: the dialplan had no answer of the bridge"))
    elif decision is not None:
        age = f", {decision.crm_age_s:.0f} s old" if decision.crm_age_s is not None else ""
        if not decision.delivered:
            lines.append(("decision", f"fallback: {_SHADOW if decision.shadow else _TOO_LATE}"))
        lines += [
            (
                "decision" if decision.delivered else "shadow" if decision.shadow else "too late",
                f"{decision.kind}, rule {decision.rule or '-'}, class {decision.class_name or '-'}",
            ),
            ("crm", f"{decision.crm}{age}{f' ({decision.crm_error})' if decision.crm_error else ''}"),
            ("steps", f"{_steps(decision)}, then {decision.final}"),
        ]
        if treated := _treated(decision):
            lines.append(("treated", treated))
        if decision.rules_hash:
            lines.append(("rules", decision.rules_hash[:12]))
        if decision.took_ms:
            lines.append(("took", ", ".join(f"{name} {value} ms" for name, value in decision.took_ms.items())))
        lines += [("skipped", f"{who} {why}") for who, why in decision.skipped]
        if decision.operator:
            lines.append(("first rings", decision.operator))
        lines += [("fact", f"{name} = {value}") for name, value in sorted(decision.facts.items())]
    answered = _time(record.answered_at) or "no"
    if record.direction is not Direction.OUTBOUND:
        lines.append(("rang", ", ".join(record.rang) or "nobody"))
        answered = f"{answered} {record.operator or ''}".rstrip()
    lines += [
        *(("leg", _leg(leg, record)) for leg in record.legs),
        *([("after all", _FINALS[record.final])] if record.final in _FINALS else []),
        ("answered", answered),
        ("ended", f"{_time(record.ended_at) or 'no'} {record.outcome}".rstrip()),
        *(("recording", _recording(recording, record)) for recording in record.recordings),
        ("closed", _closed(record)),
    ]
    return lines


def _steps(decision: DecisionRecord) -> str:
    """The queues in their order, each with what makes the caller go on."""
    most = decision.max_waiting or (None,) * len(decision.steps)
    return ", then ".join(
        f"{queue} ({timeout_s or 'no limit'}{f', passed over when {full} or more wait there' if full else ''})"
        for (queue, timeout_s), full in zip(decision.steps, most, strict=False)
    )


def _treated(decision: DecisionRecord) -> str:
    """How the caller was to be treated in queues where that is not as ever."""
    penalties = Penalties(*decision.penalties) if decision.penalties else None
    words = treatment_words(decision.priority, penalties, decision.language, decision.announcement)
    return ", ".join(f"{name} {said}" for name, said in words.items())


def _who(leg: LegRecord) -> str:
    return f"{leg.operator or leg.number or '?'} at {leg.interface}"


def _whose(leg: ChannelId, record: CallRecord) -> str:
    """Whose leg that is; its id where only that is known."""
    return next((_who(known) for known in record.legs if known.leg == leg), f"leg {leg}")


def _leg(leg: LegRecord, record: CallRecord) -> str:
    """One phone: who, since when it rang, and what became of it."""
    called_by = f" (called by {_whose(leg.parent, record)})" if leg.parent else ""
    whom = "the other side" if record.direction is Direction.OUTBOUND else "the caller"
    answered = f", answered {_time(leg.answered_at)}" if leg.answered_at is not None else ""
    if leg.ended_at is None:  # how long it talks is added up when something changes, so it would be too little now
        return f"{_who(leg)}{called_by}, rang {_time(leg.rang_at)}{answered}"
    talked = f", {leg.talked_s:.1f} s with {whom}" if answered else ""
    return f"{_who(leg)}{called_by}, rang {_time(leg.rang_at)}{answered}{talked}, {leg.why} {_time(leg.ended_at)}"


def _recording(recording: RecordingRecord, record: CallRecord) -> str:
    """One recording: its file, of whose channel, and when."""
    whose = _whose(recording.leg, record) if recording.leg else "the caller's channel"
    until = f"until {_time(recording.ended_at)}" if recording.ended_at is not None else "and goes on"
    return f"{recording.file or 'file not known'} of {whose}, from {_time(recording.started_at)} {until}"


def _closed(record: CallRecord) -> str:
    if record.closed:
        return "yes, times and recordings are final"
    return "no, it goes on" if record.ended_at is None else "no, a recording is not complete"


def _told(receiver: Progress) -> str:
    """How far one receiver of reports is."""
    numbers = {"waiting": receiver.waiting, "given up": receiver.dead}
    left = [f", {number} {word}" for word, number in numbers.items() if number]
    last = f", the last {_time(receiver.taken_at)}" if receiver.taken_at is not None else ""
    return f"{receiver.sink}: {receiver.taken} of {receiver.reports} reports{last}{''.join(left)}"


def _told_json(receiver: Progress) -> dict[str, object]:
    return asdict(receiver) | {"taken": receiver.taken, "taken_at": _time(receiver.taken_at) or None}


def _time(at: float | None) -> str:
    return "" if at is None else iso_time(at)
