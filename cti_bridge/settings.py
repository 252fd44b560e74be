"""The settings file of the daemon and its commands: strict, with every mistake at its line and column.

Secrets never stand in the file: `secret: ${NAME}` takes one from the environment, `secret_file: PATH` from a file.
Relative paths are meant from the folder of the settings file.
"""

import base64
import os
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from cti_bridge.domain.customer import Stage, StageList
from cti_bridge.domain.staff import StaffNumbers, staff_numbers
from cti_bridge.routing.document import Items, Node, Scalar, Table, parse_document
from cti_bridge.routing.problems import Place, Problems, RulesError, quoted, suggestion
from cti_bridge.settings_schema import (
    AmiModel,
    AriModel,
    FileModel,
    PbxModel,
    PrivateModel,
    PublicModel,
    ReportsModel,
    SecretModel,
)

DEFAULT_PATH = Path("/etc/cti-bridge/cti-bridge.yaml")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]*")
_FALLBACK_REGION = "RU"
_IN_WORDS = {
    "bool_parsing": "must be true or false",
    "int_parsing": "must be a whole number",
    "model_type": "must be keys with values",
    "path_type": "must be a path",
    "string_too_short": "must not be empty",
    "string_type": "must be a text",
    "too_short": "must not be empty",
    "tuple_type": "must be a list",
}
"""What an admin is told of pydantic's kinds of errors whose own words speak of Python."""


class SettingsError(ValueError):
    """The settings cannot be used; `problems` has one printable line for each mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _Misfit(Exception):
    """What the settings name cannot be used; `at` is the path of the key that names it."""

    def __init__(self, at: tuple[int | str, ...], message: str) -> None:
        super().__init__(message)
        self.at = at


@dataclass(frozen=True, slots=True)
class AmiSettings:
    """Where AMI is and who we are there; `tls` is set when the line is to be encrypted."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class AgiSettings:
    """Where FastAGI listens; `allow` names networks beside loopback, `secret` is part of the URL where it is set."""

    host: str
    port: int
    allow: tuple[str, ...]
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class AriSettings:
    """Where ARI is, who we are there, and the name of our Stasis application; `tls` as for AMI."""

    host: str
    port: int
    username: str
    secret: str = field(repr=False)
    app: str
    tls: ssl.SSLContext | None = None


@dataclass(frozen=True, slots=True)
class PbxSettings:
    """One Asterisk; `region` reads its national numbers, None means as the rules say. `ari` is None where it is off.

    Callers with numbers of `staff` are no customers.
    """

    name: str
    region: str | None
    staff: StaffNumbers
    ami: AmiSettings
    agi: AgiSettings
    ari: AriSettings | None


@dataclass(frozen=True, slots=True)
class CrmSettings:
    """The CRM; `fresh_s` is how long an answer counts as just given, `stages` the funnel where the file has one."""

    kind: str
    path: Path
    fresh_s: float
    stages: StageList | None


class ReceiverKind(StrEnum):
    """In which way somebody wants to be told of calls; the words are those of the settings."""

    WEBHOOK = "webhooks"
    ZAMMAD = "zammad"


@dataclass(frozen=True, slots=True)
class ReceiverSettings:
    """Somebody who is told of calls: his name for us, where he is, what he knows us by, and how patient we are."""

    kind: ReceiverKind
    name: str
    url: str = field(repr=False)
    secret: str = field(repr=False)
    timeout_s: float
    max_age_s: float


@dataclass(frozen=True, slots=True)
class WebSettings:
    """The two listeners; `origins` are other pages that may connect; cert and key turn the public one to TLS."""

    public_host: str
    public_port: int
    origins: tuple[str, ...]
    private_host: str
    private_port: int
    cert_file: Path | None
    key_file: Path | None


@dataclass(frozen=True, slots=True)
class RetentionSettings:
    """How long the journal keeps the facts of a decision, and the call; in seconds, None is for ever."""

    facts_s: float | None
    calls_s: float | None


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything the daemon and its commands need to know."""

    file: Path
    data_dir: Path
    rules: Path
    region: str
    pbx: PbxSettings
    crm: CrmSettings
    reports: tuple[ReceiverSettings, ...]
    report_to_crm: bool
    web: WebSettings
    retention: RetentionSettings
    log_format: str
    log_level: str


def load_settings(path: Path) -> Settings:
    """Read and check a settings file. Raises SettingsError with all mistakes, FILE:LINE:COLUMN: message (hint)."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError((f"{path}: {error.strerror or error}",)) from error
    except UnicodeDecodeError as error:
        raise SettingsError((f"{path}: not UTF-8",)) from error
    problems = Problems()
    document = parse_document(text, problems)
    parsed: FileModel | None = None
    if isinstance(document, Table):
        plain = _plain(document, problems, os.environ)
        try:
            parsed = FileModel.model_validate(plain)
        except ValidationError as invalid:
            mistakes = invalid.errors()
            for mistake in mistakes:
                # A list whose only item is bad counts as empty for pydantic; the item's own mistake says more.
                at = mistake["loc"]
                if not any(other["loc"][: len(at)] == at != other["loc"] for other in mistakes):
                    _note(problems, document, mistake)
    elif document is not None:
        problems.add(Place(1, 1), "the settings must be keys with values", "see the commented example in config/")
    try:
        problems.raise_if_any()
    except RulesError as found:
        raise SettingsError(tuple(problem.format(str(path)) for problem in found.problems)) from None
    assert parsed is not None
    assert document is not None
    try:
        return _build(path, parsed)
    except _Misfit as misfit:
        place, _ = _find(document, misfit.at)
        raise SettingsError((f"{path}:{place.line}:{place.column}: {misfit}",)) from misfit


def _plain(node: Node, problems: Problems, environment: "os._Environ[str] | dict[str, str]", key: str = "") -> Any:
    """The document as plain data, environment variables filled in; numbers and yes/no are left to the model."""
    match node:
        case Table():
            return {name.text: _plain(value, problems, environment, name.text) for name, value in node.entries}
        case Items():
            return [_plain(item, problems, environment) for item in node.items]
        case Scalar():
            if key == "secret" and not _VARIABLE.fullmatch(node.text):
                problems.add(node, "a secret must not stand in this file", "use secret_file, or ${NAME}")
            return None if node.is_null else _filled(node, problems, environment)


def _filled(node: Scalar, problems: Problems, environment: "os._Environ[str] | dict[str, str]") -> str:
    def value(found: re.Match[str]) -> str:
        if found[1] not in environment:
            problems.add(node, f"environment variable {quoted(found[1])} is not set")
        return environment.get(found[1], "?")  # something, so that it is not reported as missing as well

    return _VARIABLE.sub(value, node.text)


def _note(problems: Problems, document: Table, error: Any) -> None:
    """One pydantic error in words, at the place in the file it is about."""
    place, known = _find(document, error["loc"])
    key = str(error["loc"][-1]) if error["loc"] else ""
    match error["type"]:
        case "extra_forbidden":
            problems.add(place, f"unknown key {quoted(key)}", suggestion(key, _fields_beside(error["loc"])))
        case "missing":
            problems.add(place, f"key {quoted(key)} is missing")
        case "too_long" if key == "pbxes":
            problems.add(place, "only one PBX is possible in this version")
        case "value_error":
            problems.add(place, f"{quoted(key)}: {error['ctx']['error']}" if known else str(error["ctx"]["error"]))
        case kind if kind in _IN_WORDS:
            problems.add(place, f"{quoted(key)} {_IN_WORDS[kind]}")
        case _:
            problems.add(place, f"{quoted(key)}: {error['msg'][0].lower()}{error['msg'][1:]}")


def _find(document: Node, path: tuple[int | str, ...]) -> tuple[Place, bool]:
    """The place of the deepest part of `path` that is in the file, and whether that is all of it."""
    node, place = document, Place(document.line, document.column)
    for part in path:
        if isinstance(node, Table):
            entry = next(((name, value) for name, value in node.entries if name.text == part), None)
            if entry is None:
                return place, False
            place, node = Place(entry[0].line, entry[0].column), entry[1]
        elif isinstance(node, Items) and isinstance(part, int) and part < len(node.items):
            node = node.items[part]
            place = Place(node.line, node.column)
        else:
            return place, False
    return place, True


def _fields_beside(path: tuple[int | str, ...]) -> list[str]:
    """The keys that exist where an unknown one was written."""
    model: Any = FileModel
    for part in path[:-1]:
        if isinstance(part, int):
            continue
        annotation = model.model_fields[part].annotation
        candidates = [annotation, *getattr(annotation, "__args__", ())]
        model = next((c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)), model)
    return list(model.model_fields)


def _build(path: Path, parsed: FileModel) -> Settings:
    folder = path.resolve().parent
    data_dir = folder / parsed.data_dir
    rules = folder / parsed.rules
    region = parsed.pbxes[0].region or _region_in(rules)
    pbx = _pbx(parsed.pbxes[0], folder, region)
    stages = parsed.crm.stages
    public, private = parsed.web.public, parsed.web.private
    if ari := parsed.pbxes[0].ari:
        _not_our_own(ari, public, "web.public")
        _not_our_own(ari, private, "web.private")
    if public.tls:
        _check_certificate(folder / public.tls.cert_file, folder / public.tls.key_file)
    return Settings(
        file=path,
        data_dir=data_dir,
        rules=rules,
        region=region,
        pbx=pbx,
        crm=CrmSettings(
            kind=parsed.crm.kind,
            path=data_dir / parsed.crm.path,
            fresh_s=parsed.crm.fresh,
            stages=StageList(tuple(Stage(s.id, s.name, s.order, s.final) for s in stages)) if stages else None,
        ),
        reports=tuple(_receivers(parsed.reports, folder)),
        report_to_crm=parsed.reports.crm,
        web=WebSettings(
            public_host=public.host,
            public_port=public.port,
            origins=public.origins,
            private_host=private.host,
            private_port=private.port,
            cert_file=folder / public.tls.cert_file if public.tls else None,
            key_file=folder / public.tls.key_file if public.tls else None,
        ),
        retention=RetentionSettings(parsed.retention.facts, parsed.retention.calls),
        log_format=parsed.log.format,
        log_level=parsed.log.level,
    )


def _pbx(pbx: PbxModel, folder: Path, region: str) -> PbxSettings:
    at = ("pbxes", 0)
    agi_secret = _secret(pbx.agi, folder, (*at, "agi"))
    if not _URL_SAFE.fullmatch(agi_secret):
        raise _Misfit((*at, "agi"), "the secret becomes part of a URL: only letters, digits and . _ ~ - may be in it")
    ami, ari = pbx.ami, pbx.ari
    return PbxSettings(
        name=pbx.name,
        region=pbx.region,
        staff=_staff(pbx.staff_numbers, region, (*at, "staff_numbers")),
        ami=AmiSettings(
            ami.host,
            ami.port,
            ami.username,
            _secret(ami, folder, (*at, "ami")),
            _client_tls(ami, folder, (*at, "ami")),
        ),
        agi=AgiSettings(pbx.agi.host, pbx.agi.port, pbx.agi.allow, agi_secret),
        ari=AriSettings(
            ari.host,
            ari.port,
            ari.username,
            _secret(ari, folder, (*at, "ari")),
            ari.app,
            _client_tls(ari, folder, (*at, "ari")),
        )
        if ari
        else None,
    )


def _not_our_own(ari: AriModel, listener: PublicModel | PrivateModel, name: str) -> None:
    """Asterisk's usual port is that of our page, too: whoever comes first would have it."""
    if ari.port == listener.port and listener.host in (ari.host, "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        raise _Misfit(("pbxes", 0, "ari", "port"), f"{ari.port} is the port of `{name}`: Asterisk needs one of its own")


def _receivers(reports: ReportsModel, folder: Path) -> Iterator[ReceiverSettings]:
    receivers = {ReceiverKind.WEBHOOK: reports.webhooks, ReceiverKind.ZAMMAD: reports.zammad}
    for kind, models in receivers.items():
        for index, model in enumerate(models):
            at = ("reports", kind.value, index)
            secret = _secret(model, folder, at)
            if kind is ReceiverKind.WEBHOOK and not _signs(secret):
                raise _Misfit(at, "the secret must be whsec_ and 24 to 64 bytes in base64")
            if kind is ReceiverKind.ZAMMAD and not _URL_SAFE.fullmatch(secret):
                raise _Misfit(at, "the token becomes part of a URL: only letters, digits and . _ ~ - may be in it")
            yield ReceiverSettings(kind, model.name, model.url, secret, model.timeout, model.max_age)


def _signs(secret: str) -> bool:
    """Whether a webhook can be signed with this secret."""
    try:
        key = base64.b64decode(secret.removeprefix("whsec_"), validate=True)
    except ValueError:
        return False
    return secret.startswith("whsec_") and 24 <= len(key) <= 64


def _staff(texts: tuple[str, ...], region: str, at: tuple[int | str, ...]) -> StaffNumbers:
    for index, text in enumerate(texts):
        try:
            staff_numbers([text], region=region)
        except ValueError as error:
            raise _Misfit((*at, index), str(error)) from error
    return staff_numbers(texts, region=region)


def _secret(source: SecretModel, folder: Path, at: tuple[int | str, ...]) -> str:
    if source.secret_file is None:
        return source.secret
    file, at = folder / source.secret_file, (*at, "secret_file")
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise _Misfit(at, f"{file}: {error.strerror or error}") from error
    except UnicodeDecodeError as error:
        raise _Misfit(at, f"{file}: not UTF-8") from error
    if not secret:
        raise _Misfit(at, f"{file} is empty")
    return secret


def _client_tls(line: AmiModel | AriModel, folder: Path, at: tuple[int | str, ...]) -> ssl.SSLContext | None:
    ca_file = folder / line.tls_ca if line.tls_ca else None
    try:
        return ssl.create_default_context(cafile=ca_file) if line.tls else None
    except OSError as error:  # also what OpenSSL says of a file without certificates
        raise _Misfit((*at, "tls_ca"), f"{ca_file}: {error.strerror or error}") from error


def _check_certificate(cert_file: Path, key_file: Path) -> None:
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert_file, key_file)
    except OSError as error:
        raise _Misfit(("web", "public", "tls"), f"{cert_file}, {key_file}: {error.strerror or error}") from error


def _region_in(rules: Path) -> str:
    """The region that the rule file names; without one, or while it cannot be read, the shipped one."""
    try:
        document = parse_document(rules.read_text(encoding="utf-8"), Problems())
    except (OSError, UnicodeDecodeError):
        return _FALLBACK_REGION
    entries = {name.text: value for name, value in document.entries} if isinstance(document, Table) else {}
    region = entries.get("region")
    return region.text if isinstance(region, Scalar) and region.text else _FALLBACK_REGION
