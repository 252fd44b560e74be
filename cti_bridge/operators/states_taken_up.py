"""The states that an earlier run of the bridge has written down, taken up by this one. Pure."""

from collections.abc import Mapping, Set
from dataclasses import replace

from cti_bridge.domain.ids import CallId
from cti_bridge.domain.state_period import StatePeriod
from cti_bridge.operators.desk_settings import DeskSettings, StateDefinition, StateKind
from cti_bridge.operators.state_table import MAX_OWED, MAX_TALKS, page_is_gone_from
from cti_bridge.operators.states import Moment, Next, OperatorState, Owed, Why

COME_BACK_S = 30.0
"""So long at least do pages have that lost the bridge: after a restart all come back at once, some seconds apart."""


def taken_up(kept: StatePeriod, desk: DeskSettings, missing: Mapping[CallId, Set[str]], at: Moment) -> OperatorState:
    """The state that an earlier run has written down; `missing` by the calls that it was for."""
    known = desk.state(kept.state) or _of_kind(kept.kind, desk)
    back = desk.state(kept.back)
    state = OperatorState(
        operator=kept.operator,
        state=known.id,
        kind=known.kind,
        since=kept.began_at,
        number=kept.number,
        why=_why(kept.why),
        by=kept.by,
        steered=kept.steered,
        paged=kept.paged,
        owed=tuple(Owed(call, missing.get(call, frozenset())) for call in kept.calls[-MAX_OWED:]),
        talks=kept.talks[-MAX_TALKS:],
        back=back.id if back is not None else desk.of_kind(StateKind.READY).id if kept.back else "",
        next=Next(kept.next, _why(kept.next_why), kept.next_by) if desk.state(kept.next) is not None else None,
    )
    if state.kind is StateKind.WRAP_UP:
        left_s = min(max(0.0, (kept.until or at.wall) - at.wall), desk.wrap_up.limit_s)
        state = replace(state, until=at.wall + left_s, deadline=at.running + left_s)
    patient = replace(desk, gone_after_s=max(desk.gone_after_s, COME_BACK_S))
    return page_is_gone_from(state, patient, at) if kept.paged else state


def with_what_is_known(kept: OperatorState, known: OperatorState) -> OperatorState:
    """The same where it could be read only late: what was seen of him meanwhile counts more than what was kept."""
    return replace(
        kept,
        number=max(known.number, kept.number) + 1,
        talks=known.talks or kept.talks,
        members=known.members,
        foreign=known.foreign,
        paged=known.paged or kept.paged,
        gone_at=known.gone_at if known.paged else kept.gone_at,
    )


def _of_kind(kind: str, desk: DeskSettings) -> StateDefinition:
    """A state like one that the settings no longer have."""
    known = {state.kind.value: state for state in reversed(desk.states)}
    return known.get(kind, desk.of_kind(StateKind.READY))


def _why(kept: str) -> Why:
    return Why(kept) if kept in set(Why) else Why.ASKED
