"""Holds back those who guess passwords. Pure: the time is given with every question."""

import ipaddress
from collections import OrderedDict, deque
from dataclasses import dataclass

WINDOW_S = 300.0
PAIR_LIMIT = 5
ADDRESS_LIMIT = 100
KEYS_KEPT = 20_000
"""So many pairs and addresses are remembered; beyond, the one that failed longest ago is forgotten."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One sign-in that has been let through and not been judged yet."""

    pair: tuple[str, str]
    address: tuple[str]


@dataclass(frozen=True, slots=True)
class Refused:
    """Too many attempts; the next one may be made in `retry_after_s` whole seconds."""

    retry_after_s: int


_Key = tuple[str, str] | tuple[str]


class SignInLimiter:
    """Counts failures within a sliding window per pair of login and address, and per address.

    An attempt under way counts like a failure, so that a hundred at the same moment are not let through either.
    """

    def __init__(
        self, *, window_s: float = WINDOW_S, per_pair: int = PAIR_LIMIT, per_address: int = ADDRESS_LIMIT
    ) -> None:
        self._window_s = window_s
        self._per_pair = per_pair
        self._per_address = per_address
        self._failures: OrderedDict[_Key, deque[float]] = OrderedDict()
        self._under_way: dict[_Key, int] = {}

    def begin(self, login: str, address: str, now: float) -> Attempt | Refused:
        """Ask for an attempt; one that is let through must be ended with `failed`, `succeeded` or `abandoned`."""
        network = _network(address)
        attempt = Attempt((login, network), (network,))
        waits = [
            self._wait(attempt.pair, self._per_pair, now),
            self._wait(attempt.address, self._per_address, now),
        ]
        longest = max(waits)
        if longest > 0:
            return Refused(max(1, int(longest) + 1))
        for key in (attempt.pair, attempt.address):
            self._under_way[key] = self._under_way.get(key, 0) + 1
        return attempt

    def failed(self, attempt: Attempt, now: float) -> None:
        """The password was wrong."""
        self.abandoned(attempt)
        for key, limit in ((attempt.pair, self._per_pair), (attempt.address, self._per_address)):
            failures = self._failures.setdefault(key, deque(maxlen=limit))
            failures.append(now)
            self._failures.move_to_end(key)
        while len(self._failures) > KEYS_KEPT:
            self._failures.popitem(last=False)

    def succeeded(self, attempt: Attempt) -> None:
        """The password was right: earlier mistakes with this login are forgotten, those of the address are not."""
        self.abandoned(attempt)
        self._failures.pop(attempt.pair, None)

    def abandoned(self, attempt: Attempt) -> None:
        """The attempt ended without a verdict."""
        for key in (attempt.pair, attempt.address):
            left = self._under_way[key] - 1
            if left:
                self._under_way[key] = left
            else:
                del self._under_way[key]

    def _wait(self, key: _Key, limit: int, now: float) -> float:
        """Seconds until this key may try again; 0 means now."""
        failures = self._failures.get(key, deque())
        while failures and now - failures[0] >= self._window_s:
            failures.popleft()
        if not failures:
            self._failures.pop(key, None)
        if len(failures) + self._under_way.get(key, 0) < limit:
            return 0.0
        # Only attempts under way stand in the line: they are judged within moments.
        return failures[0] + self._window_s - now if len(failures) >= limit else 0.5


def _network(address: str) -> str:
    """The address itself, or for IPv6 its /64, which one subscriber has all to himself."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
