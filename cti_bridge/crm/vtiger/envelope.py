"""What vtiger puts around an answer: success with a result, or a failure with a code, both as HTTP 200. Pure."""

import re
from typing import Any

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.vtiger.vtql import MOST_ROWS
from cti_bridge.crm.web_client import Answer, json_of

SESSION_OVER = frozenset({"INVALID_SESSIONID", "SESSION_EXPIRED", "SESSION_LEFT_IDLE", "AUTHENTICATION_REQUIRED"})
"""The session is gone; a new one helps."""
_NEVER = frozenset(
    {
        "ACCESS_DENIED", "MANDATORY_FIELDS_MISSING", "RECORD_NOT_FOUND", "INVALID_ID_ATTRIBUTE", "QUERY_SYNTAX_ERROR",
        "REFERENCE_INVALID", "OPERATION_NOT_SUPPORTED", "UNKNOWN_OPERATION", "UNKOWN_ENTITY",
    }
)  # fmt: skip
"""Asked again, it would be said again. The misspelling is vtiger's."""
_CODE = re.compile(r"[A-Z0-9_]{1,60}")


class VtigerSays(Exception):
    """A failure that vtiger names by a code; its message is left out, because it may hold customer data."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code

    def judged(self) -> CrmUnavailable | CrmRefuses:
        """What this means to whoever asked: try again later, or never."""
        if self.code in _NEVER:
            return CrmRefuses(f"vtiger refuses: {self.code}")
        return CrmUnavailable(f"vtiger fails: {self.code}")


def result_of(answer: Answer) -> Any:
    """The result of a request. Raises VtigerSays, or CrmUnavailable for what is no answer of vtiger's."""
    if answer.status != 200:
        raise unwanted(answer)
    return _opened(json_of(answer))


def unwanted(answer: Answer) -> CrmUnavailable:
    """What a status other than 200 means."""
    if answer.status in {401, 403}:
        return CrmUnavailable(f"vtiger does not let us in (HTTP {answer.status})")
    if answer.status in {429, 503}:
        return CrmUnavailable(f"vtiger has had enough for the moment (HTTP {answer.status})")
    return CrmUnavailable(f"HTTP {answer.status}")


def _opened(said: Any) -> Any:
    if isinstance(said, dict) and said.get("success") is True and "result" in said:
        return said["result"]
    if isinstance(said, dict) and said.get("success") is False:
        error = said.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        raise VtigerSays(code if isinstance(code, str) and _CODE.fullmatch(code) else "an error without a code")
    raise CrmUnavailable("answered JSON that is not vtiger's")


def rows_of(result: Any) -> list[dict[str, Any]]:
    """The records of a result, a hundred at most. Raises CrmUnavailable when it holds something else."""
    rows = result[:MOST_ROWS] if isinstance(result, list) else None
    if rows is None or not all(isinstance(row, dict) for row in rows):
        raise CrmUnavailable("answered JSON that is not vtiger's")
    return rows


def row_of(result: Any) -> dict[str, Any]:
    """The one record of a result. Raises CrmUnavailable when it is none."""
    if not isinstance(result, dict):
        raise CrmUnavailable("answered JSON that is not vtiger's")
    return result
