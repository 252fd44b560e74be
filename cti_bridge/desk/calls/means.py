"""What this PBX lets operators do: asked of our own dialplan at the beginning of each session, and now and then."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import structlog

from cti_bridge.asterisk.ami.steering import PbxRefused, PbxSilent, Steering
from cti_bridge.calls.book import Change
from cti_bridge.calls.desk_events import MeansTold
from cti_bridge.calls.events import CallEvent
from cti_bridge.desk.calls.call_actions import REASONS
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.phone_orders import new_channel
from cti_bridge.operators.command_list import CommandRefused

log = structlog.get_logger(__name__)

EVERY_S = 3600.0
LACKING_EVERY_S = 60.0
"""While something is missing, somebody may be about to put it right. Otherwise it is asked rarely, for each time there
is a call more in the PBX's own records."""
LOOK_S = 1.0
"""How often it is looked whether there is a new session."""
TOLD_WITHIN_S = 10.0
ALL = frozenset({"transfer", "hold", "pickup", "outbound", "wait"})
NEEDED = {
    "transfer": ("transfer",),
    "hold": ("hold",),
    "resume": ("hold",),
    "consult": ("hold",),
    "consult_cancel": ("hold",),
    "complete": ("hold",),
}
"""What our dialplan must have for each action; nothing but AMI is needed to hang up."""


class Means:
    """Knows it as long as `run` runs."""

    def __init__(
        self,
        steering: Steering,
        events: EventWatch,
        *,
        session: Callable[[], int],
        connected: Callable[[], bool],
        on_change: Callable[[], None],
    ) -> None:
        """`session` counts the sessions with the PBX that have begun; `connected`: one goes on."""
        self._steering = steering
        self._events = events
        self._session = session
        self._connected = connected
        self._on_change = on_change
        self._has: frozenset[str] | None = None

    @property
    def can_dial(self) -> bool:
        """Whether numbers outside can be called."""
        return self._connected() and "outbound" in (self._has or ())

    @property
    def may_dial(self) -> bool:
        """Whether numbers outside can be called, or will be as soon as the PBX is there and has said what it has."""
        return self._has is None or "outbound" in self._has

    def require(self, what: str) -> None:
        """Raise CommandRefused where the PBX does not have this, has not said so yet, or cannot be reached."""
        if not self._connected():
            raise CommandRefused("unavailable", REASONS["pbx_down"])
        if self._has is None:
            raise CommandRefused("unavailable", REASONS["pbx_unasked"])
        if what not in self._has:
            raise CommandRefused("not_possible", REASONS["pbx_lacks" if self._has else "dialplan_old"])

    def lacks(self) -> Mapping[str, str]:
        """Of each action that cannot be done here at all, the code of why not."""
        if not self._connected():
            return dict.fromkeys((*NEEDED, "hangup"), "pbx_down")
        if self._has is None:
            return dict.fromkeys(NEEDED, "pbx_unasked")
        return {name: "dialplan_old" for name, needs in NEEDED.items() if not self._has.issuperset(needs)}

    async def run(self) -> None:
        """Ask again and again, until cancelled."""
        asked, waited_s = -1, 0.0
        while True:
            session = self._session()
            every_s = EVERY_S if self._has == ALL else LACKING_EVERY_S
            if self._connected() and (session != asked or waited_s >= every_s):
                asked, waited_s = session, 0.0
                await self._ask()
            await asyncio.sleep(LOOK_S)
            waited_s += LOOK_S

    async def _ask(self) -> None:
        has = await self._told()
        if not has and self._has != has:  # one answer that is lost, or late, takes nothing away from anybody
            has = await self._told()
        self.learn(has)

    async def _told(self) -> frozenset[str]:
        try:
            return await ask_means(self._steering, self._events, within_s=TOLD_WITHIN_S)
        except (PbxRefused, PbxSilent):
            return frozenset()

    def learn(self, has: frozenset[str]) -> None:
        """Take note of what the dialplan has now; that it says nothing counts only while there is a session."""
        if has != self._has and (has or self._connected()):
            self._has = has
            log.info("desk.means", has=sorted(has))
            self._on_change()


async def ask_means(steering: Steering, events: EventWatch, *, within_s: float) -> frozenset[str]:
    """What our dialplan says it has; nothing where it does not say anything. Raises PbxRefused or PbxSilent."""
    channel = new_channel("means")

    def told(event: CallEvent, _: Sequence[Change]) -> frozenset[str] | None:
        return event.means if isinstance(event, MeansTold) and event.channel.startswith(channel) else None

    with events.expects(told) as means:
        asking = asyncio.create_task(steering.send_probe(channel, "cti-means"), name="means")
        try:
            async with asyncio.timeout(within_s):
                either: set[asyncio.Future[Any]] = {means, asking}
                await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
                if not means.done():
                    await asking  # raises why there will be no answer
                return await means
        except TimeoutError:
            return frozenset()
        finally:
            asking.cancel()
            await asyncio.gather(asking, return_exceptions=True)
