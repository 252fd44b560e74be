"""Tickets: one sign-in of an operator on a page that is not ours, asked for by the CRM behind that page."""

import time
from collections.abc import Callable

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.accounts import AccessChange
from cti_bridge.operators.secrets import hashed, new_token

TICKET_S = 60.0
"""How long a ticket waits for its one `hello`."""

OPEN_TICKETS = 10_000


class TooManyTickets(Exception):
    """So many tickets are waiting to be used that no further one is given out."""


class Tickets:
    """Gives tickets out and takes each back once. Kept in memory: a restart makes them worthless, a minute does too."""

    def __init__(
        self, *, clock: Callable[[], float] = time.monotonic, lasts_s: float = TICKET_S, limit: int = OPEN_TICKETS
    ) -> None:
        self._clock = clock
        self._lasts_s = lasts_s
        self._limit = limit
        self._open: dict[str, tuple[OperatorId, float]] = {}

    def issue(self, operator: OperatorId) -> str:
        """A new ticket for this operator. Raises TooManyTickets."""
        self._drop_expired()
        if len(self._open) >= self._limit:
            raise TooManyTickets
        ticket = new_token()
        self._open[hashed(ticket)] = (operator, self._clock() + self._lasts_s)
        return ticket

    def redeem(self, ticket: str) -> OperatorId | None:
        """Whose ticket this is; from then on it is worthless. None when it is unknown, used or too old."""
        found = self._open.pop(hashed(ticket), None)
        if found is None or self._clock() >= found[1]:
            return None
        return found[0]

    def access_changed(self, change: AccessChange) -> None:
        """Drop the tickets of operators whose access has ended."""
        if change.ended_operators:
            self._open = {key: kept for key, kept in self._open.items() if kept[0] not in change.ended_operators}

    def _drop_expired(self) -> None:
        # All tickets last equally long and a dict keeps their order, so the expired ones are in front.
        now = self._clock()
        while self._open:
            oldest = next(iter(self._open))
            if self._open[oldest][1] > now:
                return
            del self._open[oldest]
