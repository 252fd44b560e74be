"""The CRM of the settings, as the daemon and the commands open it."""

from pathlib import Path

from cti_bridge.crm.kinds import open_crm
from cti_bridge.crm.links import Links, SqliteLinks
from cti_bridge.crm.port import Crm
from cti_bridge.crm.stages import stages_of
from cti_bridge.domain.customer import StageList
from cti_bridge.settings import Settings, SettingsError, place_of
from cti_bridge.settings_model import Misfit


def links_path(settings: Settings) -> Path:
    """The file with the CRM's own ids of what was made in it."""
    return settings.data_dir / "links.sqlite"


async def stages_now(settings: Settings, crm: Crm) -> StageList:
    """The stages as the rules name them: those of the settings, or else the CRM's own.

    Raises CrmUnavailable and CrmRefuses.
    """
    return settings.crm.stages or await stages_of(crm)


def crm_of(settings: Settings, links: Links | None = None, *, with_own_stages: bool = False) -> Crm:
    """The CRM that the settings name; whoever only asks it needs no `links` that are closed.

    `with_own_stages`: it names its stages itself, also where the settings have a list. Raises SettingsError when what
    the settings point to cannot be used any more.
    """
    try:
        return open_crm(
            settings.crm.model,
            region=settings.region,
            stages=None if with_own_stages else settings.crm.stages_in_crm,
            folder=settings.file.resolve().parent,
            data_dir=settings.data_dir,
            links=links or SqliteLinks(links_path(settings)),
        )
    except Misfit as misfit:
        raise SettingsError((f"{place_of(settings.file, misfit.at)}: {misfit}",)) from misfit
