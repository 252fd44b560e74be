"""What a courier asks of a sink: the words and the way in which one kind of receiver wants its reports."""

from typing import Protocol

from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.delivery.verdict import Verdict

OF_THE_CRM = "crm:"
"""What the name of the sink begins with that is the CRM of the settings."""


class Sink(Protocol):
    """One receiver of reports."""

    name: str
    """As the settings name it; never its address."""
    max_age_s: float
    """How long a report is tried before it becomes a dead letter, in seconds."""
    types: frozenset[ReportType]
    """What it wants to hear; the rest is never put into its outbox."""

    customers_only: bool
    """Whether it hears only of calls of customers whom the CRM knows."""

    async def send(self, entry: Entry) -> Verdict:
        """Send one report, within a time limit, and say what became of it. Raises nothing but cancellation."""
        ...

    async def close(self) -> None:
        """Let go of connections; may be called twice."""
        ...
