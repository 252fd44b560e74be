"""From a CRM's names of its stages to those of the settings, which the rules speak. Pure."""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from cti_bridge.domain.customer import CustomerRecord, Deal


def in_our_words(records: Iterable[CustomerRecord], words: Mapping[str, str]) -> tuple[CustomerRecord, ...]:
    """The customers with the stages of their deals by the names of the settings; what has none there stays."""
    return tuple(
        replace(record, deals=tuple(_translated(deal, words) for deal in record.deals))
        if any(deal.stage in words for deal in record.deals)
        else record
        for record in records
    )


def _translated(deal: Deal, words: Mapping[str, str]) -> Deal:
    return replace(deal, stage=words.get(deal.stage, deal.stage))
