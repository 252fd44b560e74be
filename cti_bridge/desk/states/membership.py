"""Has Asterisk treat every operator as his state wants it, in all his queues, and knows how it treats him.

What is wanted is said once (`want`) and held from then on: it is ordered, confirmed by what Asterisk says afterwards
and by nothing else, and put right when something is lost, be it by a reload, a restart or an interruption. After each
of these, and once a minute, all members are listed and compared.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import structlog

from cti_bridge.asterisk.ami import members as ami_members
from cti_bridge.asterisk.ami.members import Ami
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.states.member_look import MemberLook
from cti_bridge.desk.states.member_orders import Order, PauseOrder
from cti_bridge.desk.states.roster import Roster
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.member import (
    MemberChanged,
    MemberEvent,
    MemberKey,
    MemberRemoved,
    MembersReloaded,
    OwnPenalty,
)
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.states import MemberPicture, Treatment

log = structlog.get_logger(__name__)

TRIES = 3
"""So often is ordered what is not confirmed; then the next look at all members tries again."""
AT_ONCE = 8
"""Operators for whom orders are on their way at the same time."""
PUT_RIGHT = 5
"""So often between two looks is put right at once what an event told of one member; two programs that do not agree
would go on for ever."""


@dataclass(frozen=True, slots=True)
class MembershipLimits:
    """Times in seconds."""

    look_every_s: float = 60.0
    confirmed_within_s: float = 5.0
    kept_within_s: float = 1.0


class KeepsPenalties(Protocol):
    """Keeps on disk which penalties members have of their own."""

    async def all(self, *, within_s: float) -> Mapping[MemberKey, OwnPenalty]:
        """All that are kept. Raises DatabaseUnusable."""

    async def keep(self, changes: Mapping[MemberKey, OwnPenalty | None], *, within_s: float) -> None:
        """Keep these, and forget those that are None. Raises DatabaseUnusable."""


class Staff(Protocol):
    """Who wants to know how operators are treated. No method may block."""

    def members_seen(self, operator: OperatorId, members: tuple[MemberPicture, ...], *, foreign: bool) -> None:
        """His phones in their queues, as Asterisk has them; `foreign` when somebody else paused him or took it back."""

    def pbx(self, up: bool) -> None:
        """What is seen is true from now on, or is not to be relied on until it is."""


class Membership:
    """The members of one PBX; `run` has to run for anything to be ordered or put right."""

    def __init__(
        self,
        ami: Ami,
        penalties: KeepsPenalties,
        staff: Staff,
        *,
        directory: Callable[[], Directory],
        last_penalty: int,
        reasons: Container[str],
        commands: bool = True,
        limits: MembershipLimits = MembershipLimits(),
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`last_penalty` is that of members who are called last, `reasons` are those of our pauses.

        Without `commands` Asterisk is told nothing.
        """
        self.ordered = 0
        """Orders that Asterisk took."""
        self.unconfirmed = 0
        """Operators whom it did not come to treat as wanted when that was tried."""
        self.is_known = False
        """Whether Asterisk has listed its members since the start."""
        self._ami = ami
        self._penalties = penalties
        self._staff = staff
        self._directory = directory
        self._last_penalty = last_penalty
        self._commands = commands
        self._limits = limits
        self._now = now
        self._roster = Roster(directory=directory, last_penalty=last_penalty, reasons=reasons)
        self._up = False
        self._look_now = asyncio.Event()
        self._members = MemberLook(ami)
        self._to_drive: dict[OperatorId, None] = {}
        self._driven: set[OperatorId] = set()
        self._work = asyncio.Event()
        self._news: dict[OperatorId, asyncio.Event] = {}
        self._put_right: dict[MemberKey, int] = {}
        self._told_of_last = ""
        self._tell_all = True
        self._people = directory()
        self._sessions = 0

    async def open(self) -> None:
        """Take up what an earlier run kept."""
        self._people = self._directory()
        try:
            self._roster.penalties.own.update(await self._penalties.all(within_s=self._limits.kept_within_s))
        except DatabaseUnusable as error:
            log.warning("members.penalties_unknown", reason=str(error))

    def want(self, operator: OperatorId, treatment: Treatment | None, *, asked: bool = True) -> None:
        """From now on he is to be treated so; None: as Asterisk has it. Never blocks.

        Where somebody has `asked` for it, whatever somebody else did; else what that one has paused stays so.
        """
        if not self._commands:
            return
        self._roster.want(operator, treatment, asked=asked)
        self._drive_soon(operator)

    def pictures(self, operator: OperatorId) -> tuple[MemberPicture, ...]:
        """His phones in their queues, as Asterisk has them."""
        return self._roster.pictures(operator)

    def hear(self, event: MemberEvent) -> None:
        """Asterisk tells of members."""
        if isinstance(event, MembersReloaded):
            self._look_now.set()
            return
        if isinstance(event, MemberChanged):
            if self._members.is_strange(event.member):
                self._look_now.set()
            event = replace(event, member=self._members.known(event.member))
        self._members.note(event)
        news = self._roster.hear(event, self._now())
        if news is None:
            return
        if (waiting := self._news.get(news.operator)) is not None:
            waiting.set()
        if self._up:
            self._staff.members_seen(news.operator, self.pictures(news.operator), foreign=news.foreign)
        key = event.key if isinstance(event, MemberRemoved) else event.member.key
        if news.operator not in self._driven and self._may_put_right(news.operator, key):
            self._drive_soon(news.operator)

    def people_changed(self) -> None:
        """Where there are other operators than before, or phones have changed hands, everybody is told what he has.

        To be called before what is wanted of those who are gone is taken back.
        """
        before, self._people = self._people, self._directory()
        if _phones(before) == _phones(self._people):
            return  # somebody signed in: at nine o'clock Asterisk would list all its members for each of a thousand
        self._roster.let_go(before)
        self._tell_all = True
        self._look_now.set()

    def session(self, up: bool) -> None:
        """The connection to Asterisk is there and ready, or has gone."""
        self._sessions += 1
        if up:
            self._look_now.set()
            return
        self._told_of_last = ""
        if self._up:
            self._up = False
            self._tell_all = True
            self._staff.pbx(False)

    async def run(self) -> None:
        """Look and order until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._look_regularly(), name="members-look")
            for number in range(AT_ONCE):
                tasks.create_task(self._work_off(), name=f"members-{number}")

    async def _look_regularly(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self._limits.look_every_s):
                    await self._look_now.wait()
            except TimeoutError:
                pass
            self._look_now.clear()
            self._put_right.clear()
            if await self._look():
                await self._put_all_right()

    async def _put_all_right(self) -> None:
        if not self._commands:
            return
        self._told_of_last = ""  # a dialplan that is read again may have forgotten it, and nothing says so
        await self._tell_of_last()
        for number, operator in enumerate(self._directory().all()):
            if operator.id not in self._driven and self._roster.orders(operator.id):
                self._drive_soon(operator.id)
            if number % 50 == 49:
                await asyncio.sleep(0)
        for order in self._roster.orders_for_nobody():
            try:
                await self._send(order)
            except (NotConnected, ActionRefused, TimeoutError, ValueError) as error:
                log.warning("members.not_given_back", reason=str(error) or type(error).__name__)
                return

    async def _look(self) -> bool:
        """Whether Asterisk could be asked who its members are."""
        session = self._sessions
        try:
            found = await self._members.take()
        except NotConnected:
            return False
        except (ActionRefused, TimeoutError) as error:
            log.warning("members.not_listed", reason=str(error) or type(error).__name__)
            return False
        if session != self._sessions:
            return False  # the connection by which it came is gone
        changed = self._roster.take_list(found)
        first, self._up, self.is_known = not self._up, True, True
        everybody, self._tell_all = self._tell_all, False
        whose = [operator.id for operator in self._directory().all()] if everybody else sorted(changed)
        for number, operator in enumerate(whose):
            self._staff.members_seen(operator, self.pictures(operator), foreign=False)
            if operator in self._news:
                self._news[operator].set()
            if number % 50 == 49:
                await asyncio.sleep(0)
        if first:
            self._staff.pbx(True)
        return True

    def _may_put_right(self, operator: OperatorId, key: MemberKey) -> bool:
        if not self._up or not self._commands or not self._roster.orders(operator):
            return False
        tried = self._put_right[key] = self._put_right.get(key, 0) + 1
        return tried <= PUT_RIGHT

    def _drive_soon(self, operator: OperatorId) -> None:
        self._to_drive[operator] = None
        self._work.set()

    async def _work_off(self) -> None:
        while True:
            operator = next((one for one in self._to_drive if one not in self._driven), None)
            if operator is None:
                self._work.clear()
                await self._work.wait()
                continue
            del self._to_drive[operator]
            self._driven.add(operator)
            try:
                await self._drive(operator)
            except Exception:
                log.exception("members.failed", operator=operator)
            finally:
                self._driven.discard(operator)
                self._news.pop(operator, None)
                self._work.set()

    async def _drive(self, operator: OperatorId) -> None:
        """Order what has to be ordered for him, until Asterisk has him as wanted."""
        failures = 0
        while self._up:
            orders = deque(self._roster.orders(operator))
            await self._keep_penalties()
            await self._tell_of_last()
            if not orders and not self._roster.orders(operator):
                self._roster.settled(operator)
                pictures = self.pictures(operator)
                if any(one.by_hand for one in pictures):  # no event tells that somebody else's word holds again
                    self._staff.members_seen(operator, pictures, foreign=False)
                return
            why_not = ""
            while orders and not why_not:
                order = orders.popleft()
                if self._roster.still_holds(order):
                    why_not = await self._carry_out(operator, order)
            if not why_not:
                continue
            failures += 1
            if failures == TRIES:
                self.unconfirmed += 1
                log.warning("members.unconfirmed", operator=operator, reason=why_not)
                return
            await self._look()

    async def _carry_out(self, operator: OperatorId, order: Order) -> str:
        """Order it and wait until Asterisk says that it is done; gives back why it is not."""
        news = self._news.setdefault(operator, asyncio.Event())
        meant = self._roster.meant_by(order)
        try:
            await self._send(order)
            async with asyncio.timeout(self._limits.confirmed_within_s):
                while not self._roster.is_done(order, meant):
                    news.clear()
                    await news.wait()
        except NotConnected:
            return "not connected"
        except TimeoutError:
            return "Asterisk did not confirm it"
        except (ActionRefused, ValueError) as error:
            return str(error)
        return ""

    async def _send(self, order: Order) -> None:
        self._roster.sent(order, self._now())
        if isinstance(order, PauseOrder):
            await ami_members.pause(
                self._ami, order.interface, paused=order.paused, reason=order.reason, queue=order.queue
            )
        else:
            await ami_members.penalise(self._ami, order.interface, order.penalty, queue=order.queue)
        self.ordered += 1

    async def _keep_penalties(self) -> None:
        """Write down which penalties have to be given back, before they are changed."""
        changes = self._roster.penalties.take_unwritten()
        if not changes:
            return
        try:
            await self._penalties.keep(changes, within_s=self._limits.kept_within_s)
        except DatabaseUnusable as error:
            # Known until this run ends; the next orders try to write it down once more.
            self._roster.penalties.not_written(changes)
            log.warning("members.penalties_not_kept", reason=str(error))

    async def _tell_of_last(self) -> None:
        """Tell the dialplan which penalty those have who are called last, or that there is nobody."""
        value = str(self._last_penalty) if self._roster.somebody_is_last else "none"
        if value == self._told_of_last:
            return
        try:
            await ami_members.tell_of_last(self._ami, value)
            self._told_of_last = value
        except (NotConnected, ActionRefused, TimeoutError) as error:
            log.warning("members.last_not_told", reason=str(error) or type(error).__name__)


def _phones(people: Directory) -> dict[OperatorId, tuple[str, ...]]:
    return {operator.id: operator.phones for operator in people.all()}
