"""How a call is written down at a party in Tryton: an attachment that is a link, and a note for one in vain. Pure.

A link is the one thing whose text may be changed later in every series of Tryton: notes cannot be from 8.2 on. Its name
is the same however often the call is told; names are not unique there, so the bridge remembers what it made.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.number import display_number

RANK = {CallMoment.STARTED: 1, CallMoment.ANSWERED: 2, CallMoment.ENDED: 3, CallMoment.UPDATED: 4}
"""How far a call has been told; an earlier moment that comes again later changes nothing."""
_INBOUND, _OUTBOUND = "inbound", "outbound"
_ANSWERED = "answered"

_ENGLISH = {
    "rings": "rings",
    "talks": "{user} talks",
    "answered": "answered by {user}, {seconds} s",
    "unanswered": "not answered",
    "inbound": "inbound call from {number}",
    "did": " to {did}",
    "queue": ", queue {queue}",
    "outbound": "outbound call to {number}",
    "somebody": "somebody",
    "hidden": "a hidden number",
    "recording": "recording: {file}",
    "missed": "Call not answered: {number}, {at}",
    "lead": "Call from {number}",
}
_RUSSIAN = {
    "rings": "звонит",
    "talks": "разговаривает {user}",
    "answered": "ответил(а) {user}, {seconds} с",
    "unanswered": "без ответа",
    "inbound": "входящий: {number}",
    "did": " → {did}",
    "queue": ", очередь {queue}",
    "outbound": "исходящий: {number}",
    "somebody": "сотрудник",
    "hidden": "номер скрыт",
    "recording": "запись: {file}",
    "missed": "Звонок без ответа: {number}, {at}",
    "lead": "Звонок с {number}",
}


@dataclass(frozen=True, slots=True)
class Wording:
    """How calls are told: in which language, times of which zone, and where recordings can be listened to."""

    language: str = ""
    zone: tzinfo = UTC
    recordings: RecordingLinks | None = None

    @property
    def words(self) -> Mapping[str, str]:
        """The words of this language; English for all but Russian."""
        return _RUSSIAN if self.language.startswith("ru") else _ENGLISH

    def moment(self, report: CallReport) -> str:
        """When the call began."""
        return report.started_at.astimezone(self.zone).isoformat(" ", "minutes")


def attachment_name(report: CallReport) -> str:
    """By which name the call hangs at its party."""
    return f"call {report.key}"


def new_attachment(report: CallReport, place: str, wording: Wording) -> dict[str, Any]:
    """The call as something new at a record."""
    return {"resource": place, "name": attachment_name(report), "type": "link"} | told(report, wording)


def told(report: CallReport, wording: Wording) -> dict[str, Any]:
    """What changes from moment to moment: the text, and where the latest recording is."""
    lines = [_state(report, wording.words), _way(report, wording.words), wording.moment(report)]
    lines += [wording.words["recording"].format(file=recording.file) for recording in report.recordings]
    values: dict[str, Any] = {"description": "\n".join(lines)}
    if wording.recordings and report.recordings:
        values["link"] = wording.recordings.link(report.recordings[-1].file)
    return values


def has_come_in(report: CallReport) -> bool:
    """Whether somebody from outside has called."""
    return report.direction == _INBOUND


def is_missed(report: CallReport) -> bool:
    """Whether the call is over and somebody has called in vain."""
    return report.moment is CallMoment.ENDED and report.direction != _OUTBOUND and report.outcome != _ANSWERED


def missed_message(report: CallReport, wording: Wording) -> str:
    """The note for a call that nobody answered."""
    words = wording.words
    message = words["missed"].format(number=_number(report, words), at=wording.moment(report))
    return message + _queue(report, words)


def lead_description(report: CallReport, wording: Wording) -> str:
    """What the lead of a stranger is called; the same for every call of his."""
    return wording.words["lead"].format(number=_number(report, wording.words))


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
    to = words["did"].format(did=display_number(report.did)) if report.did else ""
    return words["inbound"].format(number=number) + to + _queue(report, words)


def _queue(report: CallReport, words: Mapping[str, str]) -> str:
    return words["queue"].format(queue=report.queue) if report.queue else ""


def _number(report: CallReport, words: Mapping[str, str]) -> str:
    return display_number(report.number) or words["hidden"]
