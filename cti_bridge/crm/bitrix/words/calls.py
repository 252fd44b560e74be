"""Bitrix24's words for calls, and what of a call it is told. Pure."""

import re
from collections.abc import Sequence
from datetime import UTC
from pathlib import PurePosixPath
from typing import Any

from cti_bridge.crm.bitrix.words.plain import Command, owner_of
from cti_bridge.crm.received import id_of
from cti_bridge.domain.call_report import CallReport, ReportedRecording

_INBOUND, _OUTBOUND = 2, 1
_TYPES = {"inbound": _INBOUND, "outbound": _OUTBOUND}
_ANSWERED, _MISSED, _CANCELLED, _NOT_REACHED = "200", "304", "603-S", "480"
_DIALLED = re.compile(r"\+?[0-9]{3,20}")
_ATTACHED = frozenset({".wav", ".mp3"})
_NO_SUCH_CALL = "Call is not found"
_NO_SUCH_USER = "User is not found"
_WRONG_FILE = "Wrong file extension"
_IN_TROUBLE = "Unexpected database error"
_SAYINGS = (
    _NO_SUCH_CALL,
    _NO_SUCH_USER,
    _WRONG_FILE,
    _IN_TROUBLE,
    "Server returns HTTP error code",
    "USER_ID or USER_PHONE_INNER should be set",
    "Unknown TYPE",
    "CALL_START_DATE should be in the ISO-8601 format",
    "Unsupported phone number format",
    "CALL_ID must be a string",
)
"""What it says of calls, always in English; nothing else that it says is repeated, because it could name somebody."""


def tellable(report: CallReport) -> bool:
    """Whether Bitrix24 takes a call at all: one with somebody outside, whose number is not hidden and is one."""
    return report.direction in _TYPES and bool(_DIALLED.fullmatch(report.number))


def register(report: CallReport, *, user: int, create_leads: bool) -> Command:
    """Begin a call; repeated within half an hour it gives the same call again, as long as nothing in it changes.

    So it says only what the first and the last report of a call say alike, and always names the same user.
    """
    params: dict[str, Any] = {
        "USER_ID": user,
        "PHONE_NUMBER": report.number,
        "TYPE": _TYPES[report.direction],
        "CALL_START_DATE": report.started_at.astimezone(UTC).isoformat(timespec="seconds"),
        "CRM_CREATE": int(create_leads and report.customer_id is None and report.direction == "inbound"),
        "SHOW": 0,
        "ADD_TO_CHAT": 0,
        "EXTERNAL_CALL_ID": report.key,
    }
    if report.did:
        params["LINE_NUMBER"] = report.did
    owner = owner_of(report.customer_id) if report.customer_id else None
    if owner is not None:
        params |= {"CRM_ENTITY_TYPE": owner[0].upper(), "CRM_ENTITY_ID": owner[1]}
    return Command("telephony.externalCall.register", params)


def registered(answer: Any) -> str:
    """The call's id there; empty when the answer has none that could be one."""
    return (id_of(answer.get("CALL_ID")) if isinstance(answer, dict) else None) or ""


def finish(report: CallReport, call_id: str, *, user: int) -> Command:
    """End a call: who talked, for how long, and how it went."""
    status = _status(report)
    params = {
        "CALL_ID": call_id,
        "USER_ID": user,
        # A call of no length is an unsuccessful one to Bitrix24, whatever its status says.
        "DURATION": max(1, report.talked_s) if status == _ANSWERED else 0,
        "STATUS_CODE": status,
        "ADD_TO_CHAT": 0,
    }
    if status != _ANSWERED and report.outcome:
        params["FAILED_REASON"] = report.outcome
    return Command("telephony.externalCall.finish", params)


def _status(report: CallReport) -> str:
    """An inbound call that nobody answered is a missed one, whatever the reason: somebody has to call back."""
    if report.answered_at is not None or report.outcome == "answered":
        return _ANSWERED
    if report.direction == "inbound":
        return _MISSED
    return _CANCELLED if report.outcome == "abandoned" else _NOT_REACHED


def attached(recordings: Sequence[ReportedRecording]) -> str:
    """The file of the longest recording that Bitrix24 takes, which is one a call; empty when there is none."""
    good = [one for one in recordings if PurePosixPath(one.file).suffix.lower() in _ATTACHED]
    return max(good, key=_length_s).file if good else ""


def _length_s(recording: ReportedRecording) -> float:
    ended_at = recording.ended_at
    return (ended_at - recording.started_at).total_seconds() if ended_at is not None else 0.0


def attach(call_id: str, file: str, *, address: str) -> Command:
    """Let Bitrix24 fetch a recording from this address."""
    path = PurePosixPath(file)
    name = f"{path.stem}{path.suffix.lower()}"
    return Command("telephony.externalCall.attachRecord", {"CALL_ID": call_id, "RECORD_URL": address, "FILENAME": name})


def known_saying(description: str) -> str:
    """What it said, if it is one of the sentences that are known to name nobody; else empty."""
    return next((saying for saying in _SAYINGS if description.startswith(saying)), "")


def says_no_such_call(saying: str) -> bool:
    """Whether it does not know the call, or not any more."""
    return saying == _NO_SUCH_CALL


def says_no_such_user(saying: str) -> bool:
    """Whether it does not know the user in whose name it was told, or he has left."""
    return saying == _NO_SUCH_USER


def says_in_trouble(saying: str) -> bool:
    """Whether it could not write a call down, for reasons of its own."""
    return saying == _IN_TROUBLE


def says_wrong_file(saying: str) -> bool:
    """Whether it will never take a recording.

    Everything else may be otherwise later: mostly it says why it could not fetch it, in words of the moment.
    """
    return saying == _WRONG_FILE
