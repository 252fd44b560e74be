"""What the outcomes of look-ups and checks say about a CRM: it is up, too slow for callers, or down. Pure."""

import math
from collections import deque
from enum import StrEnum

from cti_bridge.crm.breaker import Breaker
from cti_bridge.domain.number import CallerNumber

_IN_A_ROW = 3
_TOO_LATE = "it answers too late for callers"


class CrmState(StrEnum):
    """Whether the CRM can be asked."""

    UP = "up"
    SLOW = "slow"
    """It answers, but the last callers could not wait for it."""
    DOWN = "down"


class Condition:
    """How a CRM is. `stalled_after_s`: lateness is borne as long as there was some answer within that time, for late
    answers are kept for the next call; after that it counts as failure. Times are seconds of any one clock.

    A look-up that fails says more than a check that goes well: a CRM whose login may no longer read customers answers
    every check. So after failed look-ups it takes a look-up, of the number that is `in_doubt`, to be up again. A number
    counts once in a row: of one person alone there may be no answer that is believed.
    """

    def __init__(self, breaker: Breaker, *, stalled_after_s: float) -> None:
        self._breaker = breaker
        self._stalled_after_s = stalled_after_s
        self._answered_at = -math.inf
        self._failing = False
        self._late = 0
        self._on_time = 0
        self._unanswered: deque[str | None] = deque(maxlen=_IN_A_ROW)
        self.state = CrmState.DOWN
        """Down until it was asked for the first time."""
        self.reason = "not asked yet"
        """Why it is not up, without customer data; empty while it is."""
        self.in_doubt: CallerNumber | None = None
        """Whose look-up failed or was late, if nothing but a look-up that goes well makes up for it."""

    @property
    def is_troubled(self) -> bool:
        """Whether it is left alone, but for a try now and then."""
        return self._breaker.is_open

    def may_be_asked(self, now: float) -> bool:
        """Whether a look-up may be put to it; a yes while it `is_troubled` is the one try of this moment."""
        return self._breaker.allows(now)

    def answered(self, now: float, *, on_time: bool) -> None:
        """A look-up was answered."""
        self._answered_at, self._failing = now, False
        self._breaker.succeeded()
        self._unanswered.clear()
        if on_time:
            self._late, self._on_time = 0, self._on_time + 1
        if self._late >= _IN_A_ROW or (self.state is CrmState.SLOW and self._on_time < _IN_A_ROW):
            self.state, self.reason = CrmState.SLOW, _TOO_LATE
        else:
            self._is_up()

    def was_late(self, number: CallerNumber, now: float) -> None:
        """Somebody could not wait for the answer."""
        self._late, self._on_time = self._late + 1, 0
        if now - self._answered_at >= self._stalled_after_s:
            self._count(number, now)
        if self.state is CrmState.UP and (self._late >= _IN_A_ROW or self._breaker.is_open):
            self.state, self.reason, self.in_doubt = CrmState.SLOW, _TOO_LATE, number

    def failed(self, number: CallerNumber, reason: str, now: float) -> None:
        """A look-up was not answered."""
        is_another = self._count(number, now)
        if self._breaker.is_open:
            self.state, self.reason = CrmState.DOWN, reason
            if is_another or self.in_doubt is None:
                self.in_doubt = number

    def check_passed(self) -> None:
        """A check went well, and no look-up is in doubt. Those that failed still count, if they were not many."""
        if not self._failing or self._breaker.is_open:
            self._breaker.succeeded()
        self._is_up()

    def check_failed(self, reason: str, now: float) -> None:
        """A check did not; that is a bad sign at once, where look-ups have to fail in a row."""
        self._breaker.failed(now)
        self.state, self.reason = CrmState.DOWN, reason

    def _count(self, number: CallerNumber, now: float) -> bool:
        """Let the breaker hear of a number without an answer; whether it is another one than the last few."""
        self._failing = True
        if number.key in self._unanswered:
            return False
        self._unanswered.append(number.key)
        self._breaker.failed(now)
        return True

    def _is_up(self) -> None:
        self.state, self.reason, self.in_doubt = CrmState.UP, "", None
