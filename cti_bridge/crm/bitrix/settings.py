"""The part of the settings that is about Bitrix24, and how the CRM that it describes is opened."""

import re
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from cti_bridge.crm.bitrix.adapter import TELLS, BitrixCrm
from cti_bridge.crm.bitrix.oauth import AUTHORITY, SignIn, code_in
from cti_bridge.crm.bitrix.rest import Application, Rest, Right, Webhook
from cti_bridge.crm.bitrix.telling import CallTeller
from cti_bridge.crm.bitrix.words.people import Fields
from cti_bridge.crm.bitrix.words.plain import Kind
from cti_bridge.crm.links import Links
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import READS_AND_WRITES, Capability, Crm
from cti_bridge.crm.recording_links import RecordingLinks, RecordingsModel
from cti_bridge.crm.web_client import WebClient, check_base_url
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import CrmPart, Misfit, NeededSecretModel, StrictModel, read_secret, trusted_by

SETTINGS_EXAMPLE = """\
crm:
  kind: bitrix24
  webhook: {secret_file: bitrix24.webhook}    # the address of an incoming webhook, right: crm
  # Instead of `webhook` a local application (rights: crm, telephony), which can also tell Bitrix24 of calls:
  # application:
  #   portal: https://example.bitrix24.ru
  #   client_id: local.0123456789abcd.01234567
  #   client: {secret_file: bitrix24.client}      # its secret key
  #   code: {secret_file: bitrix24.code}    # of the sign-in, or the address that it is in; works once, for 30 seconds
  #   user: 1                               # the number of the user whose calls are those that nobody answered
  #   create_leads: false                   # true: Bitrix24 makes a lead of a caller whom it does not know
  #   recordings:                           # where Bitrix24 can fetch recordings; without it calls have none
  #     url: https://pbx.example.com/recordings
  #     folder: /var/spool/asterisk/monitor
  # search: [contact, company, lead]        # among whom callers are looked for
  # fields: {segment: typeId, city: ufCrm_1700000000}    # your fields: city, timezone, segment, preferred_channel
  # tls_ca: ca.pem                          # for a portal of your own, where the system does not know its certificate
  # enterprise: false                       # true: your tariff allows 5 requests a second instead of 2
"""
_HOOK = re.compile(r"/rest/[0-9]{1,12}/[A-Za-z0-9]{1,100}")
_FIELD = re.compile(r"([a-z][A-Za-z0-9_]{0,60})?")
"""As crm.item.list names them; by their other names, `UF_CRM_1700000000`, none would be found."""


class ApplicationModel(StrictModel):
    """A local application."""

    portal: str
    client_id: str = Field(pattern=r"^[!-~]{1,200}$")
    client: NeededSecretModel
    code: NeededSecretModel
    user: int = Field(gt=0)
    create_leads: bool = False
    recordings: RecordingsModel | None = None
    authority: str = AUTHORITY

    @field_validator("portal", "authority")
    @classmethod
    def _address(cls, value: str) -> str:
        return check_base_url(value)


class FieldsModel(StrictModel):
    """Which fields of contacts, companies and leads hold what has no place of its own there."""

    city: str = ""
    timezone: str = ""
    segment: str = "typeId"
    preferred_channel: str = ""

    @field_validator("*")
    @classmethod
    def _name(cls, value: str) -> str:
        if not _FIELD.fullmatch(value):
            raise ValueError("write the name as crm.item.fields shows it, such as ufCrm_1700000000")
        return value


class BitrixModel(CrmPart):
    """A portal of Bitrix24."""

    can_be_mirrored = True

    kind: Literal["bitrix24"] = "bitrix24"
    webhook: NeededSecretModel | None = None
    application: ApplicationModel | None = None
    search: tuple[Kind, ...] = Field(default=tuple(Kind), min_length=1)
    fields: FieldsModel = FieldsModel()
    tls_ca: Path | None = None
    enterprise: bool = False

    @field_validator("search")
    @classmethod
    def _once(cls, value: tuple[Kind, ...]) -> tuple[Kind, ...]:
        if len(set(value)) != len(value):
            raise ValueError("each of them once")
        return value

    @model_validator(mode="after")
    def _one_way_in(self) -> "BitrixModel":
        if (self.webhook is None) == (self.application is None):
            raise ValueError("give webhook or application, and not both")
        return self


def opened(
    model: BitrixModel, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
) -> Crm:
    """The portal that `model` describes; secrets lie in `folder`, tokens are kept in `data_dir`. Raises Misfit."""
    pace = allowed_pace(enterprise=model.enterprise)
    tls = trusted_by(model.tls_ca, folder, ("crm", "tls_ca")) if model.tls_ca else None
    rest, teller, capabilities = _connected(model, _Line(pace, tls), folder, data_dir, links)
    return BitrixCrm(
        rest,
        links,
        region=region,
        teller=teller,
        capabilities=capabilities,
        kinds=model.search,
        fields=Fields(**model.fields.model_dump()),
        stages=stages,
    )


def allowed_pace(*, enterprise: bool = False) -> Pace:
    """As often as Bitrix24 may be asked. It counts by our address, so something is left for others behind it."""
    return Pace(5, 200, 100) if enterprise else Pace(2, 40, 20)


@dataclass(frozen=True, slots=True)
class _Line:
    """How the portal is asked: how often, and by whose certificate it is known."""

    pace: Pace
    tls: SSLContext | None

    def to(self, base: str, right: Right) -> Rest:
        """The portal at this address."""
        return Rest(WebClient(base, tls=self.tls, pace=self.pace, most_bytes=4_000_000), right, self.pace)


def _connected(
    model: BitrixModel, line: _Line, folder: Path, data_dir: Path, links: Links
) -> tuple[Rest, CallTeller | None, frozenset[Capability]]:
    if model.application is None:
        assert model.webhook is not None  # the model has one of the two
        base, path = hook_parts(read_secret(model.webhook, folder, ("crm", "webhook")))
        return line.to(base, Webhook(path)), None, READS_AND_WRITES
    application = model.application
    rest = line.to(application.portal, _right(application, folder, data_dir))
    published = application.recordings
    recordings = RecordingLinks(published.url, published.folder) if published else None
    teller = CallTeller(
        rest, links, user=application.user, recordings=recordings, create_leads=application.create_leads
    )
    updates = frozenset({Capability.REPORT_UPDATED}) if recordings else frozenset()
    return rest, teller, READS_AND_WRITES | TELLS | updates


def _right(model: ApplicationModel, folder: Path, data_dir: Path) -> Application:
    at = ("crm", "application")
    authority = WebClient(model.authority, most_bytes=100_000)
    secret = read_secret(model.client, folder, (*at, "client"))
    code = code_in(read_secret(model.code, folder, (*at, "code")))
    if not code:
        raise Misfit((*at, "code"), "no address with a code in it, …?code=…")
    return Application(
        SignIn(authority, client_id=model.client_id, secret=secret, code=code).keeper(data_dir), authority
    )


def hook_parts(address: str) -> tuple[str, str]:
    """The portal of a webhook's address and the rest of it. Raises Misfit, which does not repeat the address."""
    wrong = Misfit(("crm", "webhook"), "not the address of an incoming webhook, https://PORTAL/rest/USER/CODE/")
    try:
        parts = urlsplit(address)
        path = parts.path.rstrip("/")
        base = check_base_url(f"{parts.scheme}://{parts.netloc}")
    except ValueError:
        raise wrong from None
    if not _HOOK.fullmatch(path) or parts.query or parts.fragment:
        raise wrong
    return base, path
