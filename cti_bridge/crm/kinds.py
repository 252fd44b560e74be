"""Which CRMs there are: what each one's part of the settings is, how it is opened, and an example for the admin."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, Union

from pydantic import Discriminator, Tag

from cti_bridge.crm.amocrm import settings as amocrm
from cti_bridge.crm.bitrix import settings as bitrix
from cti_bridge.crm.embedded import settings as embedded
from cti_bridge.crm.generic import settings as generic
from cti_bridge.crm.links import Links
from cti_bridge.crm.port import Crm
from cti_bridge.crm.sql import settings as sql
from cti_bridge.crm.tryton import settings as tryton
from cti_bridge.crm.vtiger import settings as vtiger
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import CrmPart


class Opener(Protocol):
    """Makes a CRM from its settings; it connects to nothing before it is asked."""

    def __call__(
        self, model: Any, /, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
    ) -> Crm:
        """The CRM of this model, which is one of the kind's own.

        `region` reads national numbers, `stages` are those of the settings if it has any, `folder` is that of the
        settings file, `data_dir` where the bridge may write. Raises Misfit for what the settings point to.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of CRM; `example` is a commented `crm:` block that can be loaded as it stands."""

    model: type[CrmPart]
    opened: Opener
    example: str


EMBEDDED = "embedded"
"""The kind that is meant where the settings name none."""

KINDS: Mapping[str, Kind] = {
    EMBEDDED: Kind(embedded.EmbeddedModel, embedded.opened, embedded.SETTINGS_EXAMPLE),
    "sql": Kind(sql.SqlModel, sql.opened, sql.SETTINGS_EXAMPLE),
    "tryton": Kind(tryton.TrytonModel, tryton.opened, tryton.SETTINGS_EXAMPLE),
    "generic": Kind(generic.GenericModel, generic.opened, generic.SETTINGS_EXAMPLE),
    "bitrix24": Kind(bitrix.BitrixModel, bitrix.opened, bitrix.SETTINGS_EXAMPLE),
    "amocrm": Kind(amocrm.AmocrmModel, amocrm.opened, amocrm.SETTINGS_EXAMPLE),
    "vtiger": Kind(vtiger.VtigerModel, vtiger.opened, vtiger.SETTINGS_EXAMPLE),
}


def _kind_of(value: Any) -> str:
    kind = value.get("kind", EMBEDDED) if isinstance(value, dict) else getattr(value, "kind", EMBEDDED)
    return str(kind)


if TYPE_CHECKING:
    CrmModel = CrmPart
else:
    _models = tuple(Annotated[kind.model, Tag(name)] for name, kind in KINDS.items())
    CrmModel = Annotated[Union[_models], Discriminator(_kind_of)]  # noqa: UP007 - made of what there is
    """`crm:` of the settings; `kind` says which of the models it is."""


def open_crm(
    model: CrmPart, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
) -> Crm:
    """The CRM that the settings name. Raises Misfit for what they point to."""
    opened = KINDS[model.kind].opened
    return opened(model, region=region, stages=stages, folder=folder, data_dir=data_dir, links=links)
