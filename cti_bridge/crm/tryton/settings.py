"""What the settings say of a Tryton."""

from hashlib import sha256
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from cti_bridge.crm.links import Links
from cti_bridge.crm.recording_links import RecordingLinks, RecordingsModel
from cti_bridge.crm.tryton.adapter import TrytonCrm
from cti_bridge.crm.tryton.funnel import SALE_STATE, STAGE_OF, Funnel
from cti_bridge.crm.tryton.session import Session
from cti_bridge.crm.web_client import WebClient, check_base_url
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import CrmPart, Misfit, NeededSecretModel, StageId, read_secret, trusted_by

SETTINGS_EXAMPLE = """\
crm:
  kind: tryton
  url: https://tryton.example             # where trytond listens, without the database; plain http only on loopback
  database: company                       # trytond must be started with it: trytond -d company
  user: cti                               # a user of the groups Sales and Sale Opportunity, with a company
  secret_file: tryton.secret              # the password of this user, alone in a file
  # tls_ca: ca.pem                        # where the certificate is not one that the system knows
  # numbers: as_typed                     # Tryton without the package phonenumbers stores numbers as they are typed
  # sales: false                          # do not read the sales, only the opportunities
  # strangers: leads                      # who calls and is no party becomes a lead, with his calls
  # missed_notes: false                   # no note at the party for a call that nobody answered
  # recordings:                           # where recordings can be listened to; without it a call says only their names
  #   url: https://pbx.example/recordings
  #   folder: /var/spool/asterisk/monitor
  # states:                               # which stages Tryton's states mean; these are some that hold without it
  #   lead: lead
  #   sale.quotation: offer_sent
  #   sale.confirmed: paid
  #   sale.processing: in_production
"""
"""A commented part of the settings that can be used as it stands."""


class TrytonModel(CrmPart, NeededSecretModel):
    """A Tryton, by its JSON-RPC."""

    kind: Literal["tryton"] = "tryton"
    url: str
    database: str = Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,62}$")
    user: str = Field(pattern=r"^[^:\s]{1,64}$")
    tls_ca: Path | None = None
    numbers: Literal["e164", "as_typed"] = "e164"
    sales: bool = True
    strangers: Literal["leads", "nothing"] = "nothing"
    missed_notes: bool = True
    recordings: RecordingsModel | None = None
    states: dict[str, StageId] = Field(default={})

    @field_validator("url")
    @classmethod
    def _reachable(cls, value: str) -> str:
        return check_base_url(value)

    @field_validator("states")
    @classmethod
    def _known(cls, value: dict[str, str]) -> dict[str, str]:
        for state in value:
            if state not in STAGE_OF:
                raise ValueError(f"Tryton has no state `{state}`; it has {', '.join(STAGE_OF)}")
        return value


def opened(
    model: TrytonModel, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
) -> TrytonCrm:
    """The adapter for these settings, not connected yet. Raises Misfit.

    `region` reads national numbers, `stages` is the funnel of the settings, `folder` where they are; nothing is kept
    in `data_dir` but the links.
    """
    funnel = Funnel({**STAGE_OF, **model.states})
    if stages is not None:
        _all_lead_somewhere(model, funnel, stages)
    password = read_secret(model, folder, ("crm",))
    tls = trusted_by(model.tls_ca, folder, ("crm", "tls_ca")) if model.url.startswith("https:") else None
    session = Session(WebClient(model.url, tls=tls), database=model.database, user=model.user, password=password)
    return TrytonCrm(
        session,
        funnel,
        links,
        account=sha256(f"{model.url}/{model.database}".encode()).hexdigest()[:8],
        region=region,
        stages=stages,
        as_typed=model.numbers == "as_typed",
        with_sales=model.sales,
        strangers_leads=model.strangers == "leads",
        missed_notes=model.missed_notes,
        recordings=RecordingLinks(model.recordings.url, model.recordings.folder) if model.recordings else None,
    )


def _all_lead_somewhere(model: TrytonModel, funnel: Funnel, stages: StageList) -> None:
    """Raise Misfit for the first state that means a stage which the list of the settings does not have."""
    for state in STAGE_OF:
        stage = funnel.stage(state)
        if stages.get(stage) is not None or (state.startswith(SALE_STATE) and not model.sales):
            continue
        if state in model.states:
            raise Misfit(("crm", "states", state), f"`{stage}` is none of `crm.stages`")
        at = ("crm", "states") if model.states else ("crm", "stages")
        raise Misfit(
            at,
            f"Tryton's state `{state}` means `{stage}`, which is none of `crm.stages`: say in `crm.states` "
            "what it means",
        )
