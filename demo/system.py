"""The whole system of the demo: Asterisk, the CRM with its customers, operators, and the bridge, a real process.

    async with System(root, folder, Files(...)) as system:
        print(system.url, system.members)

Several runs at once do not meet: Asterisk and the bridge have a loopback address of their own, and the operator page,
on 127.0.0.1, takes another port when the usual one is taken.
"""

import asyncio
import socket
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from demo.asterisk import PHONES, AsteriskInstance
from demo.bridge import Bridge, BridgeError
from demo.staff import OPERATORS
from demo.tryton_customers import TrytonCustomers

MEMBERS = {"primary-consult": ("op1", "op2"), "sales": ("op3", "op4"), "production": ("op5", "op6")}
"""Who answers which queue; a queue that is not named here is answered by everybody."""
PAGE_PORT = 8088
PORT_ATTEMPTS = 5


class CannotStart(RuntimeError):
    """The system cannot be started; the text is for the person at the terminal, `code` the exit code."""

    def __init__(self, text: str, code: int = 2) -> None:
        super().__init__(text)
        self.code = code


@dataclass(frozen=True, slots=True)
class Files:
    """What a run is made of: the customers, the rules, and the queues and the region that the rules name."""

    customers: Path
    rules: Path
    queues: tuple[str, ...]
    region: str


class System:
    """One run of everything, from `async with` to its end. Files are in `folder`, which the caller removes."""

    def __init__(
        self,
        root: Path,
        folder: Path,
        files: Files,
        *,
        password: str,
        say: Callable[[str], None],
        entry: str = "agi",
        tryton: TrytonCustomers | None = None,
    ) -> None:
        """Describe it; `say` is told in a line what happens next, `password` is that of every operator.

        `entry` is how the trunk asks the bridge, `agi` or `ari`. `tryton` is the CRM where it is given.
        """
        self.asterisk = AsteriskInstance(root, folder / "asterisk")
        self.password = password
        self.members = {queue: MEMBERS.get(queue, tuple(OPERATORS)) for queue in files.queues}
        self.rows_rejected = False
        self._folder, self._files, self._say, self._entry = folder, files, say, entry
        self._tryton = tryton
        self._crm: dict[str, Any] = {}
        self._bridge = self._installed(PAGE_PORT)
        self.asterisk.agi = self._bridge.agi_url
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """Where the operator page is."""
        return self._bridge.page_url

    @property
    def journal(self) -> Path:
        """The file of the bridge's journal."""
        return self._bridge.data / "calls.sqlite"

    async def __aenter__(self) -> Self:
        """Start all of it. Raises CannotStart, BridgeError or AsteriskError."""
        async with AsyncExitStack() as stack:
            self._say("importing the customers, adding the operators, starting Asterisk")
            parts = self._import_customers(), self._add_operators(), stack.enter_async_context(self.asterisk)
            for result in await asyncio.gather(*parts, return_exceptions=True):
                if isinstance(result, BaseException):
                    raise result
            await self.asterisk.lab.set_global("ENTRY", self._entry)
            await self._fill_queues()
            if self._tryton is not None:
                self._say("starting Tryton, taking in the customers there")
                stack.callback(self._tryton.stop)
                await self._tryton.start(self._bridge.data / "crm.sqlite")
                self._crm = self._tryton.settings()
            self._say("starting the bridge")
            await self._start_bridge(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Stop the bridge, then Asterisk."""
        await self._stack.aclose()

    def _installed(self, page_port: int) -> Bridge:
        return Bridge(self._folder, self.asterisk, page_port=page_port, rules=self._files.rules, crm=self._crm)

    async def _import_customers(self) -> None:
        code, out, err = await self._bridge.run("crm", "import", str(self._files.customers))
        for line in (err + out).splitlines():
            self._say(line)
        if code == 1:
            self.rows_rejected = True
        elif code:
            raise CannotStart("the customers cannot be imported (see above)", code)

    async def _add_operators(self) -> None:
        accounts = Accounts(self._bridge.data)
        try:
            await accounts.open()
            for (operator, name), phone in zip(OPERATORS.items(), PHONES, strict=True):
                known = Operator(OperatorId(operator), name, (f"PJSIP/{phone}",), crm_user=operator)
                await accounts.add(known, self.password)
        except DatabaseUnusable as error:
            raise CannotStart(f"the operators cannot be added: {error}") from error
        finally:
            await accounts.close()

    async def _fill_queues(self) -> None:
        """Add queues that only the rules know, and the operators to all queues."""
        # To Asterisk, letters are the same in any case. The shipped queues stay: callers may fall back to one of them.
        named = {queue.casefold(): operators for queue, operators in {**MEMBERS, **self.members}.items()}
        if unknown := named.keys() - {queue.casefold() for queue in MEMBERS}:
            file = self.asterisk.workdir / "etc" / "queues.conf"
            text = file.read_text("utf-8") + "".join(f"\n[{queue}](cti)\n" for queue in sorted(unknown))
            file.write_text(text, "utf-8")
            await self.asterisk.lab.command("queue reload parameters")
        phones = dict(zip(OPERATORS, PHONES, strict=True))
        for queue, operators in named.items():
            for operator in operators:
                await self.asterisk.add_member(queue, f"PJSIP/{phones[operator]}", name=OPERATORS[operator])

    async def _start_bridge(self, stack: AsyncExitStack) -> None:
        """Start it with the page on the usual port, or on another one when somebody has that or is faster."""
        for attempt in range(PORT_ATTEMPTS):
            self._bridge = self._installed(_free_port(PAGE_PORT if attempt == 0 else 0))
            stack.push_async_callback(self._bridge.stop)
            try:
                await self._bridge.start()
            except BridgeError as error:
                await self._bridge.stop()  # and with that, read the whole of its log
                if attempt == PORT_ATTEMPTS - 1 or not any("already in use" in line for line in self._bridge.log):
                    raise BridgeError(self._bridge.last_words(str(error).partition(";")[0])) from error
            else:
                return


def _free_port(wanted: int) -> int:
    """Return this port of 127.0.0.1, or another one when somebody has it; 0 wants any."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
