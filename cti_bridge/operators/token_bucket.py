"""How much one client may send: a token bucket. Pure; times are monotonic seconds."""


class TokenBucket:
    """Lets `rate` things per second through, and `burst` at once after a pause."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        self._rate = rate
        self._burst = burst
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more thing is within the limit at this moment; if so it is counted."""
        self._tokens = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
