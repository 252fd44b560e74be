"""What an adapter told its CRM, and what that made of it, remembered across restarts."""

from cti_bridge.crm.links import Links
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import DatabaseUnusable


class Memory:
    """The links whose keys begin with `about`. What cannot be remembered is not told either, but later."""

    def __init__(self, links: Links, about: str = "") -> None:
        self._links = links
        self._about = about

    async def get(self, key: str) -> str | None:
        """What was remembered, None when there is nothing. Raises CrmUnavailable."""
        try:
            return await self._links.get(f"{self._about}{key}")
        except DatabaseUnusable as error:
            raise CrmUnavailable(f"what was told already cannot be read: {error}") from error

    async def put(self, key: str, value: str) -> None:
        """Remember it; it is on disk when this returns. Raises CrmUnavailable."""
        try:
            await self._links.put(f"{self._about}{key}", value)
        except DatabaseUnusable as error:
            raise CrmUnavailable(f"what was told cannot be written down: {error}") from error
