"""Reload by HTTP, on the private listener: for programs with a key for it, and for admins who are signed in."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

import structlog
from aiohttp import web

from cti_bridge.domain.operator import Role
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.limiter import Refused, SignInLimiter
from cti_bridge.operators.store import KeyPurpose
from cti_bridge.routing.reloaded import NotReloaded, Reloaded, as_json
from cti_bridge.web.answers import Refusal
from cti_bridge.web.security import Origins, check_origin, errors_as_json
from cti_bridge.web.session import bearer_of, session_of

FAILURES = 10
"""So many wrong keys within five minutes are looked into for one address; for the others there is one answer."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class ReloadByHttp:
    """`POST /api/v1/rules/reload`: the file of the settings is loaded again; no rules are taken from a request.

    Not for everybody on this machine: whoever can reach the private listener must not for that decide when a file
    that somebody is still writing goes live. `reload` raises NotReloaded.
    """

    accounts: Accounts
    origins: Origins
    reload: Callable[[], Awaitable[Reloaded]]
    limiter: SignInLimiter = field(default_factory=lambda: SignInLimiter(per_pair=FAILURES, per_address=FAILURES))
    monotonic: Callable[[], float] = time.monotonic

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """200 when the file is in force, 422 with everything that is wrong with it; else nothing was loaded."""
        response = await errors_as_json(request, self._reloaded)
        response.headers["Cache-Control"] = "no-store"
        if response.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    async def _reloaded(self, request: web.Request) -> web.StreamResponse:
        check_origin(request, self.origins)
        asked_by = self._who(request)
        if request.body_exists or request.query_string:
            raise Refusal(400, "bad_request", "send nothing: the rule file of the settings is loaded, and no other")
        log.info("rules.reload_asked", by=asked_by, address=request.remote)
        try:
            reloaded = await self.reload()
        except NotReloaded as error:
            raise Refusal(503, "not_reloaded", str(error), retry_after_s=5) from error
        return web.json_response(as_json(reloaded), status=200 if reloaded.accepted else 422)

    def _who(self, request: web.Request) -> str:
        """Who asks, for the log. Raises Refusal."""
        key, session = bearer_of(request), session_of(request)
        if key is None and session is None:
            raise Refusal(401, "wrong_key", "send Authorization: Bearer and a key of cti-bridge keys add --for reload")
        try:
            return self._with_key(key) if key is not None else self._signed_in(session or "")
        except Refusal as refusal:
            self._denied(request.remote or "", refusal)
            raise

    def _denied(self, address: str, refusal: Refusal) -> None:
        """Take down a wrong key, and hold back whoever sends many: a program gone wild, with its lines in the log.

        A right one is let in all the same. None can be guessed, and strangers on this machine must keep no admin out.
        """
        attempt = self.limiter.begin("", address, self.monotonic())
        if isinstance(attempt, Refused):
            wait_s = attempt.retry_after_s
            raise Refusal(429, "too_many_attempts", "too many wrong keys", retry_after_s=wait_s) from refusal
        self.limiter.failed(attempt, self.monotonic())
        log.warning("rules.reload_denied", address=address, reason=refusal.code)

    def _with_key(self, key: str) -> str:
        known = self.accounts.known_key(key)
        if known is None:
            raise Refusal(401, "wrong_key", "this key is not valid")
        if known.purpose != KeyPurpose.RELOAD:
            raise Refusal(403, "wrong_purpose", f"this key is for {known.purpose}, not for reload")
        return f"key {known.name}"

    def _signed_in(self, session: str) -> str:
        operator = self.accounts.use_session(session)
        if operator is None:
            raise Refusal(401, "not_signed_in", "nobody is signed in")
        if operator.role is not Role.ADMIN:
            raise Refusal(403, "not_allowed", "only an admin may do this")
        return f"operator {operator.id}"
