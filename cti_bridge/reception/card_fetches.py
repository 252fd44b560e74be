"""Completes the cards of live calls with what takes longer than a caller may wait: his notes and earlier calls."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

from cti_bridge.calls.call import Call
from cti_bridge.calls.pops import OwnerOf, parts
from cti_bridge.reception.card import Card
from cti_bridge.reception.dossiers import Dossier

MAX_FETCHES = 200
"""Cards whose notes and history are being fetched at the same time; the rest are shown without."""

Fetch = Callable[[Call, Card], Awaitable[Card]]
"""Completes a card with what takes longer than a caller may wait; raises nothing."""


class CardFetches:
    """A task for each card that is being completed; `on_complete` is called with every card that has been."""

    def __init__(self, fetch: Fetch, *, owner_of: OwnerOf, on_complete: Callable[[Call, Dossier], None]) -> None:
        self.refused = 0
        """Cards that an operator had before him, and that were not completed because too many were being fetched."""
        self.tasks: set[asyncio.Task[None]] = set()
        self._fetch = fetch
        self._owner_of = owner_of
        self._on_complete = on_complete

    def begin(self, call: Call, dossier: Dossier) -> None:
        """Complete the card of this call, unless that has been begun already."""
        if dossier.fetched:
            return
        if len(self.tasks) >= MAX_FETCHES:
            if parts(call, self._owner_of):
                self.refused += 1
                dossier.card = replace(dossier.card, extras="failed")
            return  # the next change of the call tries again
        dossier.fetched = True
        task = asyncio.create_task(self._complete(call, dossier), name=f"card-{call.id}")
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def close(self) -> None:
        """Stop fetching."""
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _complete(self, call: Call, dossier: Dossier) -> None:
        asked_for = dossier.card
        card = await self._fetch(call, asked_for)
        if dossier.card is not asked_for:
            return  # decided again meanwhile; that has begun a fetch of its own
        dossier.completed(card)
        self._on_complete(call, dossier)
