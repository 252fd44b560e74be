"""A CRM without customers, for stories that are about something else, or that say what it answers."""

from cti_bridge.crm.port import Capability, CrmRefuses
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    SHIPPED_STAGES,
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


class EmptyCrm:
    """Knows nobody, takes no note of anything, and is always there."""

    kind = "empty"
    capabilities: frozenset[Capability] = frozenset()

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        return ()

    async def stages(self) -> StageList:
        return SHIPPED_STAGES

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        return ()

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        return ()

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        raise CrmRefuses("nobody is taken in")

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        raise CrmRefuses("nobody is here")

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        raise CrmRefuses("nobody is here")

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        raise CrmRefuses("nobody is here")

    async def report(self, report: CallReport) -> None:
        raise CrmRefuses("no call is taken note of")

    async def check(self) -> None:
        pass

    async def close(self) -> None:
        pass
