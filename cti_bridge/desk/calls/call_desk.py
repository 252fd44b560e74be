"""The parts of the desk that steer calls, wired together: hanging up, sending on, picking up, dialling."""

from collections.abc import Awaitable, Callable, Iterator

from cti_bridge.asterisk.ami.connection import AmiConnection
from cti_bridge.asterisk.ami.steering import Steering
from cti_bridge.desk.calls.calls_in_hand import CallsInHand
from cti_bridge.desk.calls.dialling import Dialling
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.holding import Holding
from cti_bridge.desk.calls.means import Means
from cti_bridge.desk.calls.numbers_outside import NumbersOutside
from cti_bridge.desk.calls.own_calls import OwnCalls, pbx_asked
from cti_bridge.desk.calls.phone_orders import PhoneOrders
from cti_bridge.desk.calls.picking_up import PickingUp
from cti_bridge.desk.calls.steer import Steer
from cti_bridge.desk.calls.targets import Targets, TargetsAnswer
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import Args, Command, CommandList
from cti_bridge.operators.desk_settings import OutboundSettings
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.routing.rules import RuleSet


class NoArgs(Args):
    """Nothing."""


class CallDesk:
    """Everything that operators do with calls, on one PBX."""

    def __init__(
        self,
        ami: AmiConnection,
        switchboard: Switchboard,
        settings: OutboundSettings,
        *,
        directory: Callable[[], Directory],
        rules: Callable[[], RuleSet],
        region: Callable[[], str],
    ) -> None:
        self.is_away: Callable[[OperatorId], bool] = lambda operator: False
        """Whether no calls are to be sent to an operator; whoever keeps their states says so."""
        self.is_unreachable: Callable[[OperatorId], bool] = lambda operator: False
        """Whether his phones are known not to be there."""
        self._switchboard = switchboard
        self._knows_all = False
        """All that goes on at the PBX is known: whose leg is whose may have changed while it could not be heard."""
        self.steering = Steering(ami)
        self.events = EventWatch()
        self.in_hand = CallsInHand()
        self.means = Means(
            self.steering,
            self.events,
            session=lambda: ami.sessions,
            connected=lambda: self._knows_all,
            on_change=switchboard.refresh_all,
        )
        self.own_calls = OwnCalls(
            switchboard.book, self.in_hand, operator=lambda id_: directory().get(id_), lacks=self.means.lacks
        )
        self.outside = NumbersOutside(settings, region=region, lines=lambda: rules().lines)
        self.targets = Targets(
            self.steering,
            directory=directory,
            busy=switchboard.busy,
            team=switchboard.team,
            is_away=lambda operator: self.is_away(operator),
            is_unreachable=lambda operator: self.is_unreachable(operator),
            queues=lambda: rules().queues,
            outside=self.outside,
            can_dial=lambda: self.means.can_dial,
        )
        self.steer = Steer(
            self.steering,
            self.own_calls,
            self.in_hand,
            self.events,
            self.targets,
            directory=directory,
            refresh=switchboard.refresh,
            feed=ami.feed,
            line_of=lambda call: switchboard.line_of(call.id) or settings.line,
        )
        self.holding = Holding(
            self.steering,
            self.own_calls,
            self.events,
            self.targets,
            directory=directory,
            refresh=switchboard.refresh,
            line_of=lambda call: switchboard.line_of(call.id) or settings.line,
        )
        orders = PhoneOrders(self.steering, busy=switchboard.busy)
        self.dialling = Dialling(orders, self.outside, self.events, self.means)
        self._picking_up = PickingUp(
            self.steering, orders, self.events, self.means, book=switchboard.book, directory=directory
        )
        switchboard.followers.append(self.steer)
        switchboard.watchers += [self.steer.heard, self.holding.heard, self.events.heard]
        ami.session_watchers.append(self._session)
        switchboard.add_to_cards(self.steer.on_card)
        switchboard.add_to_cards(self.holding.on_card)

    def offer_to(self, commands: CommandList) -> None:
        """Offer all commands."""
        self.steer.offer_to(commands)
        self.holding.offer_to(commands)
        self.dialling.offer_to(commands)
        self._picking_up.offer_to(commands)
        commands.offer(
            Command(
                "call.targets", NoArgs, self._targets, "Whom a caller can be handed to, and who is free.", TargetsAnswer
            )
        )

    def parts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to run until the end."""
        yield "means", self.means.run

    def _session(self, up: bool) -> None:
        self._knows_all = up
        self._switchboard.refresh_all()

    async def _targets(self, operator: Operator, _: NoArgs) -> TargetsAnswer:
        async with pbx_asked():
            return await self.targets.all(operator)
