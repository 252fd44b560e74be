"""Reads Asterisk's own records of a time: CEL where it was written, else queue_log. Blocks; bounded in bytes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from cti_bridge.asterisk.records import cel, cel_lines, queue_log
from cti_bridge.asterisk.records.tail import tail
from cti_bridge.calls.events import CallEvent
from cti_bridge.domain.ids import ChannelId

MAX_BYTES = 16 * 1024 * 1024
"""What is read of one record at most, from its end; about 5,000 calls in CEL, 50,000 in queue_log."""
CONTEXT_S = 600.0
"""How much more is read than is asked for, to know what was going on at the beginning."""
CEL_MARGIN_S = 0.05
QUEUE_LOG_MARGIN_S = 1.0
"""AMI and a record stamp the same moment a little differently; queue_log has whole seconds."""


@dataclass(frozen=True, slots=True)
class RecordFiles:
    """Where Asterisk writes; None where it does not, or the bridge cannot see it."""

    queue_log: Path | None = None
    cel: Path | None = None


@dataclass(frozen=True, slots=True)
class Question:
    """What is to be found out, times in seconds since 1970 on our clock.

    `heard` is until when everything is known; `there` the channels that exist at `until`; `ringing` the legs that rang
    at `heard`, by the caller's channel and the phone; `rang` when phones stopped that are known to have rung in vain,
    by the same; `later_s` is how far our clock is ahead of the PBX's.
    """

    heard: float
    until: float
    there: frozenset[ChannelId]
    ringing: Mapping[tuple[ChannelId, str], ChannelId]
    rang: Mapping[tuple[ChannelId, str], Sequence[float]]
    interface_of: Callable[[str], str]
    later_s: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a record says; `source` is empty where there was none, `reaches` says whether its beginning was found.

    `trouble` is why the better one did not serve, for whoever has set it up.
    """

    events: tuple[CallEvent, ...] = ()
    source: str = ""
    bad: int = 0
    reaches: bool = True
    trouble: str = ""


def read(files: RecordFiles, question: Question, *, limit: int = MAX_BYTES) -> Found:
    """What happened, by the better of the records. Raises OSError when the last one that is left cannot be read."""
    found = Found()
    if files.cel is not None:
        try:
            found = _by_cel(files.cel, question, limit)
        except OSError as error:
            if files.queue_log is None:
                raise
            found = Found(trouble=f"{files.cel}: {error.strerror or error}")
    # A CEL without a line may be one that is not written any more.
    if found.events or files.queue_log is None:
        return found
    return replace(_by_queue_log(files.queue_log, question, limit), trouble=found.trouble)


def _by_cel(path: Path, question: Question, limit: int) -> Found:
    since = question.heard - CEL_MARGIN_S
    begin = since - CONTEXT_S - question.later_s
    text = tail(path, since=begin, time_of=cel_lines.time_of, limit=limit)
    lines, bad = cel_lines.parse(text.text, later_s=question.later_s)
    reaches = text.reaches or bool(lines and lines[0].at <= since)
    foreign = f"{path}: its lines are not what cel.conf and cel_custom.conf of cti-bridge have written"
    events = tuple(cel.happened(lines, since=since, until=question.until))
    return Found(events, "cel", bad, reaches, trouble=foreign if bad and not lines else "")


def _by_queue_log(path: Path, question: Question, limit: int) -> Found:
    since = question.heard - QUEUE_LOG_MARGIN_S
    begin = since - CONTEXT_S - question.later_s
    text = tail(path, since=begin, time_of=queue_log.time_of, limit=limit)
    lines, bad = queue_log.parse(text.text, later_s=question.later_s)
    events = queue_log.happened(
        lines,
        since=since,
        until=question.until,
        is_there=question.there.__contains__,
        interface_of=question.interface_of,
        ringing=question.ringing,
        rang=question.rang,
        heard=question.heard,
    )
    return Found(tuple(events), "queue_log", bad, text.reaches or bool(lines and lines[0].at <= since))
