"""The states of all operators: what happens to each, and what follows for Asterisk, pages, colleagues and the journal.

What becomes of a state is decided by the table in `operators/state_table.py`; here are the clocks, and who is told.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Callable, Set
from dataclasses import dataclass, replace

import structlog

from cti_bridge.call_clock import since_boot
from cti_bridge.calls.journal_states import states_now
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.states.state_rows import StateJournal, StateRows
from cti_bridge.desk.states.state_view import colleague_view, state_view
from cti_bridge.desk.states.talkers import Calls, Talkers
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.state_period import StatePeriod
from cti_bridge.operators.desk_settings import DeskSettings, StateKind
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json
from cti_bridge.operators.state_happenings import (
    Asked,
    Happening,
    MembersSeen,
    Pages,
    Pbx,
    SignedOut,
    Tick,
    Written,
)
from cti_bridge.operators.state_table import happens, unknown
from cti_bridge.operators.states import MemberPicture, Moment, OperatorState, Treatment, due, period, treatment
from cti_bridge.operators.states_taken_up import taken_up, with_what_is_known

log = structlog.get_logger(__name__)

QUEUES_SHOWN_S = 0.2
"""So long an operator's page may not know that another one of his queues has followed, while others have still to."""
LOOK_EVERY_S = 30.0
"""So often it is looked whether the calls in which operators talk are still there."""
_READ_WITHIN_S = 10.0
_CLOSE_S = 1.0


@dataclass(slots=True)
class Told:
    """Who is told of states; each of these must not wait."""

    publish: Callable[[OperatorId, Json], None]
    """His pages: his state."""
    team_changed: Callable[[], None]
    """Everybody: somebody's state is another one."""
    want: Callable[[OperatorId, Treatment | None, bool], None]
    """Asterisk: how he is to be treated (None: nothing is known of him any more, or never was), and whether somebody
    has asked for it, or it comes by itself."""
    wrapped_up: Callable[[OperatorId, CallId], None] = lambda operator, call: None
    """The time after this call is over for him."""
    signed_off: Callable[[OperatorId], None] = lambda operator: None
    """He is not at work any more."""


class Staffing:
    """One state for each operator."""

    def __init__(
        self,
        desk: DeskSettings,
        *,
        told: Told,
        journal: StateJournal,
        calls: Calls,
        directory: Callable[[], Directory],
        now: Callable[[], float] = time.time,
        running: Callable[[], float] = since_boot,
    ) -> None:
        self.told = told
        self.missing_of: Callable[[OperatorId, CallId], Set[str]] = lambda operator, call: desk.wrap_up.required
        """What he still has to write down of a call; whoever keeps what is written says so."""
        self.reasons = {state.id for state in desk.states}
        """What our pauses have as their reason; also those of an earlier run, whose settings had other states."""
        self.rows = StateRows(journal)
        self.talkers = Talkers(
            calls,
            self._happens,
            directory=directory,
            missing_of=lambda operator, call: self.missing_of(operator, call),
            now=now,
        )
        self._desk = desk
        self._journal = journal
        self._directory = directory
        self._now = now
        self._running = running
        self._states: dict[OperatorId, OperatorState] = {}
        self._views: dict[OperatorId, Json] = {}
        self._dues: dict[OperatorId, float] = {}
        self._to_show: dict[OperatorId, float] = {}
        self._wake = asyncio.Event()
        self._taken_up = False
        self._pbx_up = False

    # What is asked --------------------------------------------------------------------------------------------------

    def state_of(self, operator: OperatorId) -> OperatorState:
        """His state; the one of somebody of whom nothing is known is ready."""
        known = self._states.get(operator)
        if known is None:
            known = self._unknown(operator)
            if self._directory().get(operator) is not None:
                self._states[operator] = known
                self._views[operator] = state_view(known, self._desk, self._moment())
        return known

    def kind_of(self, operator: OperatorId) -> StateKind:
        """What his state means for the calls of the queues."""
        return self.state_of(operator).kind

    def view(self, operator: OperatorId) -> Json:
        """His state as he and supervisors see it."""
        return state_view(self.state_of(operator), self._desk, self._moment())

    def colleague_view(self, operator: OperatorId) -> Json:
        """His state as colleagues see it."""
        return colleague_view(self.state_of(operator), self._desk)

    def is_wrapping_up(self, operator: OperatorId, call: CallId) -> bool:
        """Whether he is in the time after this call."""
        state = self.state_of(operator)
        return state.kind is StateKind.WRAP_UP and any(one.call == call for one in state.owed)

    def kinds(self) -> dict[str, float]:
        """How many operators are in states of each kind."""
        counted = Counter(self.state_of(operator.id).kind.value for operator in self._directory().all())
        return {kind.value: float(counted[kind.value]) for kind in StateKind}

    # What happens ---------------------------------------------------------------------------------------------------

    def ask(self, operator: OperatorId, what: Happening) -> None:
        """He or a supervisor wants something of his state. Raises Missing."""
        self._happens(operator, what, asked=True)

    def after_saved(self, operator: OperatorId, call: CallId, missing: Set[str]) -> None:
        """He has written something down of a call; this is still missing."""
        self._happens(operator, Written(call, missing))

    def pages(self, operator: OperatorId, count: int) -> None:
        """So many of his pages are open."""
        self._happens(operator, Pages(count))

    def signed_out(self, operator: OperatorId) -> None:
        """He has signed out everywhere."""
        self._happens(operator, SignedOut())

    def members_seen(self, operator: OperatorId, members: tuple[MemberPicture, ...], *, foreign: bool = False) -> None:
        """What Asterisk says of his phones in their queues; `foreign`: somebody else changed a pause just now."""
        self._happens(operator, MembersSeen(members, foreign))

    def pbx(self, up: bool) -> None:
        """What Asterisk says can be relied upon from now on, or not any more."""
        self._pbx_up = up
        for operator in list(self._states):
            self._happens(operator, Pbx(up))

    def people_changed(self) -> None:
        """There are other operators than before: of those who are gone nothing is known any more."""
        directory = self._directory()
        at = self._moment()
        for operator in [known for known in self._states if directory.get(known) is None]:
            gone = self._states.pop(operator)
            self._views.pop(operator, None)
            self._dues.pop(operator, None)
            self._to_show.pop(operator, None)
            self.rows.keep(period(gone, ended_at=at.wall))
            self.told.want(operator, None, True)

    # Running --------------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take up the states that an earlier run has written down."""
        await self._take_up()

    async def run(self) -> None:
        """Let time do what it does to states, until cancelled."""
        looked = self._running()
        while True:
            self._wake.clear()
            if not self._taken_up:
                await self._take_up()
            self.tick()
            if self._running() - looked >= LOOK_EVERY_S:
                looked = self._running()
                self.look_for_calls()
            next_due = min((*self._dues.values(), *self._to_show.values()), default=float("inf"))
            wait_s = min(max(0.01, next_due - self._running()), LOOK_EVERY_S)
            try:
                async with asyncio.timeout(wait_s if self._taken_up else min(wait_s, 1.0)):
                    await self._wake.wait()
            except TimeoutError:
                continue

    def tick(self) -> None:
        """Do what is due by now."""
        now = self._running()
        for operator in [known for known, at in self._dues.items() if at <= now]:
            self._happens(operator, Tick())
        for operator in [known for known, at in self._to_show.items() if at <= now]:
            self._show(self._states[operator], now=True)

    def look_for_calls(self) -> None:
        """Nobody talks in a call that is not there any more."""
        for operator, state in list(self._states.items()):
            self.talkers.look(operator, state.talks)

    async def close(self) -> None:
        """Write what still waits."""
        await self.rows.close(within_s=_CLOSE_S)

    # How it is done -------------------------------------------------------------------------------------------------

    def _happens(self, operator: OperatorId, what: Happening, *, asked: bool = False) -> None:
        before = self.state_of(operator)
        if operator not in self._states:
            return  # he was removed a moment ago
        after = happens(before, what, self._desk, self._moment())
        if after != before or asked:
            self._take(before, after, again=asked, asked=isinstance(what, Asked | MembersSeen))

    def _take(self, before: OperatorState, after: OperatorState, *, again: bool, asked: bool) -> None:
        operator = after.operator
        self._states[operator] = after
        self._note_due(after)
        self._write(before, after)
        wanted = treatment(after, self._desk)
        if again or wanted != treatment(before, self._desk):
            self.told.want(operator, wanted, asked)
        self._tell(before, after)

    def _tell(self, before: OperatorState, after: OperatorState) -> None:
        operator = after.operator
        self._show(after)
        if (before.number, before.unreachable) != (after.number, after.unreachable):
            self.told.team_changed()
        if before.number == after.number:
            return
        log.info("operator.state", operator=operator, state=after.state, why=after.why.value, by=after.by or None)
        if before.kind is StateKind.WRAP_UP:
            for one in before.owed:
                if one.call not in after.talks:
                    self.told.wrapped_up(operator, one.call)
        if after.kind is StateKind.SIGNED_OFF:
            self.told.signed_off(operator)

    def _show(self, state: OperatorState, *, now: bool = False) -> None:
        operator, shown = state.operator, self._views.get(state.operator)
        view = state_view(state, self._desk, self._moment())
        if not now and not view["confirmed"] and shown is not None and {**shown, "queues": view["queues"]} == view:
            if view != shown and operator not in self._to_show:
                # One event for each of fifty queues: his pages are told of them together.
                self._to_show[operator] = self._running() + QUEUES_SHOWN_S
                self._wake.set()
            return
        self._to_show.pop(operator, None)
        if view != shown:
            self._views[operator] = view
            self.told.publish(operator, view)

    def _write(self, before: OperatorState, after: OperatorState) -> None:
        row = period(after)
        if before.number != after.number:
            self.rows.keep(period(before, ended_at=after.since))
        if row != period(before):
            self.rows.keep(row)

    def _note_due(self, state: OperatorState) -> None:
        at = due(state)
        if at is None:
            self._dues.pop(state.operator, None)
        elif self._dues.get(state.operator) != at:
            self._dues[state.operator] = at
            self._wake.set()

    async def _take_up(self) -> None:
        try:
            kept = await self._journal.ask(states_now, within_s=_READ_WITHIN_S)
        except DatabaseUnusable as error:
            log.error("states.not_restored", reason=str(error))
            return
        self._taken_up = True
        directory = self._directory()
        for row in kept:
            self.reasons.add(row.state)
            known = self._states.get(row.operator)
            is_gone = bool(directory.all()) and directory.get(row.operator) is None
            if is_gone or (known is not None and known.steered):
                # Removed meanwhile; or what was said since counts more than what was kept.
                self.rows.keep(replace(row, ended_at=max(row.began_at, self._now())))
            else:
                self._take_up_one(row, known)
        self.tick()

    def _take_up_one(self, row: StatePeriod, known: OperatorState | None) -> None:
        """One state of before; `known` is there when the journal could be read only now."""
        missing = {call: self.missing_of(row.operator, call) for call in row.calls}
        state = replace(taken_up(row, self._desk, missing, self._moment()), pbx_up=self._pbx_up)
        if known is not None:
            state = with_what_is_known(state, known)
            ended_at = max(row.began_at, self._now())
            for one in (replace(row, ended_at=ended_at), period(known, ended_at=ended_at), period(state)):
                self.rows.keep(one)
        elif state.state != row.state:  # the settings no longer have it: from now on he is in another one
            state = replace(state, number=row.number + 1, since=max(row.began_at, self._now()))
            for one in (replace(row, ended_at=state.since), period(state)):
                self.rows.keep(one)
        self._states[row.operator] = state
        self.talkers.left_talking(row.operator, state.talks)
        self._note_due(state)
        wanted = treatment(state, self._desk)
        if wanted is not None:
            self.told.want(row.operator, wanted, True)
        self._show(state)
        self.told.team_changed()

    def _unknown(self, operator: OperatorId) -> OperatorState:
        return replace(unknown(operator, self._desk, self._moment()), pbx_up=self._pbx_up)

    def _moment(self) -> Moment:
        return Moment(self._now(), self._running())
