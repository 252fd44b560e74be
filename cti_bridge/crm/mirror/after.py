"""How a mirror's state goes on after a page, a check, or a position that the CRM does not understand. Pure."""

from dataclasses import replace

from cti_bridge.crm.mirror.source import FROM_THE_BEGINNING, MirrorPage
from cti_bridge.crm.mirror.state import NOT_AGAIN_S, Every, MirrorState, Phase


def after_changes(state: MirrorState, page: MirrorPage, asked_at: float) -> MirrorState:
    """A page of changes is written that was asked for at `asked_at`."""
    return replace(
        state,
        position=page.position,
        catching_up=page.more,
        asked_at=asked_at,
        synced_at=state.synced_at if page.more else asked_at,
    )


def full_begun(state: MirrorState, now: float) -> MirrorState:
    """A full pass begins; it has the next number, so everybody is yet to be shown in it."""
    return replace(
        state,
        phase=Phase.PAGES,
        pass_number=state.pass_number + 1,
        full_position=FROM_THE_BEGINNING,
        full_began_at=now,
        full_pages=0,
    )


def after_full_page(state: MirrorState, page: MirrorPage, asked_at: float) -> MirrorState:
    """A page of the full pass is written. The place where the pass ends is also one from which changes can begin."""
    state = replace(
        state,
        full_position=page.position,
        full_pages=state.full_pages + 1,
        total=state.total if page.total is None else page.total,
    )
    if page.more:
        return state
    state = replace(state, phase=Phase.CHECKING)
    if state.position is not None:
        return state
    return replace(state, position=page.position, catching_up=False, asked_at=asked_at, synced_at=asked_at)


def full_ended(state: MirrorState) -> MirrorState:
    """Everybody whom the pass did not show has been asked about."""
    return replace(state, phase=Phase.NONE, full_position=FROM_THE_BEGINNING)


def position_refused(state: MirrorState) -> MirrorState:
    """The CRM does not understand the place where changes begin; the end of a full pass is another one."""
    phase = Phase.NONE if state.phase is Phase.CHECKING else state.phase
    return replace(state, position=None, catching_up=False, phase=phase)


def full_refused(state: MirrorState, now: float, every: Every) -> MirrorState:
    """The CRM does not understand how far the full pass has come: another one in a while."""
    since_s = 0.0 if state.position is None else max(0.0, every.full_s - NOT_AGAIN_S)
    return replace(full_ended(state), full_began_at=now - since_s)
