"""How the settings say what lets us into the generic CRM, and how often it may be asked."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cti_bridge.crm.generic.request_model import check_header_name
from cti_bridge.crm.web_client import check_base_url
from cti_bridge.settings_model import Inside, NeededSecretModel, StrictModel

_OF_OAUTH2 = frozenset({"grant_type", "client_id", "client_secret", "scope"})


class HeaderLogin(NeededSecretModel):
    """A secret in a header; `prefix` comes before it (`Bearer `)."""

    name: str = "Authorization"
    prefix: str = Field(default="", max_length=40)

    @field_validator("name")
    @classmethod
    def _named(cls, value: str) -> str:
        return check_header_name(value)

    @field_validator("prefix")
    @classmethod
    def _sendable(cls, value: str) -> str:
        if not value.isascii() or not value.isprintable():
            raise ValueError("a header can only have printable ASCII")
        return value


class BasicLogin(NeededSecretModel):
    """User name and password."""

    username: str = Field(min_length=1, max_length=200)

    @field_validator("username")
    @classmethod
    def _sendable(cls, value: str) -> str:
        if ":" in value or not value.isprintable():
            raise ValueError("no : may be in a user name, and nothing that cannot be printed")
        return value


class OAuth2Login(NeededSecretModel):
    """OAuth2 client credentials; `client_auth` says how the secret is sent to `token_url`, `params` what else is."""

    token_url: str
    client_id: str = Field(min_length=1, max_length=500)
    scope: str = Field(default="", max_length=1_000)
    client_auth: Literal["basic", "form"] = "basic"
    params: Mapping[str, str] = Field(default_factory=dict, max_length=20)

    @field_validator("params")
    @classmethod
    def _further(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name in value:
            if name in _OF_OAUTH2:
                raise Inside((name,), "is sent already; see client_id, scope and secret_file")
        return value

    @field_validator("token_url")
    @classmethod
    def _safe(cls, value: str) -> str:
        check_base_url(value)
        return value  # with the slash at its end, which some insist on


class AuthModel(StrictModel):
    """How the CRM knows us: one of these."""

    header: HeaderLogin | None = None
    basic: BasicLogin | None = None
    oauth2: OAuth2Login | None = None

    @model_validator(mode="after")
    def _one(self) -> "AuthModel":
        if sum(part is not None for part in (self.header, self.basic, self.oauth2)) != 1:
            raise ValueError("give one of header, basic and oauth2")
        return self


class RateModel(StrictModel):
    """How often the CRM may be asked; `for_look_ups` of the burst are kept for them."""

    per_second: float = Field(default=20.0, gt=0, le=10_000)
    burst: int = Field(default=20, ge=1, le=10_000)
    for_look_ups: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _room(self) -> "RateModel":
        if self.for_look_ups is not None and self.for_look_ups >= self.burst:
            raise ValueError("for_look_ups must be less than burst")
        return self

    @property
    def kept(self) -> int:
        """Permissions that only look-ups may take."""
        return self.burst // 2 if self.for_look_ups is None else self.for_look_ups
