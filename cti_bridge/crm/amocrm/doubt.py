"""Making a thing in amoCRM once for one key, although it cannot tell a repetition by itself.

Before something is sent, it is written down that it is about to be; afterwards, what came of it. Who finds only the
first knows that nobody knows, and looks into amoCRM before he sends it again.
"""

from dataclasses import dataclass

from cti_bridge.crm.links import Links
from cti_bridge.crm.memory import Memory

_BEGUN = "?"


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a key: the id that amoCRM gave, or that somebody began and never heard the end."""

    id: str = ""
    in_doubt: bool = False


class MadeThings:
    """What was made for which key. Every method raises CrmUnavailable when the disk does not answer."""

    def __init__(self, links: Links) -> None:
        self._memory = Memory(links, "amocrm/")

    async def known(self, kind: str, key: str) -> Known:
        """What is known of the thing of this kind that belongs to `key`."""
        found = await self._memory.get(f"{kind}/{key}")
        return Known(in_doubt=True) if found == _BEGUN else Known(found or "")

    async def begin(self, kind: str, key: str) -> None:
        """It is about to be made."""
        await self._memory.put(f"{kind}/{key}", _BEGUN)

    async def done(self, kind: str, key: str, id_: str) -> None:
        """It was made, and this is its id."""
        await self._memory.put(f"{kind}/{key}", id_)
