"""The generic CRM's part of the settings, checked as a whole when it is read, and how it is opened."""

import ssl
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, field_validator, model_validator

from cti_bridge.crm.generic import placeholders
from cti_bridge.crm.generic.access_model import AuthModel, RateModel
from cti_bridge.crm.generic.adapter import GenericCrm
from cti_bridge.crm.generic.expressions import Expression
from cti_bridge.crm.generic.login import ClientCredentials, FixedLogin, Login, basic
from cti_bridge.crm.generic.plan import CreatePlan, FindPlan, ListPlan, Plan, ReportPlan
from cti_bridge.crm.generic.question_models import (
    AddNoteModel,
    CreateModel,
    DealsModel,
    FindModel,
    NotesModel,
    ReportModel,
    StageListModel,
    UpdateModel,
)
from cti_bridge.crm.generic.request_model import Name, RequestModel, Text, check_header
from cti_bridge.crm.generic.words import Reading, Translation
from cti_bridge.crm.links import Links
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.recording_links import RecordingLinks, RecordingsModel
from cti_bridge.crm.web_client import WebClient, check_base_url
from cti_bridge.domain.call_report import CallMoment
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import CrmPart, Misfit, StrictModel, read_secret, seconds, trusted_by

SETTINGS_EXAMPLE = """\
crm:
  # Any CRM with an HTTP interface: what to ask, and JMESPath (jmespath.org) for where the answer has what.
  kind: generic
  url: https://crm.example/api/v1
  auth:
    # Or basic: {username: cti, secret_file: …}, or oauth2: {token_url: …, client_id: …, secret_file: …}
    header: {name: X-Api-Key, secret_file: crm.key}
  # So often it may be asked in a second; look-ups go before reports.
  rate: {per_second: 10, burst: 20}
  # Who has the number? {e164} is +74950000150, {digits} 74950000150, {national10} 4950000150, {national} 84950000150.
  find:
    path: /customers
    query: {phone: "{e164}"}
    customers: "items"
    customer: {id: id, name: name, numbers: "phones[].value", responsible: manager}
    # The deals inside a customer; where they take a request of their own, see `deals` in docs/crm/generic.md.
    deals: "deals"
    deal: {id: id, title: title, stage: status, amount: amount, changed_at: updated_at}
  # The stages that a deal can be in; `final` ones are over.
  stages:
    - {id: offer_sent, name: "предложение отправлено", order: 10}
    - {id: paid, name: "оплачено", order: 20}
    - {id: closed, name: "закрыта", order: 90, final: true}
  # What the CRM is told when a call is over; `started`, `answered` and `updated` can be told as well.
  report:
    ended:
      method: POST
      path: /customers/{customer_id}/calls
      body: {call: "{call}", outcome: "{outcome}", seconds: "{talked_s}", user: "{user}", at: "{started_at}"}
"""


class GenericModel(CrmPart):
    """A CRM with an HTTP interface that the settings describe."""

    kind: Literal["generic"] = "generic"
    url: str = Field(repr=False)
    tls_ca: Path | None = None
    auth: AuthModel | None = None
    headers: Mapping[Name, str] = Field(default_factory=dict)
    timeout: float = 5.0
    rate: RateModel = RateModel()
    timezone: str = "UTC"
    values: Mapping[Literal["stage", "segment", "preferred_channel", "responsible", "city"], Mapping[str, str]] = Field(
        default_factory=dict
    )
    error: Text | None = None
    check: RequestModel | None = None
    find: FindModel
    deals: DealsModel | None = None
    stage_list: StageListModel | None = None
    notes: NotesModel | None = None
    create: CreateModel | None = None
    update: UpdateModel | None = None
    add_note: AddNoteModel | None = None
    report: ReportModel | None = None
    recordings: RecordingsModel | None = None

    @field_validator("url")
    @classmethod
    def _safe(cls, value: str) -> str:
        return check_base_url(value)

    @field_validator("headers")
    @classmethod
    def _fixed(cls, value: Mapping[str, str]) -> Mapping[str, str]:
        for name, text in value.items():
            check_header(name, text)
        return value

    @field_validator("timeout", mode="before")
    @classmethod
    def _duration(cls, value: object) -> float:
        found = seconds(str(value))
        if not 0.1 <= found <= 30:
            raise ValueError("must be from 100ms to 30s")
        return found

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("not a time zone such as Europe/Moscow") from None
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "GenericModel":
        if self.deals is not None and self.find.deals is not None:
            raise ValueError("the deals are either in the answer of find or have a request of their own, deals")
        if self.stage_list is not None and self.stages is not None:
            raise ValueError("the stages are either listed in stages or asked for by stage_list")
        named = self.report.names if self.report else frozenset()
        if self.recordings is None and named & placeholders.RECORDING_URLS:
            raise ValueError("{recording_url} needs recordings: {url: …}, the address at which they are published")
        return self


def opened(
    model: GenericModel,
    *,
    region: str,
    stages: StageList | None,
    folder: Path,
    data_dir: Path,
    links: Links,
    clock: Callable[[], float] = time.time,
) -> GenericCrm:
    """The CRM that the settings describe; nothing is connected yet. Raises Misfit for a secret that is not there."""
    tls = trusted_by(model.tls_ca, folder, ("crm", "tls_ca")) if model.tls_ca else None
    rate = model.rate
    return GenericCrm(
        _plan(model, region),
        WebClient(model.url, tls=tls, pace=Pace(rate.per_second, rate.burst, rate.kept)),
        _login(model.auth, folder, data_dir, tls, clock),
        links,
        stages=stages,
        within_s=model.timeout,
    )


def _login(
    auth: AuthModel | None, folder: Path, data_dir: Path, tls: ssl.SSLContext | None, clock: Callable[[], float]
) -> Login:
    at = ("crm", "auth")
    if auth is None:
        return FixedLogin({})
    if auth.header is not None:
        secret = read_secret(auth.header, folder, (*at, "header"))
        return FixedLogin({auth.header.name: sendable(auth.header.prefix + secret, (*at, "header"))})
    if auth.basic is not None:
        return basic(auth.basic.username, read_secret(auth.basic, folder, (*at, "basic")))
    oauth2 = auth.oauth2
    assert oauth2 is not None, "AuthModel lets nothing else through"
    return ClientCredentials(
        WebClient(oauth2.token_url, tls=tls),
        client_id=oauth2.client_id,
        secret=read_secret(oauth2, folder, (*at, "oauth2")),
        scope=oauth2.scope,
        in_form=oauth2.client_auth == "form",
        kept_in=data_dir / "crm-generic-token.json",
        clock=clock,
    )


def sendable(text: str, at: tuple[str, ...]) -> str:
    """A secret that is to be sent in a header. Raises Misfit when it cannot be."""
    if not text.isascii() or not text.isprintable():
        raise Misfit(at, "the secret is sent in a header: only printable ASCII may be in it")
    return text


def _plan(model: GenericModel, region: str) -> Plan:
    find = model.find
    return Plan(
        find=FindPlan(
            find.compiled("find"),
            find.spellings,
            _reading("customers", find.customers, find.customer),
            _reading("deals", find.deals, find.deal) if find.deals and find.deal else None,
        ),
        deals=ListPlan(model.deals.compiled("deals"), _reading("deals", model.deals.deals, model.deals.deal))
        if model.deals
        else None,
        stage_list=ListPlan(
            model.stage_list.compiled("stage_list"), _reading("stages", model.stage_list.stages, model.stage_list.stage)
        )
        if model.stage_list
        else None,
        notes=ListPlan(model.notes.compiled("notes"), _reading("notes", model.notes.notes, model.notes.note))
        if model.notes
        else None,
        create=CreatePlan(model.create.compiled("create"), Expression(model.create.id)) if model.create else None,
        update=model.update.compiled("update") if model.update else None,
        add_note=model.add_note.compiled("add_note") if model.add_note else None,
        report=_report(model.report, model.recordings) if model.report else None,
        check=model.check.compiled("check") if model.check else None,
        error=Expression(model.error) if model.error else None,
        headers={"Accept": "application/json", **model.headers},
        translation=Translation(
            {str(name): theirs for name, theirs in model.values.items()}, ZoneInfo(model.timezone), region
        ),
    )


def _report(model: ReportModel, recordings: RecordingsModel | None) -> ReportPlan:
    moments = {
        CallMoment.STARTED: model.started,
        CallMoment.ANSWERED: model.answered,
        CallMoment.ENDED: model.ended,
        CallMoment.UPDATED: model.updated,
    }
    first = model.first
    return ReportPlan(
        moments={moment: given.compiled(moment.value) for moment, given in moments.items() if given},
        first=(CallMoment.STARTED if model.started else CallMoment.ENDED) if first else None,
        id=Expression(first.id) if first and first.id else None,
        strangers=model.strangers,
        words={str(name): worded for name, worded in model.words.items()},
        recordings=RecordingLinks(recordings.url, recordings.folder) if recordings else None,
    )


def _reading(what: str, items: str, fields: StrictModel) -> Reading:
    given = fields.model_dump(exclude_none=True)
    return Reading(what, Expression(items), {name: Expression(text) for name, text in given.items()})
