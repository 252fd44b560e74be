"""What is particular about Tryton, on a real one: its URLs, its logins, its numbers, its funnel, its way of failing."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tryton_line import LOGIN
from tryton_place import TrytonPlace, place_at
from tryton_server import INSTALLING_S, running

from contract.place import DealState, Person, SeedDeal, Trouble
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.tryton import session as sessions
from cti_bridge.crm.tryton.session import Session
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.customer import CustomerChanges, CustomerRecord, NewCustomer
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number
from demo.tryton import DATABASE, PASSWORD, USER, TrytonServer
from demo.tryton_office import deal, employee_of, take_in

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALLING_S)]


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    with running("8.0", tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture
async def place(tryton: TrytonServer, tmp_path: Path) -> AsyncIterator[TrytonPlace]:
    async with place_at(tryton, tmp_path) as place:
        yield place


def number(last: int) -> str:
    return f"+7495000{last:04}"


async def find(place: TrytonPlace, last: int) -> tuple[CustomerRecord, ...]:
    return await place.crm.find(parse_number(number(last), region="RU"))


# --- URLs and starting it ----------------------------------------------------------------------------------------


async def test_the_urls_of_the_newer_series_are_found_out(place: TrytonPlace) -> None:
    await find(place, 400)
    assert [asked.path for asked in place.line.asked[:2]] == ["/rpc/", "/crm/rpc/"]


@pytest.mark.soak
async def test_the_urls_of_the_older_series_are_found_out(tmp_path: Path) -> None:
    with running("7.0", tmp_path / "tryton") as older:
        async with place_at(older, tmp_path) as place:
            await place.crm.check()
            assert [asked.path for asked in place.line.asked[:3]] == ["/rpc/", "/", "/crm/"]


async def test_a_tryton_that_was_not_told_its_database_is_a_fault_of_its_start(tmp_path: Path) -> None:
    with running("8.0", tmp_path / "tryton", with_database=False) as forgetful:
        async with place_at(forgetful, tmp_path) as place:
            with pytest.raises(CrmUnavailable, match="trytond needs `-d DATABASE`"):
                await place.crm.check()


async def test_a_database_that_is_not_there_is_said_so(place: TrytonPlace) -> None:
    crm = place.opened(place.links, database="nowhere")
    with pytest.raises(CrmUnavailable, match="no such database"):
        await crm.check()
    await crm.close()


async def test_a_long_answer_that_claims_to_be_packed_and_is_not_is_read(place: TrytonPlace) -> None:
    party = take_in(place.office, "Софья Громова", [number(401)])
    for count in range(30):
        place.office.create("ir.note", resource=f"party.party,{party}", message=f"Замер {count}: " + "шкаф " * 40)
    place.line.says_gzip = False
    assert len(await place.crm.notes(CustomerId(str(party)), limit=100)) == 30
    place.line.says_gzip = True
    assert len(await place.crm.notes(CustomerId(str(party)), limit=100)) == 30


# --- Logins ------------------------------------------------------------------------------------------------------


async def test_callers_who_come_at_once_share_one_login(place: TrytonPlace) -> None:
    await asyncio.gather(*(find(place, 410) for _ in range(20)))
    assert place.line.count(LOGIN) == 1


async def test_a_token_that_was_forgotten_is_replaced_once_for_all_callers(place: TrytonPlace) -> None:
    await find(place, 411)
    place.forget_logins()
    await asyncio.gather(*(find(place, 411) for _ in range(20)))
    assert place.line.count(LOGIN) == 2


async def test_a_wrong_password_is_tried_once_and_not_by_every_caller(place: TrytonPlace) -> None:
    crm = place.opened(place.links, secret="falsch")
    for _ in range(5):
        with pytest.raises(CrmUnavailable, match="refuses this user or password"):
            await crm.find(parse_number(number(412), region="RU"))
    await crm.close()
    assert place.line.count(LOGIN) == 1


async def test_tokens_that_are_never_accepted_end_in_no_loop(place: TrytonPlace) -> None:
    place.line.refuses_tokens = True
    for _ in range(5):
        with pytest.raises(CrmUnavailable):
            await find(place, 413)
    assert place.line.count(LOGIN) <= 2


async def test_a_login_goes_on_when_the_caller_does_not_wait_for_it(place: TrytonPlace) -> None:
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.001):
            await find(place, 414)
    await find(place, 414)
    assert place.line.count(LOGIN) == 1


async def test_a_token_is_renewed_before_it_grows_old_and_nobody_waits_for_that(place: TrytonPlace) -> None:
    now = [1_000.0]
    session = Session(WebClient(place.line.url), database=DATABASE, user=USER, password=PASSWORD, clock=lambda: now[0])
    asked = ("model.party.party.search_count", [["id", "=", -1]])
    await session.call(*asked)
    now[0] += sessions.RENEWED_AFTER_S + 1
    assert await session.call(*asked) == 0
    async with asyncio.timeout(30):
        while place.line.count(LOGIN) < 2:
            await asyncio.sleep(0.01)
    await session.call(*asked)
    await session.close()
    assert place.line.count(LOGIN) == 2
    assert place.line.count("common.db.logout") == 1


async def test_it_logs_out_when_it_is_closed(place: TrytonPlace) -> None:
    await find(place, 415)
    await place.restart()
    assert place.line.count("common.db.logout") == 1


async def test_what_tryton_says_of_an_error_is_never_repeated(place: TrytonPlace) -> None:
    await find(place, 416)
    await place.line.suffer(Trouble.INSIDE)
    with pytest.raises(CrmUnavailable) as caught:
        await find(place, 416)
    assert str(caught.value) == "Tryton failed"


# --- Numbers -----------------------------------------------------------------------------------------------------


async def test_a_number_that_tryton_refuses_makes_nobody(place: TrytonPlace) -> None:
    with pytest.raises(CrmRefuses, match="not valid there"):
        await place.crm.create(NewCustomer("Семён Верещагин", "101"), key="create/101")


async def test_a_number_without_e164_is_only_found_where_the_settings_say_so(tmp_path: Path) -> None:
    with running("8.0", tmp_path / "tryton", as_typed=True) as careless:
        async with place_at(careless, tmp_path) as place:
            take_in(place.office, "Лидия Фокина", ["8 (495) 000-04-20"])
            assert await find(place, 420) == ()
        async with place_at(careless, tmp_path, as_typed=True) as place:
            (record,) = await find(place, 420)
            assert record.customer.numbers == (number(420),)


# --- The funnel --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("last", "state", "stage"),
    [
        (430, "lead", "lead"),
        (431, "opportunity", "offer_preparing"),
        (432, "converted", "offer_preparing"),
        (433, "sale.quotation", "offer_sent"),
        (434, "sale.confirmed", "paid"),
        (435, "sale.done", "closed"),
        (436, "lost", "lost"),
        (437, "cancelled", "lost"),
    ],
)
async def test_a_deal_is_as_far_as_its_sale(place: TrytonPlace, last: int, state: str, stage: str) -> None:
    party = take_in(place.office, "Прасковья Ясная", [number(last)])
    deal(place.office, party, "Кухня", state, employee=employee_of(place.office, "op4"), amount="284000.50")
    (record,) = await find(place, last)
    (found,) = record.deals
    assert (found.title, found.stage, found.responsible) == ("Кухня", stage, "op4")
    stages = await place.crm.stages()
    assert stages.is_open(found) is (stage not in {"closed", "lost"})
    assert found.changed_at is not None


async def test_a_sale_that_never_was_an_opportunity_is_a_deal_too(place: TrytonPlace) -> None:
    party = take_in(place.office, "Ефим Долгих", [number(440)])
    place.office.create("sale.sale", party=party, description="Стулья")
    (record,) = await find(place, 440)
    assert [(one.title, one.stage) for one in record.deals] == [("Стулья", "offer_preparing")]
    without = place.opened(place.links, sales=False)
    (record,) = await without.find(parse_number(number(440), region="RU"))
    await without.close()
    assert record.deals == ()


async def test_the_settings_say_what_a_state_means(place: TrytonPlace) -> None:
    party = take_in(place.office, "Варвара Лисина", [number(441)])
    deal(place.office, party, "Стол", "opportunity", employee=employee_of(place.office, "op4"))
    crm = place.opened(place.links, states={"opportunity": "measuring", "won": "paid"})
    (record,) = await crm.find(parse_number(number(441), region="RU"))
    stages = await crm.stages()
    await crm.close()
    assert [one.stage for one in record.deals] == ["measuring"]
    named = stages.get("measuring")
    assert named is not None
    assert (named.name, named.final) == ("Opportunity", False)


# --- People ------------------------------------------------------------------------------------------------------


async def test_what_is_known_of_a_party_can_be_changed(place: TrytonPlace) -> None:
    party = CustomerId(str(take_in(place.office, "Юлиана Зорина", [number(450)], segment="vip", city="Тула")))
    place.office.create("party.category", name="firm")
    changes = CustomerChanges(email="zorina@example.test", city="Пермь", segment="firm")
    await place.crm.update(party, changes)
    await place.crm.update(party, changes)
    (record,) = await find(place, 450)
    customer = record.customer
    assert (customer.email, customer.city, customer.segment) == ("zorina@example.test", "Пермь", "firm")
    await place.crm.update(party, CustomerChanges(email="", segment=""))
    (record,) = await find(place, 450)
    assert (record.customer.email, record.customer.segment, record.customer.name) == ("", "", "Юлиана Зорина")


@pytest.mark.parametrize(
    "changes",
    [
        CustomerChanges(preferred_channel="phone"),
        CustomerChanges(segment="нет такой"),
        CustomerChanges(responsible="op2"),
    ],
)
async def test_what_a_party_has_no_place_for_is_refused(place: TrytonPlace, changes: CustomerChanges) -> None:
    party = CustomerId(str(take_in(place.office, "Тихон Рогов", [])))
    with pytest.raises(CrmRefuses):
        await place.crm.update(party, changes)


async def test_a_change_that_would_be_made_by_half_is_refused(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Дарья Синица", (number(452),), (SeedDeal("Шкаф"),), responsible="op3")])
    for responsible in ("nobody-here", ""):
        with pytest.raises(CrmRefuses):
            await place.crm.update(party, CustomerChanges(name="Дарья Сова", responsible=responsible))
    (record,) = await find(place, 452)
    assert (record.customer.name, record.customer.responsible) == ("Дарья Синица", "op3")


async def test_of_several_addresses_that_one_is_changed_which_is_shown(place: TrytonPlace) -> None:
    party = take_in(place.office, "Остап Верба", [number(453)])
    place.office.create("party.address", party=party, city="Псков")
    for value in ("a@example.test", "b@example.test"):
        place.office.create("party.contact_mechanism", party=party, type="email", value=value)
    customer = CustomerId(str(party))
    await place.crm.update(customer, CustomerChanges(city="Тверь", email="c@example.test"))
    with pytest.raises(CrmRefuses, match="several"):
        await place.crm.update(customer, CustomerChanges(city="Вологда", email=""))
    (record,) = await find(place, 453)
    assert (record.customer.city, record.customer.email) == ("Тверь", "c@example.test")
    cities = [row["city"] for row in place.office.rows("party.address", [["party", "=", party]], ["city"])]
    assert cities == [None, "Тверь"]


async def test_the_latest_open_opportunity_is_given_to_somebody_else(place: TrytonPlace) -> None:
    (party,) = await place.seed([Person("Ульяна Ветрова", (number(451),), (SeedDeal("Шкаф"),), responsible="op3")])
    await place.crm.update(party, CustomerChanges(responsible="op2"))
    (record,) = await find(place, 451)
    assert [one.responsible for one in record.deals] == [record.customer.responsible] == ["op2"]


# --- Rights ------------------------------------------------------------------------------------------------------


async def test_a_user_who_may_not_read_the_deals_is_found_out_by_the_check(place: TrytonPlace) -> None:
    company = place.office.one("company.company")
    stranger = place.office.create("res.user", name="Гость", login="guest", password=PASSWORD, company=None)
    crm = place.opened(place.links, user="guest")
    with pytest.raises(CrmUnavailable, match="has no company"):
        await crm.check()
    await crm.close()
    place.office.call("res.user", "write", [stranger], {"companies": [["add", [company]]], "company": company})
    crm = place.opened(place.links, user="guest")
    with pytest.raises(CrmUnavailable, match=r"may not read sale\.opportunity"):
        await crm.check()
    await crm.close()


async def test_what_the_user_has_no_right_to_do_is_told(place: TrytonPlace) -> None:
    assert await place.crm.lacking() == {}
    company = place.office.one("company.company")
    rights = {"companies": [["add", [company]]], "company": company}
    place.office.create("res.user", name="Читатель", login="reader", password=PASSWORD, **rights)
    crm = place.opened(place.links, user="reader")
    lacking = await crm.lacking()
    await crm.close()
    assert Capability.UPDATE in lacking
    assert "sale.opportunity" in lacking[Capability.UPDATE]


async def test_the_stages_are_those_of_the_server(place: TrytonPlace) -> None:
    stages = await place.crm.stages()
    assert [(stage.id, stage.final) for stage in stages.stages] == [
        ("lead", False),
        ("offer_preparing", False),
        ("offer_sent", False),
        ("paid", False),
        ("in_production", False),
        ("closed", True),
        ("lost", True),
        ("awaiting_payment", False),
        ("delivery", False),
        ("installation", False),
    ]
    assert place.stage(DealState.LATE) == "offer_sent"
