"""A mirror in a test's folder, stepped by hand under a settable clock, and what its file has."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from settable_clock import SettableClock

from cti_bridge.crm.mirror.following import Following
from cti_bridge.crm.mirror.state import Every
from cti_bridge.domain.customer import Customer, Deal
from cti_bridge.domain.ids import CustomerId, DealId
from fakes.changing import ChangingCrm

EVERY = Every(changes_s=60.0, full_s=3_600.0)
SOURCE = "fake https://crm.example"


class MirrorScene:
    """A fake CRM, its mirror, and a clock."""

    def __init__(self, folder: Path, crm: ChangingCrm | None = None, *, source: str = SOURCE) -> None:
        self.path = folder / "mirror.sqlite"
        self.crm = crm or ChangingCrm()
        self.clock = SettableClock(1_700_000_000.0)
        self._source = source
        self.following = self._new()

    def _new(self) -> Following:
        return Following(
            self.crm, self.path, self._source, every=EVERY, wall=self.clock, clock=self.clock, sleep=self.clock.sleep
        )

    async def restart(self) -> None:
        """Stop the mirror and begin with another on the same file, as a process that was killed does."""
        await self.following.close()
        self.following = self._new()

    async def steps(self, until: Callable[[], bool], *, most: int = 500) -> None:
        """Take step after step, letting the pauses pass, until the condition holds."""
        for _ in range(most):
            if until():
                return
            self.clock.now += max(await self.following.step(), 0.001)
        raise AssertionError(f"not after {most} steps: {self.following.state} {self.following.problem}")

    async def until_filled(self) -> None:
        """Until everybody has been here once and the first full pass has ended."""
        await self.until_passed()
        assert self.following.state.filled

    async def until_passed(self) -> None:
        """Until one full pass more has ended."""
        passes = self.following.counts.full_passes
        await self.steps(lambda: self.following.counts.full_passes > passes)

    async def until_asked_again(self) -> None:
        """Until the next look for changes has gone well."""
        synced_at = self.following.state.synced_at
        await self.steps(lambda: self.following.state.synced_at != synced_at)

    def has(self) -> tuple[set[Customer], set[tuple[Deal, CustomerId]]]:
        """Everybody and every deal in the mirror's file."""
        with closing(sqlite3.connect(self.path)) as connection:
            customers = {
                Customer(CustomerId(row[0]), row[1], tuple(sorted((row[2] or "").split())), responsible=row[3])
                for row in connection.execute(
                    "SELECT id, name, (SELECT group_concat(key, ' ') FROM numbers WHERE customer_id = id), responsible"
                    " FROM customers"
                )
            }
            deals = {
                (Deal(DealId(row[0]), row[1], row[2]), CustomerId(row[3]))
                for row in connection.execute("SELECT id, title, stage, customer_id FROM deals")
            }
        return customers, deals
