"""An operator's state as pages and programs see it. Pure."""

from datetime import UTC, datetime

from cti_bridge.domain.state_period import StatePeriod
from cti_bridge.operators.command_list import Answer
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.operators.protocol import Json
from cti_bridge.operators.states import Moment, OperatorState, confirmed, elsewhere

CLOCK_SET_S = 1.0
"""By so much the machine's clock may be wrong about the end of the time after a call before it is told anew."""


class PeriodView(Answer):
    """One state of the past, or the present one (`ended_at` null)."""

    state: str
    kind: str
    began_at: str
    ended_at: str | None
    seconds: float
    why: str
    by: str | None
    calls: list[str]


def state_view(now: OperatorState, desk: DeskSettings, at: Moment) -> Json:
    """The state as `StateView` in `operators/wire.py` has it."""
    of = now.call
    return {
        "state": now.state,
        "kind": now.kind.value,
        "since": _iso(now.since),
        "until": _until(now, at),
        "overdue": now.overdue,
        "confirmed": confirmed(now, desk),
        "next": now.next.state if now.next is not None else None,
        "by": now.by or None,
        "why": now.why.value,
        "call": of.call if of is not None else None,
        "missing": sorted(of.missing) if of is not None else [],
        "unreachable": now.unreachable,
        "elsewhere": elsewhere(now, desk),
        "queues": [
            {"queue": one.queue, "paused": one.paused, "reason": one.reason, "penalty": one.penalty}
            for one in now.members
        ],
    }


def colleague_view(now: OperatorState, desk: DeskSettings) -> Json:
    """What colleagues see of it."""
    state = desk.state(now.state)
    return {
        "state": now.state,
        "kind": now.kind.value,
        "colour": state.colour.value if state is not None else "grey",
        "since": _iso(now.since),
        "unreachable": now.unreachable,
    }


def period_view(period: StatePeriod, *, now: float) -> Json:
    """A state of the past as `PeriodView` has it."""
    ended_at = period.ended_at if period.ended_at is not None else now
    return {
        "state": period.state,
        "kind": period.kind,
        "began_at": _iso(period.began_at),
        "ended_at": _iso(period.ended_at) if period.ended_at is not None else None,
        "seconds": round(max(0.0, ended_at - period.began_at), 3),
        "why": period.why,
        "by": period.by or None,
        "calls": list(period.calls),
    }


def _until(now: OperatorState, at: Moment) -> str | None:
    """When the time after a call is over by the clock on the wall, also when that one has been set meanwhile."""
    if now.until is None or now.deadline is None:
        return None
    by_running = at.wall + now.deadline - at.running
    return _iso(now.until if abs(by_running - now.until) <= CLOCK_SET_S else by_running)


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
