"""The line between the model and the bridge, and everything that can be wrong with it."""

import random
from dataclasses import dataclass

from simulation.asterisk import Asterisk, Message
from simulation.bridge import Bridge
from simulation.clock import Clock
from simulation.truth import CallTruth

UNDERWAY_S = 2.0
"""What happened to a call so long before the line failed may be part of what got lost."""
ARRIVES_WITHIN_S = 1.2
"""So long after a caller's channel has come the bridge may know of him first, by its own late decision."""


@dataclass(frozen=True, slots=True)
class Troubles:
    """How much goes wrong; shares of events, and mean seconds between what concerns the whole line."""

    lag_s: float = 0.0
    """The line is up to so many seconds behind, changing with time; order is kept."""
    doubled: float = 0.0
    """Events that come twice."""
    overtaken: float = 0.0
    """Events that come late, or once more: up to two seconds after others that happened later."""
    lost: float = 0.0
    """Events that are lost without a word."""
    cut_every_s: float = 0.0
    bridge_killed_every_s: float = 0.0
    asterisk_restarted_every_s: float = 0.0


CALM = Troubles()


class Line:
    """Carries what AMI says; after every interruption a new session begins with a list of what there is."""

    def __init__(
        self, clock: Clock, chance: random.Random, pbx: Asterisk, bridge: Bridge, troubles: Troubles, *,
        underway_s: float,
    ) -> None:  # fmt: skip
        self._underway_s = underway_s
        self._clock = clock
        self._chance = chance
        self._pbx = pbx
        self._bridge = bridge
        self._troubles = troubles
        self._calm = troubles == CALM
        self._session = 0
        self._up = False
        self._last = 0.0
        self._lag_s = 0.0
        self._heals = 0
        pbx.listeners.said = self._bridge.hear if self._calm else self._say
        pbx.listeners.can_hear = lambda: self._up
        pbx.listeners.call_began = self._call_began
        self.connect()
        self._plan(troubles.cut_every_s, self._cut)
        self._plan(troubles.bridge_killed_every_s, self._kill_the_bridge)
        self._plan(troubles.asterisk_restarted_every_s, self._restart_asterisk)

    def _plan(self, every_s: float, trouble: object) -> None:
        if every_s and callable(trouble):

            def strike() -> None:
                trouble()
                self._clock.after(self._chance.expovariate(1 / every_s), strike, beside=True)

            self._clock.after(self._chance.expovariate(1 / every_s), strike, beside=True)

    def _say(self, message: Message) -> None:
        troubles, chance = self._troubles, self._chance
        if not self._up:
            return
        fate = chance.random()
        if fate < troubles.lost:
            self._blur()
            self._heal_soon()
            return
        if chance.random() < 0.02:
            self._lag_s = chance.uniform(0.0, troubles.lag_s)
        at = max(self._clock.now + self._lag_s, self._last)
        if fate < troubles.lost + troubles.overtaken:
            self._blur()
            self._heal_soon()
            if chance.random() < 0.5:
                self._deliver(at, message)
            self._deliver(at + chance.uniform(0.0, 2.0), message)
            return
        self._last = at
        self._deliver(at, message)
        if chance.random() < troubles.doubled:
            self._deliver(at, message)

    def _call_began(self, call: CallTruth) -> None:
        call.blurred = not self._up
        self._bridge.watch.begins(call)

    def _deliver(self, at: float, message: Message) -> None:
        session = self._session

        def arrive() -> None:
            if session == self._session:
                self._bridge.hear(message)

        self._clock.after(at - self._clock.now, arrive)

    def _blur(self) -> None:
        """What is known of the calls of this moment need not be exact from now on."""
        for call in self._pbx.calls[-400:]:
            if call.ended_at is None or call.ended_at > self._clock.now - self._underway_s:
                call.blurred = True
                if call.answered_at is not None and call.answered_at > self._clock.now - self._underway_s:
                    call.answer_was_told = False
        self._bridge.watch.excuse()

    def _blur_since(self, at: float) -> None:
        for call in self._pbx.calls[-40:]:
            call.blurred = call.blurred or call.began_at >= at - ARRIVES_WITHIN_S

    def _heal_soon(self) -> None:
        """What is lost without a word stays so until the next session; there is one within a while."""
        if not self._heals:
            self._heals += 1
            self._clock.after(self._chance.uniform(1.0, 15.0), self._cut)

    def _cut(self) -> None:
        if self._up:
            self._down()
            self._clock.after(self._chance.choice((0.0, self._chance.uniform(0.0, 20.0))), self.connect)

    def _down(self) -> None:
        self._up = False
        self._session += 1
        self._blur()
        self._bridge.lost_the_line()

    def connect(self) -> None:
        """A new session: what was going on before is asked for while new things happen."""
        if not self._bridge.runs:
            return
        self._session += 1
        self._up = True
        self._heals = 0
        self._last = self._clock.now
        self._lag_s = 0.0
        session, asked_at = self._session, self._clock.now
        self._bridge.asks_for_a_snapshot()

        def channels() -> None:
            if session == self._session:
                self._bridge.sighted(self._pbx.listed_channels())
                self._clock.after(0.0 if self._calm else self._chance.uniform(0.0, 0.05), callers)

        def callers() -> None:
            if session == self._session:
                self._bridge.sighted(self._pbx.listed_callers())
                self._clock.after(0.0 if self._calm else self._chance.uniform(0.0, 0.05), bridges)

        def bridges() -> None:
            if session == self._session:
                self._bridge.sighted(self._pbx.listed_bridges())
                self._last = max(self._last, self._clock.now)
                self._clock.after(self._last - self._clock.now, complete)

        def complete() -> None:
            if session == self._session:
                self._blur_since(asked_at)  # it was in the list before its first event could be taken in
                self._bridge.has_the_snapshot(asked_at)

        if self._calm:
            channels()
        else:
            self._clock.after(self._chance.uniform(0.0, 0.05), channels)

    def _kill_the_bridge(self) -> None:
        if self._bridge.runs:
            if self._up:
                self._down()
            self._bridge.kill()

            def again() -> None:
                self._bridge.wants_to_start(self.connect)

            self._clock.after(self._chance.uniform(0.0, 20.0), again)

    def _restart_asterisk(self) -> None:
        if self._up:
            self._down()
            self._pbx.restart()
            self._clock.after(self._chance.uniform(0.3, 5.0), self.connect)
