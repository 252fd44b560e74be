"""What a CRM is told of a call, in the bridge's words: four moments of one call, told in order, each perhaps twice."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from cti_bridge.domain.ids import CustomerId


class CallMoment(StrEnum):
    """The moment of a call that is told."""

    STARTED = "call.started"
    ANSWERED = "call.answered"
    ENDED = "call.ended"
    UPDATED = "call.updated"


@dataclass(frozen=True, slots=True)
class ReportedRecording:
    """A recording of a call: the file as Asterisk names it, and when it began."""

    file: str
    started_at: datetime
    ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CallReport:
    """One moment of one call; `key` names the call, `id` the report, the same however often it is told.

    `number` is the other side's in E.164 where it can be, empty when it is hidden; `user` the CRM's user who answered
    (or who called), empty when there is none; `customer_id` is None for somebody whom the CRM does not know.
    """

    id: str
    key: str
    moment: CallMoment
    direction: str
    number: str
    did: str
    customer_id: CustomerId | None
    user: str
    queue: str
    outcome: str
    started_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    recordings: tuple[ReportedRecording, ...] = ()

    @property
    def talked_s(self) -> int:
        """Whole seconds from the answer to the end; 0 when nobody answered or it is not over."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return max(0, int((self.ended_at - self.answered_at).total_seconds()))
