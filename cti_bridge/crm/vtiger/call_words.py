"""Calls in vtiger's words: the messages of its telephony module that tell of one moment of a call. Pure.

vtiger CE and SalesPlatform take the words of their own PBX connector, Vtiger Cloud has others and fewer.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from urllib.parse import quote

from cti_bridge.crm.vtiger.numbers import national
from cti_bridge.crm.vtiger.words import Flavour
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.direction import Direction

LONGEST_LINK = 200
LONGEST_CALL_ID = 100
_LONGEST_LINE = 100
_HIDDEN = "anonymous"
"""With an empty number vtiger would show the first customer that it has as the caller."""
_DIALLED = re.compile(r"\+?[0-9]{1,20}")
"""vtiger writes the number into its SQL as it stands, so nothing else may ever get there."""

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Manner:
    """How calls are told: in whose words, for which extension when nobody answered, with times in which zone.

    `recordings` is the address before a recording's file name; empty when no recordings are told.
    """

    flavour: Flavour
    zone: tzinfo
    unanswered: str = ""
    recordings: str = ""


@dataclass(frozen=True, slots=True)
class Call:
    """A report with what all messages need of it."""

    report: CallReport
    manner: Manner
    extension: str

    @property
    def id(self) -> str:
        """The call's key; a longer one than vtiger's column is told apart by a digest."""
        key = self.report.key
        if len(key) <= LONGEST_CALL_ID:
            return key
        return f"{key[:67]}-{hashlib.sha256(key.encode()).hexdigest()[:32]}"

    @property
    def inbound(self) -> bool:
        """Whether somebody called us."""
        return self.report.direction != Direction.OUTBOUND

    @property
    def number(self) -> str:
        """The other side's number as vtiger finds its owner by it.

        SalesPlatform compares the last ten digits. vtiger compares beginnings and ends of whole numbers, so that only
        the national part fits both `8 495 …` and `+7 495 …`; how the cloud does it is not said, so it gets the same.
        """
        number = self.report.number
        if not _DIALLED.fullmatch(number):
            return _HIDDEN
        return number if self.manner.flavour is Flavour.SALESPLATFORM else national(number)

    @property
    def sides(self) -> tuple[str, str]:
        """Who called, and who was called."""
        return (self.number, self.extension) if self.inbound else (self.extension, self.number)

    def time(self, at: datetime | None) -> str:
        """A time as vtiger writes it, without a zone: empty for none."""
        return at.astimezone(self.manner.zone).strftime("%Y-%m-%d %H:%M:%S") if at is not None else ""


def _pbx_begun(call: Call) -> Message:
    """An outbound call, for vtiger, is one whose number or channel is a user's; it then takes the other side's name."""
    channel = "SIP/trunk-0" if call.inbound else f"SIP/{call.extension}-0"
    return {
        "callstatus": "StartApp",
        "callUUID": call.id,
        "callerIdNumber": call.sides[0],
        "callerIdName": call.number,
        "channel": channel,
        **_beginning(call),
    }


def _sales_begun(call: Call) -> Message:
    caller, called = call.sides
    return {
        "callstatus": "DialBegin",
        "callUUID": call.id,
        "callerIdNumber": caller,
        "dialString": called,
        **_beginning(call),
    }


def _beginning(call: Call) -> Message:
    return {"StartTime": call.time(call.report.started_at), "connectedLineName": call.report.did[:_LONGEST_LINE]}


def _pbx_answered(call: Call) -> Message:
    caller, called = call.sides
    return {"callstatus": "DialAnswer", "callUUID": call.id, "callerid1": caller, "callerid2": called}


def _pbx_ended(call: Call) -> list[Message]:
    """The times first: without them SalesPlatform takes the moment of the Hangup for the end."""
    report = call.report
    ended_at = report.ended_at or report.started_at
    lasted = str(max(0, int((ended_at - report.started_at).total_seconds())))
    end = call.time(ended_at)
    return [
        {
            "callstatus": "EndCall",
            "callUUID": call.id,
            "callerNumber": call.extension,
            "starttime": call.time(report.started_at),
            "endtime": end,
            "duration": lasted,
            "billableseconds": str(report.talked_s),
        },
        {
            "callstatus": "Hangup",
            "callUUID": call.id,
            "callerIdNum": call.extension,
            "causetxt": "Normal Clearing",
            "HangupCause": "ANSWER" if report.answered_at is not None else "NO ANSWER",
            "EndTime": end,
            "Duration": lasted,
        },
    ]


def _pbx_recorded(call: Call, link: str) -> Message:
    return {"callstatus": "Record", "callUUID": call.id, "callerNumber": call.extension, "recordinglink": link}


def _cloud_begun(call: Call) -> Message:
    way = "inbound" if call.inbound else "outbound"
    return {"event": "call_initiated", "call_id": call.id, "direction": way, **_cloud_sides(call)}


def _cloud_answered(call: Call) -> Message:
    return {"event": "call_connected", "call_id": call.id, **_cloud_sides(call)}


def _cloud_ended(call: Call) -> list[Message]:
    reason = "completed" if call.report.answered_at is not None else "no_answer"
    return [{"event": "call_hangup", "call_id": call.id, "hangup_reason": reason}]


def _cloud_recorded(call: Call, link: str) -> Message:
    return {"event": "call_recording", "call_id": call.id, "recordingurl": link}


def _cloud_sides(call: Call) -> Message:
    caller, called = call.sides
    return {"from": caller, **({"to": called} if called else {})}


@dataclass(frozen=True, slots=True)
class Words:
    """The messages that one flavour has: a call begins, is answered, is over, was recorded."""

    begun: Callable[[Call], Message]
    answered: Callable[[Call], Message]
    ended: Callable[[Call], list[Message]]
    recorded: Callable[[Call, str], Message]


WORDS: Mapping[Flavour, Words] = {
    Flavour.VTIGER: Words(_pbx_begun, _pbx_answered, _pbx_ended, _pbx_recorded),
    Flavour.SALESPLATFORM: Words(_sales_begun, _pbx_answered, _pbx_ended, _pbx_recorded),
    Flavour.CLOUD: Words(_cloud_begun, _cloud_answered, _cloud_ended, _cloud_recorded),
}


def link_of(report: CallReport, manner: Manner) -> str:
    """The address of the first recording: vtiger keeps one. One that does not fit would be cut off and lead nowhere."""
    if not manner.recordings or not report.recordings:
        return ""
    first = min(report.recordings, key=lambda one: one.started_at)
    name = quote(first.file.rpartition("/")[2], safe="")
    link = f"{manner.recordings.rstrip('/')}/{name}"
    return link if name and len(link) <= LONGEST_LINK else ""
