"""Makes things in Tryton once, though it takes the same thing twice: what was made is remembered under a key of ours.

Between making a thing and remembering it the bridge may be killed. So it is remembered first that the thing is about to
be made, and whoever finds only that looks whether it is there; in the usual case nothing has to be searched.
"""

import asyncio
from collections.abc import Awaitable, Callable
from weakref import WeakValueDictionary

from cti_bridge.crm.links import Links
from cti_bridge.crm.memory import Memory

_BEGUN = "?"


class Once:
    """Knows by our keys what was made in one Tryton, which `account` tells from others.

    Every method raises CrmUnavailable when that cannot be known.
    """

    def __init__(self, links: Links, account: str) -> None:
        self._memory = Memory(links, f"{account}/")
        self._making: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def known(self, key: str) -> str | None:
        """What was remembered under this key; None while nothing was made."""
        value = await self._memory.get(key)
        return None if value == _BEGUN else value

    async def remember(self, key: str, value: str) -> None:
        """Keep this under the key, over what was there."""
        await self._memory.put(key, value)

    async def made(
        self, key: str, make: Callable[[], Awaitable[int]], look: Callable[[], Awaitable[int | None]]
    ) -> int:
        """The id of the thing under this key, made now if it is not there; `look` finds it when that is not sure.

        Who comes meanwhile with the same key waits for what is being made.
        """
        async with self._making.setdefault(key, asyncio.Lock()):
            return await self._made(key, make, look)

    async def forget(self, key: str) -> None:
        """What was made under this key is gone; the next one is made anew, unless it is there."""
        await self.remember(key, _BEGUN)

    async def _made(
        self, key: str, make: Callable[[], Awaitable[int]], look: Callable[[], Awaitable[int | None]]
    ) -> int:
        value = await self._memory.get(key)
        if value is not None and value != _BEGUN:
            return int(value)
        found = await look() if value == _BEGUN else None
        if found is None:
            await self.remember(key, _BEGUN)
            found = await make()
        await self.remember(key, str(found))
        return found
