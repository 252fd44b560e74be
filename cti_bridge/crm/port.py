"""What the bridge asks of a CRM, whichever it is. Its own words stop in the folder of that CRM."""

from typing import Protocol

from cti_bridge.domain.customer import CustomerRecord, FinishedCall, Note, StageList
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber


class CrmUnavailable(Exception):
    """The CRM could not be asked. The message says why in one line and never holds customer data."""


class Crm(Protocol):
    """A CRM that can be searched. Every method but `close` raises `CrmUnavailable` when it cannot answer.

    Whoever waits sets the time limit; a method that is cancelled leaves nothing behind.
    """

    kind: str
    """Which CRM it is, as the settings name it."""

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All customers with exactly this number, each with his deals; empty when nobody has it."""
        ...

    async def stages(self) -> StageList:
        """The stages that a deal can be in."""
        ...

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest notes on one customer, newest first, `limit` at most; empty for an unknown customer."""
        ...

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """The latest calls of one customer that the CRM was told of, newest first, `limit` at most.

        Empty for a CRM that shows them in its own way, which is nearly every one.
        """
        ...

    async def report(self, call: FinishedCall) -> None:
        """Take note of a call; one with the same key that was taken already changes nothing.

        A customer who is not there any more is nobody to take note for.
        """
        ...

    async def check(self) -> None:
        """Return when the CRM can be asked."""
        ...

    async def close(self) -> None:
        """Let go of connections, threads and files; may be called twice."""
        ...
