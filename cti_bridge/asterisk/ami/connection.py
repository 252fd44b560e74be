"""The supervised AMI connection: log in, prove that events come, take a snapshot, pass events on, and again.

Everything that happens to calls goes through one bounded inbox. When it is full, events are lost, and with them the
picture; then the session is ended and the next one begins with a new snapshot.
"""

import asyncio
import ssl
import time
import uuid
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial

import structlog
from panoramisk.message import Message

from cti_bridge.asterisk.ami import members, translate
from cti_bridge.asterisk.ami.file_names import FileNames
from cti_bridge.asterisk.ami.hearing import Hearing, LookBack, no_records
from cti_bridge.asterisk.ami.inbox import MAX_WAITING, CallSink, Inbox
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected, SafeManager, why_not
from cti_bridge.asterisk.ami.sighting import LISTS, Sighting
from cti_bridge.asterisk.recording.tap import Tap
from cti_bridge.backoff import delays
from cti_bridge.calls.events import CallEvent, RecordingStarted, Snapshot
from cti_bridge.domain.member import MemberEvent

log = structlog.get_logger(__name__)

_ABOUT_ASTERISK = ("FullyBooted", "Shutdown")


StateSink = Callable[[str, str], None]
"""Hears how Asterisk is: `up`, `down` or `at_risk`, and why."""


@dataclass(frozen=True, slots=True)
class AmiAddress:
    """Where and as whom to log in; limits in seconds."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = None
    connect_within_s: float = 5.0
    answer_within_s: float = 5.0
    ping_every_s: float = 10.0
    boot_within_s: float = 60.0
    probe_within_s: float = 3.0


class AmiConnection:
    """One PBX's manager interface, reconnected for as long as `run` runs."""

    def __init__(
        self,
        address: AmiAddress,
        sink: CallSink,
        on_state: StateSink,
        *,
        needs_check: Callable[[], bool] = lambda: False,
        look_back: LookBack = no_records,
        tap: Tap | None = None,
        inbox_limit: int = MAX_WAITING,
        now: Callable[[], float] = time.time,
    ) -> None:
        """`needs_check` is asked as often as a ping is sent; when it says so, a new snapshot is taken.

        `look_back` is asked once in each session what happened before it. `now` is the clock that calls are measured
        by, in seconds since 1970.
        """
        self.events = 0
        self.sessions = 0
        self.session_watchers: list[Callable[[bool], None]] = []
        """Told when a session has taken in all there is (True), and when it has ended."""
        self.member_watchers: list[Callable[[MemberEvent], None]] = []
        """Told what happens to members of queues, as soon as it comes."""
        self._address = address
        self._needs_check = needs_check
        self._now = now
        self._hearing = Hearing(self._hear, look_back, limit=MAX_WAITING)
        self._taken_until: float | None = None
        self._on_state = on_state
        self._tap = tap or Tap()
        self._looking = asyncio.Lock()
        self._inbox = Inbox(sink, limit=inbox_limit)
        self._files = FileNames(self.ask, self.feed)
        self._manager: SafeManager | None = None
        self._over: asyncio.Future[str] | None = None
        """Why the present session is over, as soon as it is."""
        self._booted = asyncio.Event()
        self._clock = translate.PbxClock()
        self._probe_id = ""
        self._probe_seen = asyncio.Event()

    @property
    def overflows(self) -> int:
        """Events that were lost because the inbox was full."""
        return self._inbox.lost

    @property
    def waiting(self) -> int:
        """Events that have not been taken in yet."""
        return self._inbox.waiting + self._hearing.early

    @property
    def heard_until(self) -> float | None:
        """Until when everything is taken in that Asterisk told, as far as that was known at a quiet moment."""
        if self._inbox.waiting == 0:
            self._taken_until = self._hearing.until
        return self._taken_until

    def feed(self, event: CallEvent) -> None:
        """Put an event that did not come by AMI (a call offered by FastAGI) into its place among the others."""
        if not self._inbox.put(event):
            self._hearing.loses()
            self._end("events came faster than they could be taken in")

    async def ask(
        self,
        headers: Mapping[str, str],
        *,
        take: Callable[[translate.Headers], None] | None = None,
        within_s: float | None = None,
    ) -> list[Message]:
        """Carry out one action; `take` gets the entries of a list one by one, `within_s` is a limit of its own.

        Raises NotConnected, ActionRefused, TimeoutError or ValueError.
        """
        if self._manager is None:
            raise NotConnected("not connected to AMI")
        return await self._manager.ask(headers, within_s=within_s or self._address.answer_within_s, take=take)

    def pbx_time(self, at: float) -> float:
        """A time of our clock (seconds since 1970) on the clock of the PBX."""
        return self._clock.theirs(at)

    def clock_was_set(self, by_s: float) -> None:
        """`now` made a leap by so many seconds: how far the PBX's clock is from it is to be learnt anew."""
        self._clock = translate.PbxClock()
        self._hearing.clock_was_set(by_s)

    async def run(self) -> None:
        """Keep the connection up until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._inbox.run(), name="ami-inbox")
            tasks.create_task(self._files.run(), name="ami-files")
            tasks.create_task(self._keep_connected(), name="ami-connection")

    async def _keep_connected(self) -> None:
        waits = delays()
        last_reason = ""
        while True:
            sessions = self.sessions
            reason = await self._session()
            if reason != last_reason or self.sessions != sessions:
                log.warning("asterisk.lost", reason=reason)
                last_reason = reason
            self._on_state("down", reason)
            if self.sessions != sessions:
                waits = delays()
            await asyncio.sleep(next(waits))

    async def _session(self) -> str:
        """One connection from login to its end; gives back why it ended."""
        over = self._over = asyncio.get_running_loop().create_future()
        self._booted.clear()
        self._clock = translate.PbxClock()
        self._hearing.begins()
        address = self._address
        manager = SafeManager(
            wants_event=self._wants,
            on_event=self._receive,
            on_lost=partial(self._lost, over),
            host=address.host,
            port=address.port,
            username=address.username,
            secret=address.secret,
        )
        try:
            if not await manager.open(tls=address.tls, within_s=address.connect_within_s):
                return f"AMI refused the login of user {address.username!r}: wrong name or secret"
            self._manager = manager
            return await self._serve(over)
        except TimeoutError:
            return f"AMI at {address.host}:{address.port} did not answer in time"
        except OSError as error:
            return f"AMI at {address.host}:{address.port}: {why_not(error)}"
        except (NotConnected, ActionRefused) as error:
            return f"AMI at {address.host}:{address.port}: {error}"
        finally:
            self._manager = None
            manager.close()
            _tell(partial(watch, False) for watch in self.session_watchers)

    async def _serve(self, over: asyncio.Future[str]) -> str:
        """Work until the session is over; gives back why it is. Raises what the work failed of."""
        work = asyncio.create_task(self._work(), name="ami-session")
        try:
            await asyncio.wait({over, work}, return_when=asyncio.FIRST_COMPLETED)
            return over.result() if over.done() else work.result()
        finally:
            await _stop(work)

    async def _work(self) -> str:
        async with asyncio.timeout(self._address.boot_within_s):
            await self._booted.wait()
        await self._inbox.resync(self._first_snapshot)
        self._hearing.caught_up()
        self.sessions += 1
        reason = await self._why_deaf()
        if reason:
            log.warning("asterisk.deaf", reason=reason)
            self._on_state("at_risk", reason)
        else:
            log.info("asterisk.connected")
            self._on_state("up", "")
        _tell(partial(watch, True) for watch in self.session_watchers)
        while True:
            await asyncio.sleep(self._address.ping_every_s)
            await self._ping()
            self._hearing.is_there(self._now())
            if self._needs_check():
                await self._inbox.resync(self._snapshot)

    async def _first_snapshot(self) -> Snapshot:
        """What Asterisk has now, with what happened while it was not heard."""
        await self._ping()
        snapshot = await self._snapshot()
        return await self._hearing.catch_up(snapshot, later_s=snapshot.at - self._clock.theirs(snapshot.at))

    async def _ping(self) -> None:
        """Asterisk answers, and says what time it has: in a quiet moment nothing else does."""
        (pong, *_) = await self.ask({"Action": "Ping"})
        if translate.text(pong, "Timestamp"):
            now = self._now()
            self._clock.ours(translate.stamp(pong, now), now)

    async def _snapshot(self) -> Snapshot:
        """What Asterisk has now; the time of the snapshot is the moment of asking."""
        asked_at = self._now()
        sighting = Sighting()

        def take(entry: translate.Headers) -> None:
            sighting.add(entry)
            self._tap.ami(entry)

        await self.look(take, self._tap.snapshot)
        return sighting.snapshot(asked_at)

    async def look(self, take: Callable[[translate.Headers], None], told: Callable[[str], None]) -> None:
        """List all channels, waiting callers and bridges; one look at a time. Raises as `ask`.

        `take` gets the entries, `told` hears `asked` before them, and `complete` or `failed` when no more will come.
        """
        async with self._looking:
            told("asked")
            try:
                for action in LISTS:
                    await self.ask({"Action": action}, take=take)
            except BaseException:
                told("failed")
                raise
            told("complete")

    async def _why_deaf(self) -> str:
        """Why no events arrive; empty when they do, proved with a call to an extension that nobody has.

        It rings nothing, and its Hangup must reach us. A wrong event filter is accepted by Asterisk without an error
        and then hides everything.
        """
        self._probe_id = f"cti-probe-{uuid.uuid4().hex[:12]}"
        self._probe_seen.clear()
        probe = {
            "Action": "Originate",
            "Channel": "Local/probe@cti-bridge-probe/n",
            "ChannelId": self._probe_id,
            "OtherChannelId": f"{self._probe_id}-2",
            "Application": "NoOp",
            "Async": "true",
            "Timeout": "1000",
        }
        asked = asyncio.create_task(self.ask(probe), name="ami-probe")
        try:
            async with asyncio.timeout(self._address.probe_within_s):
                await self._probe_seen.wait()
            return ""
        except TimeoutError:
            if asked.done() and isinstance(asked.exception(), ActionRefused):
                return "AMI refuses Originate, so it cannot be proved that events arrive: check write= in manager.conf"
            return "logged in, but no events arrive: check read= and eventfilter of this user in manager.conf"
        finally:
            await _stop(asked)

    def _wants(self, event: str) -> bool:
        self.events += 1
        wanted = event in translate.TRANSLATED or event in members.HEARD or event in _ABOUT_ASTERISK
        return wanted or self._tap.listening > 0

    def _receive(self, message: translate.Headers) -> None:
        name = translate.text(message, "Event")
        if self._probe_id and translate.text(message, "Uniqueid").startswith(self._probe_id):
            if name == "Hangup":
                self._probe_seen.set()
            return
        self._tap.ami(message)
        if name == "FullyBooted":
            if self._booted.is_set():
                self._end("Asterisk was restarted")
            now = self._now()
            stamp = self._clock.ours(translate.stamp(message, now), now)
            self._hearing.booted(stamp, translate.text(message, "Uptime"))
            self._booted.set()
            return
        if name == "Shutdown":
            self._end("Asterisk was shut down")
            return
        if name in members.HEARD:
            told = members.heard(message)
            if told is not None:
                _tell(partial(watch, told) for watch in self.member_watchers)
            return
        event = translate.translate(message, self._now(), self._clock)
        if event is not None and not self._hearing.take(event):
            self._end("events came faster than they could be taken in")

    def _hear(self, event: CallEvent) -> None:
        self.feed(event)
        if isinstance(event, RecordingStarted):
            self._files.want(event)

    def _lost(self, over: "asyncio.Future[str]", why: str) -> None:
        """The line is closed by the other side; it was there until now."""
        if self._manager is not None:
            self._hearing.is_there(self._now())
        _settle(over, why)

    def _end(self, why: str) -> None:
        if self._over is not None:
            _settle(self._over, why)


def _tell(watchers: Iterable[Callable[[], None]]) -> None:
    """Tell them; one that fails costs neither the others nor the connection."""
    for watch in watchers:
        try:
            watch()
        except Exception:
            log.exception("event.failed", kind="watcher")


def _settle(over: asyncio.Future[str], why: str) -> None:
    """Say why a session is over; the first reason counts."""
    if not over.done():
        over.set_result(why)


async def _stop(*tasks: "asyncio.Task[object]") -> None:
    """Cancel these tasks and wait for their end, whatever it is; our own cancellation meanwhile is not swallowed."""
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    for task in tasks:
        if not task.cancelled():
            task.exception()  # seen; what it says has been told already
