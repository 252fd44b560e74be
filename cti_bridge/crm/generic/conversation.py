"""Puts a request of the settings to the CRM and judges the status of what comes back."""

from collections.abc import Mapping

from cti_bridge.crm.generic.expressions import Unreadable
from cti_bridge.crm.generic.login import Login
from cti_bridge.crm.generic.plan import Plan
from cti_bridge.crm.generic.requests import Filled, Request
from cti_bridge.crm.generic.templates import Values
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.web_client import Answer, WebClient, json_of

_NOT_LET_IN = frozenset({401, 403})
_LATER = frozenset({408, 425, 429})
_NOTHING = frozenset({204, 205})


class Conversation:
    """With one CRM: `within_s` is the limit for each request."""

    def __init__(self, plan: Plan, client: WebClient, login: Login, *, within_s: float) -> None:
        self._plan = plan
        self._client = client
        self._login = login
        self._within_s = within_s

    async def ask(self, request: Request, values: Values, *, urgent: bool = True) -> Answer | None:
        """The answer to a request; None when its status is one that the settings expect (nobody, done already).

        Raises Unfit when the values do not fit into the request, CrmRefuses when the CRM will never take it, and
        CrmUnavailable when there is no usable answer now.
        """
        filled = request.filled(values)
        login = await self._login.headers(within_s=self._within_s)
        answer = await self._send(filled, login, urgent=urgent)
        if answer.status == 401:
            another = await self._login.renewed(login, within_s=self._within_s)
            if another is not None:
                answer = await self._send(filled, another, urgent=urgent)
        if not succeeded(answer, request.statuses):
            return None
        self._check_for_error(answer)
        return answer

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        await self._login.close()
        await self._client.close()

    async def _send(self, filled: Filled, login: Mapping[str, str], *, urgent: bool) -> Answer:
        return await self._client.ask(
            filled.method,
            filled.path,
            headers={**self._plan.headers, **filled.headers, **login},
            params=filled.params,
            json=filled.json,
            form=filled.form,
            within_s=self._within_s,
            urgent=urgent,
        )

    def _check_for_error(self, answer: Answer) -> None:
        """Some say that they failed in an answer that looks like success; what they say of it is not repeated."""
        if self._plan.error is None or is_empty(answer):
            return
        try:
            found = self._plan.error.of(json_of(answer))
        except Unreadable:
            found = "it cannot be worked out"
        if found not in (None, False, "", [], {}):
            raise CrmUnavailable("its answer says that it failed")


def is_empty(answer: Answer) -> bool:
    """Whether it says nothing, as after a change or when nobody is found."""
    return answer.status in _NOTHING or not answer.body.strip()


def succeeded(answer: Answer, expected: frozenset[int]) -> bool:
    """Whether the status is success; False for one of `expected`. Raises CrmRefuses, CrmUnavailable."""
    status = answer.status
    if 200 <= status < 300:
        if _is_page(answer):
            raise CrmUnavailable("answered HTML and not what was asked for")
        return True
    if status in expected:
        return False
    if status in _NOT_LET_IN:
        raise CrmUnavailable(f"HTTP {status}: it does not let us in")
    if status in _LATER or status >= 500 or status < 200:
        asked_s = answer.asks_to_wait_s
        raise CrmUnavailable(f"HTTP {status}" + (f", again in {asked_s:.0f} s" if asked_s is not None else ""))
    raise CrmRefuses(f"HTTP {status}")


def _is_page(answer: Answer) -> bool:
    """A login page instead of an answer comes with success, too."""
    if "html" not in answer.headers.get("content-type", "").lower():
        start = answer.body[:64].lstrip().lower()
        return start.startswith((b"<!doctype html", b"<html"))
    return not is_empty(answer)
