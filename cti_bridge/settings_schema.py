"""The settings file as it may be written: its keys, their types, defaults and limits. Used by `settings` alone."""

import ipaddress
import re
from pathlib import Path
from typing import Literal

import phonenumbers
from pydantic import Field, create_model, field_validator, model_validator

from cti_bridge.crm.embedded.settings import EmbeddedModel
from cti_bridge.crm.kinds import EMBEDDED, KINDS
from cti_bridge.settings_model import (
    CrmPart,
    NeededSecretModel,
    SecretModel,
    StrictModel,
    is_loopback,
    safe_url,
    seconds,
)
from cti_bridge.settings_operators import OperatorsModel

_AGE = re.compile(r"([1-9]\d{0,4})\s*([dwy])")
_AGE_UNITS = {"d": 86400.0, "w": 7 * 86400.0, "y": 365 * 86400.0}
FOR_EVER = "forever"


def age(text: str) -> float | None:
    """Seconds of a length such as `30d`, `8w` or `1y` (365 days); None for `forever`. Raises ValueError."""
    if text.strip() == FOR_EVER:
        return None
    found = _AGE.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a length such as 30d, 8w or 1y, nor forever")
    return int(found[1]) * _AGE_UNITS[found[2]]


class AmiModel(NeededSecretModel):
    """The manager interface of a PBX."""

    host: str = "127.0.0.1"
    port: int = Field(default=5038, ge=1, le=65535)
    username: str = Field(default="cti", min_length=1)
    tls: bool = False
    tls_ca: Path | None = None

    @model_validator(mode="after")
    def _safe_line(self) -> "AmiModel":
        if not is_loopback(self.host) and not self.tls:
            raise ValueError("AMI elsewhere than on loopback needs tls: true")
        return self


class AriModel(NeededSecretModel):
    """The REST interface of a PBX."""

    host: str = "127.0.0.1"
    port: int = Field(default=8088, ge=1, le=65535)
    username: str = Field(default="cti", pattern=r"^[^:\s\x00-\x1f]{1,80}$")
    app: str = Field(default="cti-bridge", pattern=r"^[A-Za-z0-9_-]{1,40}$")
    tls: bool = False
    tls_ca: Path | None = None

    @model_validator(mode="after")
    def _safe_line(self) -> "AriModel":
        if not is_loopback(self.host) and not self.tls:
            raise ValueError("ARI elsewhere than on loopback needs tls: true")
        return self


class AgiModel(SecretModel):
    """Where FastAGI listens for a PBX."""

    host: str = "127.0.0.1"
    port: int = Field(default=4573, ge=0, le=65535)
    allow: tuple[str, ...] = ()

    @field_validator("allow")
    @classmethod
    def _networks(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for network in value:
            ipaddress.ip_network(network)
        return value

    @model_validator(mode="after")
    def _no_oracle(self) -> "AgiModel":
        if not is_loopback(self.host) and (not self.allow or not (self.secret or self.secret_file)):
            raise ValueError("FastAGI elsewhere than on loopback needs allow (networks) and a secret in its URL")
        return self


class RecordsModel(StrictModel):
    """Where a PBX on this machine writes calls down itself."""

    queue_log: Path | None = None
    cel: Path | None = None


class PbxModel(StrictModel):
    """One Asterisk."""

    name: str = Field(default="main", pattern=r"^[A-Za-z0-9_]{1,20}$")
    region: str | None = None
    staff_numbers: tuple[str, ...] = Field(default=(), max_length=10_000)
    ami: AmiModel
    agi: AgiModel = AgiModel()
    ari: AriModel | None = None
    records: RecordsModel = RecordsModel()

    @field_validator("region")
    @classmethod
    def _known(cls, value: str | None) -> str | None:
        if value is not None and value not in phonenumbers.SUPPORTED_REGIONS:
            raise ValueError("not a two-letter country code in capitals, such as RU")
        return value


class ReceiverModel(NeededSecretModel):
    """Somebody who is told of calls; the address may hold a password, so it is shown nowhere."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")
    url: str = Field(repr=False)
    timeout: float = 10.0
    max_age: float = 86_400.0

    @field_validator("url")
    @classmethod
    def _safe_line(cls, value: str) -> str:
        return safe_url(value)

    @field_validator("timeout", "max_age", mode="before")
    @classmethod
    def _duration(cls, value: object) -> float:
        return seconds(str(value))

    @field_validator("timeout")
    @classmethod
    def _short(cls, value: float) -> float:
        if not 0.1 <= value <= 60:
            raise ValueError("must be from 100ms to 60s")
        return value

    @field_validator("max_age")
    @classmethod
    def _long(cls, value: float) -> float:
        if not 1 <= value <= 30 * 86_400:
            raise ValueError("must be from 1s to 720h")
        return value


class ReportsModel(StrictModel):
    """Who is told of calls."""

    crm: bool = True
    webhooks: tuple[ReceiverModel, ...] = Field(default=(), max_length=10)
    zammad: tuple[ReceiverModel, ...] = Field(default=(), max_length=10)

    @model_validator(mode="after")
    def _unique(self) -> "ReportsModel":
        names = [receiver.name for receiver in (*self.webhooks, *self.zammad)]
        if len(set(names)) != len(names):
            raise ValueError("two receivers have the same name")
        return self


class CallsModel(StrictModel):
    """How calls are treated while they go on."""

    rejected_for: float = 30.0

    @field_validator("rejected_for", mode="before")
    @classmethod
    def _duration(cls, value: object) -> float:
        return seconds(str(value))

    @field_validator("rejected_for")
    @classmethod
    def _not_for_ever(cls, value: float) -> float:
        if value and not 1 <= value <= 600:
            raise ValueError("must be from 1s to 10m, or 0s")
        return value


class TlsModel(StrictModel):
    """Certificate and key of the public listener."""

    cert_file: Path
    key_file: Path


class PublicModel(StrictModel):
    """The listener for pages."""

    host: str = "127.0.0.1"
    port: int = Field(default=8088, ge=0, le=65535)
    origins: tuple[str, ...] = ()
    tls: TlsModel | None = None


class PrivateModel(StrictModel):
    """The listener for health and metrics."""

    host: str = "127.0.0.1"
    port: int = Field(default=8089, ge=0, le=65535)


class WebModel(StrictModel):
    """Both listeners."""

    public: PublicModel = PublicModel()
    private: PrivateModel = PrivateModel()


class RetentionModel(StrictModel):
    """How long the journal remembers."""

    facts: float | None = 30 * 86400.0
    calls: float | None = 365 * 86400.0

    @field_validator("facts", "calls", mode="before")
    @classmethod
    def _length(cls, value: object) -> float | None:
        return age(str(value))

    @model_validator(mode="after")
    def _facts_go_first(self) -> "RetentionModel":
        if self.calls is not None and (self.facts is None or self.facts > self.calls):
            raise ValueError("facts cannot be kept longer than the calls that they belong to")
        return self


class LogModel(StrictModel):
    """How the daemon logs."""

    format: str = Field(default="auto", pattern="^(auto|json|console)$")
    level: str = Field(default="info", pattern="^(debug|info|warning|error)$")


class FileModel(StrictModel):
    """The whole file; `file_model` has the `crm` of one kind."""

    mode: Literal["live", "shadow"] = "live"
    data_dir: Path = Path("/var/lib/cti-bridge")
    rules: Path = Path("routing.yaml")
    pbxes: tuple[PbxModel, ...] = Field(min_length=1, max_length=1)
    crm: CrmPart = EmbeddedModel()
    calls: CallsModel = CallsModel()
    operators: OperatorsModel = OperatorsModel()
    reports: ReportsModel = ReportsModel()
    web: WebModel = WebModel()
    retention: RetentionModel = RetentionModel()
    log: LogModel = LogModel()


def file_model(kind: str) -> type[FileModel]:
    """The whole file with the `crm` of this kind, one of KINDS."""
    if kind == EMBEDDED:
        return create_model("FileModel", __base__=FileModel, crm=(EmbeddedModel, EmbeddedModel()))
    return create_model("FileModel", __base__=FileModel, crm=(KINDS[kind].model, ...))
