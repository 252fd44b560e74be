"""What can be commanded about the work list: see it, take an item, give it back, say that it is done."""

from collections.abc import Callable
from typing import TypeVar

from pydantic import Field
from sqlite_utils import Database

from cti_bridge.calls import journal_work
from cti_bridge.calls.work import WorkItem, WorkKind
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.work_list import WITHIN_S, WorkList
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.command_list import Answer, Args, Command, CommandList, CommandRefused

T = TypeVar("T")


class ItemArgs(Args):
    """Which item: its `id` in the list."""

    item: str = Field(min_length=1, max_length=80)


class WorkListArgs(Args):
    """None."""


class HolderModel(Answer):
    """Who has taken an item."""

    operator: str
    name: str


class ItemModel(Answer):
    """One thing to do."""

    id: str
    kind: WorkKind
    number: str | None
    display: str
    name: str
    text: str
    due_at: str | None
    since: str
    colour: str
    promised: bool
    taken_by: HolderModel | None
    calls: int
    queue: str | None
    call: str


class WorkItemsModel(Answer):
    """The list; `more` when it is longer than what is told."""

    items: list[ItemModel]
    more: bool


class ItemAnswer(Answer):
    """The item as it is now, or null when it is done."""

    item: ItemModel | None


class WorkCommands:
    """Carries them out."""

    def __init__(self, work: WorkList) -> None:
        self._work = work

    def offer_to(self, commands: CommandList) -> None:
        """Add them to the list of commands."""
        commands.offer(
            Command(
                "work.list", WorkListArgs, self.list, "What is left to do, as far as it is for him.", WorkItemsModel
            )
        )
        commands.offer(
            Command("work.take", ItemArgs, self.take, "Take an item, so that nobody else does the same.", ItemAnswer)
        )
        commands.offer(Command("work.release", ItemArgs, self.release, "Give an item back.", ItemAnswer))
        commands.offer(Command("work.done", ItemArgs, self.done, "Say that it is done, for everybody.", ItemAnswer))

    async def list(self, operator: Operator, _args: WorkListArgs) -> WorkItemsModel:
        """The list as he sees it."""
        if not self._work.is_known:
            raise CommandRefused("unavailable", "the journal cannot be read at the moment")
        return WorkItemsModel.model_validate(self._work.view(operator.id))

    async def take(self, operator: Operator, args: ItemArgs) -> ItemAnswer:
        """Take an item; what he has already is his for as long again."""
        item = self._find(operator, args.item)
        now = self._work.now()
        claim = await self._write(lambda database: journal_work.take(database, item.id, operator.id, now=now))
        if claim is None:
            raise CommandRefused("already_taken", "a colleague has taken it, or it is done")
        self._work.changed(item.id, claim)
        return self._answer(item)

    async def release(self, operator: Operator, args: ItemArgs) -> ItemAnswer:
        """Give it back; a supervisor gives back what others have taken as well."""
        item = self._find(operator, args.item)
        claim, holder = self._work.claim(item.id), self._work.holder(item.id)
        if claim is None or holder is None:
            return self._answer(item)
        if holder != operator.id and operator.role is Role.OPERATOR:
            raise CommandRefused("not_allowed", "a colleague has taken it")
        now = self._work.now()
        await self._write(lambda database: journal_work.tidy(database, [claim], (), now=now))
        self._work.changed(item.id, None)
        return self._answer(item)

    async def done(self, operator: Operator, args: ItemArgs) -> ItemAnswer:
        """Say that it is done; what a colleague has taken only he can, or a supervisor."""
        item = self._find(operator, args.item)
        now, by_force = self._work.now(), operator.role is not Role.OPERATOR
        is_done = await self._write(
            lambda database: journal_work.done(database, item.id, operator.id, now=now, by_force=by_force)
        )
        if not is_done:
            raise CommandRefused("already_taken", "a colleague has taken it")
        self._work.changed(item.id, None, gone=True)
        return ItemAnswer(item=None)

    def _find(self, operator: Operator, item: str) -> WorkItem:
        if not self._work.is_known:
            raise CommandRefused("unavailable", "the journal cannot be read at the moment")
        found = self._work.find(operator, item)
        if found is None:
            raise CommandRefused("not_found", "there is no such item, or it is done")
        return found

    def _answer(self, item: WorkItem) -> ItemAnswer:
        return ItemAnswer(item=ItemModel.model_validate(self._work.item_now(item)))

    async def _write(self, work: Callable[[Database], T]) -> T:
        try:
            return await self._work.journal.ask(work, within_s=WITHIN_S)
        except DatabaseUnusable:
            raise CommandRefused("unavailable", "the journal cannot be written at the moment") from None
