"""Virtual time: what is to happen, in order. Nothing waits for a real clock, so the same seed gives the same run."""

import heapq
from collections.abc import Callable, Generator
from itertools import count

Course = Generator[float, None, None]
"""What somebody does; he yields for how many seconds he does nothing."""

BEGINNING = 1_795_300_000.0


class Clock:
    """Seconds since 1970 that pass as fast as the machine can; what was planned for the same time keeps its order."""

    def __init__(self) -> None:
        self.now = BEGINNING
        self.busy = 0
        """Things that are planned, but for those that only go on as long as something else does."""
        self._plan: list[tuple[float, int, Callable[[], None], bool]] = []
        self._number = count()

    def after(self, delay_s: float, what: Callable[[], None], *, beside: bool = False) -> None:
        """Plan something; `beside` for what would go on for ever by itself."""
        self.busy += not beside
        heapq.heappush(self._plan, (self.now + delay_s, next(self._number), what, beside))

    def tick(self) -> bool:
        """Let the next thing happen; False when all is over."""
        if not self.busy:
            return False
        self.now, _, what, beside = heapq.heappop(self._plan)
        self.busy -= not beside
        what()
        return True

    def follow(self, course: Course, goes_on: Callable[[], bool]) -> None:
        """Let somebody do what he does, as long as the world he lives in does."""

        def go() -> None:
            if goes_on():
                pause = next(course, None)
                if pause is not None:
                    self.after(pause, go)

        go()
