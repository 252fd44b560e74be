"""What `calls forget` does to what the bridge keeps for its CRM: the embedded one's list of calls, and the links."""

import sqlite3
from collections.abc import Sequence

from cti_bridge.crm.embedded.call_list import forget_calls
from cti_bridge.crm.link_forgetting import forget_links
from cti_bridge.crm_opening import links_path
from cti_bridge.database import DatabaseUnusable
from cti_bridge.settings import Settings

_BUSY_S = 5.0


def forget_in_crm(settings: Settings, calls: Sequence[str]) -> None:
    """Take these calls from the embedded CRM's own list, and from the links to any other. Raises DatabaseUnusable."""
    forget_in_links(settings, calls, "")
    try:
        forget_calls(settings.crm.path, calls, busy_timeout_s=_BUSY_S)
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{settings.crm.path}: {error}") from error


def forget_in_links(settings: Settings, calls: Sequence[str], caller: str) -> None:
    """Take these calls, and whoever of this number was made in the CRM, from the links. Raises DatabaseUnusable."""
    path = links_path(settings)
    try:
        forget_links(path, calls=calls, caller=caller, busy_timeout_s=_BUSY_S)
    except sqlite3.Error as error:
        raise DatabaseUnusable(f"{path}: {error}") from error
