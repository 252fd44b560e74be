"""Tells a recorded story to a book of calls, and keeps what came of it: states, what operators were told, the end.

Whatever is told, in whatever order and how often: nothing that happens to a call may be taken back. `Telling` holds the
book to that after every step.
"""

from collections.abc import Iterable
from pathlib import Path

from cti_bridge.asterisk.ami.translate import PbxClock, translate
from cti_bridge.calls.book import CallBook, Change
from cti_bridge.calls.call import Call
from cti_bridge.calls.events import CallEvent, Snapshot
from cti_bridge.calls.pops import changes
from cti_bridge.domain.ids import CallId, OperatorId

STORIES = Path(__file__).parent / "stories"
OLGA, TIMUR, ZOYA = OperatorId("olga"), OperatorId("timur"), OperatorId("zoya")
OWNERS = {"PJSIP/101": OLGA, "PJSIP/102": TIMUR, "PJSIP/103": ZOYA}
RINGING, ANSWERED, UPDATED, ENDED = "call.ringing", "call.answered", "call.updated", "call.ended"

Heard = dict[str, str]
"""One AMI message, header to value."""


class Telling:
    """A story as the book and the operators heard it."""

    def __init__(self) -> None:
        self.book = CallBook("main", is_operator_phone=OWNERS.__contains__)
        self.calls: dict[CallId, Call] = {}
        """Every call, as it was last; in the order in which they came up."""
        self.states: dict[CallId, list[str]] = {}
        """The states of each call, one after another."""
        self.told: dict[CallId, dict[OperatorId, list[str]]] = {}
        """What each operator was told about each call; a pop that is withdrawn with the reason behind it."""
        self.ends: list[CallId] = []
        self._was_restarted = False

    def tell(self, *events: CallEvent) -> "Telling":
        """These events happen."""
        for event in events:
            self._take(self.book.apply(event))
        return self

    def see(self, snapshot: Snapshot) -> "Telling":
        """The line was cut, and this is what there is when it is back."""
        self._take(self.book.resync(snapshot))
        return self

    def restarted(self) -> "Telling":
        """The bridge was restarted: it has the live calls from its journal."""
        book = CallBook("main", is_operator_phone=OWNERS.__contains__)
        for call in self.book.live():
            book.restore(call)
        self.book, self._was_restarted = book, True
        return self

    @property
    def call(self) -> Call:
        """The call of a story that has one."""
        (call,) = self.calls.values()
        return call

    def told_of(self, operator: OperatorId) -> list[str]:
        """What an operator was told of all calls."""
        return [said for told in self.told.values() for said in told.get(operator, ())]

    def open_pops(self) -> list[tuple[CallId, OperatorId]]:
        """Who has a call on his screen that nobody took from it."""
        return [
            (call, operator)
            for call, told in self.told.items()
            for operator, said in told.items()
            if said[-1] != ENDED and not said[-1].startswith("call.withdrawn")
        ]

    def _take(self, found: list[Change]) -> None:
        for change in found:
            known, after = self.calls.get(change.after.id), change.after
            told = self.told.setdefault(after.id, {})
            for pop in changes(change.before, after, OWNERS.get):
                reason = f" {pop.reason.value}" if pop.reason is not None else ""
                told.setdefault(pop.operator, []).append(pop.event.value + reason)
            if self._was_restarted and known is not None and known.ended_at is not None:
                continue  # those who are left of it look like it; the journal has its end, and keeps it
            never_taken_back(known, after)
            self.calls[after.id] = after
            states = self.states.setdefault(after.id, [])
            if not states or states[-1] != after.state.value:
                states.append(after.state.value)
            if after.ended_at is not None and (known is None or known.ended_at is None):
                self.ends.append(after.id)


def never_taken_back(before: Call | None, after: Call) -> None:
    """An ended call stays as it ended; an answer, and the end of a leg that was answered, are for good."""
    if before is None:
        return
    assert before.ended_at is None or (after.ended_at, after.outcome) == (before.ended_at, before.outcome)
    if before.answered_at is not None:
        assert after.answered_at == before.answered_at
    for leg in before.legs:
        now = after.leg(leg.id)
        if now is None:
            continue
        assert leg.answered_at is None or now.answered_at == leg.answered_at
        assert now.talked_s >= leg.talked_s
        assert not leg.is_over or (now.state, now.ended_at, now.talked_s) == (leg.state, leg.ended_at, leg.talked_s)


def messages_of(name: str) -> list[Heard]:
    """What Asterisk said in a recording."""
    blocks = (STORIES / f"{name}.ami").read_text("utf-8").strip().split("\n\n")
    return [dict(line.partition(": ")[::2] for line in block.splitlines()) for block in blocks]


def heard(messages: Iterable[Heard]) -> list[CallEvent]:
    """What the bridge makes of it."""
    clock = PbxClock()
    events = (translate(message, float(message["Timestamp"]), clock) for message in messages)
    return [event for event in events if event is not None]


def events_of(name: str) -> list[CallEvent]:
    """What the bridge makes of a recording."""
    return heard(messages_of(name))
