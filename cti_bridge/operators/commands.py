"""Results of commands, kept so that a repeated command is answered and not carried out again. Pure."""

from collections import OrderedDict

from cti_bridge.domain.ids import OperatorId

REMEMBER_S = 300.0
RESULTS_KEPT = 10_000


class CommandResults:
    """Remembers each result for five minutes, per operator and command id; times are monotonic seconds."""

    def __init__(self, *, remember_s: float = REMEMBER_S, limit: int = RESULTS_KEPT) -> None:
        self._remember_s = remember_s
        self._limit = limit
        self._results: OrderedDict[tuple[OperatorId, str], tuple[float, bytes]] = OrderedDict()

    def first(self, operator: OperatorId, id_: str, now: float) -> bytes | None:
        """The result that this command was answered with before, or None when it has not been carried out."""
        found = self._results.get((operator, id_))
        return found[1] if found and now - found[0] < self._remember_s else None

    def remember(self, operator: OperatorId, id_: str, result: bytes, now: float) -> None:
        """Keep a result; beyond the limit the oldest one goes."""
        self._results.pop((operator, id_), None)
        self._results[(operator, id_)] = (now, result)
        while len(self._results) > self._limit:
            self._results.popitem(last=False)
