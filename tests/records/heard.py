"""The stories in `stories/`: what AMI told, and what Asterisk wrote down of them; and the book that takes them in."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from cti_bridge.asterisk.ami.translate import PbxClock, translate
from cti_bridge.asterisk.records import cel, cel_lines, queue_log
from cti_bridge.calls.book import CallBook, Change
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallEvent, Snapshot
from cti_bridge.calls.leg import Leg
from cti_bridge.domain.ids import CallId

STORIES = Path(__file__).parent / "stories"
NAMES = sorted(file.stem for file in STORIES.glob("*.ami"))
PHONES = frozenset(("PJSIP/101", "PJSIP/102", "PJSIP/103"))
FOR_EVER = 1e11


def told(name: str) -> list[CallEvent]:
    """What the bridge makes of what AMI told."""
    events = []
    for block in (STORIES / f"{name}.ami").read_text("utf-8").strip().split("\n\n"):
        message = dict(line.partition(": ")[::2] for line in block.splitlines())
        event = translate(message, float(message["Timestamp"]), PbxClock())
        events += [event] if event is not None else []
    return events


def written(name: str, *, since: float = 0.0, until: float = FOR_EVER) -> list[CallEvent]:
    """What CEL has of it from one time to another."""
    lines, bad = cel_lines.parse((STORIES / f"{name}.cel").read_text("utf-8"))
    assert not bad
    return list(cel.happened(lines, since=since, until=until))


def queued(name: str, *, since: float = 0.0, until: float = FOR_EVER, heard: float = 0.0) -> list[CallEvent]:
    """What queue_log has of it, when nobody is there any more."""
    lines, bad = queue_log.parse((STORIES / f"{name}.queue_log").read_text("utf-8"))
    assert not bad
    found = queue_log.happened(
        lines,
        since=since,
        until=until,
        is_there=lambda channel: False,
        interface_of=lambda member: member,
        ringing={},
        rang={},
        heard=heard,
    )
    return list(found)


@dataclass(frozen=True, slots=True)
class Said:
    """What is compared: what a call came to, and each of its legs that has an owner; times to be compared apart."""

    outcome: str | None
    direction: str
    queue: str
    legs: tuple[tuple[str, str, str, bool], ...]


class Listener:
    """A book and what it came to."""

    def __init__(self) -> None:
        self.book = CallBook("main", is_operator_phone=PHONES.__contains__)
        self.calls: dict[CallId, Call] = {}
        self.ends: list[CallId] = []

    def hears(self, events: Iterable[CallEvent]) -> "Listener":
        for event in events:
            self._note(self.book.apply(event))
        return self

    def finds_out(self, events: Iterable[CallEvent], *, heard: float = 0.0) -> "Listener":
        for event in events:
            self._note(self.book.look_back(event, maybe_heard=event.at <= heard))
        return self

    def sees_nobody(self, at: float) -> "Listener":
        """A snapshot without any channel."""
        self._note(self.book.resync(Snapshot(at, ())))
        return self

    def _note(self, changes: list[Change]) -> None:
        for change in changes:
            before = self.calls.get(change.after.id)
            self.calls[change.after.id] = change.after
            if change.after.ended_at is not None and (before is None or before.ended_at is None):
                self.ends.append(change.after.id)

    def said(self) -> dict[CallId, Said]:
        """What every call came to."""
        return {call.id: _said(call) for call in self.calls.values()}

    def times(self) -> dict[tuple[str, ...], float]:
        """Every time and talk that is known, by what it is."""
        found: dict[tuple[str, ...], float] = {}
        for call in self.calls.values():
            known = {"answered": call.answered_at, "ended": call.ended_at}
            found |= {(call.id, what): at for what, at in known.items() if at is not None}
            found |= {(call.id, leg.id, "talked"): leg.talked_s for leg in _owned(call)}
        return found


def _owned(call: Call) -> list[Leg]:
    return [leg for leg in call.legs if not leg.name.startswith("Local/")]


def _said(call: Call) -> Said:
    legs = tuple(
        (leg.interface, leg.queue, leg.why.value if leg.why else "", leg.consults)
        for leg in call.legs
        if not leg.name.startswith("Local/")
    )
    return Said(call.outcome and call.outcome.value, call.direction.value, call.queue, legs)
