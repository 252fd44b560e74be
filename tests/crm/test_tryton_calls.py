"""How calls are written down in a real Tryton: once, at the party of the caller, or at the lead of a stranger."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tryton_place import TrytonPlace, place_at
from tryton_server import INSTALLING_S, SERIES, running

from contract.calls import call_of, story
from contract.place import Person
from cti_bridge.crm.port import Capability, CrmUnavailable
from cti_bridge.database import DatabaseUnusable
from cti_bridge.domain.call_report import CallReport, ReportedRecording
from cti_bridge.domain.customer import CustomerChanges, Note
from cti_bridge.domain.number import parse_number
from demo.tryton import TrytonServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALLING_S)]


@pytest.fixture(scope="module", params=SERIES)
def tryton(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    with running(request.param, tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture
async def place(tryton: TrytonServer, tmp_path: Path) -> AsyncIterator[TrytonPlace]:
    async with place_at(tryton, tmp_path) as place:
        yield place


def number(last: int) -> str:
    return f"+7495000{last:04}"


async def test_killed_between_making_and_remembering_it_makes_no_second_call(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Нина Ручьёва", (number(460),))])
    reports = story(place, call_of(place, party, number(460), key="main-460.1"), answered=True)
    crm = place.opened(ForgetfulLinks())
    for _ in range(2):
        with pytest.raises(CrmUnavailable):
            await crm.report(reports[0])
    await crm.close()
    assert len(await place.calls_at(party)) == 1


class ForgetfulLinks:
    """Remembers that something is about to be made, and can never write down what was."""

    def __init__(self) -> None:
        self._values: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self._values.get(key)

    async def put(self, key: str, value: str) -> None:
        if value != "?":
            raise DatabaseUnusable("the disk is full")
        self._values[key] = value


async def test_a_call_in_vain_is_also_a_note_once(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Роман Заика", (number(461),))])
    for report in story(place, call_of(place, party, number(461), key="main-461.1"), answered=False):
        await place.crm.report(report)
        await place.crm.report(report)
    rows = place.office.rows("ir.note", [["resource", "=", f"party.party,{party}"]], ["message"])
    assert [row["message"].partition(",")[0] for row in rows] == ["Call not answered: +7 495 000-04-61"]
    assert place.line.count("model.ir.note.write") == 0


async def test_an_earlier_moment_that_comes_late_changes_nothing(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Жанна Лисовая", (number(462),))])
    reports = story(place, call_of(place, party, number(462), key="main-462.1"), answered=True)
    for report in (*reports, *reports[:2]):
        await place.crm.report(report)
    (seen,) = await place.calls_at(party)
    assert seen.over is True


async def test_a_call_that_somebody_threw_away_stays_away(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Мирон Белый", (number(463),))])
    reports = story(place, call_of(place, party, number(463), key="main-463.1"), answered=True)
    await place.crm.report(reports[0])
    (made,) = place.office.rows("ir.attachment", [["resource", "=", f"party.party,{party}"]], ["id"])
    place.office.call("ir.attachment", "delete", [made["id"]])
    for report in reports[1:]:
        await place.crm.report(report)
    assert await place.calls_at(party) == []


async def test_a_recording_can_be_followed_from_the_call(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Агния Сорокина", (number(464),))])
    *_, last = story(place, call_of(place, party, number(464), key="main-464.1"), answered=True)
    file = "/var/spool/asterisk/monitor/2026/main 464.wav"
    await place.crm.report(replace(last, recordings=(ReportedRecording(file, last.started_at),)))
    (made,) = place.office.rows("ir.attachment", [["resource", "=", f"party.party,{party}"]], ["link"])
    assert made["link"] == "https://pbx.example/rec/2026/main%20464.wav"


async def test_a_call_of_a_party_that_was_replaced_is_at_the_one_that_replaced_it(place: TrytonPlace) -> None:
    old, new = await place.seed([Person("Клим Дятлов", (number(465),)), Person("Клим Дятлов", (number(466),))])
    place.office.call("party.party", "write", [int(old)], {"active": False, "replaced_by": int(new)})
    for report in story(place, call_of(place, old, number(465), key="main-465.1"), answered=False):
        await place.crm.report(report)
    await place.crm.add_note(old, Note(report.started_at, "op3", "Перезвонить"), key="note/465")
    await place.crm.update(old, CustomerChanges(city="Тула"))
    assert (await place.calls_at(old), await place.notes_at(old)) == ([], [])
    assert len(await place.calls_at(new)) == len(await place.notes_at(new)) == 1
    (record,) = await place.crm.find(parse_number(number(466), region="RU"))
    assert record.customer.city == "Тула"


async def test_times_are_told_in_the_time_zone_of_the_company(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Лука Ремезов", (number(467),))])
    company = place.office.one("company.company")
    place.office.call("company.company", "write", [company], {"timezone": "Asia/Vladivostok"})
    try:
        report, *_ = story(place, call_of(place, party, number(467), key="main-467.1"), answered=True)
        await place.crm.report(report)
    finally:
        place.office.call("company.company", "write", [company], {"timezone": None})
    (made,) = place.office.rows("ir.attachment", [["resource", "=", f"party.party,{party}"]], ["description"])
    assert made["description"].splitlines()[2] == "2026-11-20 22:10+10:00"


async def test_a_company_that_the_user_may_not_see_holds_up_no_report(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Гурий Лапин", (number(468),))])
    place.line.answers["model.company.company.search_read"] = {"error": ["UserError", ["нельзя", "", None]]}
    for report in story(place, call_of(place, party, number(468), key="main-468.1"), answered=True):
        await place.crm.report(report)
    (seen,) = await place.calls_at(party)
    assert seen.over is True


# --- Strangers ---------------------------------------------------------------------------------------------------


def stranger(place: TrytonPlace, last: int, key: str, *, answered: bool) -> tuple[CallReport, ...]:
    return story(place, call_of(place, None, number(last), key=key), answered=answered)


def leads(place: TrytonPlace, description: str) -> list[int]:
    rows = place.office.rows("sale.opportunity", [["description", "=", description]], ["party", "state"])
    return [row["id"] for row in rows]


def hangs_at(place: TrytonPlace, model: str, lead: int) -> int:
    return len(place.office.rows(model, [["resource", "=", f"sale.opportunity,{lead}"]], ["id"]))


async def test_a_stranger_is_one_lead_with_all_his_calls_and_a_note_for_the_one_in_vain(place: TrytonPlace) -> None:
    for key, answered in (("main-470.1", False), ("main-470.2", True)):
        for report in stranger(place, 470, key, answered=answered):
            await place.crm.report(report)
            await place.crm.report(report)
        await place.restart()
    (lead,) = leads(place, "Call from +7 495 000-04-70")
    assert (hangs_at(place, "ir.attachment", lead), hangs_at(place, "ir.note", lead)) == (2, 1)
    (row,) = place.office.rows("sale.opportunity", [["id", "=", lead]], ["party", "state", "employee"])
    assert (row["party"], row["state"], row["employee"]) == (None, "lead", None)


async def test_strangers_who_call_twice_at_once_are_one_lead(place: TrytonPlace) -> None:
    first = [stranger(place, 471, f"main-471.{count}", answered=True)[0] for count in range(1, 4)]
    await asyncio.gather(*map(place.crm.report, first))
    (lead,) = leads(place, "Call from +7 495 000-04-71")
    assert hangs_at(place, "ir.attachment", lead) == 3


async def test_a_stranger_whose_lead_is_lost_is_a_new_one(place: TrytonPlace) -> None:
    for count in (1, 2):
        for report in stranger(place, 472, f"main-472.{count}", answered=True):
            await place.crm.report(report)
        found = leads(place, "Call from +7 495 000-04-72")
        assert len(found) == count
        place.office.call("sale.opportunity", "lost", [found[-1]])


async def test_a_lead_that_was_made_and_not_remembered_is_found_again(place: TrytonPlace) -> None:
    report = stranger(place, 473, "main-473.1", answered=True)[0]
    crm = place.opened(ForgetfulLinks())
    for _ in range(2):
        with pytest.raises(CrmUnavailable):
            await crm.report(report)
    await crm.close()
    await place.crm.report(report)
    assert len(leads(place, "Call from +7 495 000-04-73")) == 1


async def test_a_stranger_who_has_become_a_party_meanwhile_has_his_call_there(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Ярослава Тень", (number(476),))])
    for report in stranger(place, 476, "main-476.1", answered=True):
        await place.crm.report(report)
    assert leads(place, "Call from +7 495 000-04-76") == []
    assert len(await place.calls_at(party)) == 1


async def test_a_number_of_several_parties_is_no_strangers(place: TrytonPlace) -> None:
    two = await place.seed([Person("Анфиса Мурина", (number(477),)), Person("Нестор Мурин", (number(477),))])
    *early, ended, updated = stranger(place, 477, "main-477.1", answered=True)
    for report in early:
        await place.crm.report(report)
    for report in (ended, updated):
        await place.crm.report(replace(report, customer_id=two[1]))
    assert leads(place, "Call from +7 495 000-04-77") == []
    assert [len(await place.calls_at(one)) for one in two] == [0, 1]


@pytest.mark.parametrize(
    "changes", [{"number": ""}, {"number": "101"}, {"number": "ivanov"}, {"direction": "outbound"}]
)
async def test_who_cannot_be_called_back_or_was_called_by_us_is_no_lead(
    place: TrytonPlace, changes: dict[str, Any]
) -> None:
    before = place.office.rows("sale.opportunity", [], ["id"])
    for report in stranger(place, 474, "main-474.1", answered=False):
        await place.crm.report(replace(report, **changes))
    assert place.office.rows("sale.opportunity", [], ["id"]) == before


async def test_strangers_are_nobody_unless_the_settings_say_otherwise(place: TrytonPlace) -> None:
    assert Capability.REPORT_STRANGERS in place.crm.capabilities
    crm = place.opened(place.links, strangers="nothing")
    assert Capability.REPORT_STRANGERS not in crm.capabilities
    for report in stranger(place, 475, "main-475.1", answered=False):
        await crm.report(report)
    await crm.close()
    assert leads(place, "Call from +7 495 000-04-75") == []
