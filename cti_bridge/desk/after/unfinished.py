"""Calls that somebody still has to write down: their cards stay on his page, also on one that is opened anew."""

from collections.abc import Callable

from cti_bridge.desk.customers.card_calls import CardCalls
from cti_bridge.desk.states.staffing import Staffing
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.switchboard import Switchboard


class Unfinished:
    """Knows for each operator in the time after a call which one it is, and has its card."""

    def __init__(
        self, staffing: Staffing, calls: CardCalls, switchboard: Switchboard, *, directory: Callable[[], Directory]
    ) -> None:
        self._staffing = staffing
        self._calls = calls
        self._switchboard = switchboard
        self._directory = directory

    def calls_of(self, operator: OperatorId) -> list[Json]:
        """The calls that he has a part in now, and the one that he has to write down, as he may see them."""
        shown = self._switchboard.calls_of(operator)
        call = self._call_of(operator)
        if call is None or any(one["id"] == call for one in shown):
            return shown
        over = self._switchboard.card_of_former(operator, call)
        return shown if over is None else [*shown, over]

    async def recall(self) -> None:
        """Read from the journal which calls of an earlier run are to be written down, and show them."""
        for operator in self._directory().all():
            call = self._call_of(operator.id)
            if call is None or self._calls.get(call) is not None:
                continue
            try:
                await self._calls.find(operator.id, call)
            except CommandRefused:
                continue  # too old, forgotten, or not to be read: it can be written down without a card
            self._switchboard.refresh(call)

    def _call_of(self, operator: OperatorId) -> CallId | None:
        owed = self._staffing.state_of(operator).call
        return owed.call if owed is not None else None
