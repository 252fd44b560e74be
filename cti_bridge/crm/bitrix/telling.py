"""Telling Bitrix24 of calls: each registered once, finished once, its recording attached afterwards.

A call there has an id of its own, which is written down before anything is done with it, together with how far we are.
So a report that is told again, perhaps after a restart or half a success, finds out what is left to do.
"""

from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.crm.bitrix.rest import Declined, Rest
from cti_bridge.crm.bitrix.words import calls
from cti_bridge.crm.bitrix.words.plain import Command, whole
from cti_bridge.crm.links import Links
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.call_report import CallMoment, CallReport

WITHIN_S = 10.0
"""How long one request about a call may take; finishing and attaching take seconds there."""


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
        self._links = links
        self._user = user
        self._recordings = recordings
        self._create_leads = create_leads

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
        except DatabaseUnusable as error:
            raise CrmUnavailable(f"which call is which cannot be written down: {error}") from None

    async def _registered(self, report: CallReport) -> _Told:
        """The call there: the one that was registered, or a new one."""
        kept = await self._links.get(_call_key(report))
        if kept is not None:
            far, _, call_id = kept.partition(" ")
            return _Told(call_id, _Far(far))
        return await self._register(report)

    async def _register(self, report: CallReport) -> _Told:
        command = calls.register(report, user=self._user, create_leads=self._create_leads)
        call_id = calls.registered(await self._ask(command))
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
                # It has forgotten the call: a day may lie between its beginning and this report.
                told = await self._register(report)
                await self._finish(report, told)
        return await self._keep(report, _Told(told.call_id, _Far.DONE))

    async def _finish(self, report: CallReport, told: _Told) -> None:
        """Finish it in the name of who talked; in that of everybody's user, where Bitrix24 does not know him."""
        user = whole(report.user) or self._user
        try:
            await self._ask(calls.finish(report, told.call_id, user=user))
        except Declined as declined:
            if user == self._user or calls.says_no_such_call(declined.saying):
                raise
            await self._ask(calls.finish(report, told.call_id, user=self._user))

    async def _attached(self, report: CallReport, told: _Told) -> None:
        """Attach the longest recording, unless it is the one that is there already: another one would replace it."""
        file = calls.attached(report.recordings)
        address = self._recordings.link(file) if file and self._recordings is not None else ""
        if not address or await self._links.get(_recording_key(report)) == file:
            return
        try:
            await self._ask(calls.attach(told.call_id, file, address=address))
        except Declined as declined:
            if calls.says_not_fetched(declined.saying) or calls.says_no_such_call(declined.saying):
                raise CrmUnavailable(str(declined)) from None
            raise
        await self._links.put(_recording_key(report), file)

    async def _ask(self, command: Command) -> object:
        return await self._rest.call(command, within_s=WITHIN_S, urgent=False)

    async def _keep(self, report: CallReport, told: _Told) -> _Told:
        await self._links.put(_call_key(report), f"{told.far} {told.call_id}")
        return told


def _call_key(report: CallReport) -> str:
    return f"bitrix24/call/{report.key}"


def _recording_key(report: CallReport) -> str:
    return f"bitrix24/recording/{report.key}"
