"""A real Asterisk and the bridge in front of it, with the CRM of a million customers."""

import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.customers import FOLDER, customer_file
from benchmarks.processes import free_tcp_port
from demo.asterisk import PHONES, AsteriskInstance, build_root
from demo.bridge import AGI_PORT, Bridge

PASSWORD = "рябина-на-ветру-7"
OPERATORS = {f"op{position}": PASSWORD for position, _ in enumerate(PHONES)}
"""Operators by id, with their password; each has one of the demo's phones."""


async def add_the_six(bridge: Bridge) -> None:
    """Add `OPERATORS`."""
    for operator, phone in zip(OPERATORS, PHONES, strict=True):
        await bridge.add_operator(operator, operator, f"PJSIP/{phone}", password=PASSWORD)


@asynccontextmanager
async def real_place(
    *,
    extensions: str = "",
    more: Mapping[str, str] | None = None,
    prepare: Callable[[AsteriskInstance, Path], None] = lambda asterisk, customers: None,
    add_operators: Callable[[Bridge], Awaitable[None]] = add_the_six,
) -> AsyncIterator[tuple[AsteriskInstance, Bridge]]:
    """Start both, with `extensions` as further dialplan and `more` configuration files; all is gone at the end.

    `prepare` gets the Asterisk before it starts, and the customer file.
    """
    customers = customer_file()
    root = await build_root(FOLDER.parent)
    # Not in TMPDIR, which may be in memory: the journal's writes belong to the cost of a call.
    with tempfile.TemporaryDirectory(prefix="run-", dir=FOLDER) as folder:
        Path(folder).chmod(0o755)
        asterisk = AsteriskInstance(root, Path(folder) / "asterisk", extensions=extensions, more=more)
        asterisk.agi = f"agi://{asterisk.address}:{AGI_PORT}/route"
        bridge = Bridge(Path(folder), asterisk, page_port=free_tcp_port())
        bridge.write_settings({**bridge.read_settings(), "crm": {"path": str(customers)}})
        await add_operators(bridge)
        prepare(asterisk, customers)
        async with asterisk:
            try:
                await bridge.start()
                yield asterisk, bridge
            finally:
                await bridge.stop()
