"""What really happened to a call, and what each channel is to it, written down by whoever makes it so."""

from dataclasses import dataclass, field

RINGING, TALKING, CONSULTING = "ringing", "talking", "consulting"
"""What somebody may have to do with a call."""


@dataclass(slots=True, eq=False)
class CallTruth:
    """What really happened to one call."""

    channel: str
    linkedid: str
    number: str
    began_at: float
    answered_at: float | None = None
    ended_at: float | None = None
    final: str = ""
    cause: str = "16"
    talked: dict[str, float] = field(default_factory=dict)
    """Seconds with the caller, by channel."""
    answer_was_told: bool = True
    """The line was there when he was answered first."""
    set_aside: bool = False
    """He waits alone in his bridge, because his operator asks somebody in another one."""
    was_parked: bool = False
    blurred: bool = False
    """Not all of it reached the bridge as it happened."""
    story: list[str] = field(default_factory=list)

    @property
    def outcome(self) -> str:
        """As the glossary of the product has it."""
        if self.answered_at is not None:
            return "answered"
        if self.final.startswith("goto"):
            return "overflowed"
        if self.final.startswith(("callback", "voicemail")):
            return "missed"
        return "failed" if self.cause == "38" else "abandoned"


@dataclass(slots=True, eq=False)
class Channel:
    """One channel; `serves` is the call that it is there for, and `part` what its owner has to do with that."""

    id: str
    name: str
    interface: str
    linkedid: str
    number: str = "<unknown>"
    application: str = ""
    context: str = ""
    """Where it is in the dialplan, while that is a place that operators send it to."""
    state: str = "Down"
    bridge: str = ""
    queue: str = ""
    serves: CallTruth | None = None
    part: str = ""
    with_caller_since: float | None = None
