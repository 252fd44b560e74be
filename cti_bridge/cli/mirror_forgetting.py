"""What `calls forget` does to the mirror of a CRM: who is gone there goes here at once."""

import sqlite3

from cti_bridge.cli.crm_asking import ask
from cti_bridge.cli.crm_import import complain
from cti_bridge.crm.mirror.forgetting import forget_mirrored, mirrored
from cti_bridge.crm.mirror.source import MOST_AT_ONCE, Mirrorable
from cti_bridge.crm_opening import crm_of
from cti_bridge.crm_watch import mirror_path
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.ids import CustomerId
from cti_bridge.settings import Settings

_BUSY_S = 5.0
_WITHIN_S = 30.0


def forget_in_mirror(settings: Settings, *, caller: str, customer: str) -> int:
    """Take from the mirror whoever has this number or id and is gone in the CRM; how many that were.

    Whom the CRM still has stays, or he would be a stranger to his next call; stderr says so. Raises DatabaseUnusable.
    """
    path = mirror_path(settings)
    try:
        ids = mirrored(path, caller=caller, customer=customer, busy_timeout_s=_BUSY_S)[:MOST_AT_ONCE]
        gone = _gone(settings, ids) if ids else []
        if gone:
            forget_mirrored(path, gone, busy_timeout_s=_BUSY_S)
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{path}: {error}") from error
    return len(gone)


def _gone(settings: Settings, ids: list[CustomerId]) -> list[CustomerId]:
    if settings.crm.model.mirror is None:
        return ids  # the file was left behind, and nobody is looked up in it
    crm = crm_of(settings)
    if not isinstance(crm, Mirrorable):
        return ids
    answer = ask(crm, lambda: crm.customers_gone(ids), within_s=_WITHIN_S)
    if answer is None:
        complain("cti-bridge: its mirror still has him; try again when it can be asked")
        return []
    there = [id_ for id_ in ids if id_ not in answer]
    if there:
        complain("cti-bridge: the CRM still has him, and so has its mirror; remove him there and run this again")
    return [id_ for id_ in ids if id_ in answer]
