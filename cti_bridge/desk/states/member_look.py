"""Lists all members of all queues, one list at a time, with what events say while it comes."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace

from cti_bridge.asterisk.ami.hints import hint_of
from cti_bridge.asterisk.ami.members import Ami, all_members, phones_behind
from cti_bridge.domain.member import Member, MemberChanged, MemberKey, MemberRemoved


class MemberLook:
    """Takes the lists; whoever hears of members notes it here."""

    def __init__(self, ami: Ami) -> None:
        self._ami = ami
        self._one_at_a_time = asyncio.Lock()
        self._meanwhile: dict[MemberKey, Member | None] | None = None
        """What events said while a list was coming; None while none is."""
        self._behind: Mapping[str, tuple[str, ...]] = {}
        """The phones for which state interfaces stand that are hints, as the dialplan said at the last list."""

    def is_strange(self, member: Member) -> bool:
        """Whether the dialplan has not been asked yet whose phone his state interface stands for."""
        return bool(hint_of(member.state_interface)) and member.state_interface not in self._behind

    def known(self, member: Member) -> Member:
        """He, with the phones for which his state interface stands."""
        behind = self._behind.get(member.state_interface, ())
        return replace(member, behind=behind) if behind != member.behind else member

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
                self._behind = await phones_behind(self._ami, (one.state_interface for one in found.values()))
            finally:
                heard, self._meanwhile = self._meanwhile, None
        for key, member in heard.items():
            if member is None:
                found.pop(key, None)
            else:
                found[key] = member
        return {key: self.known(member) for key, member in found.items()}
