"""What changed in amoCRM comes page by page, whole, whatever changes meanwhile."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from amocrm_scene import NUMBER, PLAIN, AmocrmScene
from fakes.amocrm import PIPELINES, FakeAmocrm

from cti_bridge.crm.amocrm.adapter import AmocrmCrm
from cti_bridge.crm.port import Capability, CrmRefuses
from cti_bridge.domain.ids import CustomerId, DealId

Opener = Callable[..., AmocrmCrm]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[AmocrmScene]:
    scene = AmocrmScene(tmp_path)
    await scene.account.start()
    yield scene
    await scene.close()


@pytest.fixture
def account(scene: AmocrmScene) -> FakeAmocrm:
    return scene.account


@pytest.fixture
def opened(scene: AmocrmScene) -> Opener:
    return scene.opened


class TestMirror:
    """What changed, page by page."""

    async def _all(self, crm: AmocrmCrm, *, between: Callable[[], None] = lambda: None) -> tuple[list[str], list[str]]:
        """Ids of customers and deals until there is no more, with repetitions."""
        customers: list[str] = []
        deals: list[str] = []
        position, more = "", True
        while more:
            page = await crm.changed_since(position)
            position, more = page.position, page.more
            customers += [one.id for one in page.customers]
            deals += [f"{one.deal.id} of {one.customer_id}" for one in page.deals]
            between()
        return customers, deals

    async def test_everything_comes_and_then_only_what_changed(self, account: FakeAmocrm, opened: Opener) -> None:
        crm = opened()
        ids = [str(account.add_contact(f"Гость {one}", (NUMBER,))) for one in range(600)]
        lead = account.add_lead(int(ids[0]), "Кухня", PIPELINES[0][0], 31)
        customers, deals = await self._all(crm)
        assert set(customers) == set(ids)
        assert set(deals) == {f"{lead} of {ids[0]}"}
        page = await crm.changed_since("contacts 1795005000 1795005000 0")
        assert (page.customers, page.more) == ((), True)
        with pytest.raises(CrmRefuses):
            await crm.changed_since("contacts; 5")

    async def test_an_import_within_one_second_comes_whole_though_some_change_meanwhile(
        self, account: FakeAmocrm, opened: Opener
    ) -> None:
        account.changed_at = 1_700_000_000
        ids = [account.add_contact(f"Гость {one}", (NUMBER,)) for one in range(620)]
        leaving = iter(ids[:40])

        def one_changes() -> None:
            for id_ in [next(leaving, 0) for _ in range(10)]:
                if id_:
                    account.contacts[id_]["updated_at"] += 5_000

        customers, _ = await self._all(opened(), between=one_changes)
        assert set(customers) == set(map(str, ids))

    async def test_who_is_gone_is_said(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        lead = account.add_lead(olga, "Кухня", PIPELINES[0][0], 31)
        crm = opened()
        assert await crm.customers_gone([CustomerId(str(olga)), CustomerId("5")]) == {"5"}
        assert await crm.deals_gone([DealId(str(lead)), DealId("6")]) == {"6"}
        assert await crm.customers_gone([]) == frozenset()

    async def test_a_pipeline_that_is_not_there_is_known_at_the_check(self, opened: Opener) -> None:
        assert await opened(replace(PLAIN, unsorted=PIPELINES[0][0])).lacking() == {}
        for wrong in (1, PIPELINES[2][0]):
            assert set(await opened(replace(PLAIN, unsorted=wrong)).lacking()) == {Capability.REPORT_STRANGERS}
