"""A page as `docs/screen-pop-protocol.md` asks for it, which notices whatever must never happen."""

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from cti_bridge.domain.operator import Operator

if TYPE_CHECKING:
    from cut_lines import Line

Json = dict[str, Any]


def is_shown(call: Json) -> bool:
    """Whether an operator with this part in a call has it on his screen."""
    return call["my_role"] in ("ringing", "talking")


class ModelPage:
    """A client as `docs/screen-pop-protocol.md` asks for it, in its two kinds.

    Whether `by_replay` or not: after a resumed welcome it either applies the missed events in one go, or takes the
    snapshot and only checks them. Whatever must never happen is asserted where it would be noticed.
    """

    def __init__(self, operator: Operator, *, by_replay: bool) -> None:
        self.operator = operator
        self.by_replay = by_replay
        self.stream, self.seq = "", 0
        self.screen: dict[str, Json] = {}
        self.sources: dict[str, str] = {}
        self.team: list[Json] = []
        self.flashed: Counter[tuple[str, int]] = Counter()
        """How often each pop has appeared on the screen; a call may ring more than once."""
        self.resumed: list[bool] = []
        self.codes: list[int] = []
        self.line: Line | None = None
        self._ended: set[str] = set()
        self._heard: dict[tuple[str, int], str] = {}
        self._caught_up_at = 0
        self._missed: list[Json] = []
        self._waits_for_welcome = False

    def hello(self, line: "Line", ticket: str) -> None:
        """Say hello on a new line."""
        self.line, self._waits_for_welcome = line, True
        resume = {"resume": {"stream": self.stream, "seq": self.seq}} if self.stream else {}
        line.say(op="hello", ticket=ticket, **resume)

    def lose(self) -> None:
        """The line is gone, and with it the part of a replay that had arrived."""
        self.line, self._missed = None, []

    def hear(self, text: str, *, confirm: bool = True) -> None:
        """A frame arrives."""
        frame = json.loads(text)
        match frame["op"]:
            case "welcome":
                self._welcomed(frame)
            case "event":
                assert not self._waits_for_welcome, "an event before the welcome"
                self._event(frame, text)
                if confirm and "call" in frame and self.line is not None:
                    self.line.say(op="ack", seq=frame["seq"], paint_ms=1)
            case "bye":
                self.codes.append(frame["code"])
            case other:
                raise AssertionError(other)

    def _welcomed(self, frame: Json) -> None:
        assert self._waits_for_welcome, "a second welcome"
        self._waits_for_welcome = False
        assert frame["operator"]["id"] == self.operator.id
        snapshot = frame["snapshot"]
        self.sources = {source["name"]: source["state"] for source in snapshot["sources"]}
        self.team = snapshot["team"]
        self.resumed.append(frame["resumed"])
        self._missed = []
        if frame["resumed"]:
            assert (frame["stream"], frame["seq"] >= self.seq) == (self.stream, True)
        else:
            self.stream, self.seq = frame["stream"], frame["seq"]
        self._caught_up_at = frame["seq"]
        if not frame["resumed"] or not self.by_replay:
            self._show({call["id"]: call for call in snapshot["calls"] if is_shown(call)})

    def _event(self, frame: Json, text: str) -> None:
        if "seq" not in frame:
            self.team = frame["team"]
            return
        seq = frame["seq"]
        assert self._heard.setdefault((self.stream, seq), text) == text, "one number, two events"
        if seq <= self.seq:
            return
        assert seq == self.seq + 1 + len(self._missed), "a gap in the numbers"
        self._missed.append(frame)
        if seq < self._caught_up_at:
            return
        self.seq, missed, self._missed = seq, self._missed, []
        if seq > self._caught_up_at or self.by_replay:
            self._apply(missed)

    def _apply(self, events: list[Json]) -> None:
        screen = dict(self.screen)
        for event in events:
            if "source" in event:
                self.sources[event["source"]["name"]] = event["source"]["state"]
            if "call" in event:
                call = event["call"]
                if is_shown(call) and event["type"] not in ("call.withdrawn", "call.ended"):
                    screen[call["id"]] = call
                else:
                    screen.pop(call["id"], None)
                if event["type"] == "call.ended":
                    self._ended.add(call["id"])
        self._show(screen)

    def _show(self, screen: dict[str, Json]) -> None:
        for id_, call in screen.items():
            assert call["owner"] == self.operator.id, "somebody else's call"
            assert id_ not in self._ended, "an ended call came back"
            if call["my_role"] == "ringing" and self.screen.get(id_, {}).get("rang") != call["rang"]:
                self.flashed[(id_, call["rang"])] += 1
                assert self.flashed[(id_, call["rang"])] == 1, "a pop was shown twice"
        self.screen = screen
