"""Renewing the token of a local application, at the vendor's own server and not at the portal."""

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.received import text_of
from cti_bridge.crm.tokens import Granted
from cti_bridge.crm.web_client import WebClient, json_of

AUTHORITY = "https://oauth.bitrix24.tech"
_WITHIN_S = 15.0
_LASTS_S = 3_600.0
_ENDED = "invalid_grant"
_NAMED = frozenset(
    {_ENDED, "invalid_request", "invalid_client", "insufficient_scope", "invalid_scope", "PAYMENT_REQUIRED"}
)


class SignIn:
    """Exchanges a refresh token, which is good for one exchange and 180 days, for a pair of new tokens."""

    def __init__(self, authority: WebClient, *, client_id: str, secret: str) -> None:
        self._authority = authority
        self._client_id = client_id
        self._secret = secret

    async def renew(self, refresh: str) -> Granted:
        """A new pair. Raises CrmRefuses for a refresh token that is worth nothing any more, else CrmUnavailable."""
        said = json_of(
            await self._authority.ask(
                "GET",
                "/oauth/token/",
                params=[
                    ("grant_type", "refresh_token"),
                    ("client_id", self._client_id),
                    ("client_secret", self._secret),
                    ("refresh_token", refresh),
                ],
                within_s=_WITHIN_S,
                urgent=False,
            )
        )
        if not isinstance(said, dict) or "error" in said:
            code = text_of(said.get("error")) if isinstance(said, dict) else ""
            if code == _ENDED:
                raise CrmRefuses(f"the vendor's server says {_ENDED}")
            raise CrmUnavailable(f"the vendor's server says {code if code in _NAMED else 'something unexpected'}")
        access, renewed, lasts = said.get("access_token"), said.get("refresh_token"), said.get("expires_in")
        if not isinstance(access, str) or not isinstance(renewed, str) or not access or not renewed:
            raise CrmUnavailable("the vendor's server gives no tokens")
        return Granted(access, renewed, float(lasts) if isinstance(lasts, int | float) else _LASTS_S)
