"""The routing decision over FastAGI, a million customers in SQLite, beside a bare server with the same commands."""

import json
from collections.abc import Awaitable, Callable

from benchmarks import agi_client, real_decision
from benchmarks.agi_client import at_once, at_rate
from benchmarks.customers import CUSTOMERS, customer_file, number
from benchmarks.desk_room import Room, room
from benchmarks.figures import Rounds, Row
from benchmarks.processes import helper

ROUNDS, A_ROUND = 10, 200
WARM_UP = 200
KINDS = 3
"""Customers repeat every three: an offer, a paid order, no open deal."""
WIDTH = 20
RATE = 150.0
OPERATORS = 100
_PRIME = 104_729
"""Steps through all customers, so that no row was read just before."""

Hold = Callable[[range], Awaitable[tuple[float, ...]]]


async def rows() -> list[Row]:
    """Measure and return the rows."""
    found = await real_decision.rows()
    async with room(operators=OPERATORS, customers=customer_file()) as place:
        ours = _Rival(place, place.pbx.agi)
        answers = [await ours.commands(kind) for kind in range(KINDS)]
        peer_at = (place.pbx.address, place.pbx.agi[1] + 1)
        told = {"host": peer_at[0], "port": peer_at[1], "answers": answers}
        async with helper("benchmarks.bare_agi", json.dumps(told)):
            peer = _Rival(place, peer_at)
            ways: dict[str, Callable[[_Rival, range], Awaitable[tuple[float, ...]]]] = {
                "one at a time": lambda rival, which: at_once(rival.ask, which, width=1),
                f"{RATE:.0f} a second": lambda rival, which: at_rate(rival.ask, which, per_s=RATE),
                f"{WIDTH} at the same time": lambda rival, which: at_once(rival.ask, which, width=WIDTH),
            }
            for name, way in ways.items():
                found.append(await _compare(name, ours, peer, way, commands=max(map(len, answers))))
    return found


async def _compare(
    name: str, ours: "_Rival", peer: "_Rival", way: "Callable[[_Rival, range], Awaitable[tuple[float, ...]]]",
    *, commands: int,
) -> Row:  # fmt: skip
    """Rounds of both, in turns, and who begins changes."""
    times: dict[_Rival, list[tuple[float, ...]]] = {ours: [], peer: []}
    for rival in (ours, peer):
        await at_once(rival.ask, range(WARM_UP), width=1)
    for turn in range(ROUNDS):
        for rival in (ours, peer) if turn % 2 else (peer, ours):
            times[rival].append(await way(rival, range(turn * A_ROUND, (turn + 1) * A_ROUND)))
            rival.hang_up()
    a, b = Rounds(tuple(times[ours])), Rounds(tuple(times[peer]))
    return Row(
        f"decision, {commands} commands, {name}: p50 / p99", a.text(), f"bare asyncio server {b.text()}",
        a.ratio(b, 50), "p50 ratio ≤ 1.5",
    )  # fmt: skip


class _Rival:
    """One of the two FastAGI servers, as Asterisk sees it."""

    def __init__(self, place: Room, address: tuple[str, int]) -> None:
        self._place, self._address = place, address
        self._channels: list[str] = []

    async def ask(self, conversation: int) -> float:
        """Hold one conversation."""
        took_ms, commands = await self._ask(conversation * _PRIME % CUSTOMERS)
        if not commands or not commands[-1].endswith((b'"matched"', b'"default"')):
            raise RuntimeError(f"no decision, but {commands}")
        return took_ms

    async def commands(self, customer: int) -> list[str]:
        """The commands about this customer."""
        _, commands = await self._ask(customer)
        return [command.decode() for command in commands]

    def hang_up(self) -> None:
        """End the calls of this round, so that the bridge has no more live ones than a real one would."""
        for channel in self._channels:
            self._place.pbx.hang_up(channel)
        self._channels.clear()

    async def _ask(self, customer: int) -> tuple[float, list[bytes]]:
        channel = self._place.pbx.new_id()
        self._channels.append(channel)
        return await agi_client.ask(
            self._address, agi_client.question(self._place.pbx.address, channel, number(customer))
        )
