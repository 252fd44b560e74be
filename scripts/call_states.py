"""Draws the transition table of a call, as docs/architecture.md has it: `python -m scripts.call_states`."""

from cti_bridge.calls.call import CallState
from cti_bridge.calls.happenings import (
    CallerGone,
    Connected,
    Happening,
    Holds,
    LeftQueue,
    LegAnswers,
    LegEnds,
    LegHangsUp,
    LegRings,
    LegStops,
    LegTransfers,
    Parks,
    Queued,
    Reached,
    Recorded,
    SentOn,
    SetAside,
)
from cti_bridge.calls.table import TABLE

WORDS: dict[type[Happening], str] = {
    Queued: "joins a queue",
    LeftQueue: "leaves it",
    LegRings: "a phone rings",
    LegStops: "stops",
    LegAnswers: "answered",
    Reached: "reached outside",
    LegTransfers: "sent on",
    LegHangsUp: "hung up",
    LegEnds: "leg over",
    Connected: "bridged",
    Holds: "hold, unhold",
    SetAside: "set aside",
    Parks: "parking",
    SentOn: "last step",
    CallerGone: "caller gone",
    Recorded: "recordings in",
}
"""What stands on an arrow."""


def diagram() -> str:
    """The table as a Mermaid state diagram: every arrow that leads to another state, with all that takes it."""
    arrows: dict[tuple[CallState, CallState], list[str]] = {}
    for happening, row in TABLE.items():
        for state, move in row.items():
            for after in CallState:
                if move is not None and after in move.to and after is not state:
                    arrows.setdefault((state, after), []).append(WORDS[happening])
    order = list(CallState)
    lines = [
        f"    {state} --> {after}: {' / '.join(words)}"
        for (state, after), words in sorted(arrows.items(), key=lambda arrow: [order.index(s) for s in arrow[0]])
    ]
    return "\n".join(["stateDiagram-v2", "    [*] --> offered", *lines, "    closed --> [*]", ""])


if __name__ == "__main__":
    print(diagram(), end="")
