"""The settings file of the daemon and its commands: strict, with every mistake at its line and column.

Secrets never stand in the file: `secret: ${NAME}` takes one from the environment, `secret_file: PATH` from a file.
Relative paths are meant from the folder of the settings file.
"""

import os
import re
import ssl
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from pydantic import ValidationError

from cti_bridge.crm.embedded.settings import EmbeddedModel
from cti_bridge.crm.kinds import EMBEDDED
from cti_bridge.domain.customer import SHIPPED_STAGES, Stage, StageList
from cti_bridge.domain.staff import StaffNumbers, staff_numbers
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.routing.document import Scalar, Table, parse_document
from cti_bridge.routing.problems import Place, Problems, RulesError
from cti_bridge.settings_model import CrmPart, Misfit, StageModel, read_secret
from cti_bridge.settings_places import At, find, kind_of_crm, note, plain
from cti_bridge.settings_schema import (
    AriModel,
    FileModel,
    PbxModel,
    PrivateModel,
    PublicModel,
    ReportsModel,
    file_model,
)
from cti_bridge.settings_secrets import check_certificate, check_secrets, client_tls, signs

DEFAULT_PATH = Path("/etc/cti-bridge/cti-bridge.yaml")
_URL_SAFE = re.compile(r"[A-Za-z0-9._~-]*")
_FALLBACK_REGION = "RU"


class SettingsError(ValueError):
    """The settings cannot be used; `problems` has one printable line for each mistake."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


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
class RecordsSettings:
    """Files in which the PBX writes calls down itself; None where it does not, or they are out of reach."""

    queue_log: Path | None
    cel: Path | None

    def unreadable(self) -> dict[str, str]:
        """What is wrong with those that cannot be read, in words, by their keys."""
        problems = {}
        for key, path in (("queue_log", self.queue_log), ("cel", self.cel)):
            try:
                if path is not None and path.exists() and not path.is_file():
                    problems[key] = f"{path}: no file"
                elif path is not None:
                    path.open("rb").close()
            except OSError as error:
                problems[key] = f"{path}: {error.strerror or error}"
        return problems


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
    records: RecordsSettings


@dataclass(frozen=True, slots=True)
class CrmSettings:
    """The CRM; `fresh_s` is how long an answer counts as just given, `stages` the funnel where the file has one.

    `stages_in_crm` is the same funnel by the CRM's own ids, and `stage_words` leads from these to those of `stages`.
    `model` is its part of the file, which only its own kind can read; `path` is the file of the embedded CRM, which may
    lie there from earlier even where it is not the CRM any more.
    """

    kind: str
    path: Path
    fresh_s: float
    stages: StageList | None
    stages_in_crm: StageList | None
    stage_words: Mapping[str, str]
    model: CrmPart = field(repr=False)

    @property
    def stages_unasked(self) -> StageList:
        """The stages as far as they are known before the CRM was asked; of another CRM any may be one."""
        return self.stages or StageList(SHIPPED_STAGES.stages, open_ended=self.kind != EMBEDDED)


class Mode(StrEnum):
    """Whether calls are routed; the words are those of the settings."""

    LIVE = "live"
    SHADOW = "shadow"
    """Everything is decided, written down and shown, and nothing is carried out."""


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
    mode: Mode
    data_dir: Path
    rules: Path
    region: str
    pbx: PbxSettings
    crm: CrmSettings
    rejected_for_s: float
    """For how long a phone that refused a call is not called for it again; 0: Asterisk's own way."""
    desk: DeskSettings
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
        parsed = _parsed(document, problems)
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
    except Misfit as misfit:
        place, _ = find(document, misfit.at)
        raise SettingsError((f"{path}:{place.line}:{place.column}: {misfit}",)) from misfit


def _parsed(document: Table, problems: Problems) -> FileModel | None:
    """What stands in the file, or None after saying what is wrong with it."""
    written = plain(document, problems, os.environ)
    kind = kind_of_crm(written, problems, document)
    model = file_model(kind or EMBEDDED)
    try:
        return model.model_validate(written if kind else {key: written[key] for key in written if key != "crm"})
    except ValidationError as invalid:
        mistakes = invalid.errors()
        for mistake in mistakes:
            # A list whose only item is bad counts as empty for pydantic; the item's own mistake says more.
            at = mistake["loc"]
            if not any(other["loc"][: len(at)] == at != other["loc"] for other in mistakes):
                note(problems, document, mistake, model)
    return None


def place_of(path: Path, at: At) -> str:
    """FILE:LINE:COLUMN of a key in a settings file that could be loaded."""
    document = parse_document(path.read_text(encoding="utf-8"), Problems())
    place = find(document, at)[0] if document is not None else Place(1, 1)
    return f"{path}:{place.line}:{place.column}"


def _build(path: Path, parsed: FileModel) -> Settings:
    folder = path.resolve().parent
    data_dir = folder / parsed.data_dir
    rules = folder / parsed.rules
    region = parsed.pbxes[0].region or _region_in(rules)
    pbx = _pbx(parsed.pbxes[0], folder, region)
    public, private = parsed.web.public, parsed.web.private
    if ari := parsed.pbxes[0].ari:
        _not_our_own(ari, public, "web.public")
        _not_our_own(ari, private, "web.private")
    if public.tls:
        check_certificate(folder / public.tls.cert_file, folder / public.tls.key_file)
    return Settings(
        file=path,
        mode=Mode(parsed.mode),
        data_dir=data_dir,
        rules=rules,
        region=region,
        pbx=pbx,
        crm=_crm(parsed.crm, folder, data_dir),
        rejected_for_s=parsed.calls.rejected_for,
        desk=parsed.operators.to_settings(),
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


def _crm(model: CrmPart, folder: Path, data_dir: Path) -> CrmSettings:
    check_secrets(model, folder, ("crm",))
    embedded = model if isinstance(model, EmbeddedModel) else EmbeddedModel()
    in_crm = [(one, theirs) for one in model.stages or () for theirs in one.theirs]
    return CrmSettings(
        kind=model.kind,
        path=data_dir / embedded.path,
        fresh_s=model.fresh,
        stages=StageList(tuple(_stage(one, one.id) for one in model.stages)) if model.stages else None,
        stages_in_crm=StageList(tuple(_stage(one, theirs) for one, theirs in in_crm)) if in_crm else None,
        stage_words={theirs: one.id for one, theirs in in_crm if theirs != one.id},
        model=model,
    )


def _stage(one: StageModel, id_: str) -> Stage:
    return Stage(id_, one.name, one.order, one.final)


def _pbx(pbx: PbxModel, folder: Path, region: str) -> PbxSettings:
    at = ("pbxes", 0)
    agi_secret = read_secret(pbx.agi, folder, (*at, "agi"))
    if not _URL_SAFE.fullmatch(agi_secret):
        raise Misfit((*at, "agi"), "the secret becomes part of a URL: only letters, digits and . _ ~ - may be in it")
    ami, ari = pbx.ami, pbx.ari
    return PbxSettings(
        name=pbx.name,
        region=pbx.region,
        staff=_staff(pbx.staff_numbers, region, (*at, "staff_numbers")),
        ami=AmiSettings(
            ami.host,
            ami.port,
            ami.username,
            read_secret(ami, folder, (*at, "ami")),
            client_tls(ami, folder, (*at, "ami")),
        ),
        agi=AgiSettings(pbx.agi.host, pbx.agi.port, pbx.agi.allow, agi_secret),
        ari=AriSettings(
            ari.host,
            ari.port,
            ari.username,
            read_secret(ari, folder, (*at, "ari")),
            ari.app,
            client_tls(ari, folder, (*at, "ari")),
        )
        if ari
        else None,
        records=RecordsSettings(
            folder / pbx.records.queue_log if pbx.records.queue_log else None,
            folder / pbx.records.cel if pbx.records.cel else None,
        ),
    )


def _not_our_own(ari: AriModel, listener: PublicModel | PrivateModel, name: str) -> None:
    """Asterisk's usual port is that of our page, too: whoever comes first would have it."""
    if ari.port == listener.port and listener.host in (ari.host, "0.0.0.0", "::"):  # noqa: S104 - compared, not bound
        raise Misfit(("pbxes", 0, "ari", "port"), f"{ari.port} is the port of `{name}`: Asterisk needs one of its own")


def _receivers(reports: ReportsModel, folder: Path) -> Iterator[ReceiverSettings]:
    receivers = {ReceiverKind.WEBHOOK: reports.webhooks, ReceiverKind.ZAMMAD: reports.zammad}
    for kind, models in receivers.items():
        for index, model in enumerate(models):
            at = ("reports", kind.value, index)
            secret = read_secret(model, folder, at)
            if kind is ReceiverKind.WEBHOOK and not signs(secret):
                raise Misfit(at, "the secret must be whsec_ and 24 to 64 bytes in base64")
            if kind is ReceiverKind.ZAMMAD and not _URL_SAFE.fullmatch(secret):
                raise Misfit(at, "the token becomes part of a URL: only letters, digits and . _ ~ - may be in it")
            yield ReceiverSettings(kind, model.name, model.url, secret, model.timeout, model.max_age)


def _staff(texts: tuple[str, ...], region: str, at: tuple[int | str, ...]) -> StaffNumbers:
    for index, text in enumerate(texts):
        try:
            staff_numbers([text], region=region)
        except ValueError as error:
            raise Misfit((*at, index), str(error)) from error
    return staff_numbers(texts, region=region)


def _region_in(rules: Path) -> str:
    """The region that the rule file names; without one, or while it cannot be read, the shipped one."""
    try:
        document = parse_document(rules.read_text(encoding="utf-8"), Problems())
    except (OSError, UnicodeDecodeError):
        return _FALLBACK_REGION
    entries = {name.text: value for name, value in document.entries} if isinstance(document, Table) else {}
    region = entries.get("region")
    return region.text if isinstance(region, Scalar) and region.text else _FALLBACK_REGION
