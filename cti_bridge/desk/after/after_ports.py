"""What the parts of the desk that come after calls need of others: pages, the calls of operators, the CRM's notes."""

from collections.abc import Awaitable
from typing import Protocol

from cti_bridge.calls.after_call import AboutCall
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.operators.protocol import Json


class Pages(Protocol):
    """Where operators see it: the hub."""

    def pages(self, operator: OperatorId) -> int:
        """How many pages of this operator are open."""
        ...

    def tell(self, operator: OperatorId, type_: str, fields: Json) -> None:
        """Tell all of them something of which only the newest counts."""
        ...


class NoteWriter(Protocol):
    """Who brings notes to the CRM and does not lose them."""

    def __call__(
        self, call: CallId, operator: OperatorId, text: str, *, key: str, customer_id: str, number: str
    ) -> Awaitable[bool]:
        """Keep a note until the CRM has it; the same `key` again changes nothing.

        False: it takes no notes, or nobody knows whose it is. Raises DatabaseUnusable.
        """
        ...


class Parts(Protocol):
    """Who knows which calls an operator had a part in."""

    async def about(self, operator: OperatorId, call: CallId) -> AboutCall:
        """Whom such a call was with. Raises CommandRefused and DatabaseUnusable."""
        ...

    def is_in(self, operator: OperatorId, call: CallId) -> bool:
        """Whether he has a part in it now."""
        ...


async def nobody_takes_notes(
    call: CallId, operator: OperatorId, text: str, *, key: str, customer_id: str, number: str
) -> bool:
    """What happens to notes where there is nobody to bring them."""
    return False
