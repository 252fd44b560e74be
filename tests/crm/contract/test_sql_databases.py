"""What a real PostgreSQL and a real MariaDB do with queries, values, mistakes, and lines that break."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import uvloop
from databases import CERTIFICATE, SECRET, Server
from hostile_texts import TEXTS
from sql_people import Opened, added, carried_out, crm_of, with_number

from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.received import lines_of, text_of
from cti_bridge.crm.sql import cells
from cti_bridge.crm.sql.adapter import SqlCrm
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, Note
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import CallerNumber, parse_number

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 20, 12, 0, 0, 250_000, tzinfo=UTC)


def caller(last: int) -> CallerNumber:
    return parse_number(f"+7495000{last:04}", region="RU")


async def names(crm: SqlCrm, last: int) -> list[str]:
    return [record.customer.name for record in await crm.find(caller(last))]


def call(customer_id: str, key: str, **changes: Any) -> CallReport:
    given: dict[str, Any] = {
        "id": f"{key}/1", "key": key, "moment": CallMoment.ENDED, "direction": "inbound", "number": "+74950000150",
        "did": "+74950000001", "customer_id": CustomerId(customer_id), "user": "olga", "queue": "sales",
        "outcome": "answered", "started_at": NOON, "answered_at": NOON, "ended_at": NOON + timedelta(seconds=5),
    }  # fmt: skip
    return CallReport(**{**given, **changes})


async def test_any_text_is_a_value_and_comes_back_as_it_can_be_shown(server: Server, opened: Opened) -> None:
    crm = opened()
    for index, text in enumerate([*TEXTS.values(), "\ud800 half"]):
        name, last = text[:150] or "x", 600 + index
        await crm.create(NewCustomer(name, f"+7495000{last:04}", city=text[:150]), key=f"hostile/{index}")
        (record,) = await crm.find(caller(last))
        stored = cells.storable(name), cells.storable(text[:150])
        rows = await carried_out(server, "SELECT name, city FROM customers WHERE id = {}", int(record.customer.id))
        assert [(row[0], row[1] or "") for row in rows] == [stored]
        assert (record.customer.name, record.customer.city) == tuple(map(text_of, stored))
        await crm.update(record.customer.id, CustomerChanges(city=f"{text[:100]}'"))
        note = Note(NOON, "olga", text or "-")
        await crm.add_note(record.customer.id, note, key=f"hostile/{index}")
        (written,) = await crm.notes(record.customer.id, limit=3)
        assert written.text == lines_of(cells.text(cells.storable(note.text)))


async def test_times_come_back_as_they_went(server: Server, opened: Opened) -> None:
    crm = opened(timezone="Europe/Moscow")
    customer = str(await with_number(server, "Тая Полевая", "+74950000200"))
    await crm.report(call(customer, f"times-{server.engine}"))
    (seen,) = await crm.calls(CustomerId(customer), limit=5)
    assert (seen.started_at, seen.answered_at, seen.ended_at) == (NOON, NOON, NOON + timedelta(seconds=5))


async def test_times_without_an_offset_are_those_of_the_zone(server: Server, opened: Opened) -> None:
    customer = await with_number(server, "Рада Вольная", "+74950000201")
    kind = "timestamp" if server.engine == "postgresql" else "DATETIME"
    query = f"""
        SELECT id AS customer_id, name, 1 AS deal_id, 'paid' AS stage,
               CAST('2026-11-20 15:00:00' AS {kind}) AS changed_at
        FROM customers WHERE id = {customer} AND :number = '+74950000201'
    """
    (record,) = await opened({"find": query}, timezone="Europe/Moscow").find(caller(201))
    assert record.deals[0].changed_at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


async def test_a_lookup_cannot_change_anything(server: Server, opened: Opened) -> None:
    await with_number(server, "Егор Тихий", "+74950000202")
    changing = "UPDATE customers SET name = 'x' WHERE name = :number"
    if server.engine == "postgresql":
        changing += " RETURNING id AS customer_id, name"
    with pytest.raises(CrmUnavailable, match=r"^find: "):
        await opened({"find": changing}).find(caller(202))
    assert await names(opened(), 202) == ["Егор Тихий"]


async def test_a_query_that_finds_everybody_is_refused_and_not_believed(server: Server, opened: Opened) -> None:
    many = {
        "postgresql": "SELECT n AS customer_id, 'x' AS name, :number::text AS number FROM generate_series(1, {}) n",
        "mysql": "SELECT seq AS customer_id, 'x' AS name, :number AS number FROM seq_1_to_{}",
    }
    for rows, told in {20_000: "5000 rows", 101: "100 customers"}.items():
        crm = opened({"find": many[server.engine].format(rows)})
        for _ in range(3):
            with pytest.raises(CrmUnavailable, match=f"^find: it gives more than {told}: is its WHERE as it should be"):
                await crm.find(caller(203))


async def test_a_firm_with_many_numbers_and_deals_is_found(server: Server, opened: Opened) -> None:
    firm = await with_number(server, "ООО «Сорок Окон»", *(f"+7495000{last:04}" for last in range(330, 360)))
    deals = ", ".join(f"({firm}, 'Окно {n}', 'offer_sent')" for n in range(40))
    await carried_out(server, f"INSERT INTO deals (customer_id, title, stage) VALUES {deals}")
    (record,) = await opened().find(caller(345))
    assert (record.customer.name, len(record.customer.numbers), len(record.deals)) == ("ООО «Сорок Окон»", 30, 40)


async def test_a_query_that_takes_too_long_is_given_up_by_the_database_too(server: Server, opened: Opened) -> None:
    slow = {
        "postgresql": "SELECT '1' AS customer_id, 'x' AS name FROM pg_sleep(30) WHERE :number <> ''",
        "mysql": "SELECT '1' AS customer_id, 'x' AS name FROM DUAL WHERE SLEEP(30) = 0 AND :number <> ''",
    }
    crm = opened({"find": slow[server.engine]}, timeout="300ms")
    with pytest.raises(CrmUnavailable):
        await crm.find(caller(204))
    async with asyncio.timeout(30):
        while await working(server):
            await asyncio.sleep(0.05)


async def working(server: Server) -> int:
    """How many connections are busy with something that takes long."""
    text = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%sleep(30)%' "
        "AND pid <> pg_backend_pid()",
        "mysql": "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%SLEEP(30)%' "
        "AND ID <> CONNECTION_ID()",
    }
    ((count,),) = await carried_out(server, text[server.engine])
    return int(count)


async def connections(server: Server) -> int:
    """How many connections there are besides the one that asks."""
    text = {
        "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'cti-bridge'",
        "mysql": "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'cti_bridge' "
        "AND ID <> CONNECTION_ID()",
    }
    ((count,),) = await carried_out(server, text[server.engine])
    return int(count)


async def gone(server: Server) -> None:
    """Return when no adapter has a connection any more."""
    async with asyncio.timeout(30):
        while await connections(server):
            await asyncio.sleep(0.05)


async def test_many_lookups_at_once_take_few_connections(server: Server, opened: Opened) -> None:
    await gone(server)
    await with_number(server, "Лука Зимин", "+74950000205")
    crm = opened(connections=3)
    assert await asyncio.gather(*(names(crm, 205) for _ in range(40))) == [["Лука Зимин"]] * 40
    assert 1 <= await connections(server) <= 3
    await crm.close()
    await gone(server)


async def test_a_wrong_password_is_told_without_it(server: Server, opened: Opened) -> None:
    with pytest.raises(CrmUnavailable) as told:
        await opened(secret="falsch").check()
    assert "falsch" not in str(told.value)
    assert "cti_bridge" in str(told.value)


async def test_a_mistake_in_find_is_told_by_the_check(server: Server, opened: Opened) -> None:
    for query, reason in {
        "SELECT id AS customer_id, nmae FROM customers WHERE name = :number": "nmae",
        "SELECT id AS customer_id, name FROM kunden WHERE name = :number": "kunden",
        "SELECT id, name FROM customers WHERE name = :number": "it gives no column customer_id",
        "SELEKT :number": "SELEKT",
    }.items():
        with pytest.raises(CrmUnavailable, match=rf"^find: .*{reason}"):
            await opened({"find": query}).check()


async def test_what_does_not_work_is_told_without_changing_anything(server: Server, opened: Opened) -> None:
    crm = opened(
        {
            "update": "UPDATE customers SET nmae = :name WHERE id = :customer_id",
            "notes": "SELECT body FROM notes WHERE customer_id = :customer_id LIMIT :limit",
            "report_ended": "INSERT INTO anrufe (a) VALUES (:key)",
        }
    )
    before = await carried_out(server, "SELECT count(*) FROM customers")
    lacking = await crm.lacking()
    assert lacking.keys() == {Capability.UPDATE, Capability.NOTES, Capability.REPORT_ENDED}
    assert "nmae" in lacking[Capability.UPDATE]
    assert "at, text" in lacking[Capability.NOTES]
    assert "anrufe" in lacking[Capability.REPORT_ENDED]
    assert await carried_out(server, "SELECT count(*) FROM customers") == before
    assert await opened().lacking() == {}


async def test_rights_that_are_missing_are_told_before_they_are_needed(server: Server, opened: Opened) -> None:
    await with_number(server, "Нил Озёрный", "+74950000212")
    reader = opened(user="cti_reader")
    assert await names(reader, 212) == ["Нил Озёрный"]
    assert reader.capabilities - (await reader.lacking()).keys() == {
        *(Capability.DEALS, Capability.RESPONSIBLE, Capability.STAGES, Capability.NOTES, Capability.CALLS)
    }


async def test_a_socket_will_do_in_place_of_host_and_port(server: Server, opened: Opened) -> None:
    await with_number(server, "Зоя Нижняя", "+74950000213")
    settings = {"port": 1} if server.engine == "mysql" else {}  # PostgreSQL's socket is named after the port
    assert await names(opened(socket=str(server.socket), **settings), 213) == ["Зоя Нижняя"]


async def test_what_find_does_not_give_is_no_capability(server: Server, opened: Opened) -> None:
    crm = opened({"find": "SELECT id AS customer_id, name FROM customers WHERE name = :number", "stages": None})
    await crm.check()
    assert not {Capability.DEALS, Capability.RESPONSIBLE, Capability.STAGES} & crm.capabilities
    with pytest.raises(CrmRefuses):
        await crm.stages()


async def test_values_that_do_not_fit_are_refused_for_good_and_not_told(server: Server, opened: Opened) -> None:
    crm = opened()
    customer = CustomerId(str(await with_number(server, "Яна Лесная", "+74950000206")))
    simple = "INSERT INTO notes VALUES (:key, :customer_id, :at, :author, :text)"
    strict = opened({"add_note": simple})
    note = Note(NOON, "olga", "тайна")
    await strict.add_note(customer, note, key=f"fit-{server.engine}")
    for twice in (customer, CustomerId("999999")):
        with pytest.raises(CrmRefuses) as told:
            await strict.add_note(twice, note, key=f"fit-{server.engine}")
        assert "тайна" not in str(told.value)
        assert "fit-" not in str(told.value)
    assert await crm.notes(CustomerId("кто-то"), limit=5) == ()
    with pytest.raises(CrmRefuses):
        await crm.update(CustomerId("кто-то"), CustomerChanges(city="Тверь"))


async def test_several_statements_are_carried_out_all_or_none(server: Server, opened: Opened) -> None:
    customer = await with_number(server, "Гурий Светлый", "+74950000207")
    crm = opened(
        {
            "update": [
                "UPDATE customers SET city = :city WHERE id = :customer_id",
                "INSERT INTO deals (customer_id, title, stage) VALUES (:customer_id, :segment, 'offer')",
            ]
        }
    )
    with pytest.raises(CrmRefuses):  # there can be no deal without a title
        await crm.update(CustomerId(str(customer)), CustomerChanges(city="Клин"))
    assert await carried_out(server, "SELECT city FROM customers WHERE id = {}", customer) == [(None,)]
    await crm.update(CustomerId(str(customer)), CustomerChanges(city="Клин", segment="Шкаф"))
    assert await carried_out(server, "SELECT city FROM customers WHERE id = {}", customer) == [("Клин",)]


async def test_a_table_may_be_changed_between_two_lookups(server: Server, opened: Opened) -> None:
    name = f"people_{server.engine}"
    await carried_out(server, f"CREATE TABLE {name} (id integer, title varchar(20), phone varchar(20))")
    await carried_out(server, f"INSERT INTO {name} VALUES (1, 'Анна', '+74950000208')")
    crm = opened({"find": f"SELECT p.*, id AS customer_id, title AS name FROM {name} p WHERE phone = :e164"})
    assert await names(crm, 208) == ["Анна"]
    await carried_out(server, f"ALTER TABLE {name} ADD COLUMN city varchar(20)")
    await carried_out(server, f"UPDATE {name} SET city = 'Тверь'")
    (record,) = await crm.find(caller(208))
    assert record.customer.city == "Тверь"


async def test_a_number_may_be_kept_as_a_number(server: Server, opened: Opened) -> None:
    name = f"digits_{server.engine}"
    await carried_out(server, f"CREATE TABLE {name} (id integer, name varchar(20), phone bigint)")
    await carried_out(server, f"INSERT INTO {name} VALUES (1, 'Анна', 74950000209)")
    crm = opened({"find": f"SELECT id AS customer_id, name FROM {name} WHERE phone = :digits"})
    assert await names(crm, 209) == ["Анна"]
    assert await crm.find(parse_number("ivanov", region="RU")) == ()


async def test_a_table_of_an_old_character_set_will_do(mariadb: Server) -> None:
    await carried_out(
        mariadb,
        "CREATE TABLE old_people (id INT, name VARCHAR(40), phone VARCHAR(20) CHARACTER SET latin1) CHARSET cp1251",
    )
    await carried_out(mariadb, "INSERT INTO old_people VALUES (1, '', '+74950000214')")
    crm = crm_of(
        mariadb,
        {
            "find": "SELECT id AS customer_id, name FROM old_people WHERE phone = :e164",
            "update": "UPDATE old_people SET name = :name WHERE id = :customer_id AND name <> :name",
        },
    )
    try:
        await crm.update(CustomerId("1"), CustomerChanges(name="Ольга Ёжикова"))
        assert await names(crm, 214) == ["Ольга Ёжикова"]
        with pytest.raises(CrmRefuses) as told:
            await crm.update(CustomerId("1"), CustomerChanges(name="🙂"))
        assert "🙂" not in str(told.value)
    finally:
        await crm.close()


async def test_a_server_that_comes_back_is_asked_again_at_once(server: Server, opened: Opened) -> None:
    await with_number(server, "Клара Быстрая", "+74950000210")
    crm = opened()
    assert await asyncio.gather(*(names(crm, 210) for _ in range(4))) == [["Клара Быстрая"]] * 4
    server.stop()
    server.start()
    assert await names(crm, 210) == ["Клара Быстрая"]
    await crm.check()


ENCRYPTION = {
    "postgresql": "SELECT pid AS customer_id, version AS name FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
    "mysql": "SELECT 1 AS customer_id, VARIABLE_VALUE AS name FROM information_schema.SESSION_STATUS "
    "WHERE VARIABLE_NAME = 'SSL_VERSION'",
}
"""Queries that find how the line is encrypted that asks them."""


@pytest.fixture(scope="session")
def uvloop_was_used() -> None:
    """The first of its loops makes a pipe that the process has for good."""
    uvloop.new_event_loop().close()


def on_uvloop(work: Callable[[], Awaitable[None]]) -> None:
    async def main() -> None:
        await work()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())


@pytest.mark.usefixtures("uvloop_was_used")
@pytest.mark.parametrize("run", [lambda work: asyncio.run(work()), on_uvloop], ids=["asyncio", "uvloop"])
def test_an_encrypted_line_is_trusted_only_if_its_certificate_is(
    server: Server, run: Callable[[Callable[[], Awaitable[None]]], None]
) -> None:
    async def work() -> None:
        trusting = crm_of(server, {"find": ENCRYPTION[server.engine]}, tls=True, tls_ca=str(CERTIFICATE))
        try:
            assert (await names(trusting, 211))[0].startswith("TLSv1")
        finally:
            await trusting.close()
        doubting = crm_of(server, tls=True)
        try:
            with pytest.raises(CrmUnavailable, match="certificate is not valid"):
                await doubting.check()
        finally:
            await doubting.close()

    run(work)


async def test_the_password_is_shown_nowhere(server: Server, opened: Opened) -> None:
    crm = opened()
    assert SECRET not in repr(crm.__dict__)
    await added(server, "customers", name="Пётр Громов")


async def test_times_may_be_kept_as_seconds_since_1970(server: Server, opened: Opened) -> None:
    name, noon = f"seconds_{server.engine}", NOON.replace(microsecond=0)
    await carried_out(server, f"CREATE TABLE {name} (k varchar(60), began bigint, ended bigint)")
    seconds = "{}" if server.engine == "postgresql" else "UNIX_TIMESTAMP({})"
    values = ", ".join(seconds.format(parameter) for parameter in (":started_at", ":ended_at"))
    crm = opened(
        {
            "report": f"INSERT INTO {name} VALUES (:key, {values})",
            "calls": f"SELECT k AS call_key, began AS started_at, ended AS ended_at FROM {name} "
            "WHERE :customer_id <> '' LIMIT :limit",
        },
        timezone="Europe/Moscow",
    )
    await crm.report(call("7", "seconds", started_at=noon, ended_at=noon + timedelta(seconds=5)))
    (seen,) = await crm.calls(CustomerId("7"), limit=5)
    assert (seen.started_at, seen.ended_at) == (noon, noon + timedelta(seconds=5))
