"""A fake of Bitrix24: its REST interface and the vendor's server for tokens, on loopback.

It is a fake, written from the vendor's public description and never compared with a real portal. It holds the adapter
to what is described: ids as numbers here and as text there, `[]` where nothing was found, errors inside a batch, rights
of a webhook and of an application, refresh tokens that are good for once, a bucket of 50 requests that drains by 2 a
second (503), methods that are closed until a moment (429), half an hour in which a call is the same, results of a batch
that are put into its later commands. It refuses names that are not described. What it lacks: every method that the
adapter does not use.
"""

import asyncio
import json
import time
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

from aiohttp import web

from fakes.bitrix_calls import Calls
from fakes.bitrix_params import Wrong, checked, php, put_in
from fakes.bitrix_portal import Portal

HOOK_USER, HOOK_CODE = 1, "173glortu42lvpju"
CLIENT_ID, CLIENT_SECRET = "local.5f0e1a2b3c4d5e.12345678", "geheim4client"
_ONLY_APPLICATIONS = {"telephony.externalCall.register", "telephony.externalCall.finish"}
_LASTS_S = 3_600
_CODE_LASTS_S = 30.0
_BUCKET, _BUCKET_OF_ENTERPRISE = (2.0, 50), (5.0, 250)
"""Requests that drain in a second, and how many may be in it."""


class Bitrix:
    """The portal at `url`. `ahead_s` moves its clock forward; tests change the rest by hand."""

    def __init__(self, *, tls: SSLContext | None = None, enterprise: bool = False) -> None:
        self._drains_per_s, self._blocks_at = _BUCKET_OF_ENTERPRISE if enterprise else _BUCKET
        self._tls = tls
        self.ahead_s = 0.0
        self.portal = Portal(self.now)
        self.calls = Calls(self.portal)
        self.scopes = ["crm", "telephony", "user_basic"]
        self.tokens: dict[str, float] = {}
        """Access tokens and when they end."""
        self.refresh = "refresh-0"
        """The one refresh token that is good."""
        self.renewals = 0
        self.asked: list[tuple[str, dict[str, Any]]] = []
        """Requests that were counted: method and parameters."""
        self.commands: list[str] = []
        """Methods that were done as part of a batch."""
        self.puts_in = True
        """Whether a command of a batch may refer to what an earlier one has answered."""
        self.ran_s: dict[str, float] = {}
        """For how long methods ran in the last ten minutes, where it is not hardly anything."""
        self.closed: dict[str, float] = {}
        """Methods that have used up their running time, and until when."""
        self.answers: Callable[[], web.Response] | None = None
        """What every request is answered with instead."""
        self.loses_answers_of = ""
        """A method that is carried out, and whose answer never arrives."""
        self.slow = ""
        """A method that is asked for and then takes until `goes_on`."""
        self.goes_on = asyncio.Event()
        self.well = asyncio.Event()
        self.well.set()
        self._codes: dict[str, float] = {}
        self._granted = 0
        self._level = 0.0
        self._level_at = self.now()
        self._port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The address of the portal, and of the vendor's server."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._port}"

    @property
    def hook(self) -> str:
        """The address of the incoming webhook."""
        return f"{self.url}/rest/{HOOK_USER}/{HOOK_CODE}/"

    def now(self) -> float:
        """Its time, in seconds since 1970."""
        return time.time() + self.ahead_s

    async def start(self) -> None:
        """Be there, at the same address as before if it was stopped."""
        app = web.Application(client_max_size=1_000_000)
        app.router.add_post("/rest/{user}/{code}/{method}", self._hooked)
        app.router.add_post("/rest/{method}", self._applied)
        app.router.add_get("/oauth/token/", self._token)
        self._runner = web.AppRunner(app, shutdown_timeout=0.2, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self._port, reuse_address=True, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Be gone."""
        self.well.set()
        self.goes_on.set()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def grant(self, *, lasts_s: float = _LASTS_S) -> str:
        """An access token that is good for so long."""
        self._granted += 1
        token = f"access-{self._granted}"
        self.tokens[token] = self.now() + lasts_s
        return token

    async def _hooked(self, request: web.Request) -> web.Response:
        if (request.match_info["user"], request.match_info["code"]) != (str(HOOK_USER), HOOK_CODE):
            return _error(Wrong(401, "NO_AUTH_FOUND", "Wrong authorization data"))
        return await self._answered(request, hook=True)

    async def _applied(self, request: web.Request) -> web.Response:
        return await self._answered(request, hook=False)

    async def _answered(self, request: web.Request, *, hook: bool) -> web.Response:
        method = request.match_info["method"].removesuffix(".json")
        await self.well.wait()
        if self.answers is not None:
            return self.answers()
        try:
            params = await request.json()
            if not isinstance(params, dict) or request.content_type != "application/json":
                raise Wrong(400, "FAKE_NO_JSON")
            self._pour()
            if not hook:
                self._let_in(params.pop("auth", None))
            self.asked.append((method, params))
            if method == self.slow:
                await self.goes_on.wait()
            said = self._said(method, params, hook=hook)
        except Wrong as wrong:
            return _error(wrong)
        if method == self.loses_answers_of:
            assert request.transport is not None
            request.transport.close()
        return web.json_response({**said, "time": self._time(method)})

    def _pour(self) -> None:
        """Every request fills the bucket by one; once it is full they are turned away."""
        now = self.now()
        self._level = max(0.0, self._level - (now - self._level_at) * self._drains_per_s)
        self._level_at = now
        self._level += 1
        if self._level > self._blocks_at:
            raise Wrong(503, "QUERY_LIMIT_EXCEEDED", "Too many requests")

    def _let_in(self, token: Any) -> None:
        if token not in self.tokens:
            raise Wrong(401, "NO_AUTH_FOUND", "Wrong authorization data")
        if self.tokens[token] <= self.now():
            raise Wrong(401, "expired_token", "The access token provided has expired.")

    def _said(self, method: str, params: dict[str, Any], *, hook: bool) -> dict[str, Any]:
        if hook and method in _ONLY_APPLICATIONS:
            raise Wrong(403, "WRONG_AUTH_TYPE", "Current authorization type is denied for this method")
        scope = method.partition(".")[0]
        if scope in {"crm", "telephony"} and scope not in self.scopes:
            raise Wrong(403, "insufficient_scope", "The request requires higher privileges")
        if self.closed.get(method, 0.0) > self.now():
            raise Wrong(429, "OPERATION_TIME_LIMIT", "Method is blocked due to operation time limit.")
        good = checked(method, params)
        if method == "batch":
            return {"result": self._batch(good["cmd"], halt=bool(good.get("halt", 0)), hook=hook)}
        if method == "crm.item.list":
            page, total, following = self.portal.listed(good)
            return {"result": page, "total": total} | ({"next": following} if following is not None else {})
        return {"result": self._result(method, good)}

    def _result(self, method: str, params: dict[str, Any]) -> Any:
        portal, calls = self.portal, self.calls
        methods: dict[str, Callable[[], Any]] = {
            "scope": lambda: self.scopes,
            "crm.duplicate.findbycomm": lambda: portal.find(params),
            "crm.item.get": lambda: portal.get(params),
            "crm.item.add": lambda: portal.add(params),
            "crm.item.update": lambda: portal.update(params),
            "crm.category.list": lambda: {"categories": portal.funnels},
            "crm.status.list": lambda: portal.statuses_of(params),
            "crm.timeline.comment.add": lambda: portal.comment(params, HOOK_USER),
            "crm.timeline.comment.list": lambda: portal.comments_on(params),
            "telephony.externalCall.register": lambda: calls.register(params),
            "telephony.externalCall.finish": lambda: calls.finish(params),
            "telephony.externalCall.attachRecord": lambda: calls.attach(params),
        }
        return methods[method]()

    def _batch(self, commands: dict[str, str], *, halt: bool, hook: bool) -> dict[str, Any]:
        """Each command on its own, with `halt` until one fails; what has no entries is an empty list, as in PHP."""
        told: dict[str, dict[str, Any]] = {
            "result": {}, "result_error": {}, "result_total": {}, "result_next": {}, "result_time": {}
        }  # fmt: skip
        for place, (name, command) in enumerate(commands.items()):
            method, _, query = command.partition("?")
            try:
                if place >= 50:
                    raise Wrong(400, "ERROR_BATCH_LENGTH_EXCEEDED", "Max batch length exceeded")
                if method == "batch":
                    raise Wrong(405, "ERROR_BATCH_METHOD_NOT_ALLOWED")
                params = put_in(php(query), told["result"]) if self.puts_in else php(query)
                self.commands.append(method)
                said = self._said(method, params, hook=hook)
            except Wrong as wrong:
                told["result_error"][name] = wrong.said()
                if halt:
                    break
            else:
                told["result"][name] = said["result"]
                for part in ("total", "next"):
                    if part in said:
                        told[f"result_{part}"][name] = said[part]
                told["result_time"][name] = self._time(method)
        return {part: entries or [] for part, entries in told.items()}

    def _time(self, method: str) -> dict[str, Any]:
        now, ran_s = self.now(), self.ran_s.get(method, 0.2)
        return {"start": now, "finish": now, "duration": 0.1, "operating": ran_s, "operating_reset_at": int(now) + 600}

    def code(self, code: str = "", *, lasts_s: float = _CODE_LASTS_S) -> str:
        """Somebody signs in with his browser: the code in the address to which he is sent on, good for once."""
        code = code or f"code-{len(self._codes)}"
        self._codes[code] = self.now() + lasts_s
        return code

    def _takes(self, code: str) -> bool:
        until, self._codes[code] = self._codes.get(code, 0.0), 0.0
        return until > self.now()

    async def _token(self, request: web.Request) -> web.Response:
        """The vendor's server: a refresh token is good for once, and so is a code."""
        await self.well.wait()
        query = dict(request.query)
        brings = {"refresh_token": "refresh_token", "authorization_code": "code"}.get(query.get("grant_type", ""), "")
        if set(query) != {"grant_type", "client_id", "client_secret", brings}:
            return _error(Wrong(400, "invalid_request"))
        if (query["client_id"], query["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            return _error(Wrong(400, "invalid_client"))
        good = query["refresh_token"] == self.refresh if brings == "refresh_token" else self._takes(query["code"])
        if not good:
            return _error(Wrong(400, "invalid_grant"))
        self.renewals += 1
        self.refresh = f"refresh-{self.renewals}"
        return web.json_response(
            {
                "access_token": self.grant(),
                "refresh_token": self.refresh,
                "expires_in": _LASTS_S,
                "client_endpoint": f"{self.url}/rest/",
                "scope": ",".join(self.scopes),
                "status": "L",
            }
        )


def _error(wrong: Wrong) -> web.Response:
    return web.json_response(wrong.said(), status=wrong.status, dumps=json.dumps)
