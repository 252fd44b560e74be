"""Puts a request of the settings to the CRM, judges the status of what comes back, and has the answer worked out."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from cti_bridge.crm.generic.expressions import Unreadable
from cti_bridge.crm.generic.login import Login
from cti_bridge.crm.generic.plan import Plan
from cti_bridge.crm.generic.requests import Filled, Request
from cti_bridge.crm.generic.templates import Unfit, Values
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.web_client import Answer, WebClient, json_of

T = TypeVar("T")

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

    async def read(self, request: Request, values: Values, reading: Callable[[Any], T]) -> T | None:
        """What `reading` makes of the answer's JSON; None when its status says that there is nothing.

        Raises Unfit, CrmRefuses and CrmUnavailable as `ask` does. An empty answer that should have been a list is a
        CRM that broke down half-way.
        """
        answer = await self.ask(request, values)
        return None if answer is None or answer.status in _NOTHING else await self.understood(answer, reading)

    async def tell(self, request: Request, values: Values, *, urgent: bool) -> Answer | None:
        """The answer to a request that changes something; None when its status is one that is as good as success.

        An answer that is no JSON (`OK`) says nothing beyond its status; it must not be told again for that. Raises
        CrmRefuses also for a request that cannot be made of these values.
        """
        try:
            answer = await self.ask(request, values, urgent=urgent)
        except Unfit as error:
            raise CrmRefuses(f"`{request.what}` cannot be made: {error}") from error
        if answer is not None and self._plan.error is not None:
            await self._client.worked_out(answer, self._check_what_was_told)
        return answer

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
        return answer if succeeded(answer, request.statuses) else None

    async def understood(self, answer: Answer, reading: Callable[[Any], T]) -> T:
        """What `reading` makes of an answer's JSON. Raises CrmUnavailable."""

        def work(answer: Answer) -> T:
            document = json_of(answer)
            self._check_for_error(document)
            return reading(document)

        return await self._client.worked_out(answer, work)

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

    def _check_what_was_told(self, answer: Answer) -> None:
        try:
            document = json_of(answer)
        except CrmUnavailable:
            return
        self._check_for_error(document)

    def _check_for_error(self, document: Any) -> None:
        """Some say that they failed in an answer that looks like success; what they say of it is not repeated."""
        if self._plan.error is None:
            return
        try:
            found = self._plan.error.of(document)
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
    if 200 <= status < 300 or status in expected:
        if _is_page(answer):  # of a sign-in, or of a server in front that has lost the CRM
            raise CrmUnavailable(f"answered HTML and not what was asked for (HTTP {status})")
        return status not in expected
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
