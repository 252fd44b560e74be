"""What operators do on the card comes to the same in every CRM that is asked over HTTP, also when it was away."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from card_room import STRANGER, VERA, CardRoom, card_room
from every_http_crm import EVERY_HTTP_CRM

from contract.place import Person, Place, Trouble
from cti_bridge.crm.port import Capability
from cti_bridge.domain.customer import CustomerChanges, CustomerRecord
from cti_bridge.domain.number import parse_number


@pytest.fixture(params=EVERY_HTTP_CRM)
async def place(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Place]:
    async with EVERY_HTTP_CRM[request.param](tmp_path) as place:
        yield place


async def found(place: Place, number: str) -> CustomerRecord:
    (record,) = await place.crm.find(parse_number(number, region="RU"))
    return record


async def failed_since(room: CardRoom, before: int) -> None:
    await room.until(lambda: room.desk.courier.failures > before)


async def test_a_change_waits_for_a_crm_that_is_away_and_is_held_against_what_it_has_then(
    place: Place, tmp_path: Path
) -> None:
    (vera,) = await place.seed([Person("Вера Ёлкина", (VERA,))])
    async with card_room(tmp_path, crm=place.crm) as room:
        call = await room.talks(VERA)
        await place.suffer(Trouble.STOPPED)
        await room.done("card.save", call=call, changes={"name": "Вера Сосновая"}, seen={"name": "Вера Ёлкина"})
        await failed_since(room, 0)
        await place.recover()
        room.desk.courier.crm_is_back()
        await room.edit_is("saved")
        assert (await found(place, VERA)).customer.name == "Вера Сосновая"
        await place.crm.update(vera, CustomerChanges(name="Вера Дубова"))
        await room.done("card.save", call=call, changes={"name": "Вера Лугова"}, seen={"name": "Вера Сосновая"})
        edit = await room.edit_is("conflict")
        assert edit["theirs"] == {"name": "Вера Дубова"}
        await room.done("card.settle", edit=edit["id"], keep="mine")
        await room.edit_is("saved")
        assert (await found(place, VERA)).customer.name == "Вера Лугова"


async def test_somebody_new_is_made_with_note_and_deal_by_an_operator_whom_it_does_not_know(
    place: Place, tmp_path: Path
) -> None:
    async with card_room(tmp_path, crm=place.crm) as room:
        call = await room.talks(STRANGER)
        deals = Capability.CREATE_DEAL in place.crm.capabilities
        await room.done("card.create", call=call, name="Нина Новая", **({"deal": {"title": "Окно"}} if deals else {}))
        await room.done("card.note", call=call, text="Первый звонок")
        note = await room.edit_is("saved", kind="note")
        assert note["changes"] == {"text": "Первый звонок"}
        record = await found(place, STRANGER)
        assert record.customer.name == "Нина Новая"
        assert [deal.title for deal in record.deals] == (["Окно"] if deals else [])
        assert any("Первый звонок" in text for text in await place.notes_at(record.customer.id))
        assert room.card()["customer"]["id"] == record.customer.id
