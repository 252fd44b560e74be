"""How the settings say what lets us into the generic CRM, and how often it may be asked."""

from typing import Literal

from pydantic import Field, field_validator, model_validator

from cti_bridge.crm.generic.request_model import HEADER_NAME
from cti_bridge.crm.web_client import check_base_url
from cti_bridge.settings_model import SecretModel, StrictModel


class HeaderLogin(SecretModel):
    """A secret in a header; `prefix` comes before it (`Bearer `)."""

    name: str = Field(default="Authorization", pattern=HEADER_NAME)
    prefix: str = Field(default="", pattern=r"^[ -~]{0,40}$")


class BasicLogin(SecretModel):
    """User name and password."""

    username: str = Field(pattern=r"^[^:\x00-\x1f\x7f]{1,200}$")


class OAuth2Login(SecretModel):
    """OAuth2 client credentials; `client_auth` says how the secret is sent to `token_url`."""

    token_url: str
    client_id: str = Field(min_length=1, max_length=500)
    scope: str = Field(default="", max_length=1_000)
    client_auth: Literal["basic", "form"] = "basic"

    @field_validator("token_url")
    @classmethod
    def _safe(cls, value: str) -> str:
        return check_base_url(value)


class AuthModel(StrictModel):
    """How the CRM knows us: one of these."""

    header: HeaderLogin | None = None
    basic: BasicLogin | None = None
    oauth2: OAuth2Login | None = None

    @model_validator(mode="after")
    def _one(self) -> "AuthModel":
        given = [part for part in (self.header, self.basic, self.oauth2) if part is not None]
        if len(given) != 1:
            raise ValueError("give one of header, basic and oauth2")
        if not given[0].secret and not given[0].secret_file:
            raise ValueError("secret_file or secret is missing")
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
