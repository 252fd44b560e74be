"""Which account of a CRM reports wait for: the ids of one account mean nobody, or somebody else, in another."""

import structlog

from cti_bridge.crm.kinds import EMBEDDED
from cti_bridge.crm.links import Links
from cti_bridge.crm.mirror.source import Mirrorable
from cti_bridge.crm.port import Crm
from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery.dispatch import Dispatch
from cti_bridge.settings import Settings

log = structlog.get_logger(__name__)

_PLACES = ("url", "engine", "host", "port", "database")
"""What says in the settings where a CRM is, whichever of them its kind has."""
_REASON = "the settings name another account of this CRM now"


def account_of(settings: Settings, crm: Crm) -> str:
    """The account, without any secret."""
    if isinstance(crm, Mirrorable):
        return crm.account
    return " ".join(str(getattr(settings.crm.model, place, "")) for place in _PLACES).strip()


async def put_aside_for_another(settings: Settings, account: str, links: Links, dispatch: Dispatch) -> None:
    """Make dead letters of what waits for another account than that of the settings; before anything is told.

    Whoever has only moved the CRM to another address sends them again by hand.
    """
    if settings.crm.kind == EMBEDDED or not settings.report_to_crm:
        return
    key = f"account {settings.crm.kind}"
    try:
        before = await links.get(key)
        if before is not None and before != account:
            sink = f"crm:{settings.crm.kind}"
            number = await dispatch.give_up_all(sink, reason=_REASON)
            log.warning("reports.of_another", sink=sink, reports=number, reason=_REASON)
        await links.put(key, account)
    except DatabaseUnusable as error:
        log.warning("reports.of_another", sink=f"crm:{settings.crm.kind}", reports=None, reason=f"unknown: {error}")
