"""The commands about operators' states."""

import asyncio
import time
from collections.abc import Callable

from pydantic import Field

from cti_bridge.calls.journal_states import states_of
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.states.staffing import Staffing
from cti_bridge.desk.states.state_rows import StateJournal
from cti_bridge.desk.states.state_view import PeriodView, period_view
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.moments import parse_moment
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.command_list import Answer, Args, Command, CommandList, CommandRefused
from cti_bridge.operators.desk_settings import DeskSettings, StateDefinition, StateKind
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.state_happenings import Asked, Finished
from cti_bridge.operators.state_table import Missing
from cti_bridge.operators.wire import StateView

MOST_PERIODS = 1000
AT_A_STRETCH = 100
"""So many states of a large team are put together before everything else has its turn."""
_READ_WITHIN_S = 5.0
_ON_DISK_WITHIN_S = 0.5


class SetArgs(Args):
    """A state by its id; of somebody else than himself only for supervisors."""

    state: str = Field(min_length=1, max_length=32)
    operator: str | None = Field(default=None, min_length=1, max_length=32)


class NoArgs(Args):
    """Nothing."""


class ListArgs(Args):
    """Whose states (default: his own), and since when (`7d`, `2h`, a date or a time; default: a day)."""

    operator: str | None = Field(default=None, min_length=1, max_length=32)
    since: str = Field(default="1d", min_length=1, max_length=40)


class StateAnswer(Answer):
    """The state as it is now; that Asterisk has it is told by `confirmed`, or by an event soon."""

    state: StateView


class ListAnswer(Answer):
    """The states, the newest first."""

    states: list[PeriodView]


class MateView(Answer):
    """One operator with his state."""

    operator: str
    name: str
    state: StateView


class TeamAnswer(Answer):
    """All operators with their states."""

    team: list[MateView]


class StateCommands:
    """Carries them out. `shadow`: Asterisk is told nothing, so no state can be set."""

    def __init__(
        self,
        staffing: Staffing,
        desk: DeskSettings,
        *,
        journal: StateJournal,
        directory: Callable[[], Directory],
        shadow: bool = False,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._staffing = staffing
        self._desk = desk
        self._journal = journal
        self._directory = directory
        self._shadow = shadow
        self._now = now
        self._finished: dict[OperatorId, int] = {}
        """By operator, the number of the state that followed when he ended the time after a call himself."""

    def offer_to(self, commands: CommandList) -> None:
        """Add the commands to the list."""
        offered = (
            Command("state.set", SetArgs, self._set, "Sets the operator's state.", StateAnswer),
            Command("wrapup.finish", NoArgs, self._finish, "Ends the time after a call.", StateAnswer),
            Command("state.list", ListArgs, self._list, "Which states he had, and how long.", ListAnswer),
            Command("state.team", NoArgs, self._team, "The states of all operators.", TeamAnswer, Role.SUPERVISOR),
        )
        for command in offered:
            commands.offer(command)

    def definition(self, state: str) -> StateDefinition:
        """The state that somebody may be put into. Raises CommandRefused."""
        known = self._desk.state(state)
        if known is None:
            raise CommandRefused("not_found", f"there is no state {state}")
        if known.kind is StateKind.WRAP_UP:
            raise CommandRefused("not_possible", "the time after a call begins by itself")
        if self._shadow:
            raise CommandRefused("not_possible", "in shadow mode Asterisk is told nothing")
        return known

    async def _set(self, operator: Operator, args: SetArgs) -> StateAnswer:
        whose = self._whose(operator, args.operator)
        by = operator.id if whose.id != operator.id else ""
        return await self._asked(whose, Asked(self.definition(args.state), by))

    async def _finish(self, operator: Operator, _args: NoArgs) -> StateAnswer:
        now = self._staffing.state_of(operator.id)
        if now.kind is StateKind.WRAP_UP:
            return await self._asked(operator, Finished())
        if self._finished.get(operator.id) != now.number:
            raise CommandRefused("not_possible", "there is no time after a call to end")
        return await self._told(operator)  # he has ended it a moment ago, on another page of his

    async def _asked(self, operator: Operator, what: Asked | Finished) -> StateAnswer:
        before = self._staffing.kind_of(operator.id)
        try:
            self._staffing.ask(operator.id, what)
        except Missing as missing:
            raise CommandRefused("not_possible", str(missing)) from None
        himself = isinstance(what, Finished) or not what.by
        if himself and before is StateKind.WRAP_UP and self._staffing.kind_of(operator.id) is not before:
            self._finished[operator.id] = self._staffing.state_of(operator.id).number
        return await self._told(operator)

    async def _told(self, operator: Operator) -> StateAnswer:
        # Whoever is answered may rely on it, also when the bridge is killed now; but for a busy disk nobody waits.
        await self._staffing.rows.written_soon(operator.id, within_s=_ON_DISK_WITHIN_S)
        return StateAnswer.model_validate({"state": self._staffing.view(operator.id)})

    async def _list(self, operator: Operator, args: ListArgs) -> ListAnswer:
        whose, now = self._whose(operator, args.operator), self._now()
        try:
            since = parse_moment(args.since, now=now)
        except ValueError as error:
            raise CommandRefused("bad_args", f"since: {error}") from None
        # What happened a moment ago is part of the answer, where the disk is well.
        await self._staffing.rows.written_soon(whose.id, within_s=_ON_DISK_WITHIN_S)
        try:
            periods = await self._journal.ask(
                lambda database: states_of(database, whose.id, since=since, limit=MOST_PERIODS),
                within_s=_READ_WITHIN_S,
            )
        except DatabaseUnusable as error:
            raise CommandRefused("unavailable", f"the journal cannot be read: {error}") from None
        return ListAnswer(states=[PeriodView.model_validate(period_view(one, now=now)) for one in periods])

    async def _team(self, _operator: Operator, _args: NoArgs) -> TeamAnswer:
        team: list[MateView] = []
        for number, one in enumerate(self._directory().all(), start=1):
            view = {"operator": one.id, "name": one.name, "state": self._staffing.view(one.id)}
            team.append(MateView.model_validate(view))
            if number % AT_A_STRETCH == 0:
                await asyncio.sleep(0)  # callers have their turn among a thousand operators
        return TeamAnswer(team=team)

    def _whose(self, operator: Operator, asked: str | None) -> Operator:
        """Whom it is about. Raises CommandRefused: only supervisors may name somebody else."""
        if asked not in (None, operator.id) and operator.role is Role.OPERATOR:
            raise CommandRefused("not_allowed", "the states of others are for supervisors")
        whose = self._directory().get(asked or operator.id)
        if whose is None:  # also himself, where he was removed a moment ago
            raise CommandRefused("not_found", f"there is no operator {asked or operator.id}")
        return whose
