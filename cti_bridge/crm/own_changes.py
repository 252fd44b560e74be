"""What the bridge itself has written into the CRM, put over answers that are older than that. Pure.

A kept answer, a mirror, or a question that was on its way can say what was true before an operator's edit; shown, or
routed by, it would be as if the edit were lost.
"""

from collections import OrderedDict
from dataclasses import dataclass, field

from cti_bridge.domain.customer import CustomerRecord, Deal, with_fields
from cti_bridge.domain.ids import CustomerId

_MOST = 2_000
"""Customers whose latest changes are remembered; a mirror is in step long before so many more were changed."""


@dataclass(slots=True)
class _Written:
    """What was written of one customer, each with its time: the CRM may have changed an earlier field since.

    `numbers` find him, if he was made here.
    """

    record: CustomerRecord
    fields: dict[str, tuple[float, str]] = field(default_factory=dict)
    deals: dict[str, tuple[float, Deal]] = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)


class OwnChanges:
    """The latest changes by customer; times are seconds of any one clock that never goes back."""

    def __init__(self) -> None:
        self._by_customer: OrderedDict[CustomerId, _Written] = OrderedDict()

    def note(
        self,
        record: CustomerRecord,
        *,
        at: float,
        fields: dict[str, str] | None = None,
        deal: Deal | None = None,
        made_for: str = "",
    ) -> None:
        """A customer is so since `at`: these `fields` of him were written, this deal, or he was made for a number."""
        known = self._by_customer.setdefault(record.customer.id, _Written(record))
        known.record = record
        known.fields |= {name: (at, text) for name, text in (fields or {}).items()}
        if deal is not None:
            known.deals[deal.id] = at, deal
        if made_for:
            known.numbers[made_for] = at
        self._by_customer.move_to_end(record.customer.id)
        while len(self._by_customer) > _MOST:
            self._by_customer.popitem(last=False)

    def over(self, key: str, records: tuple[CustomerRecord, ...], *, said_at: float) -> tuple[CustomerRecord, ...]:
        """An answer about the number `key` that was true at `said_at`, with what was written since."""
        if not self._by_customer:
            return records
        found = tuple(self._changed(record, said_at) for record in records)
        there = {record.customer.id for record in records}
        made = (one for one in self._by_customer.values() if one.numbers.get(key, said_at) > said_at)
        return (*found, *(one.record for one in made if one.record.customer.id not in there))

    def _changed(self, record: CustomerRecord, said_at: float) -> CustomerRecord:
        written = self._by_customer.get(record.customer.id)
        if written is None:
            return record
        there = {deal.id for deal in record.deals}
        fields = {name: text for name, (at, text) in written.fields.items() if at > said_at}
        deals = tuple(deal for at, deal in written.deals.values() if at > said_at and deal.id not in there)
        if not fields and not deals:
            return record
        return CustomerRecord(with_fields(record.customer, fields), (*record.deals, *deals))
