"""What a real Tryton, its administrator or a proxy before it can do to the bridge, and what the bridge makes of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tryton_line import LOGIN
from tryton_place import TrytonPlace, place_at
from tryton_server import INSTALLING_S, SERIES, running

from contract.calls import call_of, story
from contract.place import Person, SeedDeal, Trouble
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.tryton.desk import Desk
from cti_bridge.crm.tryton.session import Session
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.number import parse_number
from demo.tryton import DATABASE, PASSWORD, USER, TrytonServer
from demo.tryton_office import deal, employee_of, take_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALLING_S)]

PATIENCE_S = 30.0
FIND = "model.party.party.search_read"
ATTACH = "model.ir.attachment.create"


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


async def find(place: TrytonPlace, last: int) -> tuple[CustomerRecord, ...]:
    async with asyncio.timeout(PATIENCE_S):
        return await place.crm.find(parse_number(number(last), region="RU"))


def user(place: TrytonPlace, login: str, **values: Any) -> int:
    """Somebody new who may log in; he has the groups of the bridge's user unless `values` say otherwise."""
    groups = [row["id"] for row in place.office.rows("res.group", [["name", "in", ["Sales", "Sale Opportunity"]]], [])]
    company = place.office.one("company.company")
    known = {"companies": [["add", [company]]], "company": company, "groups": [["add", groups]]}
    return place.office.create("res.user", name=login, login=login, password=PASSWORD, **{**known, **values})


# --- The server --------------------------------------------------------------------------------------------------


async def test_a_tryton_that_is_killed_in_the_middle_fails_those_callers_and_needs_no_new_login(
    tryton: TrytonServer, place: TrytonPlace
) -> None:
    await place.seed([Person("Прасковья Седова", (number(501),))])
    await find(place, 501)
    asked = [asyncio.create_task(find(place, 501)) for _ in range(20)]
    await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.to_thread(tryton.stop)
    for result in await asyncio.gather(*asked, return_exceptions=True):
        assert isinstance(result, tuple | CrmUnavailable)
    with pytest.raises(CrmUnavailable):
        await find(place, 501)
    tryton.spawn()  # by this thread, with which it ends
    await asyncio.to_thread(tryton.wait_ready)
    assert [one.customer.name for one in await find(place, 501)] == ["Прасковья Седова"]
    assert place.line.count(LOGIN) == 1


@pytest.mark.parametrize("status", [413, 500, 502, 503])
async def test_a_page_of_a_proxy_is_no_answer_and_no_reason_to_log_in(place: TrytonPlace, status: int) -> None:
    await find(place, 502)
    place.line.answers[FIND] = status
    for _ in range(3):
        with pytest.raises(CrmUnavailable, match=f"HTTP {status}"):
            await find(place, 502)
    del place.line.answers[FIND]
    assert await find(place, 502) == ()
    assert place.line.count(LOGIN) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b'{"id": 1, "result": "' + b"x" * 3_000_000 + b'"}',
        b'{"id": 1, "result": ' + b"[" * 100_000,
        b'{"id": 1, "result": [{"id": NaN}]}',
        {"result": None},
        {"result": [None]},
        {"result": [{}]},
        {"result": [{"id": "drei", "contact_mechanisms.": [{"type": "phone", "value": number(503)}]}]},
        {"result": [{"id": 3, "contact_mechanisms.": None}]},
        {"result": {"__class__": "Decimal", "decimal": "1"}},
    ],
)
async def test_nonsense_is_no_answer_however_large_or_deep(place: TrytonPlace, answer: Any) -> None:
    await find(place, 503)
    place.line.answers[FIND] = answer
    with pytest.raises(CrmUnavailable) as caught:
        await find(place, 503)
    assert str(caught.value).isprintable()
    del place.line.answers[FIND]
    assert await find(place, 503) == ()


# --- Refusals ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (["UserWarning", ["Ева Грабова", "+7 495 000-05-10?", ""]], CrmRefuses),
        (["UserError", ["Ева Грабова +7 495 000-05-10", "", None]], CrmRefuses),
        (["ConcurrencyException", ["Ева Грабова"]], CrmUnavailable),
        (["deadlock detected: Ева Грабова", ""], CrmUnavailable),
    ],
)
async def test_a_report_that_tryton_does_not_take_is_a_dead_letter_only_where_it_never_will(
    place: TrytonPlace, error: list[Any], kind: type[Exception]
) -> None:
    (party,) = await place.seed([Person("Ева Грабова", (number(510),))])
    reports = story(place, call_of(place, party, number(510), key="main-510.1"), answered=True)
    place.line.answers[ATTACH] = {"error": error}
    with pytest.raises(kind) as caught:
        await place.crm.report(reports[0])
    assert "Ева" not in str(caught.value)
    assert "05-10" not in str(caught.value)
    del place.line.answers[ATTACH]
    for report in reports:
        await place.crm.report(report)
    (seen,) = await place.calls_at(party)
    assert seen.over is True


# --- Logins ------------------------------------------------------------------------------------------------------


async def test_a_user_whom_tryton_has_locked_is_not_tried_again_before_the_pause_is_over(place: TrytonPlace) -> None:
    now = [1_000.0]
    session = Session(WebClient(place.line.url), database=DATABASE, user=USER, password=PASSWORD, clock=lambda: now[0])
    desk = Desk(session)
    place.line.answers[LOGIN] = 429
    pauses = []
    for tried in range(6):
        for _ in range(3):
            with pytest.raises(CrmUnavailable, match="too many bad logins") as caught:
                await asyncio.gather(*(desk.language() for _ in range(5)))
        assert place.line.count(LOGIN) == tried + 1
        pauses.append(int(str(caught.value).split()[-2]))
        now[0] += pauses[-1] + 1
    assert pauses == [60, 120, 240, 480, 900, 900]
    del place.line.answers[LOGIN]
    assert await desk.language() == "en"
    await desk.close()


async def test_who_waits_for_a_login_when_the_bridge_stops_is_told_so(place: TrytonPlace) -> None:
    await place.line.suffer(Trouble.HANGS)
    asked = [asyncio.create_task(find(place, 520)) for _ in range(5)]
    async with asyncio.timeout(PATIENCE_S):
        while not place.line.asked:
            await asyncio.sleep(0.01)
        await place.crm.close()
        results = await asyncio.gather(*asked, return_exceptions=True)
    assert [str(result) for result in results] == ["the connection is closed"] * 5


# --- Rights and companies ----------------------------------------------------------------------------------------


async def test_all_that_the_user_may_not_read_is_named_at_once(place: TrytonPlace) -> None:
    user(place, "poor", groups=[])
    crm = place.opened(place.links, user="poor")
    with pytest.raises(CrmUnavailable, match=r"may not read sale\.opportunity.*may not read sale\.sale"):
        await crm.check()
    await crm.close()


async def test_each_thing_that_the_user_may_not_do_is_named(place: TrytonPlace) -> None:
    calls = {can for can in Capability if can.startswith("report_")}
    for model, expected in (("ir.attachment", calls), ("ir.note", {Capability.ADD_NOTE, Capability.REPORT_ENDED})):
        series_7 = place.server.installation.series == "7.0"
        (found,) = place.office.rows("ir.model", [["model" if series_7 else "name", "=", model]], ["id"])
        named = found["id"] if series_7 else model
        forbidden = {"model": named, "perm_read": True, **dict.fromkeys(("perm_write", "perm_create"), False)}
        (right,) = place.office.call("ir.model.access", "create", [forbidden])
        lacking = await place.crm.lacking()
        place.office.call("ir.model.access", "delete", [right])
        assert lacking.keys() == expected
        assert all(model in reason for reason in lacking.values())


async def test_deals_of_another_company_are_seen_when_the_user_is_shown_all(place: TrytonPlace) -> None:
    office = place.office
    party = take_in(office, "Глеб Заречный", [number(530)])
    mine = office.one("company.company")
    firm = office.create("party.party", name="Двери")
    other = office.create("company.company", party=firm, currency=office.one("currency.currency"))
    companies = [["add", [mine, other]]]
    user(place, "firm-other", companies=companies, company=other)
    theirs = place.server.office("firm-other")
    theirs.create("sale.opportunity", party=party, description="Дверь")
    deal(office, party, "Кухня", "opportunity", employee=employee_of(office, "op3"))
    for login, shown in (("one", ["Кухня"]), ("all", ["Дверь", "Кухня"])):
        user(place, f"firm-{login}", companies=companies, company_filter=login)
        crm = place.opened(place.links, user=f"firm-{login}")
        (record,) = await crm.find(parse_number(number(530), region="RU"))
        await crm.close()
        assert sorted(one.title for one in record.deals) == shown


# --- Numbers and names -------------------------------------------------------------------------------------------


async def test_a_number_that_somebody_has_given_up_is_his_no_more(place: TrytonPlace) -> None:
    party = take_in(place.office, "Аскольд Нилов", [number(540), number(541)])
    (old,) = place.office.rows("party.contact_mechanism", [["value_compact", "=", number(540)]], ["id"])
    place.office.call("party.contact_mechanism", "write", [old["id"]], {"active": False})
    assert await find(place, 540) == ()
    (record,) = await find(place, 541)
    assert (record.customer.id, record.customer.numbers) == (str(party), (number(541),))


async def test_a_mobile_is_a_number_to_call_from_and_a_fax_is_none(place: TrytonPlace) -> None:
    mechanisms = [{"type": "mobile", "value": number(542)}, {"type": "fax", "value": number(543)}]
    place.office.create("party.party", name="Ипат Сухой", contact_mechanisms=[["create", mechanisms]])
    assert [one.customer.name for one in await find(place, 542)] == ["Ипат Сухой"]
    assert await find(place, 543) == ()


async def test_a_party_without_a_name_is_found_all_the_same(place: TrytonPlace) -> None:
    mechanisms = [{"type": "phone", "value": number(544)}]
    place.office.create("party.party", name=None, contact_mechanisms=[["create", mechanisms]])
    (record,) = await find(place, 544)
    assert record.customer.name == ""


async def test_a_database_in_another_language_works_alike_and_tells_calls_in_it(place: TrytonPlace) -> None:
    language = place.office.one("ir.lang", code="ru")
    place.office.call("ir.lang", "write", [language], {"translatable": True})
    user(place, "русский", language=language)
    (party,) = await place.seed([Person("Нил Озёрный", (number(545),), (SeedDeal("Полка"),))])
    crm = place.opened(place.links, user="русский")
    (record,) = await crm.find(parse_number(number(545), region="RU"))
    assert [one.stage for one in record.deals] == ["offer_preparing"]
    await crm.report(story(place, call_of(place, party, number(545), key="main-545.1"), answered=True)[0])
    await crm.close()
    (made,) = place.office.rows("ir.attachment", [["resource", "=", f"party.party,{party}"]], ["description"])
    assert made["description"].startswith("звонит\nвходящий: +7 495 000-05-45")


async def test_an_operator_who_gets_another_login_is_known_by_it_after_a_while(place: TrytonPlace) -> None:
    now = [1_000.0]
    session = Session(WebClient(place.line.url), database=DATABASE, user=USER, password=PASSWORD)
    desk = Desk(session, clock=lambda: now[0])
    employee = employee_of(place.office, "op6")
    (row,) = place.office.rows("res.user", [["login", "=", "op6"]], ["id"])
    assert await desk.logins({employee, 99_999}) == {employee: "op6"}
    place.office.call("res.user", "write", [row["id"]], {"login": "yudin"})
    try:
        assert await desk.logins({employee}) == {employee: "op6"}
        now[0] += 301
        assert await desk.logins({employee}) == {employee: "yudin"}
    finally:
        place.office.call("res.user", "write", [row["id"]], {"login": "op6"})
        await desk.close()
