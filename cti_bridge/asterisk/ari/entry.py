"""The Stasis entry: callers whom the dialplan hands to our application are decided about and handed back.

The connection is kept up for as long as `run` runs. Whoever is found in the application when it comes up, because the
bridge or the connection was away, is answered at once. What cannot be answered is let go at once, and whoever is not
let go is fetched back by the dialplan's own deadline, so nothing here can keep a caller.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

import structlog

from cti_bridge.asterisk.ari.client import AriClient
from cti_bridge.asterisk.ari.contract import NotAQuestion, arguments_inside, channel_id, read_request
from cti_bridge.asterisk.ari.transport import AriAddress, AriFailed, AriGone
from cti_bridge.asterisk.dialplan import CLEARED, CUSTOMER_NAME, DECISION, Decide, RouteAnswer, RouteRequest
from cti_bridge.asterisk.recording.tap import Tap
from cti_bridge.backoff import delays

log = structlog.get_logger(__name__)

INBOX = 1_000
"""Callers that may wait to be decided about; the dialplan fetches them back after 1.5 s anyway."""
AT_ONCE = 64
"""Callers decided about at a time."""
WHOLE_S = 3.0
"""A conversation that takes longer is over: the dialplan waits 1.5 s unless told otherwise."""

StateSink = Callable[[str, str], None]
"""Hears how the connection is: `up` or `down`, and why."""


@dataclass(slots=True)
class StasisCounts:
    """What has happened at this entry since the start."""

    requests: int = 0
    late: int = 0
    broken: int = 0
    overflows: int = 0
    sessions: int = 0


@dataclass(slots=True)
class _Arrival:
    """A channel in our application. Without a request it is only let go."""

    channel: str
    request: RouteRequest | None
    heard_at: float
    found: bool
    """Whether it was found there, so that an earlier run may have begun to set its variables."""
    here: bool = True


class _Over(Exception):
    """The session is over; the message says why."""


class StasisEntry:
    """One PBX's Stasis application."""

    def __init__(
        self,
        address: AriAddress,
        decide: Decide,
        on_state: StateSink,
        counts: StasisCounts,
        *,
        tap: Tap | None = None,
    ) -> None:
        self._address = address
        self._decide = decide
        self._on_state = on_state
        self._counts = counts
        self._tap = tap or Tap()
        self._inbox: asyncio.Queue[_Arrival] = asyncio.Queue(INBOX)
        self._here: dict[str, _Arrival] = {}
        self._why_over: asyncio.Queue[str] = asyncio.Queue(1)
        self._replaced = False
        self._stopping = False

    async def run(self) -> None:
        """Keep the application there until cancelled."""
        async with AriClient(self._address, self._receive) as client, asyncio.TaskGroup() as tasks:
            for number in range(AT_ONCE):
                tasks.create_task(self._serve(client), name=f"ari-{number}")
            tasks.create_task(self._keep_connected(client), name="ari-connection")

    async def stop(self, *, within_s: float) -> None:
        """Take the application away, so that nobody enters it any more, and let decisions in flight finish."""
        self._stopping = True
        self._end("stopping")
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await self._inbox.join()

    async def _keep_connected(self, client: AriClient) -> None:
        waits = delays()
        last_reason = ""
        while not self._stopping:
            sessions = self._counts.sessions
            reason = await self._session(client)
            if self._stopping:
                return
            came_up = self._counts.sessions != sessions
            if reason != last_reason or came_up:
                log.warning("ari.lost", reason=reason)
                last_reason = reason
            self._on_state("down", reason)
            if came_up and not self._replaced:
                waits = delays()  # but two programs that take the application from each other become slower at it
            await asyncio.sleep(next(waits))

    async def _session(self, client: AriClient) -> str:
        """One connection from login to its end; gives back why it ended."""
        reason = ""
        self._replaced = False
        while not self._why_over.empty():
            self._why_over.get_nowait()
        try:
            async with asyncio.TaskGroup() as tasks:
                connected = asyncio.Event()
                tasks.create_task(self._listen(client, connected), name="ari-events")
                tasks.create_task(self._work(client, connected), name="ari-session")
        except* (AriFailed, _Over) as ended:
            reason = str(ended.exceptions[0])
        return reason

    async def _listen(self, client: AriClient, connected: asyncio.Event) -> None:
        await client.listen(connected.set)
        raise _Over(f"ARI at {self._address.place}: connection closed by Asterisk")

    async def _work(self, client: AriClient, connected: asyncio.Event) -> None:
        await connected.wait()
        self._counts.sessions += 1
        await client.hear_only_these()
        await self._resync(client)
        log.info("ari.connected")
        self._on_state("up", "")
        raise _Over(await self._why_over.get())

    async def _resync(self, client: AriClient) -> None:
        """Take up the channels that entered while nobody listened."""
        for channel in await client.channels():
            if channel in self._here:
                continue
            try:
                picture = await client.channel(channel)
            except AriGone:
                continue
            arguments = arguments_inside(picture, self._address.application)
            if arguments is not None and channel_id(picture) == channel:
                self._arrived(picture, arguments, found=True)

    def _receive(self, event: Mapping[str, object]) -> None:
        match event.get("type"):
            case "StasisStart":
                self._arrived(event.get("channel"), event.get("args"))
            case "StasisEnd":
                left = self._here.pop(channel_id(event.get("channel")), None)
                if left is not None:
                    left.here = False
            case "ApplicationReplaced":
                self._replaced = True
                self._end(f"another program has taken the Stasis application {self._address.application!r}")

    def _arrived(self, channel: object, arguments: object, *, found: bool = False) -> None:
        uniqueid = channel_id(channel)
        if uniqueid in self._here:
            return  # both found and told of
        self._tap.ari(channel, arguments)
        request = None
        try:
            request = read_request(channel, arguments)
        except NotAQuestion as error:
            self._counts.broken += 1
            log.info("ari.broken", reason=str(error))
        if not uniqueid:
            return
        arrival = _Arrival(uniqueid, request, time.monotonic(), found)
        try:
            self._inbox.put_nowait(arrival)
        except asyncio.QueueFull:
            self._counts.overflows += 1
        else:
            self._here[uniqueid] = arrival

    def _end(self, why: str) -> None:
        with suppress(asyncio.QueueFull):
            self._why_over.put_nowait(why)

    async def _serve(self, client: AriClient) -> None:
        while True:
            arrival = await self._inbox.get()
            try:
                async with asyncio.timeout(WHOLE_S):
                    await self._answer(client, arrival)
            except AriGone:
                self._counts.late += 1
            except (TimeoutError, AriFailed, ValueError) as error:
                self._counts.broken += 1
                # Only the words of AriFailed are our own; those of others may hold what the caller sent.
                log.info("ari.broken", reason=str(error) if isinstance(error, AriFailed) else type(error).__name__)
            except Exception:
                self._counts.broken += 1
                log.exception("ari.failed")
            finally:
                if self._here.get(arrival.channel) is arrival:
                    del self._here[arrival.channel]
                self._inbox.task_done()

    async def _answer(self, client: AriClient, arrival: _Arrival) -> None:
        """Answer one caller and let him go, also when there is no answer; not when he has left by himself."""
        gone = False
        try:
            if arrival.request is not None:
                await self._tell(client, arrival, arrival.request)
        except AriGone:
            gone = True
            raise
        finally:
            if not gone:
                with suppress(AriGone, AriFailed):
                    await client.let_go(arrival.channel)

    async def _tell(self, client: AriClient, arrival: _Arrival, request: RouteRequest) -> None:
        self._counts.requests += 1  # also where he has left by now: who called and hung up is to be known
        answer = await self._decide(request, arrival.heard_at)
        complete = False
        try:
            if not arrival.here:
                raise AriGone
            await _set_variables(client, arrival, answer)
            complete = True
        finally:
            # Before he is let go: afterwards AMI may tell of him, and by then the call must be known.
            self._tap.answered(request.uniqueid, answer, taken=complete)
            answer.sent(complete)


async def _set_variables(client: AriClient, arrival: _Arrival, answer: RouteAnswer) -> None:
    """All at once, then the decision alone, where there is one. Raises AriGone, AriFailed."""
    values: dict[str, str] = {}
    if arrival.found:
        await client.set_variable(arrival.channel, DECISION, "")  # an earlier one must not count for what comes now
        values = dict.fromkeys(CLEARED, "")
    values |= answer.variables
    if answer.customer_name:
        values[CUSTOMER_NAME] = answer.customer_name
    asked = [client.set_variable(arrival.channel, name, value) for name, value in values.items()]
    for result in await asyncio.gather(*asked, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
    if answer.decision:
        await client.set_variable(arrival.channel, DECISION, answer.decision)
