"""The part of the settings that is about amoCRM, and how the CRM that it describes is opened."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from cti_bridge.crm.amocrm.adapter import AmocrmCrm
from cti_bridge.crm.amocrm.call_filing import FilingWishes
from cti_bridge.crm.amocrm.connection import LARGEST_ANSWER, AccessTokens, Connection, LongLivedToken, allowed_pace
from cti_bridge.crm.amocrm.sign_in import SignIn
from cti_bridge.crm.links import Links
from cti_bridge.crm.port import Crm
from cti_bridge.crm.recording_links import RecordingLinks, RecordingsModel
from cti_bridge.crm.web_client import WebClient, check_base_url
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import CrmPart, Misfit, NeededSecretModel, StrictModel, read_secret, safe_url

SETTINGS_EXAMPLE = """\
crm:
  kind: amocrm
  url: https://example.amocrm.ru          # the address of your account; .kommo.com abroad
  token:
    secret_file: amocrm.token             # a long-lived token: Integrations, yours, Keys and scopes
  # Instead of `token`, sign in as an integration (the token renews itself):
  # oauth:
  #   client_id: 11111111-2222-3333-4444-555555555555
  #   redirect_uri: https://example.com/
  #   client: {secret_file: amocrm.client}      # its secret key
  #   code: {secret_file: amocrm.code}          # its authorization code: works once, within 20 minutes
  # source: Asterisk                      # what amoCRM shows beside each call
  # recordings:                           # where recordings can be listened to; without it calls have none
  #   url: https://pbx.example.com/recordings
  #   folder: /var/spool/asterisk/monitor
  # unsorted: 3177727                     # id of the pipeline whose incoming leads calls of strangers become
  # fields: {city: 101, segment: 102}     # ids of your own contact fields: city, timezone, segment, preferred_channel
"""


class OauthModel(StrictModel):
    """An integration that the bridge signs in as."""

    client_id: str = Field(min_length=1, max_length=200)
    redirect_uri: str = Field(max_length=1_000)
    client: NeededSecretModel
    code: NeededSecretModel

    @field_validator("redirect_uri")
    @classmethod
    def _address(cls, value: str) -> str:
        return safe_url(value)


class FieldsModel(StrictModel):
    """Which of the account's own contact fields hold what, by their ids."""

    city: int | None = Field(default=None, gt=0)
    timezone: int | None = Field(default=None, gt=0)
    segment: int | None = Field(default=None, gt=0)
    preferred_channel: int | None = Field(default=None, gt=0)


class AmocrmModel(CrmPart):
    """An account of amoCRM or Kommo."""

    can_be_mirrored = True

    kind: Literal["amocrm"] = "amocrm"
    url: str
    token: NeededSecretModel | None = None
    oauth: OauthModel | None = None
    source: str = Field(default="Asterisk", min_length=1, max_length=60)
    recordings: RecordingsModel | None = None
    unsorted: int | None = Field(default=None, gt=0)
    fields: FieldsModel = FieldsModel()

    @field_validator("url")
    @classmethod
    def _address(cls, value: str) -> str:
        return check_base_url(value)

    @model_validator(mode="after")
    def _one_way_in(self) -> "AmocrmModel":
        if (self.token is None) == (self.oauth is None):
            raise ValueError("give token or oauth, and not both")
        return self


def opened(
    model: AmocrmModel, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
) -> Crm:
    """The account that `model` describes; secrets lie in `folder`, its tokens are kept in `data_dir`. Raises Misfit."""
    pace = allowed_pace()
    client = WebClient(model.url, pace=pace, most_bytes=LARGEST_ANSWER)
    shown = model.recordings
    recordings = RecordingLinks(shown.url, shown.folder) if shown is not None else None
    return AmocrmCrm(
        Connection(client, _tokens(model, client, folder, data_dir), pace),
        links,
        region=region,
        wishes=FilingWishes(model.source, recordings, model.unsorted),
        fields=model.fields.model_dump(exclude_none=True),
        chosen=stages,
    )


def _tokens(model: AmocrmModel, client: WebClient, folder: Path, data_dir: Path) -> AccessTokens:
    if model.oauth is None:
        assert model.token is not None  # the model has one of the two
        return LongLivedToken(_one_line(read_secret(model.token, folder, ("crm", "token")), ("crm", "token")))
    sign_in = SignIn(
        client,
        client_id=model.oauth.client_id,
        secret=read_secret(model.oauth.client, folder, ("crm", "oauth", "client")),
        redirect_uri=model.oauth.redirect_uri,
        code=read_secret(model.oauth.code, folder, ("crm", "oauth", "code")),
    )
    return sign_in.keeper(data_dir)


def _one_line(token: str, at: tuple[str, ...]) -> str:
    """The token, which goes into a header. Raises Misfit for one that cannot."""
    if not (token.isascii() and token.isprintable() and " " not in token):
        raise Misfit((*at, "secret_file"), "more than a token is in it: one line of Latin letters, digits and signs")
    return token
