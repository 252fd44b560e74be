"""Who is a member of which queue, how the PBX treats him, how it should, and what has to be ordered for that. Pure.

A member belongs to the operator one of whose phones he is, by his own interface or by the one whose state counts.

What differs from what is wanted is of two kinds. Somebody else did it, and an event told of it: that is respected, and
stays until something is wanted anew. Or it is simply so, after a reload, a restart or an interruption, or because a
member was added: then it is put right. The penalty of a member who is to be called last is ours alone; what anybody
else gives him meanwhile is the one that he gets back.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cti_bridge.desk.states.member_orders import Order, PauseOrder, PenaltyOrder, differs
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.member import About, Member, MemberChanged, MemberKey, MemberRemoved
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.states import MemberPicture, Treatment

OURS_FOR_S = 15.0
"""So long after an order an event with what was ordered is taken to be its echo."""


@dataclass(frozen=True, slots=True)
class News:
    """An operator's members are others now; `foreign` when somebody else has paused him or let him be called again."""

    operator: OperatorId
    foreign: bool = False


@dataclass(frozen=True, slots=True)
class _Sent:
    order: Order
    until: float
    """Of a clock that only runs."""


class Roster:
    """All members of one PBX. What it says of an operator's phones is by the directory of that moment."""

    def __init__(self, *, directory: Callable[[], Directory], last_penalty: int) -> None:
        self.own: dict[MemberKey, int] = {}
        """The penalties of their own of those who are called last; taken up from an earlier run."""
        self._directory = directory
        self._last_penalty = last_penalty
        self._members: dict[MemberKey, Member] = {}
        self._by_phone: dict[str, dict[MemberKey, None]] = {}
        self._wanted: dict[OperatorId, Treatment] = {}
        self._held: dict[MemberKey, tuple[bool, str]] = {}
        """What somebody else made of members, and is left alone."""
        self._sent: dict[str, list[_Sent]] = {}
        """Orders whose events may still come, by interface."""
        self._unwritten: dict[MemberKey, int | None] = {}

    @property
    def somebody_is_last(self) -> bool:
        """Whether there is, or may be, a member with the penalty of those who are called last."""
        return bool(self.own) or any(treatment.last for treatment in self._wanted.values())

    def want(self, operator: OperatorId, treatment: Treatment | None) -> None:
        """He is to be treated so, whatever anybody else did; None: as the PBX has it."""
        if treatment is None:
            self._wanted.pop(operator, None)
        else:
            self._wanted[operator] = treatment
        for member in self._of(operator):
            self._held.pop(member.key, None)

    def hear(self, event: MemberChanged | MemberRemoved, now: float) -> News | None:
        """Take an event; None when it is nobody's member, or says nothing new. `now` is of a clock that only runs."""
        key = event.key if isinstance(event, MemberRemoved) else event.member.key
        before = self._members.get(key)
        if isinstance(event, MemberRemoved):
            owner = self._owner(before) if before else None
            self._forget(key)
            return News(owner) if owner else None
        member = event.member
        self._remember(member)
        owner = self._owner(member)
        foreign = False
        if owner and self._is_echo(event, now):
            if before is not None and member.penalty == self._last_penalty and key not in self.own:
                self._note_own(key, before.penalty)  # he was taken out and added again while the order was on its way
        elif owner:
            if event.about in (About.PAUSE, About.ADDED):
                foreign = self._paused_by_hand(owner, member, is_new=event.about is About.ADDED)
            elif event.about is About.PENALTY:
                self._penalised_by_hand(owner, member)
        return News(owner, foreign) if owner and (member != before or foreign) else None

    def take_list(self, members: Mapping[MemberKey, Member]) -> set[OperatorId]:
        """These are all members there are; gives back whose have changed."""
        changed: set[OperatorId] = set()
        queues = {one.queue for one in members}
        for key, known in list(self._members.items()):
            if key not in members:
                changed.update(self._owners(known))
                # A queue that the PBX keeps in a database is not listed before it is used.
                self._forget(key, keep_own=key.queue not in queues)
        for member in members.values():
            if self._members.get(member.key) != member:
                self._remember(member)
                changed.update(self._owners(member))
        return changed

    def pictures(self, operator: OperatorId) -> tuple[MemberPicture, ...]:
        """His phones in their queues, ordered by queue."""
        return tuple(
            MemberPicture(
                one.queue, one.interface, one.paused, one.reason, one.penalty, last=self._is_last(one),
                available=one.available,
            )
            for one in sorted(self._of(operator), key=lambda one: one.key)
        )  # fmt: skip

    def orders(self, operator: OperatorId) -> list[Order]:
        """What has to be ordered for him to be treated as wanted; of penalties it notes which were his own."""
        members = list(self._of(operator))
        wanted = self._wanted.get(operator)
        penalties = list(self._penalty_orders(members, last=wanted is not None and wanted.last))
        if wanted is None:
            return penalties
        pauses = list(self._pause_orders(members, wanted))
        return pauses + penalties if wanted.paused else penalties + pauses

    def orders_for_nobody(self) -> list[Order]:
        """What has to be ordered for members to get their penalty back whose operator is gone."""
        left = [self._members[key] for key in self.own if key in self._members]
        return list(self._penalty_orders([one for one in left if self._owner(one) is None], last=False))

    def still_holds(self, order: Order) -> bool:
        """Whether an order of a moment ago can be sent: nobody is put last whose own penalty is not known."""
        if isinstance(order, PauseOrder) or order.penalty != self._last_penalty:
            return True
        return MemberKey(order.queue, order.interface) in self.own

    def sent(self, order: Order, now: float) -> None:
        """An order is on its way; events with what it orders are its echo."""
        recent = [one for one in self._sent.get(order.interface, ()) if one.until > now]
        self._sent[order.interface] = [*recent, _Sent(order, now + OURS_FOR_S)]

    def settled(self, operator: OperatorId) -> None:
        """All is as ordered: from now on, whatever differs is the work of somebody else."""
        for member in self._of(operator):
            self._sent.pop(member.interface, None)

    def meant_by(self, order: Order) -> tuple[MemberKey, ...]:
        """Whom an order is for, of the members that there are now."""
        return tuple(one.key for one in self._with(order.interface, order.queue))

    def is_done(self, order: Order, meant: Iterable[MemberKey]) -> bool:
        """Whether the PBX has said that this was done to all whom it was for; who was added since needs another one."""
        there = (member for key in meant if (member := self._members.get(key)) is not None)
        return all(order.is_fulfilled_by(one) for one in there)

    def take_unwritten(self) -> dict[MemberKey, int | None]:
        """Penalties that have to be kept on disk, or (None) no longer; who takes them has to write them."""
        unwritten, self._unwritten = self._unwritten, {}
        return unwritten

    def not_written(self, changes: Mapping[MemberKey, int | None]) -> None:
        """The disk did not take these; what has changed since counts."""
        self._unwritten = {**changes, **self._unwritten}

    def _paused_by_hand(self, owner: OperatorId, member: Member, *, is_new: bool) -> bool:
        """Whether it is a pause, or the end of one, that somebody else made."""
        wanted = self._wanted.get(owner)
        if wanted is None:
            return not is_new or member.paused
        if not differs(member, wanted) or (is_new and not member.paused):
            return False  # as wanted; or new, and does not know of the pause
        self._held[member.key] = (member.paused, member.reason)
        return member.paused != wanted.paused

    def _penalised_by_hand(self, owner: OperatorId, member: Member) -> None:
        if member.key in self.own and member.penalty != self._last_penalty:
            wanted = self._wanted.get(owner)
            self._note_own(member.key, member.penalty if wanted is not None and wanted.last else None)

    def _pause_orders(self, members: list[Member], wanted: Treatment) -> Iterator[Order]:
        wrong = [
            one for one in members
            if differs(one, wanted) and self._held.get(one.key) != (one.paused, one.reason)
        ]  # fmt: skip
        reason = (wanted.reason or "") if wanted.paused else ""
        for interface, queue in self._grouped(wrong):
            yield PauseOrder(interface, queue, wanted.paused, reason)

    def _penalty_orders(self, members: list[Member], *, last: bool) -> Iterator[Order]:
        wrong: dict[int, list[Member]] = {}
        for one in members:
            own = self.own.get(one.key)
            if last:
                if own is None or one.penalty != self._last_penalty:
                    self._note_own(one.key, one.penalty)
                if one.penalty != self._last_penalty:
                    wrong.setdefault(self._last_penalty, []).append(one)
            elif own is not None and own != one.penalty == self._last_penalty:
                wrong.setdefault(own, []).append(one)
            elif own is not None:
                self._note_own(one.key, None)
        for penalty, those in wrong.items():
            for one in those:
                yield PenaltyOrder(one.interface, one.queue, penalty)

    def _grouped(self, wrong: list[Member]) -> Iterator[tuple[str, str]]:
        """Interface and queue of each order: none for an interface that is to be ordered in all its queues."""
        for interface in dict.fromkeys(one.interface for one in wrong):
            queues = {one.queue for one in wrong if one.interface == interface}
            everywhere = {one.queue for one in self._with(interface)} == queues
            for queue in [""] if everywhere else sorted(queues):
                yield interface, queue

    def _is_echo(self, event: MemberChanged, now: float) -> bool:
        return any(
            one.order.about is event.about
            and one.order.queue in ("", event.member.queue)
            and one.order.is_fulfilled_by(event.member)
            and one.until > now
            for one in self._sent.get(event.member.interface, ())
        )

    def _is_last(self, member: Member) -> bool:
        return member.key in self.own and member.penalty == self._last_penalty

    def _note_own(self, key: MemberKey, penalty: int | None) -> None:
        if self.own.get(key) == penalty:
            return
        if penalty is None:
            del self.own[key]
        else:
            self.own[key] = penalty
        self._unwritten[key] = penalty

    def _owner(self, member: Member) -> OperatorId | None:
        directory = self._directory()
        return next((found.id for phone in member.phones if (found := directory.owner_of(phone))), None)

    def _owners(self, member: Member) -> Iterable[OperatorId]:
        owner = self._owner(member)
        return () if owner is None else (owner,)

    def _of(self, operator: OperatorId) -> Iterator[Member]:
        known = self._directory().get(operator)
        keys = {key: None for phone in (known.phones if known else ()) for key in self._by_phone.get(phone, ())}
        return (self._members[key] for key in keys if self._owner(self._members[key]) == operator)

    def _with(self, interface: str, queue: str = "") -> Iterator[Member]:
        found = (self._members[key] for key in self._by_phone.get(interface, ()) if key.interface == interface)
        return (one for one in found if queue in ("", one.queue))

    def _remember(self, member: Member) -> None:
        before = self._members.get(member.key)
        if before is not None and before.phones != member.phones:
            self._forget(member.key, keep_own=True)
        self._members[member.key] = member
        for phone in member.phones:
            self._by_phone.setdefault(phone, {})[member.key] = None

    def _forget(self, key: MemberKey, *, keep_own: bool = False) -> None:
        member = self._members.pop(key, None)
        self._held.pop(key, None)
        if not keep_own:
            self._note_own(key, None)
        for phone in member.phones if member else ():
            keys = self._by_phone[phone]
            del keys[key]
            if not keys:
                del self._by_phone[phone]
