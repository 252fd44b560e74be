"""How the CRM has been doing: when it answered last, what went wrong how often, and how many were spared a question."""

from collections import Counter
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from cti_bridge.crm.port import CrmBusy, CrmUnavailable


class Trouble(StrEnum):
    """Why a look-up got no answer from the CRM."""

    LATE = "late"
    """It did not answer in time."""
    UNAVAILABLE = "unavailable"
    """It could not be asked, or said that it cannot answer."""
    UNEXPECTED = "unexpected"
    """Its answer was none that can be understood."""
    BUSY = "busy"
    """Too many look-ups were on their way, or its rate limit was used up, so it was not asked."""
    LEFT_ALONE = "left_alone"
    """It failed repeatedly, so it was not asked."""


class CrmHealth:
    """Counts what became of look-ups; `clock` gives seconds and never goes back."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._answered_at: float | None = None
        self.asked = 0
        """Questions that were put to the CRM."""
        self.asked_behind = 0
        """Those of them that nobody waited for, because a kept answer was still young enough."""
        self.troubles: Counter[Trouble] = Counter()
        """Look-ups without an answer, by why."""

    @property
    def answered_s_ago(self) -> float | None:
        """Seconds since the last good answer, of a look-up or a check; None when there was none yet."""
        return None if self._answered_at is None else max(0.0, self._clock() - self._answered_at)

    def answered(self) -> None:
        """The CRM gave a good answer."""
        self._answered_at = self._clock()


def trouble_of(error: BaseException) -> Trouble:
    """What kind of trouble an error of a CRM's adapter is."""
    if isinstance(error, CrmBusy):
        return Trouble.BUSY
    if isinstance(error, CrmUnavailable):
        return Trouble.UNAVAILABLE
    return Trouble.LATE if isinstance(error, TimeoutError) else Trouble.UNEXPECTED


def reason_of(error: BaseException) -> str:
    """Why it failed, in one line. Only `CrmUnavailable` promises a message without customer data."""
    if isinstance(error, CrmUnavailable):
        return str(error)
    if isinstance(error, TimeoutError):
        return "no answer"
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    where = f" in {Path(at.tb_frame.f_code.co_filename).name}:{at.tb_lineno}" if at else ""
    return f"unexpected {type(error).__name__}{where}"
