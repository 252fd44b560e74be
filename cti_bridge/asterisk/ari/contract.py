"""Stasis' way of saying it: the question is read from a channel and the arguments with which it entered.

    Stasis(cti-bridge,route,DID,linkedid,CTI_CALL_ID,CTI_DID,CTI_TRUNK,CTI_ATTESTATION,presentation,dnid)

The last two are in FastAGI's environment, but not in ARI's picture of a channel. JSON from Asterisk carries texts of
strangers; whatever is not the type it should be is taken for missing.
"""

from collections.abc import Mapping, Sequence
from typing import TypeGuard

from cti_bridge.asterisk.dialplan import RouteRequest, attestation, bounded, dialled_number

ROUTE = "route"
"""What a channel enters for; the first argument after the application's name."""
_ARGUMENTS = 9


class NotAQuestion(ValueError):
    """A channel entered our application with something that is not the question of the dialplan."""


def channel_id(channel: object) -> str:
    """The id of a channel as ARI pictures it; empty where there is none."""
    return _text(channel, "id", limit=1024)


def read_request(channel: object, arguments: object) -> RouteRequest:
    """The question of a channel that entered with these arguments. Raises NotAQuestion."""
    uniqueid = channel_id(channel)
    if not uniqueid:
        raise NotAQuestion("a channel without an id")
    if not _is_list(arguments) or not arguments or arguments[0] != ROUTE:
        raise NotAQuestion(f"it did not enter with {ROUTE!r} as its first argument")
    said = [bounded(_clean(argument)).strip() for argument in arguments[1:_ARGUMENTS]]
    did, linkedid, call_id, cti_did, trunk, attested, presentation, dnid = said + [""] * (_ARGUMENTS - 1 - len(said))
    caller = _part(channel, "caller")
    return RouteRequest(
        channel_name=_text(channel, "name"),
        uniqueid=uniqueid,
        linkedid=linkedid or uniqueid,
        caller_number=_text(caller, "number"),
        caller_name=_text(caller, "name"),
        presentation_allowed=not presentation or presentation.startswith("allowed"),
        did=dialled_number(did, cti_did, dnid),
        trunk=trunk,
        attestation=attestation(attested),
        language=_text(channel, "language"),
        call_id=call_id,
    )


def arguments_inside(channel: object, application: str) -> Sequence[str] | None:
    """The arguments with which a channel entered our application, if that is where it is; else None."""
    place = _part(channel, "dialplan")
    if _text(place, "app_name") != "Stasis":
        return None
    name, *arguments = _text(place, "app_data", limit=4096).split(",")
    return arguments if name == application else None


def _part(whole: object, key: str) -> object:
    return whole.get(key) if isinstance(whole, Mapping) else None


def _text(whole: object, key: str, *, limit: int = 0) -> str:
    text = _clean(_part(whole, key))
    return text[:limit] if limit else bounded(text)


def _clean(value: object) -> str:
    """A text that can be encoded again; JSON may hold halves of letters."""
    return value.encode("utf-8", "replace").decode("utf-8") if isinstance(value, str) else ""


def _is_list(value: object) -> TypeGuard[Sequence[object]]:
    return isinstance(value, list | tuple)
