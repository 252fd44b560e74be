"""Telling Bitrix24 of calls: each registered once, finished once, its recording attached afterwards.

A call there has an id of its own, which is written down before anything is done with it, together with how far we are.
So a report that is told again, perhaps after a restart or half a success, finds out what is left to do.
"""

import asyncio
from contextvars import Context
from dataclasses import dataclass
from enum import StrEnum
from functools import partial

from cti_bridge.crm.bitrix.rest import Declined, Rest
from cti_bridge.crm.bitrix.words import calls
from cti_bridge.crm.bitrix.words.plain import Command, whole
from cti_bridge.crm.links import Links
from cti_bridge.crm.memory import Memory
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.domain.call_report import CallMoment, CallReport

WITHIN_S = 10.0
"""How long one request about a call may take; attaching takes seconds there."""
_END_WITHIN_S = 60.0
"""So long Bitrix24 itself works on a request at most. Until then an end that it has not answered may still be told."""
_CLOSE_LIMIT_S = 2.0


class _Far(StrEnum):
    """How far a call has been told."""

    OPEN = "open"
    CLOSING = "closing"
    """Finishing it was begun; whether it got through is not known."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class _Told:
    """A call as Bitrix24 knows it."""

    call_id: str
    far: _Far


class CallTeller:
    """Tells of calls by an application; `user` is whose the calls are that nobody answered.

    `recordings` is where recordings can be fetched from, None where they cannot, and then none are attached. With
    `create_leads` Bitrix24 makes a lead of a caller whom it does not know.
    """

    def __init__(
        self, rest: Rest, links: Links, *, user: int, recordings: RecordingLinks | None, create_leads: bool
    ) -> None:
        self._rest = rest
        self._memory = Memory(links)
        self._user = user
        self._recordings = recordings
        self._create_leads = create_leads
        self._ends: dict[str, asyncio.Task[None]] = {}
        """The ends that are on their way, by the call's id there."""

    async def tell(self, report: CallReport) -> None:
        """Tell of one moment. Raises CrmUnavailable and CrmRefuses; a hidden number is never told: none is taken."""
        if not calls.tellable(report):
            return
        try:
            if report.moment is CallMoment.STARTED:
                await self._registered(report)
            elif report.ended_at is not None:
                told = await self._finished(report)
                if report.moment is CallMoment.UPDATED:
                    await self._attached(report, told)
        except Declined as declined:
            raise CrmRefuses(str(declined)) from None

    async def close(self) -> None:
        """Let ends that are on their way arrive, for two seconds at most; may be called twice."""
        tasks = list(self._ends.values())
        if tasks:
            await asyncio.wait(tasks, timeout=_CLOSE_LIMIT_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _registered(self, report: CallReport) -> _Told:
        """The call there: the one that was registered, or a new one."""
        kept = await self._memory.get(_call_key(report))
        if kept is not None:
            far, _, call_id = kept.partition(" ")
            return _Told(call_id, _Far(far))
        return await self._register(report)

    async def _register(self, report: CallReport) -> _Told:
        command = calls.register(report, user=self._user, create_leads=self._create_leads)
        try:
            call_id = calls.registered(await self._ask(command))
        except Declined as declined:
            raise self._otherwise_later(declined) from None
        if not call_id:
            raise CrmUnavailable(f"{command.method}: it gave the call no id")
        return await self._keep(report, _Told(call_id, _Far.OPEN))

    async def _finished(self, report: CallReport) -> _Told:
        told = await self._registered(report)
        if told.far is _Far.DONE:
            return told
        begun_before = told.far is _Far.CLOSING
        told = await self._keep(report, _Told(told.call_id, _Far.CLOSING))
        try:
            await self._finish(report, told)
        except Declined as declined:
            if not calls.says_no_such_call(declined.saying):
                raise
            if not begun_before:
                # It does not know the call any more: it forgets what was not ended within a month.
                told = await self._register(report)
                await self._finish(report, told)
        return await self._keep(report, _Told(told.call_id, _Far.DONE))

    async def _finish(self, report: CallReport, told: _Told) -> None:
        """Finish it, once however often that is asked for meanwhile.

        Two ends at a time are two calls to Bitrix24. So one that is not waited for any more goes on, and who comes
        again waits for that one.
        """
        task = self._ends.get(told.call_id)
        if task is None:
            # In a context of its own: it is to have more patience than whoever told it first.
            task = asyncio.create_task(self._tell_end(report, told), name="bitrix24-end", context=Context())
            self._ends[told.call_id] = task
            task.add_done_callback(partial(self._end_told, told.call_id))
        await asyncio.shield(task)

    def _end_told(self, call_id: str, task: asyncio.Task[None]) -> None:
        self._ends.pop(call_id, None)
        if not task.cancelled():
            task.exception()  # perhaps nobody waits for it any more

    async def _tell_end(self, report: CallReport, told: _Told) -> None:
        """Finish it in the name of who talked; in that of everybody's user, where Bitrix24 does not know him."""
        for user in dict.fromkeys((whole(report.user) or self._user, self._user)):
            try:
                await self._ask(calls.finish(report, told.call_id, user=user), within_s=_END_WITHIN_S)
            except Declined as declined:
                if user == self._user or not calls.says_no_such_user(declined.saying):
                    raise self._otherwise_later(declined) from None
            else:
                return

    def _otherwise_later(self, declined: Declined) -> Exception:
        """Whether it is nothing that is wrong with a call, which then waits: for another user in the settings, say."""
        if calls.says_no_such_user(declined.saying):
            return CrmUnavailable(f"{declined}: user {self._user} of the settings is not there, or not active")
        return CrmUnavailable(str(declined)) if calls.says_in_trouble(declined.saying) else declined

    async def _attached(self, report: CallReport, told: _Told) -> None:
        """Attach the longest recording, unless it is the one that is there already: another one would replace it."""
        file = calls.attached(report.recordings)
        address = self._recordings.link(file) if file and self._recordings is not None else ""
        if not address or await self._memory.get(_recording_key(report)) == file:
            return
        try:
            await self._ask(calls.attach(told.call_id, file, address=address))
        except Declined as declined:
            if calls.says_wrong_file(declined.saying):
                raise
            raise CrmUnavailable(str(declined)) from None
        await self._memory.put(_recording_key(report), file)

    async def _ask(self, command: Command, *, within_s: float = WITHIN_S) -> object:
        return await self._rest.call(command, within_s=within_s, urgent=False)

    async def _keep(self, report: CallReport, told: _Told) -> _Told:
        await self._memory.put(_call_key(report), f"{told.far} {told.call_id}")
        return told


def _call_key(report: CallReport) -> str:
    return f"bitrix24/call/{report.key}"


def _recording_key(report: CallReport) -> str:
    return f"bitrix24/recording/{report.key}"
