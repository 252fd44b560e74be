"""Customers, their deals and the stages of a deal, as every CRM is translated into them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from decimal import Decimal

from cti_bridge.domain.ids import CustomerId, DealId


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the sales funnel; `order` grows along the path, `final` means the deal is closed."""

    id: str
    name: str
    order: int
    final: bool = False


@dataclass(frozen=True, slots=True)
class Deal:
    """One deal of a customer; `stage` is a `Stage.id`, `changed_at` the time of its latest change (aware)."""

    id: DealId
    title: str
    stage: str
    amount: Decimal | None = None
    responsible: str = ""
    changed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Customer:
    """One person or firm; `numbers` are E.164 where they can be, `responsible` is a user of the CRM."""

    id: CustomerId
    name: str
    numbers: tuple[str, ...] = ()
    email: str = ""
    city: str = ""
    timezone: str = ""
    segment: str = ""
    preferred_channel: str = ""
    responsible: str = ""
    last_contact_at: datetime | None = None


def with_fields(customer: Customer, fields: Mapping[str, str]) -> Customer:
    """The customer with those of these fields that an operator can change."""
    return replace(
        customer,
        name=fields.get("name", customer.name),
        email=fields.get("email", customer.email),
        city=fields.get("city", customer.city),
        segment=fields.get("segment", customer.segment),
        preferred_channel=fields.get("preferred_channel", customer.preferred_channel),
    )


@dataclass(frozen=True, slots=True)
class CustomerRecord:
    """A customer together with all his deals, open and closed."""

    customer: Customer
    deals: tuple[Deal, ...] = ()


@dataclass(frozen=True, slots=True)
class NewCustomer:
    """Somebody whom the CRM did not know; `number` in E.164, `responsible` a user of the CRM or empty."""

    name: str
    number: str
    email: str = ""
    city: str = ""
    responsible: str = ""


@dataclass(frozen=True, slots=True)
class NewDeal:
    """A deal that begins now; `stage` is a `Stage.id`, or empty for the first one that the CRM has.

    `responsible` is a user of the CRM or empty.
    """

    title: str
    stage: str = ""
    responsible: str = ""


@dataclass(frozen=True, slots=True)
class CustomerChanges:
    """What is to be known of a customer from now on; None leaves a field as it is, empty text empties it."""

    name: str | None = None
    email: str | None = None
    city: str | None = None
    segment: str | None = None
    preferred_channel: str | None = None
    responsible: str | None = None


@dataclass(frozen=True, slots=True)
class Note:
    """What somebody wrote down about a customer, and when; `author` is a name, `user` the CRM's user if he is one.

    What is read from a CRM has no `user`.
    """

    at: datetime
    author: str
    text: str
    user: str = ""


@dataclass(frozen=True, slots=True)
class FinishedCall:
    """A call of a customer that is over, as a CRM is told of it; `key` names the call, however often it is told.

    `user` is the CRM's user who answered, empty when nobody did or he is none.
    """

    key: str
    customer_id: CustomerId
    started_at: datetime
    answered_at: datetime | None
    ended_at: datetime
    queue: str
    user: str
    outcome: str
    direction: str = "inbound"
    """`inbound`, or `outbound` when it was us who called."""


@dataclass(frozen=True, slots=True)
class StageList:
    """The stages of the funnel in order; looks a stage up by its id.

    With `open_ended` nobody knows all of them (the CRM was not asked yet): any other stage may be one, and is open.
    """

    stages: tuple[Stage, ...]
    open_ended: bool = False
    _by_id: dict[str, Stage] = field(init=False, repr=False, compare=False, hash=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_id", {stage.id: stage for stage in self.stages})

    def get(self, stage_id: str) -> Stage | None:
        """The stage with this id, or None when the list does not have it and knows all of them."""
        return self._by_id.get(stage_id) or (Stage(stage_id, stage_id, 0) if self.open_ended and stage_id else None)

    def is_open(self, deal: Deal) -> bool:
        """Whether the deal is still going on: its stage is known and not final."""
        stage = self.get(deal.stage)
        return stage is not None and not stage.final


SHIPPED_STAGES = StageList(
    (
        Stage("offer_preparing", "готовим предложение", 10),
        Stage("offer_sent", "предложение отправлено", 20),
        Stage("awaiting_payment", "ждёт оплату", 30),
        Stage("paid", "оплачено", 40),
        Stage("in_production", "в работе", 50),
        Stage("delivery", "доставка", 60),
        Stage("installation", "монтаж", 70),
        Stage("closed", "закрыта, выполнена", 80, final=True),
        Stage("lost", "закрыта, не состоялась", 90, final=True),
    )
)
"""The stage list that is used where the settings name none."""
