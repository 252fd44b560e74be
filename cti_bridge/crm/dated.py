"""Answers that were not given just now, because they come from a mirror of the CRM."""

from dataclasses import dataclass
from typing import Protocol

from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.decision import CrmAnswer, CrmSource
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


def as_answer(dated: DatedAnswer, *, took_ms: float, oldest_s: float) -> CrmAnswer:
    """What a caller's look-up brought, after so many milliseconds.

    A mirror's answer is one that was kept: good while it is as young as it should be, and then until it is older than
    `oldest_s` seconds.
    """
    records, age_s = dated.records, dated.age_s
    if age_s is None:
        return CrmAnswer(CrmSource.FRESH if records else CrmSource.NONE, records, took_ms=took_ms)
    if dated.is_current:
        return CrmAnswer(CrmSource.CACHED, records, age_s=age_s, took_ms=took_ms)
    error = f"its mirror is {age_s / 60:.0f} min old"
    if age_s <= oldest_s:
        return CrmAnswer(CrmSource.STALE, records, age_s=age_s, took_ms=took_ms, error=error)
    return CrmAnswer(CrmSource.FAILED, took_ms=took_ms, error=error)
