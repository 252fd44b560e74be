"""A mirror of Bitrix24: whoever calls is found in it with the same deals as in the portal itself."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from bitrix_opened import Time, by_webhook, fake

from cti_bridge.crm.bitrix.adapter import BitrixCrm
from cti_bridge.crm.mirror.following import Following
from cti_bridge.crm.mirror.mirrored import MirroredCrm
from cti_bridge.crm.mirror.source import MirrorPage
from cti_bridge.crm.mirror.state import Every
from cti_bridge.domain.number import parse_number
from fakes.bitrix import Bitrix
from fakes.bitrix_portal import COMPANY, CONTACT, DEAL

VERA, GLEB, FIRM = "+74950000150", "+74950000151", "+74950000152"
HOUR_S = 3_600.0


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with fake() as portal:
        yield portal


@pytest.fixture
async def crm(bitrix: Bitrix) -> AsyncIterator[BitrixCrm]:
    async with by_webhook(bitrix) as crm:
        yield crm


class Mirror:
    """A mirror that is stepped by hand, by the time of the portal."""

    def __init__(self, crm: BitrixCrm, bitrix: Bitrix, folder: Path) -> None:
        path, time = folder / "mirror.sqlite", Time(bitrix)
        self._bitrix = bitrix
        self._following = Following(
            crm, path, "contract", every=Every(60.0, HOUR_S), wall=time, clock=time, sleep=time.sleep
        )
        self.crm = MirroredCrm(crm, path, self._following)

    async def full_pass(self) -> None:
        """Everything is gone through once more."""
        self._bitrix.ahead_s += HOUR_S
        passes = self._following.counts.full_passes
        while self._following.counts.full_passes == passes:
            await self._step()

    async def changes(self) -> None:
        """What changed is asked for."""
        self._bitrix.ahead_s += 60
        before = self._following.state.synced_at
        while self._following.state.synced_at == before:
            await self._step()

    async def _step(self) -> None:
        self._bitrix.ahead_s += max(0.0, await self._following.step())
        assert self._following.problem == ""

    async def deals(self, number: str) -> list[tuple[str, str]]:
        """Ids and stages of the deals of whoever has this number; he is in the mirror."""
        answer = await self.crm.find_dated(parse_number(number, region="RU"))
        assert answer.age_s is not None
        (record,) = answer.records
        return [(str(deal.id), deal.stage) for deal in record.deals]


@pytest.fixture
async def mirror(crm: BitrixCrm, bitrix: Bitrix, tmp_path: Path) -> AsyncIterator[Mirror]:
    one = Mirror(crm, bitrix, tmp_path)
    yield one
    await one.crm.close()


async def test_a_deal_is_that_of_all_its_contacts_and_of_its_company(mirror: Mirror, bitrix: Bitrix) -> None:
    portal = bitrix.portal
    vera = portal.put(CONTACT, name="Вера Ёлкина", phones=[VERA])
    gleb = portal.put(CONTACT, name="Глеб Ёлкин", phones=[GLEB])
    firm = portal.put(COMPANY, title="ООО «Ромашка»", phones=[FIRM])
    id_ = portal.put(
        DEAL, title="Офис", stageId="NEW", closed="N", contactId=vera, contactIds=[vera, gleb], companyId=firm
    )
    await mirror.full_pass()
    for number in (VERA, GLEB, FIRM):
        assert await mirror.deals(number) == [(str(id_), "NEW")]
    bitrix.ahead_s += 5
    portal.items[DEAL][id_] |= {"stageId": "EXECUTING", "updatedTime": portal.time()}
    await mirror.changes()
    for number in (VERA, GLEB, FIRM):
        assert await mirror.deals(number) == [(str(id_), "EXECUTING")]


async def test_whoever_was_taken_out_of_a_deal_has_it_no_more(mirror: Mirror, bitrix: Bitrix) -> None:
    portal = bitrix.portal
    vera = portal.put(CONTACT, name="Вера Ёлкина", phones=[VERA])
    gleb = portal.put(CONTACT, name="Глеб Ёлкин", phones=[GLEB])
    id_ = portal.put(DEAL, title="Офис", stageId="NEW", closed="N", contactId=vera, contactIds=[vera, gleb])
    await mirror.full_pass()
    bitrix.ahead_s += 5
    portal.items[DEAL][id_] |= {"contactIds": [vera], "updatedTime": portal.time()}
    await mirror.changes()
    assert (await mirror.deals(VERA), await mirror.deals(GLEB)) == ([(str(id_), "NEW")], [])
    del portal.items[DEAL][id_]
    await mirror.full_pass()
    assert await mirror.deals(VERA) == []


async def test_the_time_of_a_change_is_asked_for_whatever_its_zone(crm: BitrixCrm, bitrix: Bitrix) -> None:
    """The portal writes its own zone and understands any; we ask in UTC."""
    bitrix.portal.put(CONTACT, name="Вера Ёлкина", phones=[VERA])
    assert bitrix.portal.time().endswith("+03:00")
    bitrix.ahead_s += HOUR_S
    page = await _to_the_end(crm, "")
    for _ in range(2):
        bitrix.ahead_s += HOUR_S
        id_ = bitrix.portal.put(CONTACT, name="Глеб Ёлкин", phones=[GLEB])
        page = await _to_the_end(crm, page.position)
        told = {one.id: one.name for one in page.customers}
        assert f"contact-{id_}" in told
        assert "Вера Ёлкина" not in told.values()
        assert "+00:00" in page.position


async def test_what_changed_in_one_second_comes_page_by_page_and_nobody_is_left_out(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    """Somebody changed a thousand contacts at once."""
    end = await _to_the_end(crm, "")
    bitrix.ahead_s += HOUR_S
    ids = {f"contact-{bitrix.portal.put(CONTACT, name=f'Вера {n}', phones=[VERA])}" for n in range(130)}
    at = bitrix.portal.time()
    for item in bitrix.portal.items[CONTACT].values():
        item["updatedTime"] = at
    found, position, more = set[str](), end.position, True
    while more:
        page = await crm.changed_since(position)
        found |= {one.id for one in page.customers}
        position, more = page.position, page.more
    assert found == ids


async def test_nobody_counts_for_us_how_many_there_are(crm: BitrixCrm, bitrix: Bitrix) -> None:
    """Counting takes Bitrix24 longer than looking."""
    await crm.changed_since("")
    ((_, params),) = bitrix.asked
    assert all("start=-1" in command for command in params["cmd"].values())


async def _to_the_end(crm: BitrixCrm, position: str) -> MirrorPage:
    page = await crm.changed_since(position)
    while page.more:
        page = await crm.changed_since(page.position)
    return page
