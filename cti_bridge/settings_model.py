"""What every part of the settings file is made of: strict keys, durations, secrets that only are pointed to.

The folder of a CRM describes its own part of the file with these, so this module knows nothing of the rest.
"""

import ipaddress
import re
import ssl
from pathlib import Path
from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

_DURATION = re.compile(r"(\d{1,6})\s*(ms|s|m|h)?")
_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, None: 1.0}


class Misfit(Exception):
    """What the settings name cannot be used; `at` is the path of the key that names it."""

    def __init__(self, at: tuple[int | str, ...], message: str) -> None:
        super().__init__(message)
        self.at = at


class Inside(ValueError):
    """A mistake deeper inside a value than its own key; `at` leads there from the key."""

    def __init__(self, at: tuple[int | str, ...], message: str) -> None:
        super().__init__(message)
        self.at = at


def is_loopback(host: str) -> bool:
    """Whether a host name or address means this machine and no other."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def seconds(text: str) -> float:
    """A duration such as `300ms`, `60s`, `2m`, `24h` or plain seconds. Raises ValueError."""
    found = _DURATION.fullmatch(text.strip())
    if found is None:
        raise ValueError("not a duration such as 300ms, 60s, 2m or 24h")
    return int(found[1]) * _UNITS[found[2]]


def safe_url(value: str) -> str:
    """The address of a server: https, or http on loopback, without user and password. Raises ValueError."""
    try:
        parts = urlsplit(value)
        host, _ = parts.hostname, parts.port
    except ValueError:
        raise ValueError("not an address such as https://crm.example/calls") from None
    if parts.scheme not in {"https", "http"} or not host or not value.isprintable() or " " in value:
        raise ValueError("not an address such as https://crm.example/calls")
    if parts.fragment or parts.username is not None or parts.password is not None:
        raise ValueError("no user, password or # may be in it")
    if parts.scheme == "http" and not is_loopback(host):
        raise ValueError("elsewhere than on loopback it must be https")
    return value


class StrictModel(BaseModel):
    """A part of the file; unknown keys are mistakes."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SecretModel(StrictModel):
    """Where a secret comes from: the environment, or a file."""

    secret: str = Field(default="", repr=False)
    secret_file: Path | None = None

    @model_validator(mode="after")
    def _one_source(self) -> "SecretModel":
        if self.secret and self.secret_file:
            raise ValueError("give secret or secret_file, not both")
        return self


class NeededSecretModel(SecretModel):
    """A secret that has to be there."""

    @model_validator(mode="after")
    def _given(self) -> "NeededSecretModel":
        if not self.secret and not self.secret_file:
            raise ValueError("secret_file or secret is missing")
        return self


StageId = Annotated[str, Field(pattern=r"^[^\s\p{C}](?:[^\p{C}]{0,62}[^\s\p{C}])?$")]
"""What a stage is called in a CRM: some call them by names, with spaces."""


class StageModel(StrictModel):
    """One stage of the funnel; `in_crm` is what the CRM calls it where that is not its `id`, `[]` if it has none."""

    id: StageId
    in_crm: tuple[StageId, ...] | None = Field(default=None, max_length=200)
    name: str = Field(min_length=1, max_length=80)
    order: int
    final: bool = False

    @property
    def theirs(self) -> tuple[str, ...]:
        """The CRM's ids that mean this stage."""
        return (self.id,) if self.in_crm is None else self.in_crm


class MirrorModel(StrictModel):
    """How often a mirror of the CRM is brought up to date: `every` for what changed, `full` for everything."""

    every: float = Field(default=60.0, ge=5, le=3_600)
    full: float = Field(default=86_400.0, ge=600, le=30 * 86_400)

    @field_validator("every", "full", mode="before")
    @classmethod
    def _duration(cls, value: object) -> float:
        return seconds(str(value))


class CrmPart(StrictModel):
    """What `crm:` has whichever CRM it is; each kind adds its own keys and `kind: Literal["…"]`."""

    can_be_mirrored: ClassVar[bool] = False
    """Whether its adapter offers what a mirror needs; a kind that does sets it."""

    kind: str
    fresh: float = 0.0
    stages: tuple[StageModel, ...] | None = None
    mirror: MirrorModel | None = None

    @field_validator("fresh", mode="before")
    @classmethod
    def _duration(cls, value: object) -> float:
        return seconds(str(value))

    @field_validator("mirror")
    @classmethod
    def _mirrored(cls, value: MirrorModel | None) -> MirrorModel | None:
        if value is not None and not cls.can_be_mirrored:
            raise ValueError("this kind of CRM cannot be mirrored")
        return value

    @field_validator("stages")
    @classmethod
    def _unique(cls, value: tuple[StageModel, ...] | None) -> tuple[StageModel, ...] | None:
        ids = [stage.id for stage in value or ()]
        if len(set(ids)) != len(ids):
            raise ValueError("two stages have the same id")
        seen: set[str] = set()
        for theirs in (one for stage in value or () for one in set(stage.theirs)):
            if theirs in seen:
                raise ValueError(f"two stages mean `{theirs}` of the CRM")
            seen.add(theirs)
        return value


def read_secret(source: SecretModel, folder: Path, at: tuple[int | str, ...]) -> str:
    """The secret that `source` names; `at` is where the settings do. Raises Misfit."""
    if source.secret_file is None:
        return source.secret
    file, at = folder / source.secret_file, (*at, "secret_file")
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise Misfit(at, f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise Misfit(at, f"{file}: not UTF-8") from error
    if not secret:
        raise Misfit(at, f"{file} is empty")
    return secret


def trusted_by(ca: Path | None, folder: Path, at: tuple[int | str, ...]) -> ssl.SSLContext:
    """A context for lines that we open, trusting the certificates in `ca`, or the system's. Raises Misfit."""
    ca_file = folder / ca if ca else None
    try:
        return ssl.create_default_context(cafile=ca_file)
    except OSError as error:  # also what OpenSSL says of a file without certificates
        raise Misfit(at, f"{ca_file}: {error.strerror or error}") from error
