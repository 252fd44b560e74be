"""What a CRM offers that can be mirrored: everything that changed since a place in its own order of changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from cti_bridge.domain.customer import Customer, Deal, StageList
from cti_bridge.domain.ids import CustomerId, DealId

FROM_THE_BEGINNING = ""
"""The position before everything there is."""

_BETWEEN = "\x1f"
"""Between the ids of a deal and of a customer; no CRM's id has it."""

MOST_AT_ONCE = 50
"""So many ids at most are asked about at once."""


@dataclass(frozen=True, slots=True)
class MirroredDeal:
    """A deal with whose it is; `customer_id` is its main customer's, None for a deal of nobody.

    One of several customers comes once more for each of the others, under an id from `copy_for` and on the same page.
    """

    deal: Deal
    customer_id: CustomerId | None


def copy_for(deal_id: DealId, customer_id: CustomerId) -> DealId:
    """The id in the mirror of a deal that belongs to this customer beside its main one."""
    return DealId(f"{deal_id}{_BETWEEN}{customer_id}")


def copies_of(deal_id: DealId) -> tuple[str, str]:
    """All ids that `copy_for` gives for this deal lie between these two."""
    return f"{deal_id}{_BETWEEN}", f"{deal_id}{chr(ord(_BETWEEN) + 1)}"


def original_of(deal_id: DealId) -> DealId:
    """The CRM's own id of a deal in the mirror."""
    return DealId(deal_id.partition(_BETWEEN)[0])


@dataclass(frozen=True, slots=True)
class MirrorPage:
    """Some of what changed, each customer and deal whole, as it is now; it replaces what was known of it.

    `position` is where the next page begins, in words of the CRM's adapter alone (4,000 characters at most). `more`:
    the next page can be asked for at once; otherwise this was the end for now. `total` is how many customers the CRM
    has, where it says so. `gone_customers` and `gone_deals` are what the CRM itself reports as deleted, if it does.
    """

    position: str
    more: bool
    customers: tuple[Customer, ...] = ()
    deals: tuple[MirroredDeal, ...] = ()
    gone_customers: tuple[CustomerId, ...] = ()
    gone_deals: tuple[DealId, ...] = ()
    total: int | None = None


@runtime_checkable
class Mirrorable(Protocol):
    """A CRM that can be mirrored; every method raises `CrmUnavailable` when it cannot answer.

    Whoever asks sets the time limit; requests are not urgent: look-ups go before them.
    """

    @property
    def account(self) -> str:
        """Whose customers these are: the address of the account, without any secret; another is another mirror."""
        ...

    async def stages(self) -> StageList:
        """The stages that a deal can be in, as the port has it."""
        ...

    async def changed_since(self, position: str) -> MirrorPage:
        """The next page from `position` on, `FROM_THE_BEGINNING` or one of an earlier page, also of an earlier run.

        Pages may repeat what an earlier one had, and come in any order of customers and deals; a page from the same
        position may be asked for again. Whatever changed after the position was given must come in some later page, so
        order by change time and id, begin at the last change time again rather than after it, and never count pages.
        Archived customers come as deleted ones. Deals come whatever their stage. Raises `CrmRefuses` for a position
        that it does not understand (any more).
        """
        ...

    async def customers_gone(self, ids: Sequence[CustomerId]) -> frozenset[CustomerId]:
        """Which of these customers, `MOST_AT_ONCE` at most, are deleted or archived."""
        ...

    async def deals_gone(self, ids: Sequence[DealId]) -> frozenset[DealId]:
        """Which of these deals, `MOST_AT_ONCE` at most, are deleted."""
        ...
