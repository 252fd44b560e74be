"""A state of an operator from when to when, as the journal keeps it."""

from dataclasses import dataclass

from cti_bridge.domain.ids import CallId, OperatorId


@dataclass(frozen=True, slots=True)
class StatePeriod:
    """One state of one operator; times are seconds since 1970, an empty text means none."""

    operator: OperatorId
    number: int
    """Counts his states: the order in which they were, whatever the clock said."""
    began_at: float
    ended_at: float | None
    """None: he is in it now."""
    state: str
    kind: str
    why: str
    by: str = ""
    """The operator who set it, where it was not himself."""
    until: float | None = None
    """When the time after a call is over."""
    calls: tuple[CallId, ...] = ()
    """The calls that the time after a call is for."""
    talks: tuple[CallId, ...] = ()
    """The calls in which he talked when this was written last."""
    back: str = ""
    """The state that he had before the time after a call."""
    next: str = ""
    """The state that was asked for and is to follow; why, and by whom."""
    next_why: str = ""
    next_by: str = ""
    steered: bool = False
    """Whether Asterisk is told of his states at all."""
    paged: bool = False
    """Whether he had a page open that would be missed."""
