"""The work list of all operators: read when something changed, told to whose list is another one now.

Everything is read once for all, and who sees what is found out in memory; so a thousand pages cost one reading.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import tzinfo

import structlog

from cti_bridge.calls import journal_work
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_work_reader import WorkReader
from cti_bridge.calls.work import Claim, Work, WorkItem, void
from cti_bridge.database import DatabaseUnusable
from cti_bridge.desk.after.after_ports import Pages
from cti_bridge.desk.after.work_views import MOST_SHOWN, Board, Today, board_of, item_view
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.wire import WorkItemView, WorkView

log = structlog.get_logger(__name__)

PACE_S = 1.0
"""Seconds between two looks whether there is something new; so often at most is anybody told."""
REST = 20.0
"""After a reading there is no other one for so many times as long as it took."""
AT_ONCE = 1_000
"""Items, about half a MiB, that are told in one go; a pop has its turn in between."""
BREATH_S = 0.02
LOOK_AROUND_S = 5.0
"""Seconds between two looks who is in which queue."""
WITHIN_S = 5.0
TIDY_EVERY_S = 3600.0

_Audience = tuple[Directory, dict[OperatorId, frozenset[str]], bool]


class WorkList:
    """What is left to do, for everybody. `run` has to run as long as it is used; everything is on the event loop.

    `zone` says whose midnight ends the day.
    """

    def __init__(
        self,
        journal: Journal,
        reader: WorkReader,
        hub: Pages,
        *,
        directory: Callable[[], Directory],
        zone: Callable[[], tzinfo],
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.readings = 0
        """How often the journal was read."""
        self.queues_of: Callable[[OperatorId], frozenset[str]] = lambda operator: frozenset()
        """In which queues an operator's phones are."""
        self.queues_known: Callable[[], bool] = lambda: True
        """Whether the PBX has said by now who is in which queue."""
        self.journal = journal
        self.now = now
        self._reader = reader
        self._hub = hub
        self._directory = directory
        self._zone = zone
        self._monotonic = monotonic
        self._sleep = sleep
        self._work: Work | None = None
        self._claims: dict[str, Claim] = {}
        self._gone: set[str] = set()
        """Items that were done since the latest reading."""
        self._changes = 0
        self._read_anyway = True
        self._redraw = False
        self._rest_until = 0.0
        self._tidied_at: float | None = None
        self._signed_off: set[OperatorId] = set()
        self._board = Board()
        self._told_board = self._board
        self._audience: _Audience | None = None
        self._look_around_at = 0.0
        self._told: dict[OperatorId, list[WorkItemView]] = {}
        self._unwell = False

    # What others ask ------------------------------------------------------------------------------------------------

    @property
    def is_known(self) -> bool:
        """Whether the journal could be read since the start."""
        return self._work is not None

    def view(self, operator: OperatorId) -> WorkView:
        """The list as this operator sees it now."""
        known = self._directory().get(operator)
        return _shown(self._board.seen_by(known, self.queues_of(operator)) if known else [])

    def find(self, operator: Operator, item: str) -> WorkItem | None:
        """The open item with this id, if this operator sees it."""
        if item in self._gone or not self._board.is_seen_by(operator, self.queues_of(operator.id), item):
            return None
        return self._board.items[item]

    def holder(self, item: str) -> OperatorId | None:
        """Who has taken this item."""
        claim = self._claims.get(item)
        return claim.holder(self.now()) if claim is not None else None

    def claim(self, item: str) -> Claim | None:
        """What is known of who has taken this item."""
        return self._claims.get(item)

    def item_now(self, item: WorkItem) -> WorkItemView:
        """One item as it is told now."""
        return item_view(item, self.holder(item.id), self._directory(), Today.at(self.now(), self._zone()))

    # What happens ---------------------------------------------------------------------------------------------------

    def signed_off(self, operator: OperatorId) -> None:
        """He is no longer at work: what he has taken is given back."""
        self._signed_off.add(operator)

    def changed(self, item: str, claim: Claim | None, *, gone: bool = False) -> None:
        """A command has written down who has this item now, or that it is done."""
        if claim is None:
            self._claims.pop(item, None)
        else:
            self._claims[item] = claim
        if gone:
            self._gone.add(item)
        self._changes += 1
        self._redraw = True

    async def run(self) -> None:
        """Look for what is new and tell it, until cancelled."""
        while True:
            try:
                await self.once()
            except DatabaseUnusable as error:
                if not self._unwell:
                    log.warning("work.unreadable", reason=str(error))
                self._unwell = True
            else:
                self._unwell = False
            await self._sleep(PACE_S)

    async def once(self) -> None:
        """One round: read if there is something new, tell it, clear up. Raises DatabaseUnusable."""
        audience = self._audience_now()
        moved = audience is not self._audience
        self._read_anyway = self._read_anyway or moved or bool(self._signed_off)
        work = await self._read() if self._monotonic() >= self._rest_until else None
        is_old = self._board.old_at is not None and self.now() >= self._board.old_at
        if work is not None or moved or is_old or self._redraw:
            self._draw(audience)
        await self._tell()
        if work is not None:
            await self._tidy(work)

    # How it is done -------------------------------------------------------------------------------------------------

    async def _read(self) -> Work | None:
        started, changes = self._monotonic(), self._changes
        due = self._tidied_at is None or started >= self._tidied_at + TIDY_EVERY_S
        work = await self._reader.read(now=self.now(), anyway=self._read_anyway or due)
        if work is None:
            return None
        self.readings += 1
        ended = self._monotonic()
        self._rest_until = ended + (ended - started) * REST
        # What a command has changed while it was read is not in it, perhaps; then it is read once more.
        self._read_anyway = changes != self._changes
        self._work = work
        if not self._read_anyway:
            self._claims = {claim.item: claim for claim in work.claims}
            self._gone.clear()
        return work

    def _audience_now(self) -> _Audience:
        """Who there is, in which queues; the same object as before as long as nothing is different."""
        directory, known = self._directory(), self._audience
        if known is not None and known[0] is directory and self._monotonic() < self._look_around_at:
            return known
        self._look_around_at = self._monotonic() + LOOK_AROUND_S
        queues = {operator.id: self.queues_of(operator.id) for operator in directory.all()}
        now = directory, queues, self.queues_known()
        return known if now == known else now

    def _draw(self, audience: _Audience) -> None:
        items = self._work.items if self._work else ()
        board = board_of(
            [item for item in items if item.id not in self._gone], self._claims, audience[0], audience[1],
            today=Today.at(self.now(), self._zone()), before=self._board,
            queues_known=audience[2],
        )  # fmt: skip
        self._board, self._audience, self._redraw = board, audience, False

    async def _tell(self) -> None:
        """Tell everybody whose list is another one than he was told; who opens a page later has it in his welcome."""
        if self._told_board.shows_the_same_as(self._board):
            return
        board = self._told_board = self._board
        told = 0
        for operator in self._directory().all():
            if not self._hub.pages(operator.id):
                self._told.pop(operator.id, None)
            else:
                seen = board.seen_by(operator, self.queues_of(operator.id))[: MOST_SHOWN + 1]
                if seen != self._told.get(operator.id):
                    self._told[operator.id] = seen
                    self._hub.tell(operator.id, "work.updated", {"work": _shown(seen)})
                    told += len(seen)
            told += 1
            if told >= AT_ONCE:
                told = 0
                await self._sleep(BREATH_S)

    async def _tidy(self, work: Work) -> None:
        """Write down what follows from a reading: claims that hold no longer, steps that are done."""
        now, signed_off = self.now(), frozenset(self._signed_off)
        staff = frozenset(operator.id for operator in self._directory().all()) - signed_off
        items = frozenset(item.id for item in work.items) if work.whole else frozenset(self._claims)
        over = [claim for claim in self._claims.values() if void(claim, items, staff, now)]
        due = self._tidied_at is None or self._monotonic() >= self._tidied_at + TIDY_EVERY_S
        if over or work.reached or due:
            self._read_anyway = True  # also when it fails, so that it is tried again
            await self.journal.ask(
                lambda database: journal_work.tidy(database, over, work.reached, now=now), within_s=WITHIN_S
            )
            self._tidied_at = self._monotonic()
        self._signed_off -= signed_off
        for claim in over:
            if self._claims.get(claim.item) == claim:
                self.changed(claim.item, replace(claim, operator=None, taken_at=None))


def _shown(seen: list[WorkItemView]) -> WorkView:
    return {"items": seen[:MOST_SHOWN], "more": len(seen) > MOST_SHOWN}
