"""Which account of a CRM reports wait for: the ids of one account mean nobody, or somebody else, in another."""

import time
from collections.abc import Callable

import structlog

from cti_bridge.crm.kinds import EMBEDDED
from cti_bridge.crm.links import FOR_GOOD, Links
from cti_bridge.crm.mirror.source import Mirrorable
from cti_bridge.crm.port import Crm
from cti_bridge.database import DatabaseUnusable
from cti_bridge.delivery.dispatch import Dispatch
from cti_bridge.settings import Settings

log = structlog.get_logger(__name__)

_PLACES = ("url", "engine", "host", "port", "database")
"""What says in the settings where a CRM is, whichever of them its kind has."""
_IN_USE = f"{FOR_GOOD}in use"
_TOLD_SINCE = f"{FOR_GOOD}told since"
_REASON = "the settings name another account of this CRM now"
_BEGUN_WITH_ANOTHER = "the call began while the settings named another CRM, or another account"


def account_of(settings: Settings, crm: Crm) -> str:
    """The account, without any secret."""
    if isinstance(crm, Mirrorable):
        return crm.account
    return " ".join(str(getattr(settings.crm.model, place, "")) for place in _PLACES).strip()


async def put_aside_for_another(
    settings: Settings, account: str, links: Links, dispatch: Dispatch, *, now: Callable[[], float] = time.time
) -> float:
    """Make dead letters of what waits for another account than that of the settings; before anything is told.

    So becomes what is due later of calls that were going on when the CRM was another one. Whoever has only moved the
    CRM to another address sends them again by hand. Gives back since when it is this account that is asked (seconds
    since 1970; 0 where nobody can say): what the journal calls the customer of an earlier call is one of another's.
    """
    kind = settings.crm.kind
    key, sink = f"{FOR_GOOD}{kind}", f"crm:{kind}"
    since = 0.0
    try:
        since = await _asked_since(links, kind, account, now())
        told_since = await _told_since(links, settings.report_to_crm, now())
        if not settings.report_to_crm:
            return since
        before = await links.get(key)
        if before is not None and before != account:
            number = await dispatch.give_up_all(sink, reason=_REASON)
            log.warning("reports.of_another", sink=sink, reports=number, reason=_REASON)
        await links.put(key, account)
        dispatch.writer.put_aside(sink, begun_before=since, reason=_BEGUN_WITH_ANOTHER)
        dispatch.writer.begin_with(sink, since=told_since)
    except DatabaseUnusable as error:
        log.warning("reports.of_another", sink=sink, reports=None, reason=f"unknown: {error}")
    return since


async def _asked_since(links: Links, kind: str, account: str, now: float) -> float:
    """Since when it is this CRM that callers are looked up in. Raises DatabaseUnusable.

    Where nothing was written down yet it was the embedded one, or there were no calls.
    """
    here = f"{kind} {account}"
    since, _, before = (await links.get(_IN_USE) or f"0 {EMBEDDED} ").partition(" ")
    known_since = min(float(since), now) if before == here else now
    await links.put(_IN_USE, f"{known_since} {here}")
    return known_since


async def _told_since(links: Links, is_told: bool, now: float) -> float:
    """Since when the settings have the CRM told of calls; 0 where they always had. Raises DatabaseUnusable."""
    known = await links.get(_TOLD_SINCE)
    told = known if is_told else ""
    if is_told and known == "":
        told = str(now)
    if told is not None and told != known:
        await links.put(_TOLD_SINCE, told)
    return float(told or 0.0)
