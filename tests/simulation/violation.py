"""What a broken promise says: seed, step, the call, and the last events of it, so that the run can be had again."""

from collections import deque
from typing import NoReturn

from simulation.asterisk import Message
from simulation.clock import Clock

LAST_EVENTS = 4_000
SHOWN = 40


class PromiseBroken(AssertionError):
    """One of the promises does not hold."""


class Trail:
    """The last events, kept for the moment in which something is wrong."""

    def __init__(self, clock: Clock, run: str) -> None:
        self.steps = 0
        self.first: PromiseBroken | None = None
        """What was found first, also where the bridge goes on all the same, as it does after a snapshot."""
        self._clock = clock
        self._run = run
        self._last: deque[tuple[float, Message]] = deque(maxlen=LAST_EVENTS)

    def heard(self, message: Message) -> None:
        """One event has reached the bridge."""
        self.steps += 1
        self._last.append((self._clock.now, message))

    def broken(self, promise: str, call: str, *more: object) -> NoReturn:
        """Raise what tells all about it."""
        lines = [f"{promise}: {call}", f"{self._run}, step {self.steps}, at {self._clock.now:.3f}"]
        lines += [f"  {item}" for item in more]
        about = [entry for entry in self._last if _is_about(entry[1], call)]
        lines += [f"the last {len(about[-SHOWN:])} events of it:", *(_line(*entry) for entry in about[-SHOWN:])]
        found = PromiseBroken("\n".join(lines))
        self.first = self.first or found
        raise found


def _is_about(message: Message, call: str) -> bool:
    return not call or call in message.values()


def _line(at: float, message: Message) -> str:
    left_out = {"Event", "SystemName", "CallerIDNum", "CallerIDName", "DestCallerIDNum", "Timestamp"}
    told = " ".join(f"{name}={value}" for name, value in message.items() if name not in left_out)
    return f"  {at:.3f} ({message['Timestamp'][-10:]}) {message['Event']} {told}"
