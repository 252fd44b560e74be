"""Sees to it that nobody waits for ever behind callers with a higher priority.

Who has been overtaken for too long is put first in his queue. He is told nothing, and operators see nothing of it.
"""

import asyncio
import time
from collections.abc import Callable

import structlog

from cti_bridge.asterisk.ami.priorities import Ami, change_priority
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.calls.overtaking import FIRST, Overtaken, Overtaking
from cti_bridge.domain.number import mask
from cti_bridge.routing.rules import RuleSet

log = structlog.get_logger(__name__)

LOOK_EVERY_S = 0.5
AT_A_LOOK = 20
"""Callers that are put first before the others are looked at again; each takes Asterisk a round trip."""


class Fairness:
    """Looks now and then who is due; `run` has to run meanwhile."""

    def __init__(
        self,
        ami: Ami,
        overtaking: Overtaking,
        *,
        rules: Callable[[], RuleSet],
        now: Callable[[], float] = time.time,
    ) -> None:
        """`now` is the clock that calls are measured by, in seconds since 1970."""
        self.put_first = 0
        """Callers that were put first."""
        self.not_put_first = 0
        """Attempts that failed: most often the caller had just been answered or had gone."""
        self._ami = ami
        self._overtaking = overtaking
        self._rules = rules
        self._now = now

    @property
    def overtaken(self) -> int:
        """How many callers wait in the queues of the rules who were overtaken and have not been put first."""
        return len(self._overtaking.overtaken_since(self._rules().queues))

    @property
    def longest_s(self) -> float:
        """For how many seconds the one of them has been overtaken who has been so for longest."""
        now = self._now()
        since = self._overtaking.overtaken_since(self._rules().queues)
        return round(max(0.0, now - min(since, default=now)), 3)

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Put those first who have been overtaken for too long under the rules in force."""
        rules = self._rules()
        if rules.max_overtake_s is None or not self._overtaking.overtaken:
            return
        for whom in self._overtaking.due(self._now(), rules.max_overtake_s, rules.queues, AT_A_LOOK):
            if not await self._put_first(whom):
                return

    async def _put_first(self, whom: Overtaken) -> bool:
        """Whether it makes sense to go on with the next one."""
        about = {"queue": whom.queue, "caller": mask(whom.number), "overtaken_s": round(self._now() - whom.since, 1)}
        try:
            await change_priority(self._ami, whom.queue, whom.name, FIRST)
        except NotConnected:
            return False  # with the connection comes a new picture, and then he is asked for again
        except (ActionRefused, TimeoutError, ValueError) as error:
            self.not_put_first += 1
            if self._overtaking.not_put_first(whom):
                log.warning("caller.not_put_first", **about, reason=str(error) or type(error).__name__)
            return not isinstance(error, TimeoutError)
        self.put_first += 1
        self._overtaking.put_first(whom, self._now())
        log.info("caller.put_first", **about)
        return True
