"""Look-ups on their way to a CRM: equal ones are one, they are bounded in number and time, and none can hold us up."""

import asyncio
from collections.abc import Awaitable, Callable

from cti_bridge.crm.dated import DatedAnswer
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.domain.number import CallerNumber

_CLOSING_S = 1.0


class Flight:
    """One look-up on its way; several calls may wait for its `outcome`, or none.

    `outcome` has the answer or what went wrong, at the latest when the time limit is over, whatever the question is
    doing then. `behind`: it was sent without anybody who waits. `urgent`: it goes before reports all the same, or not.
    `late`: somebody has stopped waiting for it.
    """

    def __init__(self, number: CallerNumber, began: float, *, behind: bool, urgent: bool) -> None:
        self.number = number
        self.began = began
        self.behind = behind
        self.urgent = urgent
        self.late = False
        self.outcome: asyncio.Future[DatedAnswer] = asyncio.get_running_loop().create_future()


class Flights:
    """`ask` puts the question to the CRM; `most` may be on their way, each for `limit_s` seconds at most.

    `landed` hears of each once, when its outcome is there. `clock` gives the seconds that flights begin at. A question
    that goes on although it was cancelled counts as being on its way until it ends, so that there are never more.
    """

    def __init__(
        self,
        ask: Callable[[Flight], Awaitable[DatedAnswer]],
        landed: Callable[[Flight], None],
        *,
        most: int,
        limit_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._ask = ask
        self._landed = landed
        self._most = most
        self._limit_s = limit_s
        self._clock = clock
        self._by_key: dict[str, Flight] = {}
        self._asking: set[asyncio.Task[DatedAnswer]] = set()

    @property
    def behind(self) -> int:
        """How many are on their way that were sent without anybody who waits."""
        return sum(flight.behind for flight in self._by_key.values())

    def of(self, key: str) -> Flight | None:
        """The one that is on its way for this number."""
        return self._by_key.get(key)

    @property
    def are_full(self) -> bool:
        """Whether no more may be sent on their way now."""
        return len(self._asking) >= self._most

    def take_off(self, key: str, number: CallerNumber, *, behind: bool = False, urgent: bool = True) -> Flight:
        """Send one on its way, where they are not full and there is none of this number."""
        flight = Flight(number, self._clock(), behind=behind, urgent=urgent)
        self._by_key[key] = flight
        asking = asyncio.ensure_future(self._ask(flight))
        self._asking.add(asking)
        over = asyncio.get_running_loop().call_later(self._limit_s, self._give_up, key, flight, asking)
        asking.add_done_callback(lambda _: self._ended(key, flight, asking, over))
        return flight

    async def close(self) -> None:
        """Stop all of them; whoever waits hears that at once, and a question that goes on all the same is left."""
        asking = list(self._asking)
        for key, flight in list(self._by_key.items()):
            self._fail(key, flight, CrmUnavailable("the look-up is closed"))
        for task in asking:
            task.cancel()
        if asking:
            await asyncio.wait(asking, timeout=_CLOSING_S)

    def _give_up(self, key: str, flight: Flight, asking: asyncio.Task[DatedAnswer]) -> None:
        self._fail(key, flight, TimeoutError())
        asking.cancel()

    def _ended(self, key: str, flight: Flight, asking: asyncio.Task[DatedAnswer], over: asyncio.TimerHandle) -> None:
        over.cancel()
        self._asking.discard(asking)
        if asking.cancelled():
            self._fail(key, flight, CrmUnavailable("the look-up was broken off"))
        elif (error := asking.exception()) is not None:
            self._fail(key, flight, error)
        elif not flight.outcome.done():
            flight.outcome.set_result(asking.result())
            self._land(key, flight)

    def _fail(self, key: str, flight: Flight, error: BaseException) -> None:
        if not flight.outcome.done():
            flight.outcome.set_exception(error)
            flight.outcome.exception()  # it is known; nobody may be waiting for it
            self._land(key, flight)

    def _land(self, key: str, flight: Flight) -> None:
        del self._by_key[key]
        self._landed(flight)
