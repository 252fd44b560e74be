"""Finds out what happened to calls while Asterisk was not heard, from what it has written down itself.

The records become the events that AMI would have told, so the call book takes them in by the rules that it has, with
the times at which they happened. That must not hold anything up: the files are read in a thread of their own and waited
for only so long; what comes later is dropped, and the snapshot alone has to do, as where there are no records.
"""

import asyncio
import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace

import structlog

from cti_bridge.asterisk.ami.hearing import Interruption
from cti_bridge.asterisk.records.reading import Found, Question, RecordFiles, read
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.events import CallEvent, PbxRestarted, Snapshot
from cti_bridge.calls.leg import LegState
from cti_bridge.domain.ids import ChannelId
from cti_bridge.operators.directory import Directory

log = structlog.get_logger(__name__)

WITHIN_S = 5.0
"""How long callers' screens wait at most for what the records say."""


class Healing:
    """Reads the records of one PBX after each interruption."""

    def __init__(
        self,
        files: RecordFiles,
        *,
        book: CallBook,
        directory: Callable[[], Directory],
        within_s: float = WITHIN_S,
    ) -> None:
        self.known_until: float | None = None
        """Until when an earlier run knew everything (seconds since 1970); asked while this run has heard nothing."""
        self.bad_lines = 0
        """Lines of records that could not be read."""
        self.found = 0
        """Events that were found in records."""
        self._files = files
        self._book = book
        self._directory = directory
        self._within_s = within_s
        self._idle = asyncio.Event()
        """No thread reads."""
        self._idle.set()
        self._hangs = False
        """The last reading took too long."""

    async def look_back(self, interruption: Interruption) -> Snapshot:
        """The snapshot of an interruption with what happened before it and was not heard."""
        in_this_run = interruption.heard_until
        heard = in_this_run if in_this_run is not None else self.known_until
        if heard is None:
            return interruption.snapshot
        events = (await self._read(self._question(interruption, heard))).events
        self.found += len(events)
        past = _with_restart(events, interruption, heard)
        # What an earlier run heard is not in the book of this one: all of it has still to be taken in.
        return replace(interruption.snapshot, past=past, heard_until=in_this_run or 0.0)

    def _question(self, interruption: Interruption, heard: float) -> Question:
        snapshot = interruption.snapshot
        ringing = {
            (call.channel, leg.interface): leg.id
            for call in self._book.live()
            for leg in call.legs
            if leg.state is LegState.RINGING
        }
        rang: dict[tuple[ChannelId, str], list[float]] = {}
        for call in self._book.live():
            for leg in call.legs:
                if leg.ended_at is not None and leg.answered_at is None:
                    rang.setdefault((call.channel, leg.interface), []).append(leg.ended_at)
        there = frozenset(seen.channel for seen in snapshot.channels)
        phones = {operator.name: operator.phones for operator in self._directory().all()}

        def interface_of(member: str) -> str:
            """Members are written down by their names, which are interfaces or, if Asterisk was told so, people's."""
            return member if "/" in member else next(iter(phones.get(member, ())), member)

        return Question(heard, snapshot.at, there, ringing, rang, interface_of, interruption.later_s)

    async def _read(self, question: Question) -> Found:
        if self._files == RecordFiles():
            return Found()
        if self._hangs and not self._idle.is_set():
            log.warning("records.unread", reason="the disk has not answered since the last time")
            return Found()
        try:
            async with asyncio.timeout(self._within_s):
                await self._idle.wait()  # one may read for a session that was over before it had its answer
                found = await self._in_a_thread(question)
            self._hangs = False
        except TimeoutError:
            self._hangs = True
            log.warning("records.unread", reason=f"not read within {self._within_s:g} s")
            return Found()
        except OSError as error:
            log.warning("records.unread", reason=f"{error.filename or 'records'}: {error.strerror or error}")
            return Found()
        except Exception:
            log.exception("records.unread", reason="a line of it cannot be taken in")
            return Found()
        if found.trouble:
            log.warning("records.unread", reason=found.trouble)
        self.bad_lines += found.bad
        log.info(
            "records.read",
            source=found.source,
            events=len(found.events),
            unheard_s=round(question.until - question.heard, 1),
            bad_lines=found.bad,
            complete=found.reaches,
        )
        return found

    async def _in_a_thread(self, question: Question) -> Found:
        """Not one of a pool: a disk that hangs would keep the daemon from ending."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[Found] = loop.create_future()

        def work() -> None:
            result: Found | Exception
            try:
                result = read(self._files, question)
            except Exception as error:
                result = error
            with contextlib.suppress(RuntimeError):  # the daemon has ended meanwhile
                loop.call_soon_threadsafe(self._settle, done, result)

        threading.Thread(target=work, name="records", daemon=True).start()
        self._idle.clear()
        return await done

    def _settle(self, done: "asyncio.Future[Found]", result: Found | Exception) -> None:
        self._idle.set()
        if done.done():
            return
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(result)


def _with_restart(events: tuple[CallEvent, ...], seen: Interruption, heard: float) -> tuple[CallEvent, ...]:
    """The events, and that the PBX was restarted between them, where it was: no call of before has lived on."""
    back_at = seen.restarted_since(heard)
    if back_at is None:
        return events
    before = tuple(event for event in events if event.at < back_at)
    last_there = max([heard, min(seen.last_there, back_at), *(event.at for event in before)])
    return (*before, PbxRestarted(last_there, back_at), *(event for event in events if event.at >= back_at))
