"""What changed in amoCRM comes page by page, whole, whatever changes meanwhile."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from amocrm_scene import NUMBER, PLAIN, AmocrmStories, Opener, found

from cti_bridge.crm.amocrm.adapter import AmocrmCrm
from cti_bridge.crm.mirror.source import copy_for
from cti_bridge.crm.port import Capability, CrmRefuses
from cti_bridge.domain.ids import CustomerId, DealId
from fakes.amocrm import OWN_FIELDS, PIPELINES, FakeAmocrm


class TestMirror(AmocrmStories):
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

    async def test_a_lead_of_two_people_is_with_both(self, account: FakeAmocrm, opened: Opener) -> None:
        wife = account.add_contact("Ольга Трубина", (NUMBER,))
        husband = account.add_contact("Олег Трубин", ("+74950000151",))
        lead = account.add_lead(wife, "Кухня", PIPELINES[0][0], 31, others=(husband,))
        crm = opened()
        deals: dict[str, str | None] = {}
        position, more = "", True
        while more:
            page = await crm.changed_since(position)
            position, more = page.position, page.more
            deals |= {one.deal.id: one.customer_id for one in page.deals}
        copy = copy_for(DealId(str(lead)), CustomerId(str(husband)))
        assert deals == {str(lead): str(wife), copy: str(husband)}
        for number in (NUMBER, "+74950000151"):
            (record,) = await found(crm, number)
            assert [deal.id for deal in record.deals] == [str(lead)]
        kept = [DealId(str(lead)), copy]
        assert await crm.deals_gone(kept) == frozenset()
        account.leads[lead]["others"] = ()
        assert await crm.deals_gone(kept) == {copy}

    async def test_a_field_that_is_not_there_is_known_at_the_check(self, opened: Opener) -> None:
        assert await opened(fields={"city": OWN_FIELDS[0]}).lacking() == {}
        lacking = await opened(fields={"city": OWN_FIELDS[0], "segment": 999}).lacking()
        assert lacking == {Capability.UPDATE: "contacts have no field with the id of crm.fields.segment"}

    async def test_a_pipeline_that_is_not_there_is_known_at_the_check(self, opened: Opener) -> None:
        assert await opened(replace(PLAIN, unsorted=PIPELINES[0][0])).lacking() == {}
        for wrong in (1, PIPELINES[2][0]):
            assert set(await opened(replace(PLAIN, unsorted=wrong)).lacking()) == {Capability.REPORT_STRANGERS}
