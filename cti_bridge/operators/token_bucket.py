"""How much one client may send: a token bucket. Pure; times are monotonic seconds."""


class TokenBucket:
    """Lets `rate` things per second through, `burst` at once after a pause, and what was earned besides."""

    def __init__(self, rate: float, burst: float, now: float, *, earned: float = 0.0) -> None:
        """`earned` is how much may be earned and not used yet."""
        self._rate = rate
        self._burst = burst
        self._most = burst + earned
        self._tokens = burst
        self._at = now

    def take(self, now: float) -> bool:
        """Whether one more thing is within the limit at this moment; if so it is counted."""
        refilled = min(self._burst, self._tokens + (now - self._at) * self._rate)
        self._tokens = max(self._tokens, refilled)
        self._at = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True

    def earn(self) -> None:
        """One more thing is allowed, whenever it comes."""
        self._tokens = min(self._most, self._tokens + 1)

    def widen(self, more: int) -> None:
        """So many more things than before may be earned and not used yet."""
        self._most += more
