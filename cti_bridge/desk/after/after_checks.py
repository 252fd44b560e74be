"""What may be written down about a call, what is still missing, and how it is told. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from cti_bridge.calls.after_call import AfterCall, NextStep, StepKind
from cti_bridge.desk.customers.edit_texts import is_unseen, says_something
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.operators.wire import AfterView

FIELDS = ("outcome", "note", "feedback", "next_step")
LONGEST_NOTE = 4_000
LONGEST_TEXT = 500
PAST_S = 60.0
"""So far back may a next step lie: whoever wrote `now` has needed a moment to send it."""
AHEAD = timedelta(days=366)


class WrongField(Exception):
    """A field cannot be so; the message names it and says why, without what was in it."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What is to be written down; a field that is not `given` stays as it is, one that is given as None goes."""

    given: frozenset[str]
    outcome: str | None = None
    note: str | None = None
    score: int | None = None
    feedback: str = ""
    at: str = ""
    text: str = ""
    kind: str = ""
    """The next step's; empty takes it back."""


def merged(before: AfterCall, changes: Changes, settings: DeskSettings, *, now: float) -> AfterCall:
    """What there is then. `now` in seconds since 1970. Raises WrongField."""
    after = before
    if "outcome" in changes.given:
        after = replace(after, outcome=_outcome(changes.outcome or "", settings))
    if "note" in changes.given:
        after = replace(after, note=plain("note", changes.note or ""))
    if "feedback" in changes.given:
        after = replace(after, score=changes.score, feedback=plain("feedback.text", changes.feedback))
    if "next_step" in changes.given:
        after = replace(after, next_step=_step(before.next_step, changes, now) if changes.kind else None)
    return after


def says_the_same(one: AfterCall, other: AfterCall) -> bool:
    """Whether nothing would be written down that is not there."""
    said = (one.outcome, one.note, one.score, one.feedback, one.next_step)
    return said == (other.outcome, other.note, other.score, other.feedback, other.next_step)


def missing(after: AfterCall | None, settings: DeskSettings) -> frozenset[str]:
    """The fields that have to be filled in and are not: those of the settings, and what the outcome needs."""
    outcome = next((one for one in settings.outcomes if after is not None and one.id == after.outcome), None)
    wanted = settings.wrap_up.required | (outcome.needs if outcome else frozenset())
    return wanted - (_filled(after) if after is not None else frozenset())


def after_view(after: AfterCall, settings: DeskSettings) -> AfterView:
    """It as pages and programs get it."""
    step = after.next_step
    lacking = missing(after, settings)
    return {
        "call": after.call,
        "outcome": after.outcome or None,
        "note": after.note,
        "feedback": {"score": after.score, "text": after.feedback},
        "next_step": {"at": _iso(step.at), "text": step.text, "kind": _KINDS[step.kind]} if step else None,
        "saved_at": _iso(after.saved_at),
        "missing": [field for field in FIELDS if field in lacking],
    }


_KINDS: Mapping[StepKind, Literal["callback", "task"]] = {StepKind.CALLBACK: "callback", StepKind.TASK: "task"}
_WORDS: Mapping[str, Mapping[str, str]] = {
    "ru": {
        "head": "Итог звонка", "again": "Итог звонка, дополнено", "score": "Оценка клиента", "of": "из 5",
        "feedback": "Отзыв клиента", "callback": "Перезвонить", "task": "Сделать", "when": "%d.%m.%Y %H:%M",
    },
    "en": {
        "head": "What came of the call", "again": "What came of the call, amended", "score": "The customer's rating",
        "of": "of 5", "feedback": "The customer says", "callback": "Call back", "task": "To do",
        "when": "%Y-%m-%d %H:%M",
    },
}  # fmt: skip


def note_text(after: AfterCall, settings: DeskSettings, *, language: str, zone: tzinfo) -> str:
    """The note for the CRM, in the operator's language, times by the clocks of `zone`; empty where nothing was said."""
    words = _WORDS.get(language, _WORDS["en"])
    outcome = next((one for one in settings.outcomes if one.id == after.outcome), None)
    named = outcome.names.get(language, outcome.names["en"]) if outcome else after.outcome
    lines = [after.note] if after.note else []
    if after.score is not None:
        lines.append(f"{words['score']}: {after.score} {words['of']}")
    if after.feedback:
        lines.append(f"{words['feedback']}: {after.feedback}")
    if after.next_step is not None:
        step = after.next_step
        at = datetime.fromtimestamp(step.at, UTC).astimezone(zone).strftime(words["when"])
        lines.append(f"{words[step.kind.value]} {at}{f': {step.text}' if step.text else ''}")
    if not lines and not named:
        return ""
    head = words["again" if after.told else "head"]
    return "\n".join([f"{head}: {named}" if named else head, *lines])


def plain(field: str, text: str) -> str:
    """The text without what cannot be shown, and without blanks at its ends; empty where nobody could see any of it.

    Raises WrongField.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        raise WrongField(f"{field}: half of a character") from None
    lines = text.replace("\r\n", "\n")
    for ending in "\r\u2028\u2029":
        lines = lines.replace(ending, "\n")
    kept = "".join(c for c in lines if c in "\n\t" or not is_unseen(c)).strip()
    return kept if says_something(kept) else ""


def _outcome(outcome: str, settings: DeskSettings) -> str:
    if outcome and outcome not in [one.id for one in settings.outcomes]:
        raise WrongField(f"outcome: must be one of {', '.join(one.id for one in settings.outcomes)}")
    return outcome


def _step(before: NextStep | None, changes: Changes, now: float) -> NextStep:
    try:
        at = datetime.fromisoformat(changes.at)
    except ValueError:
        raise WrongField("next_step.at: not a time such as 2026-11-23T10:00:00+03:00") from None
    if at.tzinfo is None:
        raise WrongField("next_step.at: needs an offset, such as +03:00")
    try:
        seconds = at.timestamp()
    except (OverflowError, ValueError):
        raise WrongField("next_step.at: not a time of these days") from None
    step = NextStep(seconds, plain("next_step.text", changes.text), StepKind(changes.kind))
    if step == before:
        return step  # sent along with something else after it was due
    if seconds < now - PAST_S:
        raise WrongField("next_step.at: lies in the past")
    if seconds > now + AHEAD.total_seconds():
        raise WrongField("next_step.at: more than a year ahead")
    if step.kind is StepKind.TASK and not step.text:
        raise WrongField("next_step.text: says nothing to do")
    return step


def _filled(after: AfterCall) -> frozenset[str]:
    has = {
        "outcome": bool(after.outcome),
        "note": bool(after.note),
        "feedback": after.score is not None or bool(after.feedback),
        "next_step": after.next_step is not None,
    }
    return frozenset(field for field, there in has.items() if there)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
