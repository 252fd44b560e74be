"""What became of one attempt to deliver a report, and when to try again. Pure.

Whether a failure can pass by itself is decided here, from the HTTP status, and nowhere else.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from cti_bridge.http_peers import wait_asked_s

FIRST_S, LONGEST_S = 1.0, 300.0
"""Waiting times between two attempts: doubling from the first to the longest."""
_MAY_PASS = frozenset({408, 425, 429})
_AWAY = 503
"""Service Unavailable speaks of the receiver, other 5xx may be what it makes of one report."""


@dataclass(frozen=True, slots=True)
class Delivered:
    """The receiver took the report."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The receiver will never take the report; `reason` is for the admin and holds no customer data."""

    reason: str


@dataclass(frozen=True, slots=True)
class TryAgain:
    """It did not work now; `after_s` is what the receiver asked for, None when it asked for nothing."""

    reason: str
    after_s: float | None = None
    may_be_the_report: bool = False
    """The receiver answered, and what it cannot do may be this one report."""


Verdict = Delivered | Refused | TryAgain


def judge(status: int, retry_after: str, *, now: float) -> Verdict:
    """What an HTTP status means. 410, and every 4xx that does not speak of the moment, is a refusal for good."""
    if 200 <= status < 300:
        return Delivered()
    if 400 <= status < 500 and status not in _MAY_PASS:
        return Refused(f"HTTP {status}")
    redirect = ", redirects are not followed" if 300 <= status < 400 else ""
    return TryAgain(
        f"HTTP {status}{redirect}", wait_asked_s(retry_after, now), may_be_the_report=status >= 500 and status != _AWAY
    )


def wait_s(attempts: int, asked_s: float | None, *, draw: Callable[[], float] = random.random) -> float:
    """Seconds until the next attempt after so many: the doubled time, drawn from its upper half, or what was asked."""
    longest = min(LONGEST_S, FIRST_S * 2.0 ** min(attempts - 1, 30))
    return max(longest * (0.5 + draw() / 2), asked_s or 0.0)
