"""The contract of a CRM that can be mirrored: callers are found in the mirror as in the CRM itself.

`class TestTrytonMirror(MirrorContract)` with a fixture `place` (a `Place`) is all that an adapter adds.
"""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.place import DealState, Person, Place, SeedDeal
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.mirror.following import Following
from cti_bridge.crm.mirror.source import Mirrorable
from cti_bridge.crm.mirror.state import Every
from cti_bridge.crm.port import Crm
from cti_bridge.domain.customer import StageList
from cti_bridge.domain.number import parse_number

PATIENCE_S = 60.0
"""The machine may be busy, and the CRM's limits hold for the mirror as well."""
Seen = list[tuple[str, str, tuple[str, ...], str, list[tuple[str, str, str]]]]


class MirrorOf:
    """The mirror of a place, followed by hand under a wall clock that is set forward."""

    def __init__(self, place: Place, folder: Path) -> None:
        assert isinstance(place.crm, Mirrorable)
        self.path = folder / "mirror.sqlite"
        self.now = 1_700_000_000.0
        self.following = Following(place.crm, self.path, "contract", every=Every(60.0, 3_600.0), wall=lambda: self.now)

    async def full_pass(self) -> None:
        """Everything is gone through once more."""
        self.now += 3_600
        passes = self.following.counts.full_passes
        async with asyncio.timeout(PATIENCE_S):
            while self.following.counts.full_passes == passes:
                await self._step()

    async def changes(self) -> None:
        """What changed has been asked for."""
        self.now += 60
        before = self.following.state.synced_at
        async with asyncio.timeout(PATIENCE_S):
            while self.following.state.synced_at == before:
                await self._step()

    async def _step(self) -> None:
        await self.following.step()
        assert self.following.problem == ""


def number(last: int) -> str:
    """One of the invented numbers, in E.164."""
    return f"+7495000{last:04}"


async def seen(crm: Crm, stages: StageList, numbers: list[str]) -> list[Seen]:
    """Who has these numbers and which of their deals are open, so that two CRMs can be compared."""
    found: list[Seen] = []
    for text in numbers:
        records = await crm.find(parse_number(text, region="RU"))
        found.append(
            sorted(
                (
                    str(one.customer.id),
                    one.customer.name,
                    tuple(sorted(one.customer.numbers)),
                    one.customer.responsible,
                    sorted((str(deal.id), deal.title, deal.stage) for deal in one.deals if stages.is_open(deal)),
                )
                for one in records
            )
        )
    return found


class MirrorContract:
    """What is in the CRM comes to be in the mirror."""

    @pytest.fixture
    async def mirror(self, place: Place, tmp_path: Path) -> AsyncIterator[MirrorOf]:
        one = MirrorOf(place, tmp_path)
        yield one
        await one.following.close()

    @pytest.fixture
    async def near(self, mirror: MirrorOf) -> AsyncIterator[EmbeddedCrm]:
        one = EmbeddedCrm(mirror.path)
        yield one
        await one.close()

    async def test_callers_are_found_in_the_mirror_as_in_the_crm(
        self, place: Place, mirror: MirrorOf, near: EmbeddedCrm
    ) -> None:
        deals = tuple(SeedDeal(f"Заказ {state.value}", state) for state in DealState)
        await place.seed(
            [
                Person("Аглая Снегирёва", (number(701), number(702)), deals, responsible=place.user),
                Person("Прохор Лозовой", (place.typed[-1].format(703),), (SeedDeal("Кухня", DealState.LATE),)),
                Person("ООО «Ромашка»", (number(701),)),
                Person("Каспар Ланге", ("+4930123457",)),
            ]
        )
        if place.archives:
            await place.seed([Person("Фаина Щукина", (number(704),), archived=True)])
        await mirror.full_pass()
        stages, numbers = await place.crm.stages(), [*map(number, range(700, 706)), "+4930123457"]
        assert await seen(near, stages, numbers) == await seen(place.crm, stages, numbers)
        assert [len(people) for people in await seen(near, stages, numbers)] == [0, 2, 1, 1, 0, 0, 1]
        assert await near.stages() == stages

    async def test_who_comes_later_is_there_at_the_next_look(
        self, place: Place, mirror: MirrorOf, near: EmbeddedCrm
    ) -> None:
        await place.seed([Person("Нонна Дубова", (number(710),))])
        await mirror.full_pass()
        await place.seed([Person("Егор Щукин", (number(711),), (SeedDeal("Шкаф", DealState.EARLY),))])
        await mirror.changes()
        stages, numbers = await place.crm.stages(), [number(710), number(711)]
        assert await seen(near, stages, numbers) == await seen(place.crm, stages, numbers)
        assert [len(people) for people in await seen(near, stages, numbers)] == [1, 1]

    async def test_a_full_pass_over_what_is_there_removes_nobody(self, place: Place, mirror: MirrorOf) -> None:
        await place.seed([Person(f"Майя {last}", (number(last),), (SeedDeal("Стол"),)) for last in range(720, 726)])
        await mirror.full_pass()
        customers = mirror.following.counts.customers
        await mirror.full_pass()
        assert (mirror.following.counts.customers, mirror.following.counts.removed) == (customers, 0)
