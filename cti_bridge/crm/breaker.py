"""A breaker: after some failures in a row a CRM is left alone for a moment, so that no call waits for a dead one."""


class Breaker:
    """Closed: everybody may ask. Open: nobody. After `open_for_s` one may try; its outcome closes or opens it again.

    Times are seconds of the clock that the user of this class has.
    """

    def __init__(self, *, failures: int = 3, open_for_s: float = 1.0) -> None:
        self._limit = failures
        self._open_for_s = open_for_s
        self._failures = 0
        self._retry_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the last failures were too many and no success has followed."""
        return self._retry_at is not None

    def allows(self, now: float) -> bool:
        """Whether one may ask now. A yes while open counts as the one try of this period, even if nothing follows."""
        if self._retry_at is None:
            return True
        if now < self._retry_at:
            return False
        self._retry_at = now + self._open_for_s
        return True

    def succeeded(self) -> None:
        """The CRM answered: close."""
        self._failures = 0
        self._retry_at = None

    def failed(self, now: float) -> None:
        """The CRM failed or was late: open at the limit, and stay open for another period."""
        self._failures += 1
        if self._failures >= self._limit:
            self._retry_at = now + self._open_for_s
