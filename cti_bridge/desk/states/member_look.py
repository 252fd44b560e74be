"""Lists all members of all queues, one list at a time, with what events say while it comes."""

import asyncio

from cti_bridge.asterisk.ami.members import Ami, all_members
from cti_bridge.domain.member import Member, MemberChanged, MemberKey, MemberRemoved


class MemberLook:
    """Takes the lists; whoever hears of members notes it here."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami
        self._one_at_a_time = asyncio.Lock()
        self._meanwhile: dict[MemberKey, Member | None] | None = None
        """What events said while a list was coming; None while none is."""

    def note(self, event: MemberChanged | MemberRemoved) -> None:
        """An event says this: it is newer than what a list has that is coming just now."""
        if self._meanwhile is None:
            return
        if isinstance(event, MemberRemoved):
            self._meanwhile[event.key] = None
        else:
            self._meanwhile[event.member.key] = event.member

    async def take(self) -> dict[MemberKey, Member]:
        """All members there are now. Raises NotConnected, ActionRefused or TimeoutError."""
        async with self._one_at_a_time:
            self._meanwhile = {}
            try:
                found = await all_members(self._ami)
            finally:
                heard, self._meanwhile = self._meanwhile, None
        for key, member in heard.items():
            if member is None:
                found.pop(key, None)
            else:
                found[key] = member
        return found
