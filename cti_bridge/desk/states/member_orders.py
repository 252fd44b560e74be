"""What can be ordered about a member of a queue, and when he is as he should be. Pure."""

from dataclasses import dataclass

from cti_bridge.domain.member import About, Member
from cti_bridge.operators.states import Treatment


@dataclass(frozen=True, slots=True)
class PauseOrder:
    """Pause this interface, or let it be called again, in one queue or (empty) in all."""

    interface: str
    queue: str
    paused: bool
    reason: str = ""

    @property
    def about(self) -> About:
        """What an event is about that tells of it."""
        return About.PAUSE

    def is_fulfilled_by(self, member: Member) -> bool:
        """Whether he is as ordered; an order without a reason is content with any."""
        return member.paused == self.paused and self.reason in ("", member.reason if self.paused else "")


@dataclass(frozen=True, slots=True)
class PenaltyOrder:
    """Give this interface a penalty in this queue: it may have joined another one a moment ago, with one of its own."""

    interface: str
    queue: str
    penalty: int

    @property
    def about(self) -> About:
        """What an event is about that tells of it."""
        return About.PENALTY

    def is_fulfilled_by(self, member: Member) -> bool:
        """Whether he is as ordered."""
        return member.penalty == self.penalty


Order = PauseOrder | PenaltyOrder


def differs(member: Member, wanted: Treatment) -> bool:
    """Whether he is paused where he should not be, not where he should, or for another reason than he should."""
    if member.paused != wanted.paused:
        return True
    return wanted.paused and wanted.reason not in (None, "", member.reason)
