"""What of a call is still to be told to vtiger, after what it was told before. Pure.

vtiger has no notion of "known already": the first message of a call makes a row, and in vtiger CE each repetition makes
another one. So it is remembered what was told, and a row that may be there or not is looked for first. The last report
of a call says nearly always what the one before said; then vtiger is left alone.

* vtiger CE writes one row per call, and finds it by the call's id.
* SalesPlatform writes one row per call **and user**, and leaves out what names no user of its own: a call that nobody
  answered is told for one extension of the settings. Once a row is begun, the rest of the call is told for its user.
* Vtiger Cloud is told in words of its own.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from cti_bridge.crm.vtiger.call_words import WORDS, Call, Manner, Message, link_of
from cti_bridge.crm.vtiger.words import Flavour
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.direction import Direction

_OVER = frozenset({CallMoment.ENDED, CallMoment.UPDATED})


@dataclass(frozen=True, slots=True)
class Told:
    """What vtiger was told of a call, and for which extension; `doubtful`: it is not known whether a row was made.

    `end` tells one end that it was told from another, empty when it was told of none.
    """

    extension: str = ""
    begun: bool = False
    answered: bool = False
    end: str = ""
    doubtful: bool = False

    @classmethod
    def read(cls, text: str | None) -> Self:
        """From what `text` wrote; nothing was told where there is none."""
        marks, _, rest = (text or "").partition(" ")
        extension, _, end = rest.partition(" ")
        return cls(extension, "b" in marks, "a" in marks, end, "?" in marks)

    def text(self) -> str:
        """As it is remembered."""
        marks = (("b", self.begun), ("a", self.answered), ("?", self.doubtful))
        return f"{''.join(mark for mark, holds in marks if holds)} {self.extension} {self.end}"


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be said now: the message that makes a row, if there is none yet, then the others."""

    call_id: str
    begin: Message | None
    rest: tuple[Message, ...]
    then: Told


def plan(report: CallReport, told: Told, manner: Manner) -> Plan | None:
    """The messages for a moment of a call; None when there is nothing to say.

    `report.user` is an extension of a user that vtiger knows, or empty.
    """
    call = Call(report, manner, told.extension or report.user or manner.unanswered)
    over = report.moment in _OVER and report.ended_at is not None
    words = WORDS[manner.flavour]
    closing = words.ended(call) if over else []
    if report.moment is CallMoment.UPDATED and (link := link_of(report, manner)):
        closing.append(words.recorded(call, link))
    end = _mark_of(closing) if closing else told.end
    answered = told.answered or (report.answered_at is not None and bool(report.user))
    then = Told(call.extension, True, answered, end)
    if not _can_be_told(call, over=over) or _is_told(report, told) or then == told:
        return None
    begin = None if told.begun else words.begun(call)
    rest = [words.answered(call)] if answered and not told.answered else []
    return Plan(call.id, begin, (*rest, *closing), then)


def _mark_of(messages: Iterable[Message]) -> str:
    """Tells these messages from others."""
    return hashlib.sha256(repr([sorted(message.items()) for message in messages]).encode()).hexdigest()[:16]


def _can_be_told(call: Call, *, over: bool) -> bool:
    """Whether vtiger has a place for the call: not for internal ones, and not always without a user of its own."""
    if call.report.direction == Direction.INTERNAL:
        return False
    if call.manner.flavour is Flavour.SALESPLATFORM and not call.report.user and not over:
        return False
    return bool(call.extension) or (call.inbound and call.manner.flavour is not Flavour.SALESPLATFORM)


def _is_told(report: CallReport, told: Told) -> bool:
    """Whether it is a repetition, which would take the call back to where it was. `updated` is never one."""
    match report.moment:
        case CallMoment.STARTED:
            return told.begun
        case CallMoment.ANSWERED:
            return told.answered or bool(told.end)
        case CallMoment.ENDED:
            return bool(told.end)
        case CallMoment.UPDATED:
            return False
