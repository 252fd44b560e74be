"""Which CRMs there are: what each one's part of the settings is, how it is opened, and an example for the admin.

Only the folder of the kind that is asked for is imported: the others' drivers cost nobody memory, and one that cannot
be imported stops only its own CRM.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from cti_bridge.crm.links import Links
from cti_bridge.crm.port import Crm
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import CrmPart

EMBEDDED = "embedded"
"""The kind that is meant where the settings name none."""

_FOLDERS: Mapping[str, tuple[str, str]] = {
    EMBEDDED: ("embedded", "EmbeddedModel"),
    "sql": ("sql", "SqlModel"),
    "tryton": ("tryton", "TrytonModel"),
    "generic": ("generic", "GenericModel"),
    "bitrix24": ("bitrix", "BitrixModel"),
    "amocrm": ("amocrm", "AmocrmModel"),
    "vtiger": ("vtiger", "VtigerModel"),
}
"""Each kind's folder, and the model in its `settings.py`, which has `opened` and `SETTINGS_EXAMPLE` as well."""


class Opener(Protocol):
    """Makes a CRM from its settings; it connects to nothing before it is asked."""

    def __call__(
        self, model: Any, /, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
    ) -> Crm:
        """The CRM of this model, which is one of the kind's own.

        `region` reads national numbers, `stages` are those of the settings if it has any, by the CRM's own ids,
        `folder` is that of the settings file, `data_dir` where the bridge may write. Raises Misfit for what the
        settings point to.
        """
        ...


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of CRM; `example` is a commented `crm:` block that can be loaded as it stands."""

    model: type[CrmPart]
    opened: Opener
    example: str


class _Kinds(Mapping[str, Kind]):
    """The kinds by their names in the settings, each imported when it is asked for."""

    def __getitem__(self, name: str) -> Kind:
        return _imported(*_FOLDERS[name])

    def __iter__(self) -> Iterator[str]:
        return iter(_FOLDERS)

    def __len__(self) -> int:
        return len(_FOLDERS)

    def __contains__(self, name: object) -> bool:
        return name in _FOLDERS


KINDS: Mapping[str, Kind] = _Kinds()


def open_crm(
    model: CrmPart, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
) -> Crm:
    """The CRM that the settings name. Raises Misfit for what they point to."""
    opened = KINDS[model.kind].opened
    return opened(model, region=region, stages=stages, folder=folder, data_dir=data_dir, links=links)


@cache
def _imported(folder: str, model: str) -> Kind:
    settings = import_module(f"cti_bridge.crm.{folder}.settings")
    return Kind(getattr(settings, model), settings.opened, settings.SETTINGS_EXAMPLE)
