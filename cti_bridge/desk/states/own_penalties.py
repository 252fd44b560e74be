"""Which penalties members have of their own, kept in the journal's file."""

from collections.abc import Mapping

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_members import keep_own_penalties, own_penalties
from cti_bridge.domain.member import MemberKey, OwnPenalty


class OwnPenalties:
    """Those of the members of one PBX."""

    def __init__(self, journal: Journal, pbx: str) -> None:
        self._journal = journal
        self._pbx = pbx

    async def all(self, *, within_s: float) -> Mapping[MemberKey, OwnPenalty]:
        """All that are kept. Raises DatabaseUnusable."""
        return await self._journal.ask(lambda database: own_penalties(database, self._pbx), within_s=within_s)

    async def keep(self, changes: Mapping[MemberKey, OwnPenalty | None], *, within_s: float) -> None:
        """Keep these, and forget those that are None. Raises DatabaseUnusable."""
        await self._journal.ask(lambda database: keep_own_penalties(database, self._pbx, changes), within_s=within_s)
