"""How the bridge signs in as a local application: at the vendor's own server and not at the portal.

It begins with a code out of the address to which the browser of whoever lets us in is sent on, which is good for half a
minute and for once. Each refresh token is good for one renewal; so the new one is on the disk before it is used.
"""

from collections.abc import Callable
from pathlib import Path
from time import time
from urllib.parse import parse_qs, urlsplit

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.received import text_of
from cti_bridge.crm.tokens import Granted, TokenKeeper
from cti_bridge.crm.web_client import WebClient, json_of

AUTHORITY = "https://oauth.bitrix24.tech"
TOKEN_FILE = "bitrix24-tokens.json"  # noqa: S105 - the name of a file
_WITHIN_S = 50.0
"""No caller waits for it, and an answer that is not waited for may cost the refresh token."""
_LASTS_S = 3_600.0
_LONGEST_S = 86_400.0
"""It is an hour; a number that is too large for us must not cost the refresh token, which is used up by now."""
_ENDED = "invalid_grant"
_NAMED = frozenset(
    {_ENDED, "invalid_request", "invalid_client", "insufficient_scope", "invalid_scope", "PAYMENT_REQUIRED"}
)


def code_in(text: str) -> str:
    """The code of a sign-in: out of the address to which the browser was sent on, or what stands there by itself."""
    if "://" not in text:
        return text
    try:
        return next(iter(parse_qs(urlsplit(text).query).get("code", [])), "")
    except ValueError:
        return ""


class SignIn:
    """Exchanges a code or a refresh token for tokens; `client_id`, `secret` are the application's."""

    def __init__(self, authority: WebClient, *, client_id: str, secret: str, code: str) -> None:
        self._authority = authority
        self._client_id = client_id
        self._secret = secret
        self._code = code

    def keeper(self, data_dir: Path, *, clock: Callable[[], float] = time) -> TokenKeeper:
        """Keeps the tokens of this sign-in in a file below `data_dir`; the code stands for the first refresh token.

        `clock` gives seconds since 1970.
        """
        return TokenKeeper(data_dir / TOKEN_FILE, self.renew, first_refresh=self._code, clock=clock)

    async def renew(self, token: str) -> Granted:
        """New tokens for a refresh token, or for the code. Raises CrmRefuses when it is good for nothing any more."""
        begins = token == self._code
        asked = [
            ("grant_type", "authorization_code" if begins else "refresh_token"),
            ("client_id", self._client_id),
            ("client_secret", self._secret),
            ("code" if begins else "refresh_token", token),
        ]
        answer = await self._authority.ask("GET", "/oauth/token/", params=asked, within_s=_WITHIN_S, urgent=False)
        said = json_of(answer)
        if not isinstance(said, dict) or "error" in said:
            wrong = text_of(said.get("error")) if isinstance(said, dict) else ""
            if wrong == _ENDED:
                what = "code (it works once, for 30 seconds)" if begins else "refresh token (it lives for 180 days)"
                raise CrmRefuses(f"Bitrix24 does not take the {what}")
            raise CrmUnavailable(f"the vendor's server says {wrong if wrong in _NAMED else 'something unexpected'}")
        access, renewed, lasts = said.get("access_token"), said.get("refresh_token"), said.get("expires_in")
        if not isinstance(access, str) or not isinstance(renewed, str) or not access or not renewed:
            raise CrmUnavailable("the vendor's server gives no tokens")
        return Granted(access, renewed, float(min(lasts, _LONGEST_S)) if isinstance(lasts, int | float) else _LASTS_S)
