"""All that operators do at their desks, wired together: what runs, what pages are shown, what can be commanded."""

from collections.abc import Awaitable, Callable, Iterator

from cti_bridge.desk.after.afterwards import Afterwards
from cti_bridge.desk.after.unfinished import Unfinished
from cti_bridge.desk.calls.call_desk import CallDesk
from cti_bridge.desk.customers.card_calls import CardCalls
from cti_bridge.desk.customers.card_commands import CardCommands
from cti_bridge.desk.customers.customer_desk import CustomerDesk
from cti_bridge.desk.states.state_desk import StateDesk
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.switchboard import Switchboard


class OperatorDesk:
    """The parts of the desk. `commands` is complete once it is made."""

    def __init__(
        self,
        settings: DeskSettings,
        *,
        commands: CommandList,
        calls: CallDesk,
        customers: CustomerDesk,
        states: StateDesk,
        afterwards: Afterwards,
        former: CardCalls,
        switchboard: Switchboard,
        directory: Callable[[], Directory],
    ) -> None:
        self.commands = commands
        self._settings = settings
        self._calls = calls
        self.customers = customers
        self._states = states
        self._afterwards = afterwards
        self._unfinished = Unfinished(states.staffing, former, switchboard, directory=directory)
        calls.offer_to(commands)
        CardCommands(customers).offer_to(commands)
        states.offer_to(commands)
        afterwards.offer_to(commands)
        calls.is_away, calls.is_unreachable = states.is_away, states.is_unreachable
        calls.dialling.whose, calls.dialling.is_meant = self._whose, customers.is_meant
        self._connect_what_comes_after()

    def is_not_to_be_called(self, operator: OperatorId) -> bool:
        """Whether somebody has said that this operator is to get no calls now."""
        return self._states.is_not_to_be_called(operator)

    def asks_this_crm(self, since: float) -> None:
        """It is the CRM of the settings that is asked since then (seconds since 1970)."""
        self._afterwards.calls.asked_since = self.customers.asked_since = since

    async def open(self) -> None:
        """Take up what an earlier run left; called once the journal is open."""
        await self.customers.keeping.open()
        await self._afterwards.after.open()
        await self._states.open()

    def parts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to run until the end, each with its name."""
        yield from self._calls.parts()
        yield "edits", self.customers.courier.run
        yield "kept edits", self.customers.keeping.run
        yield from self._states.parts()
        yield from self._afterwards.parts()
        yield "unfinished", self._unfinished.recall

    def snapshot_for(self, operator: OperatorId) -> Json:
        """What a page of this operator is told in its `welcome` beside sources, stages and team."""
        settings = self._settings
        return {
            "calls": self._unfinished.calls_of(operator),
            **self._afterwards.snapshot_for(operator),
            "state": self._states.staffing.view(operator),
            "edits": self.customers.own_edits(operator),
            "desk": {
                "states": [
                    {"id": s.id, "name": dict(s.names), "kind": s.kind.value, "colour": s.colour.value}
                    for s in settings.states
                ],
                "outcomes": [{"id": o.id, "name": dict(o.names), "needs": sorted(o.needs)} for o in settings.outcomes],
                "required": sorted(settings.wrap_up.required),
                "create_deal": settings.create_deal,
                "crm": self.customers.can(),
                "dial": self._calls.means.may_dial,
            },
        }

    def _connect_what_comes_after(self) -> None:
        """What is written down after a call may end his wrap-up, and its end has it told to the CRM."""
        after, work, states = self._afterwards.after, self._afterwards.work, self._states
        states.staffing.told.wrapped_up = after.wrapped_up
        states.staffing.told.signed_off = work.signed_off
        states.staffing.missing_of = after.missing_of
        after.is_wrapping_up = states.staffing.is_wrapping_up
        after.on_saved = states.staffing.after_saved
        after.write_note = self.customers.keep_note
        after.late.look_up = self.customers.whose
        self.customers.tell_whose(after.late.look_at)
        work.queues_of = lambda operator: frozenset(one.queue for one in states.membership.pictures(operator))
        work.queues_known = lambda: states.membership.is_known

    async def close(self) -> None:
        """Finish what is under way."""
        await self.commands.close()
        await self._states.close()

    async def _whose(self, operator: Operator, item: str) -> str:
        """The customer whom an item of this operator's work list is about; empty where several may be."""
        known = self._afterwards.work.find(operator, item)
        return await self.customers.whose_call(CallId(known.call)) if known is not None else ""

    def team(self, team: list[Json]) -> list[Json]:
        """What operators are told of each other, with everybody's state."""
        return self._states.with_states(team)
