"""What earlier calls of a number say about whoever calls from it now."""

from dataclasses import dataclass

from cti_bridge.domain.ids import OperatorId


@dataclass(frozen=True, slots=True)
class CallerHistory:
    """Of one caller's number; None is *absent*: there is no such thing about this caller.

    `first_time`: no earlier inbound call of this number is known. `missed_last_hour`: how many of its calls from
    outside ended without an answer, of those that arrived in the last 60 minutes. `last_operator`: who last spoke with
    this number, whoever called whom.
    """

    first_time: bool | None = None
    missed_last_hour: int | None = None
    last_operator: OperatorId | None = None


NO_HISTORY = CallerHistory()
"""Of a caller without a number of his own: hidden, or internal."""
