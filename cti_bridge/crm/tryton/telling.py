"""How a call is written down at a party in Tryton: an attachment that is a link, and a note for one in vain. Pure.

A link is the one thing whose text may be changed later in every series of Tryton: notes cannot be from 8.2 on. Its name
is the same however often the call is told; names are not unique there, so the bridge remembers what it made.
"""

from collections.abc import Mapping
from typing import Any

from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.crm.tryton.words import resource
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.number import display_number

RANK = {CallMoment.STARTED: 1, CallMoment.ANSWERED: 2, CallMoment.ENDED: 3, CallMoment.UPDATED: 4}
"""How far a call has been told; an earlier moment that comes again later changes nothing."""
_OUTBOUND = "outbound"
_ANSWERED = "answered"

_ENGLISH = {
    "rings": "rings",
    "talks": "{user} talks",
    "answered": "answered by {user}, {seconds} s",
    "unanswered": "not answered",
    "inbound": "inbound call from {number} to {did}, queue {queue}",
    "outbound": "outbound call to {number}",
    "somebody": "somebody",
    "hidden": "a hidden number",
    "none": "none",
    "recording": "recording: {file}",
    "missed": "Call not answered: {number}, {at}, queue {queue}",
}
_RUSSIAN = {
    "rings": "звонит",
    "talks": "разговаривает {user}",
    "answered": "ответил(а) {user}, {seconds} с",
    "unanswered": "без ответа",
    "inbound": "входящий: {number} → {did}, очередь {queue}",
    "outbound": "исходящий: {number}",
    "somebody": "сотрудник",
    "hidden": "номер скрыт",
    "none": "нет",
    "recording": "запись: {file}",
    "missed": "Звонок без ответа: {number}, {at}, очередь {queue}",
}


def attachment_name(report: CallReport) -> str:
    """By which name the call hangs at its party."""
    return f"call {report.key}"


def new_attachment(
    report: CallReport, party: int, *, language: str, recordings: RecordingLinks | None
) -> dict[str, Any]:
    """The call as something new at a party; `recordings` is where recordings can be listened to."""
    made = {"resource": resource(party), "name": attachment_name(report), "type": "link"}
    return made | told(report, language=language, recordings=recordings)


def told(report: CallReport, *, language: str, recordings: RecordingLinks | None) -> dict[str, Any]:
    """What changes from moment to moment: the text, and where the latest recording is."""
    words = _words(language)
    lines = [_state(report, words), _way(report, words), report.started_at.isoformat(" ", "minutes")]
    lines += [words["recording"].format(file=recording.file) for recording in report.recordings]
    values: dict[str, Any] = {"description": "\n".join(lines)}
    if recordings and report.recordings:
        values["link"] = recordings.link(report.recordings[-1].file)
    return values


def is_missed(report: CallReport) -> bool:
    """Whether the call is over and somebody has called in vain."""
    return report.moment is CallMoment.ENDED and report.direction != _OUTBOUND and report.outcome != _ANSWERED


def missed_message(report: CallReport, *, language: str) -> str:
    """The note for a call that nobody answered."""
    words = _words(language)
    at = report.started_at.isoformat(" ", "minutes")
    return words["missed"].format(number=_number(report, words), at=at, queue=report.queue or words["none"])


def _state(report: CallReport, words: Mapping[str, str]) -> str:
    user = report.user or words["somebody"]
    if report.moment is CallMoment.STARTED:
        return words["rings"]
    if report.moment is CallMoment.ANSWERED:
        return words["talks"].format(user=user)
    if report.outcome == _ANSWERED:
        return words["answered"].format(user=user, seconds=report.talked_s)
    return words["unanswered"]


def _way(report: CallReport, words: Mapping[str, str]) -> str:
    number = _number(report, words)
    if report.direction == _OUTBOUND:
        return words["outbound"].format(number=number)
    return words["inbound"].format(number=number, did=display_number(report.did), queue=report.queue or words["none"])


def _number(report: CallReport, words: Mapping[str, str]) -> str:
    return display_number(report.number) or words["hidden"]


def _words(language: str) -> Mapping[str, str]:
    return _RUSSIAN if language.startswith("ru") else _ENGLISH
