"""A limit of so many requests in any so many seconds, as vendors state it who count what came in the last second.

Unlike a bucket, which is for vendors who state a rate, it lets all through at once that the second allows.
"""

from collections import deque


class Window:
    """At most `most` requests in any `within_s` seconds, `kept_for_urgent` of them for urgent ones alone.

    Times are seconds of any one clock. Raises ValueError for limits that let nobody through.
    """

    def __init__(self, most: int, within_s: float, kept_for_urgent: int) -> None:
        if within_s <= 0 or most < 1 or not 0 <= kept_for_urgent < most:
            raise ValueError("a time above 0, at least 1 request and less kept for the urgent than there are")
        self._most = most
        self._within_s = within_s
        self._kept = kept_for_urgent
        self._sent: deque[float] = deque()
        self._now = float("-inf")
        self._held_until = float("-inf")

    def wait_s(self, now: float, *, urgent: bool, ahead: int = 0) -> float:
        """Seconds until a request may go that has `ahead` others before it; 0 when it may now."""
        self._now = now
        while self._sent and self._sent[0] <= now - self._within_s:
            self._sent.popleft()
        allowed = self._most - (0 if urgent else self._kept)
        too_many = len(self._sent) + ahead + 1 - allowed
        held_s = max(0.0, self._held_until - now)
        if too_many <= 0:
            return held_s
        if too_many <= len(self._sent):
            return max(held_s, self._sent[too_many - 1] + self._within_s - now)
        rounds = -(-too_many // allowed)  # of whole windows, about
        return max(held_s, rounds * self._within_s)

    def take(self) -> None:
        """One is sent; `wait_s` has just been 0."""
        self._sent.append(self._now)

    def hold(self, now: float, seconds: float) -> None:
        """Let none through for so long; afterwards the first window is as good as used up but for one."""
        self._held_until = max(self._held_until, now + max(0.0, seconds))
        self._sent = deque([self._held_until] * (self._most - 1 - self._kept))
