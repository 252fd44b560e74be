"""A fake of a CRM that can be mirrored: people and deals in memory, with times of change, shown page by page.

It can repeat pages, leave pages out, forget places, fail, and delete; what it says is otherwise as the port has it.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from cti_bridge.crm.mirror.source import MirroredDeal, MirrorPage, copy_for
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, Deal, StageList
from cti_bridge.domain.ids import CustomerId, DealId


@dataclass(slots=True)
class Misdeeds:
    """What it does wrong next, each as often as the number says."""

    fail: int = 0
    repeat: int = 0
    leave_out: int = 0
    forget_places: bool = False
    hide_everybody: bool = False
    stand_still: bool = False
    circle: bool = False


@dataclass(slots=True)
class ChangingCrm:
    """Everything has a number that grows with each change; a position is the number up to which all was shown."""

    page_size: int = 3
    misdeeds: Misdeeds = field(default_factory=Misdeeds)
    customers: dict[CustomerId, tuple[int, Customer]] = field(default_factory=dict)
    deals: dict[DealId, tuple[int, MirroredDeal]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    asked_about: list[str] = field(default_factory=list)
    copies: dict[DealId, tuple[MirroredDeal, ...]] = field(default_factory=dict)
    funnel: StageList = SHIPPED_STAGES
    account: str = "https://crm.example"
    before_page: Callable[[int], None] = lambda _: None
    _change: int = 0

    def put(self, number: int, name: str = "", *numbers: str) -> None:
        """A customer is made or changed."""
        id_ = CustomerId(f"c-{number}")
        default = f"+7495000{number % 1000:04}"
        customer = Customer(id_, name or f"Клиент {number}", numbers or (default,), responsible=f"u-{number % 7}")
        self.customers[id_] = (self._next(), customer)

    def deal(self, number: int, customer: int | None, stage: str = "offer_sent", *, also: Sequence[int] = ()) -> None:
        """A deal is made or changed; its customer may come later, and it may be somebody's `also`."""
        id_ = DealId(f"d-{number}")
        whose = None if customer is None else CustomerId(f"c-{customer}")
        deal = Deal(id_, f"Сделка {number}", stage)
        self.deals[id_] = (self._next(), MirroredDeal(deal, whose))
        others = [CustomerId(f"c-{other}") for other in also]
        self.copies[id_] = tuple(MirroredDeal(replace(deal, id=copy_for(id_, other)), other) for other in others)

    def delete(self, number: int) -> None:
        """A customer is gone, and says so to nobody."""
        self.customers.pop(CustomerId(f"c-{number}"), None)

    def delete_deal(self, number: int) -> None:
        """A deal is gone."""
        self.deals.pop(DealId(f"d-{number}"), None)

    async def stages(self) -> StageList:
        """Its funnel."""
        return self.funnel

    async def changed_since(self, position: str) -> MirrorPage:
        """The next page, or whatever goes wrong instead."""
        self.asked.append(position)
        self.before_page(len(self.asked))
        self._go_wrong(position)
        since = int(json.loads(position)["after"]) if position else 0
        if self.misdeeds.repeat:
            self.misdeeds.repeat -= 1
            since = max(0, since - self.page_size)
        if self.misdeeds.leave_out:
            self.misdeeds.leave_out -= 1
            _, since = self._page(since)
        shown, until = ((), self._change) if self.misdeeds.hide_everybody else self._page(since)
        more = until < self._change and not self.misdeeds.hide_everybody
        if self.misdeeds.circle:
            return MirrorPage(json.dumps({"after": 1 if since == 2 else 2}), more=True)
        if self.misdeeds.stand_still:
            return MirrorPage(position, more=True)
        return MirrorPage(
            json.dumps({"after": until}),
            more=more,
            customers=tuple(one for one in shown if isinstance(one, Customer)),
            deals=tuple(
                each
                for one in shown
                if isinstance(one, MirroredDeal)
                for each in (one, *self.copies.get(one.deal.id, ()))
            ),
            total=len(self.customers),
        )

    async def customers_gone(self, ids: Sequence[CustomerId]) -> frozenset[CustomerId]:
        """Which of these are not there any more."""
        self.asked_about += ids
        return frozenset(id_ for id_ in ids if id_ not in self.customers)

    async def deals_gone(self, ids: Sequence[DealId]) -> frozenset[DealId]:
        """Which of these are not there any more."""
        self.asked_about += ids
        return frozenset(id_ for id_ in ids if id_ not in self.deals)

    def has(self) -> tuple[set[Customer], set[tuple[Deal, CustomerId]]]:
        """What a mirror of it should have."""
        deals = {(one.deal, one.customer_id) for _, one in self.deals.values() if one.customer_id is not None}
        customers = {replace(one, numbers=tuple(sorted(one.numbers))) for _, one in self.customers.values()}
        return customers, deals

    def _next(self) -> int:
        self._change += 1
        return self._change

    def _page(self, since: int) -> tuple[tuple[Customer | MirroredDeal, ...], int]:
        changes: list[tuple[int, Customer | MirroredDeal]] = [*self.customers.values(), *self.deals.values()]
        due = sorted((change for change in changes if change[0] > since), key=lambda change: change[0])
        page = due[: self.page_size]
        until = page[-1][0] if len(due) > len(page) else self._change
        return tuple(one for _, one in page), until

    def _go_wrong(self, position: str) -> None:
        if self.misdeeds.fail:
            self.misdeeds.fail -= 1
            raise CrmUnavailable("it answers 503")
        if self.misdeeds.forget_places and position:
            self.misdeeds.forget_places = False
            raise CrmRefuses("an unknown place")
