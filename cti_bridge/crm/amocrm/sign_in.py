"""How the bridge signs in to amoCRM as an integration of its own: OAuth 2.0, begun with a code that works once.

Each refresh token works once, too, and lives for three months; so the new one is on the disk before it is used.
"""

from collections.abc import Callable
from pathlib import Path
from time import time
from typing import Any

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.tokens import Granted, TokenKeeper
from cti_bridge.crm.web_client import WebClient, json_of

TOKEN_FILE = "amocrm-tokens.json"  # noqa: S105 - the name of a file
AHEAD_S = 3_600.0
"""An access token lasts for a day; an hour is time enough for amoCRM to be away for a while."""
_LONGEST_S = 30 * 86_400
"""It is a day; a number that is too large for us must not cost the refresh token, which is used up by now."""
_WITHIN_S = 50.0
"""No caller waits for it, and an answer that is not waited for costs the refresh token."""


class SignIn:
    """Exchanges a code or a refresh token for tokens; `client_id`, `secret`, `redirect_uri` are the integration's."""

    def __init__(self, client: WebClient, *, client_id: str, secret: str, redirect_uri: str, code: str) -> None:
        self._client = client
        self._client_id = client_id
        self._secret = secret
        self._redirect_uri = redirect_uri
        self._code = code

    def keeper(self, data_dir: Path, *, clock: Callable[[], float] = time) -> TokenKeeper:
        """Keeps the tokens of this sign-in in a file below `data_dir`; the code stands for the first refresh token.

        `clock` gives seconds since 1970.
        """
        return TokenKeeper(data_dir / TOKEN_FILE, self.renew, first_refresh=self._code, clock=clock, ahead_s=AHEAD_S)

    async def renew(self, token: str) -> Granted:
        """New tokens for a refresh token, or for the code. Raises CrmRefuses when it is good for nothing any more."""
        begins = token == self._code
        asked = {
            "client_id": self._client_id,
            "client_secret": self._secret,
            "grant_type": "authorization_code" if begins else "refresh_token",
            "code" if begins else "refresh_token": token,
            "redirect_uri": self._redirect_uri,
        }
        answer = await self._client.ask("POST", "/oauth2/access_token", json=asked, within_s=_WITHIN_S)
        if answer.status in {400, 401} and "json" in answer.headers.get("content-type", ""):
            what = "code (it works once, for 20 minutes)" if begins else "refresh token (it lives for three months)"
            raise CrmRefuses(f"amoCRM does not take the {what}")
        if answer.status != 200:
            raise CrmUnavailable(f"amoCRM gave no token (HTTP {answer.status})")
        return _granted(json_of(answer))


def _granted(said: Any) -> Granted:
    match said:
        case {"access_token": str(access), "refresh_token": str(refresh), "expires_in": int(lasts_s)} if access:
            return Granted(access, refresh, float(min(lasts_s, _LONGEST_S)))
    raise CrmUnavailable("amoCRM gave something else than a token")
