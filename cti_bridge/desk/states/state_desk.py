"""The parts of the desk that keep operators' states and have Asterisk treat operators so, wired together."""

from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import replace

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.registry import Collector

from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.calls.journal import Journal
from cti_bridge.desk.states.console_states import ConsoleStates
from cti_bridge.desk.states.membership import Membership
from cti_bridge.desk.states.own_penalties import OwnPenalties
from cti_bridge.desk.states.staffing import Staffing, Told
from cti_bridge.desk.states.state_commands import StateCommands
from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.desk_settings import DeskSettings, WhenGone, WrapUpSettings
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import Json
from cti_bridge.operators.states import PAUSING
from cti_bridge.reception.switchboard import Switchboard


class StateDesk:
    """Everything about operators' states, on one PBX."""

    def __init__(
        self,
        settings: DeskSettings,
        *,
        ami: AmiConnection,
        switchboard: Switchboard,
        journal: Journal,
        hub: Hub,
        accounts: Accounts,
        registry: CollectorRegistry,
        shadow: bool,
        now: Callable[[], float],
    ) -> None:
        if shadow:
            # What Asterisk is not told would be shown and never be so.
            settings = replace(settings, wrap_up=WrapUpSettings(), when_gone=WhenGone.STAY)
        self.staffing = Staffing(
            settings,
            told=Told(
                publish=lambda operator, state: hub.publish(operator, "operator.state", state=state),
                team_changed=hub.team_changed,
                want=lambda operator, treatment, asked: self.membership.want(operator, treatment, asked=asked),
            ),
            journal=journal,
            calls=switchboard.book,
            directory=lambda: accounts.directory,
            now=now,
        )
        self.membership = Membership(
            ami,
            OwnPenalties(journal, switchboard.book.pbx),
            self.staffing,
            directory=lambda: accounts.directory,
            last_penalty=settings.last_penalty,
            reasons=self.staffing.reasons,
            commands=not shadow,
        )
        self._commands = StateCommands(
            self.staffing,
            settings,
            journal=journal,
            directory=lambda: accounts.directory,
            shadow=shadow,
            now=now,
        )
        self._console = ConsoleStates(accounts, self.staffing, self._commands)
        switchboard.followers.append(self.staffing.talkers)
        ami.member_watchers.append(self.membership.hear)
        ami.session_watchers.append(self.membership.session)
        hub.on_pages = self.staffing.pages
        accounts.subscribe(lambda change: self.membership.people_changed())  # first: it knows who was whose
        accounts.subscribe(lambda change: self.staffing.people_changed())
        accounts.on_signed_out = self.staffing.signed_out
        registry.register(_Figures(self.staffing, self.membership))

    def offer_to(self, commands: CommandList) -> None:
        """Add the commands to the list."""
        self._commands.offer_to(commands)

    def parts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to run until the end, each with its name."""
        yield "states", self.staffing.run
        yield "state rows", self.staffing.rows.run
        yield "console states", self._console.run
        yield "members", self.membership.run

    async def open(self) -> None:
        """Take up what an earlier run left."""
        await self.staffing.open()
        await self.membership.open()

    async def close(self) -> None:
        """Write what still waits."""
        await self.staffing.close()

    def is_away(self, operator: OperatorId) -> bool:
        """Whether he is shown as somebody who gets no calls now."""
        return self.staffing.kind_of(operator) in PAUSING

    def is_unreachable(self, operator: OperatorId) -> bool:
        """Whether Asterisk says of all his members that their phones are not there."""
        return bool(self.staffing.colleague_view(operator)["unreachable"])

    def is_not_to_be_called(self, operator: OperatorId) -> bool:
        """Whether somebody has said that he is to get no calls now."""
        state = self.staffing.state_of(operator)
        return state.steered and state.kind in PAUSING

    def with_states(self, team: Iterable[Json]) -> list[Json]:
        """The team list with everybody's state in it."""
        return [{**mate, "desk_state": self.staffing.colleague_view(OperatorId(mate["operator"]))} for mate in team]


class _Figures(Collector):
    """What is counted about states."""

    def __init__(self, staffing: Staffing, membership: Membership) -> None:
        self._staffing = staffing
        self._membership = membership

    def collect(self) -> Iterable[CounterMetricFamily | GaugeMetricFamily]:
        """All figures as they are now."""
        kinds = GaugeMetricFamily("cti_operators", "Operators by the kind of their state.", labels=["kind"])
        for kind, operators in self._staffing.kinds().items():
            kinds.add_metric([kind], operators)
        yield kinds
        rows = self._staffing.rows
        yield GaugeMetricFamily("cti_operator_states_waiting", "States that wait for the disk.", value=len(rows))
        yield CounterMetricFamily("cti_operator_states_written", "States written.", value=rows.written)
        yield CounterMetricFamily("cti_operator_states_dropped", "States lost.", value=rows.dropped)
        members = self._membership
        yield CounterMetricFamily("cti_member_orders", "Pauses and penalties ordered.", value=members.ordered)
        yield CounterMetricFamily("cti_members_unconfirmed", "Operators not treated so.", value=members.unconfirmed)
