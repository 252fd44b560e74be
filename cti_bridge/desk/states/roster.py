"""Who is a member of which queue, how the PBX treats him, how it should, and what has to be ordered for that. Pure.

A member belongs to the operator one of whose phones he is, by his own interface or by the one whose state counts.

What differs from what is wanted is of two kinds. Somebody else did it, and an event told of it: that is respected, and
stays until somebody asks for something; a pause outlives what comes by itself as well, such as the time after a call.
Or it is simply so, after a reload, a restart or an interruption, or because a member was added: then it is put right.
Penalties are in `penalties.py`.
"""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass

from cti_bridge.desk.states.member_orders import Order, PauseOrder, differs
from cti_bridge.desk.states.penalties import Penalties
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

    def __init__(self, *, directory: Callable[[], Directory], last_penalty: int, reasons: Container[str]) -> None:
        """`reasons`: those that pauses of ours have."""
        self.penalties = Penalties(last_penalty)
        self._directory = directory
        self._reasons = reasons
        self._members: dict[MemberKey, Member] = {}
        self._by_phone: dict[str, dict[MemberKey, None]] = {}
        self._wanted: dict[OperatorId, Treatment] = {}
        self._held: dict[MemberKey, tuple[bool, str]] = {}
        """What somebody else made of members, and is left alone."""
        self._sent: dict[str, list[_Sent]] = {}
        """Orders whose events may still come, by interface."""
        self._left_paused: dict[MemberKey, str] = {}
        """Members whom we paused, and who are nobody's phone any more; with the reason."""

    @property
    def somebody_is_last(self) -> bool:
        """Whether there is, or may be, a member with the penalty of those who are called last."""
        known = any(key in self._members for key in self.penalties.own)  # a queue may have gone with its members
        return known or any(treatment.last for treatment in self._wanted.values())

    def want(self, operator: OperatorId, treatment: Treatment | None, *, asked: bool = True) -> None:
        """He is to be treated so; None: as the PBX has it.

        Where somebody has `asked` for it, whatever anybody else did. What comes by itself leaves the pauses that
        somebody else made, in some of his queues, as they are.
        """
        before = self._wanted.get(operator)
        if treatment is None:
            self._wanted.pop(operator, None)
        else:
            self._wanted[operator] = treatment
        for member in self._of(operator):
            if asked or not member.paused:
                self._held.pop(member.key, None)
            elif before is None:
                self._held[member.key] = (True, member.reason)  # nobody has said anything yet: it was not we

    def let_go(self, before: Directory) -> None:
        """There were these operators before: whom we paused, and whose phone is nobody's now, may be called again."""
        for member in self._members.values():
            former = next((found.id for phone in member.phones if (found := before.owner_of(phone))), None)
            wanted = self._wanted.get(former) if former is not None else None
            if wanted is None or not wanted.paused or wanted.stays or self._owner(member) is not None:
                continue
            if member.paused and member.reason == wanted.reason and not self._is_held(member):
                self._left_paused[member.key] = member.reason

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
            if before is not None and member.penalty == self.penalties.last and key not in self.penalties.own:
                # He was taken out and added again while the order was on its way.
                self.penalties.note(key, before.penalty)
        elif owner:
            if event.about in (About.PAUSE, About.ADDED):
                foreign = self._paused_by_hand(owner, member, is_new=event.about is About.ADDED)
            elif event.about is About.PENALTY:
                wanted = self._wanted.get(owner)
                self.penalties.changed_by_hand(member, last=wanted is not None and wanted.last)
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
                if member.paused and member.reason and member.reason not in self._reasons:
                    self._held[member.key] = (True, member.reason)  # nothing that is lost looks so: somebody did it
        return changed

    def pictures(self, operator: OperatorId) -> tuple[MemberPicture, ...]:
        """His phones in their queues, ordered by queue."""
        return tuple(
            MemberPicture(
                one.queue, one.interface, one.paused, one.reason, one.penalty, last=self.penalties.is_last(one),
                available=one.available, by_hand=self._is_held(one),
            )
            for one in sorted(self._of(operator), key=lambda one: one.key)
        )  # fmt: skip

    def orders(self, operator: OperatorId) -> list[Order]:
        """What has to be ordered for him to be treated as wanted; of penalties it notes which were his own."""
        members = list(self._of(operator))
        wanted = self._wanted.get(operator)
        penalties: list[Order] = list(self.penalties.orders(members, last=wanted is not None and wanted.last))
        if wanted is None:
            return penalties
        pauses: list[Order] = list(self._pause_orders(members, wanted))
        return pauses + penalties if wanted.paused else penalties + pauses

    def orders_for_nobody(self) -> list[Order]:
        """What has to be ordered for members to be as they were whose operator is gone."""
        left = [self._members[key] for key in self.penalties.own if key in self._members]
        orders: list[Order] = [*self.penalties.orders([one for one in left if self._owner(one) is None], last=False)]
        self._left_paused = {key: reason for key, reason in self._left_paused.items() if self._is_left(key, reason)}
        orders += [PauseOrder(key.interface, key.queue, False) for key in self._left_paused]
        return orders

    def still_holds(self, order: Order) -> bool:
        """Whether an order of a moment ago can be sent: nobody is put last whose own penalty is not known."""
        if isinstance(order, PauseOrder) or order.penalty != self.penalties.last:
            return True
        return MemberKey(order.queue, order.interface) in self.penalties.own

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

    def _paused_by_hand(self, owner: OperatorId, member: Member, *, is_new: bool) -> bool:
        """Whether it is a pause, or the end of one, that somebody else made."""
        wanted = self._wanted.get(owner)
        if wanted is None:
            return not is_new or member.paused
        if not differs(member, wanted) or (is_new and not member.paused):
            self._held.pop(member.key, None)  # what somebody did before is over
            return False  # as wanted; or new, and does not know of the pause
        self._held[member.key] = (member.paused, member.reason)
        return member.paused != wanted.paused

    def _pause_orders(self, members: list[Member], wanted: Treatment) -> Iterator[Order]:
        wrong = [
            one for one in members
            if differs(one, wanted) and not self._is_held(one)
        ]  # fmt: skip
        reason = (wanted.reason or "") if wanted.paused else ""
        for interface, queue in self._grouped(wrong):
            yield PauseOrder(interface, queue, wanted.paused, reason)

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

    def _is_left(self, key: MemberKey, reason: str) -> bool:
        """Whether he is still nobody's, and paused as we left him."""
        one = self._members.get(key)
        return one is not None and one.paused and one.reason == reason and self._owner(one) is None

    def _is_held(self, member: Member) -> bool:
        """Whether somebody else has made his pause so; a reload of the settings may have lost the reason."""
        paused, reason = self._held.get(member.key, (not member.paused, ""))
        return paused == member.paused and member.reason in ("", reason)

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
        if self._held.get(member.key, (member.paused, ""))[0] != member.paused:
            del self._held[member.key]  # a restart has lost it, or it was taken back
        for phone in member.phones:
            self._by_phone.setdefault(phone, {})[member.key] = None

    def _forget(self, key: MemberKey, *, keep_own: bool = False) -> None:
        member = self._members.pop(key, None)
        self._held.pop(key, None)
        if not keep_own:
            self.penalties.note(key, None)
        for phone in member.phones if member else ():
            keys = self._by_phone[phone]
            del keys[key]
            if not keys:
                del self._by_phone[phone]
