"""Speaks with one Tryton as one user: finds out which URLs it has, logs in, keeps the token and renews it.

Every bad login makes Tryton slower for this user, up to 23 seconds, and in the end it refuses the right password, too.
So there is one login at a time whoever waits for it, with a time limit of its own; it goes on when the look-up that
began it is given up, and after a refusal the next one comes a minute later at the earliest.
"""

import asyncio
import base64
import itertools
from collections.abc import Callable
from contextlib import suppress
from contextvars import Context
from dataclasses import dataclass, field
from time import monotonic
from typing import Any
from urllib.parse import quote

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.tryton.wire import request, result_of
from cti_bridge.crm.web_client import Answer, WebClient

CALL_LIMIT_S = 5.0
LOGIN_LIMIT_S = 30.0
"""Longer than Tryton lets a user wait who has logged in badly before."""
PROBE_LIMIT_S = 2.0
"""A Tryton that is there at all says at once which one it is."""
LOGOUT_LIMIT_S = 1.0
RENEWED_AFTER_S = 12 * 3600.0
"""Tryton keeps a token for 30 days unless its administrator says otherwise."""
REFUSED_PAUSE_S, LONGEST_PAUSE_S = 60.0, 900.0
_NOT_SIGNED_IN = 401
_WRONG_PATH = 405
_NOT_ACCEPTED = "Tryton does not accept the login that it has just given"
_BUSY = frozenset({429, 500, 502, 503, 504})


_PREFERENCES = ("company", "employee", "language")
"""Of what Tryton knows of the user, this decides what he sees and makes."""


@dataclass(frozen=True, slots=True)
class _Paths:
    """Where one series of Tryton listens: for the server itself, and for a database."""

    server: str
    database: str


@dataclass(frozen=True, slots=True)
class Grant:
    """A login that worked: where to ask, with which header, as whom; `since` is by the session's clock."""

    path: str
    authorization: str = field(repr=False)
    context: dict[str, Any] = field(repr=False)
    since: float


class Session:
    """Calls methods of one database. `clock` gives seconds and never goes back."""

    def __init__(
        self,
        client: WebClient,
        *,
        database: str,
        user: str,
        password: str,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        name = quote(database, safe="")
        self._client = client
        self._forms = (_Paths("/rpc/", f"/{name}/rpc/"), _Paths("/", f"/{name}/"))
        self._user, self._password = user, password
        self._clock = clock
        self._numbers = itertools.count(1)
        self._grant: Grant | None = None
        self._login: asyncio.Task[Grant] | None = None
        self._pause_s = REFUSED_PAUSE_S
        self._not_before = 0.0
        self._why_not = ""
        self._closed = False

    async def call(self, method: str, *params: Any, urgent: bool = True, within_s: float = CALL_LIMIT_S) -> Any:
        """The result of `method`, the user's context being its last parameter.

        Raises CrmRefuses where Tryton will never do it, CrmUnavailable for everything else. A token that is not
        accepted is replaced once.
        """
        grant = await self._signed_in()
        answer = await self._post(grant, method, [*params, grant.context], within_s, urgent=urgent)
        if answer.status in (_NOT_SIGNED_IN, _WRONG_PATH):
            grant = await self._signed_in(instead_of=grant)
            answer = await self._post(grant, method, [*params, grant.context], within_s, urgent=urgent)
        if answer.status in (_NOT_SIGNED_IN, _WRONG_PATH):
            self._leave_alone(_NOT_ACCEPTED)
            raise CrmUnavailable(self._why_not)
        self._pause_s = REFUSED_PAUSE_S
        return await self._client.worked_out(answer, result_of)

    async def context(self) -> dict[str, Any]:
        """The preferences of the user we are: `company`, `language` and so on. Raises CrmUnavailable."""
        return (await self._signed_in()).context

    async def close(self) -> None:
        """Log out, so that no session is left there, and close the connections; may be called twice."""
        if self._closed:
            return
        self._closed = True
        if self._login is not None:
            self._login.cancel()
            await asyncio.gather(self._login, return_exceptions=True)
        grant, self._grant = self._grant, None
        try:
            if grant is not None:
                with suppress(CrmUnavailable):
                    await self._post(grant, "common.db.logout", [], LOGOUT_LIMIT_S)
        finally:
            await self._client.close()

    async def _signed_in(self, instead_of: Grant | None = None) -> Grant:
        """A login to use; one that has grown old is renewed meanwhile, `instead_of` was not accepted any more."""
        grant = self._grant
        if grant is not None and grant is not instead_of:
            if self._clock() - grant.since > RENEWED_AFTER_S:
                with suppress(CrmUnavailable):
                    self._begin_login()
            return grant
        self._grant = None
        if self._login is not None:
            # Begun by somebody else, perhaps while Tryton was still away; if so, it is worth one of our own.
            with suppress(CrmUnavailable):
                return await self._wait_for(self._login)
        return await self._wait_for(self._begin_login())

    async def _wait_for(self, login: asyncio.Task[Grant]) -> Grant:
        """The login when it is done; it goes on without whoever does not wait. Raises CrmUnavailable."""
        await asyncio.wait({login})
        if login.cancelled():
            raise CrmUnavailable("the connection is closed")
        return login.result()

    def _begin_login(self) -> asyncio.Task[Grant]:
        """The login on its way, begun now if there is none. Raises CrmUnavailable soon after a refusal."""
        if self._closed:
            raise CrmUnavailable("the connection is closed")
        if self._login is None and self._clock() < self._not_before:
            raise CrmUnavailable(self._why_not)
        if self._login is None:
            self._login = asyncio.create_task(self._log_in(), name="tryton login", context=Context())
            self._login.add_done_callback(self._logged_in)
        return self._login

    def _logged_in(self, task: asyncio.Task[Grant]) -> None:
        self._login = None
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._grant = task.result()
            return
        if isinstance(error, _LoginRefused):
            self._leave_alone(str(error))

    def _leave_alone(self, why: str) -> None:
        """Try no login for a while, for longer each time in a row."""
        self._grant = None
        self._why_not = f"{why}; the next login is tried after {self._pause_s:.0f} s"
        self._not_before = self._clock() + self._pause_s
        self._pause_s = min(self._pause_s * 2, LONGEST_PAUSE_S)

    async def _log_in(self) -> Grant:
        form = await self._form()
        parameters = [self._user, {"password": self._password}, "en"]
        answer = await self._send(form.database, "common.db.login", parameters, LOGIN_LIMIT_S)
        if answer.status == _NOT_SIGNED_IN:
            raise _LoginRefused("Tryton refuses this user or password")
        if answer.status == 429:
            raise _LoginRefused("Tryton lets nobody log in for now: too many bad logins")
        try:
            said = result_of(answer)
        except CrmRefuses as refusal:
            raise _LoginRefused(str(refusal)) from None
        match said:
            case [int(number), str(token), *_]:
                pair = f"{self._user}:{number}:{token}"
            case _:
                raise CrmUnavailable("Tryton answered a login that is none")
        authorization = f"Session {base64.b64encode(pair.encode(errors='replace')).decode()}"
        return await self._with_preferences(Grant(form.database, authorization, {}, self._clock()))

    async def _with_preferences(self, grant: Grant) -> Grant:
        answer = await self._post(grant, "model.res.user.get_preferences", [True, {}], CALL_LIMIT_S)
        if answer.status == _NOT_SIGNED_IN:
            raise _LoginRefused(_NOT_ACCEPTED)
        try:
            preferences = result_of(answer)
        except CrmRefuses as refusal:
            raise _LoginRefused(str(refusal)) from None
        known = preferences if isinstance(preferences, dict) else {}
        context = {name: known[name] for name in _PREFERENCES if isinstance(known.get(name), int | str)}
        return Grant(grant.path, grant.authorization, context, grant.since)

    async def _form(self) -> _Paths:
        """Which URLs it has: newer series refuse the old ones with 405, older ones take `rpc` for a database."""
        statuses = []
        for form in self._forms:
            answer = await self._send(form.server, "common.server.version", [], PROBE_LIMIT_S)
            if answer.status == 200:
                result_of(answer)
                return form
            if answer.status in _BUSY:
                raise CrmUnavailable(f"Tryton answered HTTP {answer.status}")
            statuses.append(str(answer.status))
        raise CrmUnavailable(f"this is no Tryton, or its address is another: HTTP {', '.join(statuses)}")

    async def _post(
        self, grant: Grant, method: str, params: list[Any], within_s: float, *, urgent: bool = True
    ) -> Answer:
        return await self._send(
            grant.path, method, params, within_s, urgent=urgent, headers={"Authorization": grant.authorization}
        )

    async def _send(
        self,
        path: str,
        method: str,
        params: list[Any],
        within_s: float,
        *,
        urgent: bool = True,
        headers: dict[str, str] | None = None,
    ) -> Answer:
        body = request(next(self._numbers), method, params)
        return await self._client.ask("POST", path, json=body, headers=headers or {}, within_s=within_s, urgent=urgent)


class _LoginRefused(CrmUnavailable):
    """Trying again soon makes it worse."""
