"""What the bridge asks of a CRM, whichever it is. Its own words stop in the folder of that CRM."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol, runtime_checkable

from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
    StageList,
)
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber


class Capability(StrEnum):
    """Something that not every CRM can do; what is missing is known at `check` and not at the call."""

    DEALS = "deals"
    STAGES = "stages"
    RESPONSIBLE = "responsible"
    NOTES = "notes"
    CALLS = "calls"
    ADD_NOTE = "add_note"
    CREATE = "create"
    UPDATE = "update"
    CREATE_DEAL = "create_deal"
    REPORT_STARTED = "report_started"
    REPORT_ANSWERED = "report_answered"
    REPORT_ENDED = "report_ended"
    REPORT_UPDATED = "report_updated"
    REPORT_STRANGERS = "report_strangers"
    """Calls of people whom it does not know can be told to it as well."""


MOMENTS: Mapping[CallMoment, Capability] = {
    CallMoment.STARTED: Capability.REPORT_STARTED,
    CallMoment.ANSWERED: Capability.REPORT_ANSWERED,
    CallMoment.ENDED: Capability.REPORT_ENDED,
    CallMoment.UPDATED: Capability.REPORT_UPDATED,
}
"""What a CRM declares that wants to hear of a moment."""

WRITES = frozenset({Capability.ADD_NOTE, Capability.CREATE, Capability.UPDATE, Capability.CREATE_DEAL})
"""What changes people in the CRM; whether a login may shows in most only when it is done."""
READS_AND_WRITES = WRITES | {Capability.DEALS, Capability.STAGES, Capability.RESPONSIBLE, Capability.NOTES}
"""What nearly every CRM can do besides being told of calls."""


class CrmUnavailable(Exception):
    """The CRM could not be asked. The message says why in one line and never holds customer data."""


class CrmBusy(CrmUnavailable):
    """The CRM was not asked, because as many questions as it allows are on their way; it is well as far as we know."""


class CrmRefuses(Exception):
    """The CRM answered and will never take this, however often it is tried. The message holds no customer data."""


class Crm(Protocol):
    """A CRM that can be searched. Every method but `close` raises `CrmUnavailable` when it cannot answer.

    Whoever waits sets the time limit; a method that is cancelled leaves nothing behind.
    """

    kind: str
    """Which CRM it is, as the settings name it."""
    capabilities: frozenset[Capability]
    """What it can do besides finding a caller; known before it was asked for anything.

    Without the capability, what reads (`notes`, `calls`) gives nothing, and what writes (`create`, `update`,
    `create_deal`, `add_note`, a moment of `report`) raises `CrmRefuses`.
    """

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        """All customers with exactly this number, each with his deals; empty when nobody has it."""
        ...

    async def stages(self) -> StageList:
        """The stages that a deal can be in: those of the settings, or else its own.

        Raises `CrmRefuses` when the settings have none and it cannot name them.
        """
        ...

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        """The latest notes on one customer, newest first, `limit` at most; empty for an unknown customer."""
        ...

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        """The latest calls of one customer that the CRM was told of, newest first, `limit` at most.

        Empty for a CRM that shows them in its own way, which is nearly every one.
        """
        ...

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        """A new customer; the same `key` again gives the one that was made already, where the CRM can tell."""
        ...

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        """A new deal of a customer; the same `key` again gives the one that was made already.

        Raises `CrmRefuses` when the customer is gone, and for a stage or a responsible user that it does not have.
        """
        ...

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        """Change what is known of a customer. Raises `CrmRefuses` when he is gone."""
        ...

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        """Write down something about a customer; the same `key` again changes nothing."""
        ...

    async def report(self, report: CallReport) -> None:
        """Take note of a moment of a call; the same one again changes nothing, a later one completes it.

        Comes in order per call: started, answered, ended, updated, or started, ended, updated; moments that the CRM
        does not name among its capabilities are never told. A customer who is not there any more is nobody to take
        note for.
        """
        ...

    async def check(self) -> None:
        """Return when the CRM can be asked."""
        ...

    async def close(self) -> None:
        """Let go of connections, threads and files; may be called twice. The links belong to whoever opened them."""
        ...


@runtime_checkable
class Probing(Protocol):
    """A CRM that can find out, without changing anything, whether its login may do what the adapter can."""

    async def lacking(self) -> Mapping[Capability, str]:
        """The declared capabilities that do not work as it is set up, each with the reason in words for the admin.

        Raises `CrmUnavailable` when it cannot be asked.
        """
        ...


@runtime_checkable
class Unproven(Protocol):
    """A CRM that does not say beforehand what its login may do: some of it shows only when it is done."""

    unproven: frozenset[Capability]
    """What nobody can try without changing something."""
