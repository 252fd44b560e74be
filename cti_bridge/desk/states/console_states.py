"""States that somebody on the machine asks for, by `cti-bridge operators set`, are taken from where they wait."""

import asyncio
import contextlib

import structlog

from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.states.staffing import Staffing
from cti_bridge.desk.states.state_commands import StateCommands
from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.asked_states import BY, AskedState
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.state_happenings import Asked

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 30.0
"""So often is looked, also when nobody has said that there is something."""
ON_DISK_WITHIN_S = 0.5


class ConsoleStates:
    """Takes them as soon as the accounts' file has changed."""

    def __init__(self, accounts: Accounts, staffing: Staffing, commands: StateCommands) -> None:
        self._accounts = accounts
        self._staffing = staffing
        self._commands = commands
        self._changed = asyncio.Event()
        accounts.subscribe(lambda change: self._changed.set())

    async def run(self) -> None:
        """Take what waits, until cancelled."""
        while True:
            self._changed.clear()
            try:
                await self.take()
            except DatabaseUnusable as error:
                log.warning("states.not_taken", reason=str(error))
            try:
                async with asyncio.timeout(LOOK_EVERY_S):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def take(self) -> None:
        """Take what waits now. Raises DatabaseUnusable."""
        waiting = await self._accounts.asked_states()
        for one in waiting:
            self._take(one)
        if waiting:
            # What is forgotten there is to be on disk here; but for a disk that takes nothing nobody waits.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(ON_DISK_WITHIN_S):
                    for one in waiting:
                        await self._staffing.rows.written_soon(one.operator, within_s=ON_DISK_WITHIN_S)
            await self._accounts.states_taken(waiting)

    def _take(self, asked: AskedState) -> None:
        try:
            definition = self._commands.definition(asked.state)
        except CommandRefused as refused:
            log.warning("states.not_possible", operator=asked.operator, reason=str(refused))
            return
        self._staffing.ask(OperatorId(asked.operator), Asked(definition, BY))
