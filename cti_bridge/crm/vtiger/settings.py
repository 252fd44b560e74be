"""What the settings say of a vtiger, and how it is opened."""

from pathlib import Path
from time import monotonic
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, StringConstraints, field_validator, model_validator

from cti_bridge.crm.links import Links
from cti_bridge.crm.memory import Memory
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.vtiger.adapter import VtigerCrm
from cti_bridge.crm.vtiger.call_words import Manner
from cti_bridge.crm.vtiger.door import Door
from cti_bridge.crm.vtiger.known import Knowledge
from cti_bridge.crm.vtiger.phone_calls import PhoneCalls
from cti_bridge.crm.vtiger.restapi import RestApi
from cti_bridge.crm.vtiger.webservice import WebService
from cti_bridge.crm.vtiger.words import COLUMNS, Flavour, OwnFields
from cti_bridge.crm.vtiger.writing import Writing
from cti_bridge.crm.web_client import WebClient, check_base_url
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import (
    CrmPart,
    Misfit,
    NeededSecretModel,
    StrictModel,
    read_secret,
    safe_url,
    seconds,
    trusted_by,
)

SETTINGS_EXAMPLE = """\
crm:
  kind: vtiger
  flavour: salesplatform                   # vtiger (CE 6, 7), salesplatform, or cloud (https://NAME.odN.vtiger.com)
  url: https://crm.example                 # where vtiger is opened in the browser, without index.php
  user: cti                                # the user name of a vtiger user of the bridge's own
  secret_file: vtiger-access-key.secret    # his access key (My Preferences, User Advanced Options)
  modules: [Contacts, Leads, Accounts]     # where callers are looked for; each is one more question per call
  closed_stages: [Closed Won, Closed Lost] # stages of deals that are over; without Closed Won, paid deals stay open
  timezone: UTC                            # $default_timezone in vtiger's config.inc.php
  phone_calls:                             # leave this out and vtiger is told of no calls
    secret_file: vtiger-calls.secret       # Vtiger Secret Key of the PBX Manager; cloud: of the Generic gateway
    unanswered_extension: "900"            # SalesPlatform only: extension of the user who gets unanswered calls
    # recordings: https://pbx.example/rec/ # what comes before a recording's file name in a link
  # create_in: Contacts                    # or Leads: what somebody new becomes
  # own_fields:                            # fields of your own for what vtiger has none for
  #   Contacts: {segment: cf_851, preferred_channel: cf_853, timezone: cf_855}
  # check_every: 60s                       # cloud only: a check asks nothing while an answer is younger
  # tls_ca: ca.pem                         # where the certificate is not one that the system knows
"""
"""A commented part of the settings that can be used as it stands."""

PeopleModule = Literal["Contacts", "Leads", "Accounts"]
FieldName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z][A-Za-z0-9_]{0,63}$")]
_MOST_BYTES = 4_000_000
"""A description of a module with long lists to choose from takes a few hundred thousand."""


class OwnFieldsModel(StrictModel):
    """Fields of the admin's own in one module."""

    segment: FieldName | Literal[""] = ""
    preferred_channel: FieldName | Literal[""] = ""
    timezone: FieldName | Literal[""] = ""


class PhoneCallsModel(NeededSecretModel):
    """How vtiger is told of calls."""

    unanswered_extension: str = Field(default="", pattern=r"^[0-9]{0,20}$")
    recordings: str = ""

    @field_validator("recordings")
    @classmethod
    def _followed(cls, value: str) -> str:
        return safe_url(value) if value else value


class VtigerModel(CrmPart, NeededSecretModel):
    """A vtiger of any flavour; the secret is the user's access key."""

    kind: Literal["vtiger"] = "vtiger"
    flavour: Flavour = Flavour.VTIGER
    url: str
    user: str = Field(pattern=r"^[^:\s\x00-\x1f]{1,100}$")
    tls_ca: Path | None = None
    modules: tuple[PeopleModule, ...] = Field(default=("Contacts", "Leads", "Accounts"), min_length=1, max_length=3)
    create_in: Literal["Contacts", "Leads"] = "Contacts"
    closed_stages: tuple[str, ...] = Field(default=("Closed Won", "Closed Lost"), max_length=50)
    timezone: str = "UTC"
    check_every: float = 60.0
    own_fields: dict[PeopleModule, OwnFieldsModel] = Field(default={})
    phone_calls: PhoneCallsModel | None = None

    @field_validator("url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        return check_base_url(value)

    @field_validator("check_every", mode="before")
    @classmethod
    def _duration_of_check(cls, value: object) -> float:
        return seconds(str(value))

    @field_validator("timezone")
    @classmethod
    def _on_earth(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (OSError, ValueError, KeyError):
            raise ValueError("not a time zone such as UTC or Europe/Moscow") from None
        return value

    @field_validator("modules")
    @classmethod
    def _each_once(cls, value: tuple[PeopleModule, ...]) -> tuple[PeopleModule, ...]:
        if len(set(value)) != len(value):
            raise ValueError("a module is there twice")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> "VtigerModel":
        if self.create_in not in self.modules:
            raise ValueError(f"create_in: {self.create_in} is none of modules, so nobody made there would be found")
        extension = self.phone_calls.unanswered_extension if self.phone_calls is not None else ""
        if self.phone_calls is not None and bool(extension) != (self.flavour is Flavour.SALESPLATFORM):
            raise ValueError("phone_calls.unanswered_extension is for SalesPlatform, which needs it, and for no other")
        return self


def opened(
    model: VtigerModel, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
) -> VtigerCrm:
    """The adapter for these settings, not connected yet. Raises Misfit.

    `region` reads national numbers, `stages` is the funnel of the settings, `folder` where they are; `links` remembers
    what was made in vtiger. Nothing is kept in `data_dir`.
    """
    access_key = read_secret(model, folder, ("crm",))
    if not access_key.isascii():
        raise Misfit(("crm", "secret_file"), "vtiger's access keys are of Latin letters and digits only")
    cloud = model.flavour is Flavour.CLOUD
    tls = trusted_by(model.tls_ca, folder, ("crm", "tls_ca")) if model.url.startswith("https:") else None
    pace = Pace(10, 20, 10) if cloud else Pace(40, 40, 20)
    client = WebClient(model.url, tls=tls, pace=pace, most_bytes=_MOST_BYTES)
    door: Door
    if cloud:
        door = RestApi(client, user=model.user, access_key=access_key, check_every_s=model.check_every)
    else:
        door = WebService(client, user=model.user, access_key=access_key)
    own: dict[str, OwnFields] = {name: OwnFields(**fields.model_dump()) for name, fields in model.own_fields.items()}
    modules: dict[str, OwnFields] = {name: own.get(name, OwnFields()) for name in COLUMNS if name in model.modules}
    return VtigerCrm(
        door,
        Knowledge(door, model.flavour, modules, frozenset(model.closed_stages), clock=monotonic),
        Writing(door, Memory(links, "vtiger/made/"), create_in=model.create_in),
        _calls(model, client, door, folder, links),
        flavour=model.flavour,
        region=region,
        zone=ZoneInfo(model.timezone),
        stages=stages,
    )


def _calls(model: VtigerModel, client: WebClient, door: Door, folder: Path, links: Links) -> PhoneCalls | None:
    if model.phone_calls is None:
        return None
    secret = read_secret(model.phone_calls, folder, ("crm", "phone_calls"))
    if not (secret.isascii() and secret.isprintable()):
        raise Misfit(("crm", "phone_calls", "secret_file"), "vtiger's secret keys are of Latin letters and digits only")
    manner = Manner(
        model.flavour, ZoneInfo(model.timezone), model.phone_calls.unanswered_extension, model.phone_calls.recordings
    )
    return PhoneCalls(client, door, Memory(links, "vtiger/call/"), manner, secret=secret)
