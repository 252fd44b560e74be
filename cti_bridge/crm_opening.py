"""The CRM of the settings, as the daemon and the commands open it."""

from pathlib import Path

from cti_bridge.crm.kinds import open_crm
from cti_bridge.crm.links import Links, SqliteLinks
from cti_bridge.crm.port import Crm
from cti_bridge.settings import Settings, SettingsError, place_of
from cti_bridge.settings_model import Misfit


def links_path(settings: Settings) -> Path:
    """The file with the CRM's own ids of what was made in it."""
    return settings.data_dir / "links.sqlite"


def crm_of(settings: Settings, links: Links | None = None) -> Crm:
    """The CRM that the settings name; whoever only asks it needs no `links` that are closed.

    Raises SettingsError when what the settings point to cannot be used any more.
    """
    try:
        return open_crm(
            settings.crm.model,
            region=settings.region,
            stages=settings.crm.stages,
            folder=settings.file.resolve().parent,
            data_dir=settings.data_dir,
            links=links or SqliteLinks(links_path(settings)),
        )
    except Misfit as misfit:
        raise SettingsError((f"{place_of(settings.file, misfit.at)}: {misfit}",)) from misfit
