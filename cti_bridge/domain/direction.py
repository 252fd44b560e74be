"""Which way a call goes, seen from the house."""

from enum import StrEnum


class Direction(StrEnum):
    """Who called whom."""

    INBOUND = "inbound"
    """Somebody called us. His channel is the caller's."""
    OUTBOUND = "outbound"
    """An operator called somebody outside, who is the customer: the caller's side of the call as soon as he answers."""
    INTERNAL = "internal"
    """An operator called a colleague, or a queue of ours."""
