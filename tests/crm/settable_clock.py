"""A clock that stands still until a test sets it, and a sleep that ends when it has been set far enough."""

import asyncio


class SettableClock:
    """Gives the seconds that it was set to; `sleep` waits by it."""

    def __init__(self, now: float = 1_000.0) -> None:
        self.now = now
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock shows so many seconds more."""
        sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._sleepers.append((self.now + seconds, sleeper))
        await sleeper

    async def forward(self, seconds: float) -> None:
        """Go on by so much, waking sleepers in turn and letting each do all that it can before the next."""
        until = self.now + seconds
        await settled()
        while due := [at for at, sleeper in self._sleepers if at <= until and not sleeper.done()]:
            self.now = max(self.now, min(due))
            for at, sleeper in self._sleepers:
                if at <= self.now and not sleeper.done():
                    sleeper.set_result(None)
            self._sleepers = [pair for pair in self._sleepers if not pair[1].done()]
            await settled()
        self.now = until


async def settled() -> None:
    """Let every task that can go on do so; nothing here waits for the outside, so a few rounds are enough."""
    for _ in range(20):
        await asyncio.sleep(0)
