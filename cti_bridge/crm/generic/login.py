"""What lets us into the generic CRM: a header that stays the same, or an access token of OAuth2 that is renewed."""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.crm.tokens import Granted, TokenKeeper
from cti_bridge.crm.web_client import WebClient, json_of

_WITHIN_S = 10.0
_LONGEST_TOKEN = 8_192
_USUALLY_LASTS_S = 3_600.0
_LONGEST_S = 10**9
_AHEAD_S = 120.0


class Login(Protocol):
    """Gives the headers that let us in."""

    async def headers(self, *, within_s: float) -> Mapping[str, str]:
        """The headers of the next request. Raises CrmUnavailable when there are none to be had in time."""
        ...

    async def renewed(self, rejected: Mapping[str, str], *, within_s: float) -> Mapping[str, str] | None:
        """Others, after the CRM did not take these (401); None when there are no others."""
        ...

    async def close(self) -> None:
        """Let go of connections; may be called twice."""
        ...


class FixedLogin:
    """Always the same headers."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    async def headers(self, *, within_s: float) -> Mapping[str, str]:
        """The headers."""
        return self._headers

    async def renewed(self, rejected: Mapping[str, str], *, within_s: float) -> None:
        """There are no others."""

    async def close(self) -> None:
        """There is nothing to let go of."""


def basic(username: str, password: str) -> FixedLogin:
    """User name and password as HTTP has them."""
    return FixedLogin({"Authorization": _basic(username, password)})


class ClientCredentials:
    """OAuth2 client credentials: tokens are given at `path` of `client`; `in_form` sends the secret in the body.

    `params` are sent as well (an `audience`).

    The token is renewed ahead of its end and survives restarts in `kept_in`, where the secret never is. `clock` gives
    seconds since 1970.
    """

    def __init__(
        self,
        client: WebClient,
        path: str,
        *,
        client_id: str,
        secret: str,
        scope: str,
        params: Mapping[str, str],
        in_form: bool,
        kept_in: Path,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._client = client
        self._path = path
        self._form = {**params, "grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._headers = {"Accept": "application/json"}
        if in_form:
            self._form |= {"client_id": client_id, "client_secret": secret}
        else:
            self._headers["Authorization"] = _basic(quote(client_id, safe=""), quote(secret, safe=""))
        asked = (client_id, secret, scope, *map("=".join, sorted(params.items())))
        whose = hashlib.sha256("\n".join(asked).encode()).hexdigest()
        self._keeper = TokenKeeper(kept_in, self._ask, first_refresh=whose, clock=clock, ahead_s=_AHEAD_S)

    async def headers(self, *, within_s: float) -> Mapping[str, str]:
        """The access token as a header. Raises CrmUnavailable."""
        return _bearer(await self._keeper.access(within_s=within_s))

    async def renewed(self, rejected: Mapping[str, str], *, within_s: float) -> Mapping[str, str] | None:
        """Another access token, None when there is none."""
        token = rejected["Authorization"].removeprefix("Bearer ")
        another = await self._keeper.rejected(token, within_s=within_s)
        return None if another is None else _bearer(another)

    async def close(self) -> None:
        """Close the connections."""
        await self._keeper.close()
        await self._client.close()

    async def _ask(self, _refresh: str) -> Granted:
        """A new access token. Whatever is wrong may be put right at the other end, so it is asked again later."""
        answer = await self._client.ask("POST", self._path, headers=self._headers, form=self._form, within_s=_WITHIN_S)
        if not 200 <= answer.status < 300:
            raise CrmUnavailable(f"its sign-in answered HTTP {answer.status}")
        return _granted(json_of(answer))


def _granted(said: Any) -> Granted:
    grant: dict[str, Any] = said if isinstance(said, dict) else {}
    token, kind = grant.get("access_token"), grant.get("token_type", "bearer")
    if not isinstance(token, str) or not 1 <= len(token) <= _LONGEST_TOKEN or not token.isascii():
        raise CrmUnavailable("its sign-in gave no access token")
    if not token.isprintable() or " " in token or not isinstance(kind, str) or kind.lower() != "bearer":
        raise CrmUnavailable("its sign-in gave a token that cannot be used")
    lasts_s = grant.get("expires_in")
    if isinstance(lasts_s, str) and lasts_s.isdecimal() and len(lasts_s) < 10:
        lasts_s = int(lasts_s)
    if not isinstance(lasts_s, int | float) or isinstance(lasts_s, bool) or not 0 < lasts_s < _LONGEST_S:
        lasts_s = _USUALLY_LASTS_S
    return Granted(token, "", float(lasts_s))


def _bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _basic(username: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode()).decode()}"
