"""Calls as the CRM is told of them, moment by moment."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from contract.place import Place
from cti_bridge.crm.port import MOMENTS
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.ids import CustomerId

BEGAN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Finished:
    """How every call of the stories goes: when it is answered and over, in seconds from its beginning."""

    answered_s: int = 20
    ended_s: int = 83

    @property
    def talked_s(self) -> int:
        """How long they talk."""
        return self.ended_s - self.answered_s


FINISHED = Finished()


def call_of(place: Place, customer_id: CustomerId | None, number: str, *, key: str) -> CallReport:
    """A call at its beginning; keys that end in a greater number begin later."""
    began = BEGAN + timedelta(minutes=10 * int(key.rpartition(".")[2]))
    return CallReport(
        id=f"{key}/1",
        key=key,
        moment=CallMoment.STARTED,
        direction="inbound",
        number=number,
        did="+74950000001",
        customer_id=customer_id,
        user=place.user,
        queue="sales",
        outcome="",
        started_at=began,
    )


def story(place: Place, call: CallReport, *, answered: bool, late_recording: bool = False) -> tuple[CallReport, ...]:
    """The moments of one call that this CRM wants to hear of, in order: with an answer, or without."""
    ended_at = call.started_at + timedelta(seconds=FINISHED.ended_s)
    answered_at = call.started_at + timedelta(seconds=FINISHED.answered_s) if answered else None
    outcome, user = ("answered", call.user) if answered else ("abandoned", "")
    over = replace(call, user=user, answered_at=answered_at, ended_at=ended_at, outcome=outcome)
    recording = ReportedRecording(f"{call.key}.wav", answered_at or call.started_at, ended_at)
    told = [
        replace(call, moment=CallMoment.STARTED, user=""),
        *([replace(call, moment=CallMoment.ANSWERED, user=user, answered_at=answered_at)] if answered else []),
        replace(over, moment=CallMoment.ENDED),
        replace(over, moment=CallMoment.UPDATED, recordings=(recording,) if late_recording else ()),
    ]
    numbered = (replace(report, id=f"{call.key}/{seq}") for seq, report in enumerate(told, start=1))
    return tuple(report for report in numbered if MOMENTS[report.moment] in place.crm.capabilities)
