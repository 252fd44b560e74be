"""Keeps edits on disk and on the cards, and sends the courier for them."""

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

import structlog
from sqlite_utils import Database

from cti_bridge.calls.journal_edits import (
    CallerForgotten,
    Edit,
    EditState,
    TooManyEdits,
    drop_edit,
    edit_on_disk,
    for_whom,
    open_edits,
    put_edits,
    write_edit,
    write_found,
)
from cti_bridge.calls.journal_forgotten import forgotten_among
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.customers.edit_courier import EditCourier, EditsFile
from cti_bridge.desk.customers.edited_cards import EditedCards
from cti_bridge.domain.ids import CustomerId
from cti_bridge.operators.command_list import CommandRefused

log = structlog.get_logger(__name__)
T = TypeVar("T")

MOST_OF_A_CALL = 100
"""Edits of one call."""
SYNC_EVERY_S = 60.0
_MOST_TAKEN_UP = 10_000
_WITHIN_S = 5.0


class EditKeeping:
    """The edits in the journal `file`, as `cards` shows and `courier` carries them."""

    def __init__(
        self,
        file: EditsFile,
        cards: EditedCards,
        courier: EditCourier,
        *,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._file = file
        self._cards = cards
        self._courier = courier
        self._now = now
        self._restored = False

    async def open(self) -> None:
        """Take up what an earlier run left, and nothing that was meant for another account of the CRM.

        Where the journal cannot be had now it is tried again every minute.
        """
        try:
            await self._courier.open()
            for edit in await self._ask(lambda database: open_edits(database.conn, limit=_MOST_TAKEN_UP)):
                if self._cards.edits.get(edit.operator, edit.key) is None:
                    self._cards.edits.put(edit)
            self._restored = True
        except DatabaseUnusable as error:
            log.error("edits.not_restored", reason=str(error))

    async def run(self) -> None:
        """Keep in step with `calls forget`, which another process does, until cancelled."""
        while True:
            await asyncio.sleep(SYNC_EVERY_S)
            await self.sync()

    async def sync(self) -> None:
        """Let go of edits, and of the calls of earlier today, whose callers were forgotten; take up what is left."""
        if not self._restored:
            await self.open()
        known, calls = self._cards.edits.every_open(), self._cards.calls_over()
        try:
            there = await self._ask(lambda database: open_edits(database.conn, limit=2 * _MOST_TAKEN_UP))
            forgotten = await self._ask(lambda database: forgotten_among(database.conn, calls))
        except DatabaseUnusable:
            return  # looked at again a minute later
        keys = {edit.key for edit in there}
        for edit in known:
            if edit.key not in keys and self._cards.edits.get(edit.operator, edit.key) is edit:
                self._cards.drop(edit)
        self._cards.let_go(forgotten, now=self._now())

    async def put(self, *edits: Edit) -> tuple[Edit, ...]:
        """Keep new edits of one call, show them and have them carried. Raises CommandRefused."""
        call_id = edits[0].call_id
        if len(self._cards.edits.of_call(call_id)) + len(edits) > MOST_OF_A_CALL:
            raise CommandRefused("not_possible", f"more than {MOST_OF_A_CALL} changes in one call")
        try:
            kept = await self.keep(*edits)
        except TooManyEdits:
            raise CommandRefused("unavailable", "too many changes wait for the CRM") from None
        except CallerForgotten:
            raise _forgotten() from None
        except DatabaseUnusable:
            raise _not_written() from None
        first = kept[0]
        fields = sorted(first.content)
        log.info(
            "edit.kept", edit=first.key, call=call_id, operator=first.operator, kind=first.kind.value, fields=fields
        )
        return kept

    async def keep(self, *edits: Edit) -> tuple[Edit, ...]:
        """The same for whoever asks by no command. Raises DatabaseUnusable, TooManyEdits and CallerForgotten."""
        kept = await self._ask(lambda database: put_edits(database.conn, edits))
        self._cards.put(*kept)
        self._courier.look()
        return kept

    async def write(self, edit: Edit, *, was: EditState) -> Edit:
        """Note that an edit stands otherwise than it was; how it stands then. Raises CommandRefused."""

        def work(database: Database) -> tuple[Edit | None, bool]:
            known = edit_on_disk(database.conn, edit.key)
            if known is None or known.state is not was:
                return known, False
            goes = for_whom(database.conn, edit) if edit.state is EditState.WAITING else edit
            return goes, write_edit(database.conn, goes, now=self._now())

        written, is_new = await self._write(work)
        if written is None:
            raise _forgotten()
        if not is_new:
            raise _decided()
        self._cards.put(written)
        self._courier.look()
        return written

    async def found(self, edit: Edit, customer_id: CustomerId, reason: str) -> bool:
        """Who was to be made is this customer, and what was for him goes on for the customer. Raises CommandRefused.

        False, and nothing is changed, where the CRM may have made somebody already.
        """
        others = await self._write(
            lambda database: write_found(database.conn, edit, customer_id, reason, now=self._now())
        )
        if others:
            self._cards.put(*others)
            self._courier.look()
        return bool(others)

    async def drop(self, edit: Edit) -> None:
        """Give an edit up. Raises CommandRefused."""
        if not await self._write(lambda database: drop_edit(database.conn, edit.key)):
            raise _decided()
        self._cards.drop(edit)

    async def _ask(self, work: Callable[[Database], T]) -> T:
        return await self._file.ask(work, within_s=_WITHIN_S)

    async def _write(self, work: Callable[[Database], T]) -> T:
        try:
            return await self._ask(work)
        except DatabaseUnusable:
            raise _not_written() from None


def _forgotten() -> CommandRefused:
    return CommandRefused("not_found", "the caller was forgotten")


def _decided() -> CommandRefused:
    return CommandRefused("conflict", "it was decided at the same moment")


def _not_written() -> CommandRefused:
    return CommandRefused("unavailable", "the journal cannot be written at the moment")
