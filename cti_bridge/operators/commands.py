"""Results of commands, kept so that a repeated command is answered and not carried out again. Pure."""

from collections import Counter, OrderedDict, deque

from cti_bridge.domain.ids import OperatorId

REMEMBER_S = 300.0
RESULTS_KEPT = 10_000
RESULTS_EACH = 300
"""Of one operator: a command every second. Whoever sends more loses his own oldest results, not his colleagues'."""
BYTES_KEPT = 16 * 1024 * 1024
BYTES_EACH = 512 * 1024
"""Lists are long; of one operator and of all."""

_Key = tuple[OperatorId, str]


class CommandResults:
    """Remembers each result for five minutes, per operator and command id; times are monotonic seconds."""

    def __init__(
        self,
        *,
        remember_s: float = REMEMBER_S,
        limit: int = RESULTS_KEPT,
        each: int = RESULTS_EACH,
        limit_bytes: int = BYTES_KEPT,
        each_bytes: int = BYTES_EACH,
    ) -> None:
        self._remember_s = remember_s
        self._limit = limit
        self._each = each
        self._limit_bytes = limit_bytes
        self._each_bytes = each_bytes
        self._bytes: Counter[OperatorId] = Counter()
        self._all_bytes = 0
        self._results: OrderedDict[_Key, tuple[float, bytes, bytes]] = OrderedDict()
        self._ids: dict[OperatorId, deque[str]] = {}

    def first(self, operator: OperatorId, id_: str, now: float) -> bytes | None:
        """The result that this command was answered with before, or None when it has not been carried out."""
        found = self._results.get((operator, id_))
        return found[1] if found and now - found[0] < self._remember_s else None

    def asked(self, operator: OperatorId, id_: str) -> bytes:
        """What a result that is kept was the answer to."""
        return self._results[operator, id_][2]

    def remember(self, operator: OperatorId, id_: str, result: bytes, now: float, *, asked: bytes = b"") -> None:
        """Keep a result of what was `asked`; what is too old goes, and beyond the limits the oldest one."""
        if (operator, id_) in self._results:
            self._forget(operator, id_)
        while self._results and now - next(iter(self._results.values()))[0] >= self._remember_s:
            self._forget(*next(iter(self._results)))
        self._results[(operator, id_)] = (now, result, asked)
        ids = self._ids.setdefault(operator, deque())
        ids.append(id_)
        self._count(operator, len(result))
        while len(ids) > self._each or self._bytes[operator] > self._each_bytes:
            self._forget(operator, ids[0])
        while len(self._results) > self._limit or self._all_bytes > self._limit_bytes:
            self._forget(*next(iter(self._results)))

    def _count(self, operator: OperatorId, size: int) -> None:
        self._bytes[operator] += size
        self._all_bytes += size
        if not self._bytes[operator]:
            del self._bytes[operator]

    def _forget(self, operator: OperatorId, id_: str) -> None:
        _, result, _ = self._results.pop((operator, id_))
        self._count(operator, -len(result))
        ids = self._ids[operator]
        ids.remove(id_)
        if not ids:
            del self._ids[operator]
