"""The answers of a CRM that are kept for when it is late: a bounded memory, the longest unused forgotten first."""

from collections import OrderedDict
from dataclasses import dataclass

from cti_bridge.domain.customer import CustomerRecord


@dataclass(frozen=True, slots=True)
class KeptAnswer:
    """What the CRM said about one number, nobody included, and when, in seconds of the clock in use."""

    records: tuple[CustomerRecord, ...]
    at: float

    def age_s(self, now: float) -> float:
        """Seconds since the CRM said so; never negative."""
        return max(0.0, now - self.at)


class KeptAnswers:
    """Answers by number; at most `size` of them."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._by_key: OrderedDict[str, KeptAnswer] = OrderedDict()

    def __len__(self) -> int:
        return len(self._by_key)

    def keep(self, key: str, records: tuple[CustomerRecord, ...], *, now: float) -> None:
        """Keep this answer instead of the one before."""
        self._by_key[key] = KeptAnswer(records, now)
        self._by_key.move_to_end(key)
        while len(self._by_key) > self._size:
            self._by_key.popitem(last=False)

    def get(self, key: str) -> KeptAnswer | None:
        """The answer kept for this number, however old; None when there is none."""
        answer = self._by_key.get(key)
        if answer is not None:
            self._by_key.move_to_end(key)
        return answer
