"""The facts of a call as the journal kept them, taken up again."""

from cti_bridge.domain.customer import Customer, CustomerRecord
from cti_bridge.domain.decision import CrmSource, Facts
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.routing.facts import Gathered
from cti_bridge.routing.vocabulary import DEALS

_SIMPLE = str | int | float | bool | None


def from_flat(facts: Facts) -> Gathered:
    """Takes kept facts up again, so that a decision can be computed anew, under the same rules or others.

    Which of several customers was chosen stays as it was. Raises ValueError when the facts are not those of a call.
    """
    try:
        source = CrmSource(str(facts["call.crm"]))
    except (KeyError, ValueError):
        raise ValueError("these are not the facts of a call: call.crm is missing or unknown") from None
    for name, value in facts.items():
        if not (_are_deals(value) if name == DEALS else isinstance(value, _SIMPLE)):
            raise ValueError(f"these are not the facts of a call: {name} is no simple value")
    customer_id, deal_id = facts.get("customer.id"), facts.get("deal.id")
    record = None
    if isinstance(customer_id, str):
        record = CustomerRecord(_kept_customer(CustomerId(customer_id), facts))
    return Gathered(dict(facts), source, record, DealId(deal_id) if isinstance(deal_id, str) else None)


def _are_deals(value: object) -> bool:
    """Whether this is a list of deals, or that it is absent."""
    return value is None or (
        isinstance(value, list)
        and all(isinstance(one, dict) and all(isinstance(part, _SIMPLE) for part in one.values()) for one in value)
    )


def _kept_customer(customer_id: CustomerId, facts: Facts) -> Customer:
    def text(name: str) -> str:
        value = facts.get(f"customer.{name}")
        return value if isinstance(value, str) else ""

    return Customer(
        id=customer_id,
        name=text("name"),
        email=text("email"),
        city=text("city"),
        timezone=text("timezone"),
        segment=text("segment"),
        preferred_channel=text("preferred_channel"),
        responsible=text("responsible"),
    )
