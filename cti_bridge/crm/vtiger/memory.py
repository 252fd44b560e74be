"""What was made in vtiger already, remembered across restarts under our own keys."""

from cti_bridge.crm.links import Links
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.database import DatabaseUnusable


class Memory:
    """The links of one kind of thing, such as `call`; what cannot be remembered is not told either, but later."""

    def __init__(self, links: Links, thing: str) -> None:
        self._links = links
        self._thing = thing

    async def get(self, key: str) -> str | None:
        """What was remembered, None when there is nothing. Raises CrmUnavailable."""
        try:
            return await self._links.get(self._key(key))
        except DatabaseUnusable as error:
            raise CrmUnavailable(f"what vtiger was told cannot be read: {error}") from error

    async def put(self, key: str, value: str) -> None:
        """Remember it; it is on disk when this returns. Raises CrmUnavailable."""
        try:
            await self._links.put(self._key(key), value)
        except DatabaseUnusable as error:
            raise CrmUnavailable(f"what vtiger was told cannot be written down: {error}") from error

    def _key(self, key: str) -> str:
        return f"vtiger/{self._thing}/{key}"
