"""Answers that were not given just now, because they come from a mirror of the CRM."""

from dataclasses import dataclass
from typing import Protocol

from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.number import CallerNumber


@dataclass(frozen=True, slots=True)
class DatedAnswer:
    """All customers with a number; `age_s` is how old that is in seconds, None when the CRM itself said so just now.

    `is_current`: it is not older than such answers usually are.
    """

    records: tuple[CustomerRecord, ...]
    age_s: float | None = None
    is_current: bool = True


class Dated(Protocol):
    """Whoever can say how old his answers are."""

    async def find_dated(self, number: CallerNumber) -> DatedAnswer:
        """All customers with exactly this number, and how old that is. Raises CrmUnavailable."""
        ...
