"""Deals in a stage that the bridge was never told of: they count as closed, so even an open one routes nobody."""

from collections.abc import Sequence

import structlog

from cti_bridge.domain.customer import CustomerRecord, StageList

log = structlog.get_logger(__name__)

_MOST = 50
"""So many are told of; a CRM with more is one whose stages were never listed."""

_REASON = (
    "a deal is in a stage that is not listed, so it counts as closed; `cti-bridge crm lookup N` and `crm check` name it"
)


class StrangeStages:
    """Says in the log that there is such a stage, once for each."""

    def __init__(self) -> None:
        self._told: set[str] = set()

    def look_at(self, records: Sequence[CustomerRecord], stages: StageList) -> None:
        """Hear of the deals that a caller has.

        The stage itself is not told: what stands there came from the CRM and may be anything.
        """
        for stage in {deal.stage for record in records for deal in record.deals}:
            if stages.get(stage) is None and stage not in self._told and len(self._told) < _MOST:
                self._told.add(stage)
                log.warning("crm.unknown_stage", reason=_REASON)
