"""The embedded CRM's part of the settings, and how it is opened."""

from pathlib import Path
from typing import Literal

from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.links import Links
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import CrmPart

SETTINGS_EXAMPLE = """\
crm:
  # Customers, deals and notes in one SQLite file of the bridge's own; `cti-bridge crm import FILE.csv` fills it.
  kind: embedded
  # Where the file is, from data_dir.
  path: crm.sqlite
  # An answer younger than this is used again without asking; 0s asks for each call.
  fresh: 0s
  # The stages that a deal can be in, where they are not the shipped ones; `final` ones are over.
  # stages:
  #   - {id: offer_sent, name: "предложение отправлено", order: 10}
  #   - {id: paid, name: "оплачено", order: 20}
  #   - {id: closed, name: "закрыта", order: 90, final: true}
"""


class EmbeddedModel(CrmPart):
    """The CRM that comes with the bridge."""

    kind: Literal["embedded"] = "embedded"
    path: Path = Path("crm.sqlite")


def opened(
    model: EmbeddedModel, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
) -> EmbeddedCrm:
    """The embedded CRM; it needs neither region nor links, and its file lies in `data_dir`."""
    return EmbeddedCrm(data_dir / model.path, stages)
