"""The answers of a CRM that are kept for when it is late: a bounded memory, the longest unused forgotten first."""

from collections import OrderedDict
from dataclasses import dataclass

from cti_bridge.domain.customer import CustomerRecord

_NOBODY_FRESH_S = 30.0
_NOBODY_STALE_S = 3_600.0
"""That nobody has a number is not believed for longer: who calls for the first time is entered and calls again."""
_RECORD, _DEAL = 700, 500
"""Bytes that a customer and a deal take besides their texts."""


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the CRM said about one number, nobody included, and when, in seconds of the clock in use."""

    records: tuple[CustomerRecord, ...]
    at: float
    bytes: int = 0

    def age_s(self, now: float) -> float:
        """Seconds since the CRM said so; never negative."""
        return max(0.0, now - self.at)

    def is_fresh(self, now: float, fresh_s: float) -> bool:
        """Whether it is used at once where answers are for `fresh_s`."""
        return self.age_s(now) < (fresh_s if self.records else min(fresh_s, _NOBODY_FRESH_S))

    def is_usable(self, now: float, stale_s: float) -> bool:
        """Whether it is better than none where answers are for `stale_s`."""
        return self.age_s(now) <= (stale_s if self.records else min(stale_s, _NOBODY_STALE_S))


class KeptAnswers:
    """Answers by number; at most `size` of them, and together about `most_bytes`."""

    def __init__(self, size: int, *, most_bytes: int = 64 * 1024 * 1024) -> None:
        self._size = size
        self._most_bytes = most_bytes
        self._bytes = 0
        self._by_key: OrderedDict[str, KeptAnswer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_key)

    def keep(self, key: str, records: tuple[CustomerRecord, ...], *, now: float) -> None:
        """Keep this answer instead of the one before; one that would take a large part of the memory is not kept."""
        self._forget(key)
        answer = KeptAnswer(records, now, _bytes(records))
        if answer.bytes > self._most_bytes // 64:
            return
        self._by_key[key] = answer
        self._bytes += answer.bytes
        while len(self._by_key) > self._size or self._bytes > self._most_bytes:
            self._forget(next(iter(self._by_key)))

    def get(self, key: str) -> KeptAnswer | None:
        """The answer kept for this number, however old; None when there is none."""
        answer = self._by_key.get(key)
        if answer is not None:
            self._by_key.move_to_end(key)
        return answer

    def _forget(self, key: str) -> None:
        answer = self._by_key.pop(key, None)
        self._bytes -= answer.bytes if answer is not None else 0


def _bytes(records: tuple[CustomerRecord, ...]) -> int:
    """About how much memory an answer takes; a letter may take four."""
    letters = things = 0
    for record in records:
        one = record.customer
        for text in (one.name, one.email, one.city, one.timezone, one.segment, one.preferred_channel, *one.numbers):
            letters += len(text)
        for deal in record.deals:
            letters += len(deal.title) + len(deal.stage)
        things += _RECORD + _DEAL * len(record.deals) + 60 * len(one.numbers)
    return 300 + things + 4 * letters
