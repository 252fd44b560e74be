"""How long to wait before trying again."""

import random
from collections.abc import Iterator


def delays(first_s: float = 0.5, longest_s: float = 15.0) -> Iterator[float]:
    """Endless waiting times in seconds: doubling up to the longest, each drawn from its upper half.

    The draw keeps many clients that lost the same server from coming back in step.
    """
    delay = first_s
    while True:
        yield random.uniform(delay / 2, delay)  # noqa: S311 - spreads retries, protects nothing
        delay = min(delay * 2, longest_s)
