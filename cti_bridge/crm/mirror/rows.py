"""Customers and deals as rows of the mirror's file. Pure."""

from datetime import UTC, datetime

from cti_bridge.crm.mirror.source import MirroredDeal
from cti_bridge.domain.customer import Customer


def customer_row(customer: Customer) -> tuple[str | None, ...]:
    """A row of the table of customers."""
    texts = customer.email, customer.city, customer.timezone, customer.segment, customer.preferred_channel
    said = customer.id, customer.name, *texts, customer.responsible
    return (*map(clean, said), _time(customer.last_contact_at))


def deal_row(mirrored: MirroredDeal) -> tuple[str | None, ...]:
    """A row of the table of deals."""
    deal = mirrored.deal
    amount = None if deal.amount is None else str(deal.amount)
    said = deal.id, mirrored.customer_id or "", deal.title, deal.stage
    return (*map(clean, said), amount, clean(deal.responsible), _time(deal.changed_at))


def clean(text: str) -> str:
    """The text, with a question mark for half characters, which JSON can hold and SQLite cannot."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _time(at: datetime | None) -> str | None:
    try:
        return None if at is None else at.astimezone(UTC).isoformat()
    except OverflowError:  # the first day of all, or the last
        return None
