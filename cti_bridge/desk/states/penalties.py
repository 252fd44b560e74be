"""Which penalties members have of their own while they are called last, and what is to be ordered of them. Pure.

The penalty of a member who is to be called last is ours alone; what anybody else gives him meanwhile is the one that he
gets back. What was given to him is known as well: the settings may name another one the next time.
"""

from collections.abc import Iterable, Iterator, Mapping

from cti_bridge.desk.states.member_orders import PenaltyOrder
from cti_bridge.domain.member import Member, MemberKey, OwnPenalty


class Penalties:
    """Those of the members of one PBX; `last` is the penalty of who is called last."""

    def __init__(self, last: int) -> None:
        self.last = last
        self.own: dict[MemberKey, OwnPenalty] = {}
        """Of those who are called last; taken up from an earlier run."""
        self._unwritten: dict[MemberKey, OwnPenalty | None] = {}

    def orders(self, members: Iterable[Member], *, last: bool) -> Iterator[PenaltyOrder]:
        """What has to be ordered so that these are called last, or not; notes which penalties were their own."""
        wrong: dict[int, list[Member]] = {}
        for one in members:
            own = self.own.get(one.key)
            if last:
                if own is None or not self.is_last(one):
                    self.note(one.key, one.penalty)
                elif one.penalty == self.last:
                    self.note(one.key, own.penalty)
                if one.penalty != self.last:
                    wrong.setdefault(self.last, []).append(one)
            elif own is not None and own.penalty != one.penalty and self.is_last(one):
                wrong.setdefault(own.penalty, []).append(one)
            elif own is not None:
                self.note(one.key, None)
        for penalty, those in wrong.items():
            for one in those:
                yield PenaltyOrder(one.interface, one.queue, penalty)

    def changed_by_hand(self, member: Member, *, last: bool) -> None:
        """Somebody else gave him this penalty; `last`: he is to be called last."""
        if member.key in self.own and not self.is_last(member):
            self.note(member.key, member.penalty if last else None)

    def is_last(self, member: Member) -> bool:
        """Whether the penalty is one that was given to him: now, or before the settings had another one."""
        own = self.own.get(member.key)
        return own is not None and member.penalty in (self.last, own.given)

    def note(self, key: MemberKey, penalty: int | None) -> None:
        """The penalty of his own is this one; None: he has it again."""
        own = None if penalty is None else OwnPenalty(penalty, self.last)
        if self.own.get(key) == own:
            return
        if own is None:
            del self.own[key]
        else:
            self.own[key] = own
        self._unwritten[key] = own

    def take_unwritten(self) -> dict[MemberKey, OwnPenalty | None]:
        """What has to be kept on disk, or (None) no longer; who takes it has to write it."""
        unwritten, self._unwritten = self._unwritten, {}
        return unwritten

    def not_written(self, changes: Mapping[MemberKey, OwnPenalty | None]) -> None:
        """The disk did not take these; what has changed since counts."""
        self._unwritten = {**changes, **self._unwritten}
