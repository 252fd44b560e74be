"""Asks one amoCRM account: with a token that is good, no faster than it allows, and not at all while it blocks us."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from time import monotonic
from typing import Any, Protocol

from cti_bridge.crm.amocrm.words import complaint
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.web_client import Answer, WebClient, json_of

MOST, WINDOW_S, KEPT_FOR_URGENT = 6, 1.1, 4
"""amoCRM allows 7 requests in a second; what is sent within one may arrive within less, so it is one fewer in a longer
one. A look-up needs two at once."""
BLOCKED_FOR_S = 900.0
"""amoCRM blocks an address that has asked too much for too long; asking on would only keep it blocked."""
_LIMITED_FOR_S = 1.0
"""Its limit is one for each second, and it does not say how long to wait."""
LOOKUP_WITHIN_S, REPORT_WITHIN_S, PAGE_WITHIN_S = 2.0, 10.0, 30.0
LARGEST_ANSWER = 8_000_000
"""Bytes of 250 contacts with all their fields, and some more."""
_SAYING = frozenset({200, 201, 202, 400})
"""Answers whose bodies are read: 204 has none, and the others say all with their number."""


class AccessTokens(Protocol):
    """Where a token comes from."""

    async def access(self, *, within_s: float) -> str:
        """A token to ask with. Raises CrmUnavailable."""
        ...

    async def rejected(self, token: str, *, within_s: float) -> str | None:
        """Another one in the place of a token that was not taken; None when there is none to be had."""
        ...

    async def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...


class LongLivedToken:
    """A token that an administrator made for some years; there is no other when it ends."""

    def __init__(self, token: str) -> None:
        self._token = token

    async def access(self, *, within_s: float) -> str:
        """The token."""
        return self._token

    async def rejected(self, token: str, *, within_s: float) -> str | None:
        """Nothing: somebody has to make a new one."""
        return None

    async def close(self) -> None:
        """There is nothing to let go of."""


def allowed_pace(
    *, clock: Callable[[], float] = monotonic, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Pace:
    """How often one account may be asked; `sleep` waits by `clock`."""
    return Pace.in_window(MOST, WINDOW_S, KEPT_FOR_URGENT, clock=clock, sleep=sleep)


class Connection:
    """One account. Urgent questions are those that a caller waits for; `clock` gives seconds and never goes back."""

    def __init__(
        self, client: WebClient, tokens: AccessTokens, pace: Pace, *, clock: Callable[[], float] = monotonic
    ) -> None:
        self._client = client
        self._tokens = tokens
        self._pace = pace
        self._clock = clock
        self._blocked_until = 0.0

    @property
    def address(self) -> str:
        """The account's address."""
        return self._client.base_url

    async def read(
        self,
        path: str,
        params: Sequence[tuple[str, str]] = (),
        *,
        urgent: bool = True,
        may_be_gone: bool = False,
        within_s: float | None = None,
    ) -> Any | None:
        """What a GET brings; None for an empty list (HTTP 204) and, if it `may_be_gone`, for a thing that is not there.

        `within_s` is the limit where it is another than usual. Raises CrmUnavailable.
        """
        status, body = await self._ask("GET", path, params=params, urgent=urgent, within_s=within_s)
        if status == 204 or (status == 404 and may_be_gone):
            return None
        if status >= 400:
            raise CrmUnavailable(_words(status))
        return body

    async def write(self, method: str, path: str, body: object) -> tuple[int, Any]:
        """Send something: the status and what was answered, for 200 to 299, 400 and 404 alike.

        Raises CrmUnavailable, and CrmRefuses for what will never be allowed.
        """
        status, said = await self._ask(method, path, json=body, urgent=False)
        if status >= 400 and status not in {400, 404}:
            raise CrmRefuses(_words(status))
        return status, said

    async def close(self) -> None:
        """Close the connections; may be called twice."""
        try:
            await self._tokens.close()
        finally:
            await self._client.close()

    async def _ask(
        self,
        method: str,
        path: str,
        *,
        params: Sequence[tuple[str, str]] = (),
        json: object = None,
        urgent: bool,
        within_s: float | None = None,
    ) -> tuple[int, Any]:
        self._stay_away()
        limit_s = within_s or (LOOKUP_WITHIN_S if urgent else REPORT_WITHIN_S)

        async def once(token: str) -> Answer:
            headers = {"Authorization": f"Bearer {token}", "Accept": "application/hal+json"}
            return await self._client.ask(
                method, path, headers=headers, params=params, json=json, within_s=limit_s, urgent=urgent
            )

        token = await self._tokens.access(within_s=limit_s)
        answer = await once(token)
        if answer.status == 401 and (other := await self._tokens.rejected(token, within_s=limit_s)) is not None:
            answer = await once(other)
        self._judge(answer, writing=method != "GET", urgent=urgent)
        said = await self._client.worked_out(answer, json_of) if answer.status in _SAYING else None
        return answer.status, said

    def _judge(self, answer: Answer, *, writing: bool, urgent: bool) -> None:
        """Raise what a status means for whoever asked, and remember what it means for the next."""
        match answer.status:
            case 401:
                raise CrmUnavailable("amoCRM does not take our token (HTTP 401)")
            case 402:
                raise CrmUnavailable("the amoCRM account is not paid for (HTTP 402)")
            case 403 if not urgent and _is_amocrms(answer):
                # The application itself says no: it is about this one thing, and not about our address.
                if writing:
                    raise CrmRefuses("amoCRM gives our token no right to this (HTTP 403)")
                raise CrmUnavailable("amoCRM gives our token no right to read this (HTTP 403)")
            case 403:
                self._blocked_until = self._clock() + BLOCKED_FOR_S
                self._stay_away()
            case 404 if not _is_amocrms(answer):
                raise CrmUnavailable("there is no amoCRM at this address (HTTP 404)")
            case 429:
                if answer.asks_to_wait_s is None:
                    self._pace.hold(_LIMITED_FOR_S)
                raise CrmUnavailable("amoCRM was asked too often (HTTP 429)")
            case status if status >= 500:
                raise CrmUnavailable(f"amoCRM failed (HTTP {status})")

    def _stay_away(self) -> None:
        left_s = self._blocked_until - self._clock()
        if left_s > 0:
            raise CrmUnavailable(f"amoCRM has blocked us (HTTP 403) and is not asked for {left_s / 60:.0f} min")


def refusal(status: int, body: object) -> CrmRefuses:
    """What to raise when amoCRM did not take what was sent."""
    said = complaint(body)
    return CrmRefuses(f"amoCRM does not take it (HTTP {status}{': ' if said else ''}{said})")


def _words(status: int) -> str:
    return f"amoCRM answered HTTP {status}"


def _is_amocrms(answer: Answer) -> bool:
    """Whether amoCRM itself says so, and not what stands before it: its problems are JSON of one kind or another."""
    return answer.headers.get("content-type", "").partition(";")[0].strip().lower().endswith("json")
