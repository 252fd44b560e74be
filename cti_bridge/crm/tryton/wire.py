"""How Tryton says things in JSON: typed values, results, and errors that come with HTTP 200. Pure.

What a server says of an error may name a customer or his number; of its words only those of the protocol get through.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.web_client import Answer, json_of

_OF_THE_DATA = {
    "UserError": "Tryton refuses it: not allowed, or not valid there",
    "UserWarning": "Tryton wants somebody to confirm it",
}
_UNKNOWN_MODEL = re.compile(r"'[a-z_]{1,30}(\.[a-z_]{1,30}){1,4}'")
"""What a server says that does not know a model; a name of Tryton's own, never one of a customer."""
_STATUSES = {
    404: "Tryton has no such database",
    408: "Tryton's database took too long",
    429: "Tryton lets nobody log in for now: too many bad logins",
    504: "Tryton's database took too long",
}


def request(number: int, method: str, params: list[Any]) -> dict[str, Any]:
    """One request; the keys must be exactly these."""
    return {"id": number, "method": method, "params": params}


def result_of(answer: Answer) -> Any:
    """The result in an answer, with typed values made ours.

    Raises CrmRefuses where Tryton will never do it, CrmUnavailable for all that may pass. 401 and 405 are the business
    of whoever keeps the session and come here only when that did not help.
    """
    if answer.status == 403:
        raise CrmRefuses("Tryton does not let anybody call this method")
    if answer.status != 200:
        raise CrmUnavailable(_STATUSES.get(answer.status, f"Tryton answered HTTP {answer.status}"))
    said = json_of(answer)
    if not isinstance(said, dict):
        raise CrmUnavailable("Tryton answered JSON that is no answer")
    if "error" in said:
        raise _error(said["error"])
    if "result" not in said:
        raise CrmUnavailable("Tryton answered JSON that is no answer")
    return plain(said["result"])


def plain(value: Any) -> Any:
    """The value with Tryton's typed values as ours; what is not one of them, or is broken, becomes None."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "__class__" not in value:
        return {key: plain(item) for key, item in value.items()}
    try:
        return _typed(value)
    except (KeyError, TypeError, ValueError, OverflowError, InvalidOperation):
        return None


def _typed(value: Mapping[str, Any]) -> datetime | Decimal | None:
    """A moment (Tryton keeps them in UTC) or an amount; the other types are not asked for."""
    match value["__class__"]:
        case "datetime":
            names = ("year", "month", "day", "hour", "minute", "second", "microsecond")
            return datetime(*(int(value[name]) for name in names), tzinfo=UTC)  # type: ignore[misc, arg-type]
        case "Decimal":
            amount = Decimal(str(value["decimal"]))
            return amount if amount.is_finite() else None
        case _:
            return None


def _error(error: Any) -> Exception:
    kind = error[0] if isinstance(error, list) and error else None
    if not isinstance(kind, str):
        return CrmUnavailable("Tryton answered an error without words")
    if kind in _OF_THE_DATA:
        return CrmRefuses(_OF_THE_DATA[kind])
    if kind == "ConcurrencyException":
        return CrmUnavailable("somebody else has just changed it in Tryton")
    if kind == "LoginException":
        return CrmRefuses("Tryton wants more than a password to log in")
    if _UNKNOWN_MODEL.fullmatch(kind):
        return CrmUnavailable(f"Tryton does not know {kind}: trytond needs `-d DATABASE`, or a module is not activated")
    return CrmUnavailable("Tryton failed")
