"""Databases change roles, poolers stand between, and callers do not wait: no connection keeps anything of that."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import aiomysql
import pytest
from databases import SECRET, PostgresqlServer, Server
from sql_people import Opened, carried_out, crm_of, with_number
from sql_tables import QUERIES

from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql import postgresql as by_postgresql
from cti_bridge.crm.sql.adapter import SqlCrm
from cti_bridge.crm.sql.connections import DatabasePlace
from cti_bridge.crm.sql.placeholders import Dialect, statement
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number

pytestmark = pytest.mark.slow

NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
WRITING = {
    *(Capability.CREATE, Capability.UPDATE, Capability.ADD_NOTE, Capability.REPORT_STARTED),
    *(Capability.REPORT_ANSWERED, Capability.REPORT_ENDED, Capability.REPORT_UPDATED),
}


async def names(crm: SqlCrm, last: int) -> list[str]:
    return [one.customer.name for one in await crm.find(parse_number(f"+7495000{last:04}", region="RU"))]


def started(customer: int, key: str) -> CallReport:
    return CallReport(
        id=f"{key}/1", key=key, moment=CallMoment.STARTED, direction="inbound", number="+74950000320", did="",
        customer_id=CustomerId(str(customer)), user="", queue="sales", outcome="", started_at=NOON, answered_at=None,
        ended_at=None,
    )  # fmt: skip


async def takes_changes(server: Server, yes: bool) -> None:
    """Whether the server takes changes, from now on; one that does not is the copy of another one."""
    if isinstance(server, PostgresqlServer):
        server.copy_another(not yes)  # not in a thread of its own, with which the server would end
        return
    await at_admin(server, f"SET GLOBAL read_only = {'OFF' if yes else 'ON'}")


async def at_admin(server: Server, text: str) -> None:
    """Have MariaDB's admin say this."""
    line = await aiomysql.connect(host="127.0.0.1", port=server.port, user="cti_admin", password=SECRET)
    cursor = await line.cursor()
    await cursor.execute(text)
    await line.ensure_closed()


async def test_a_copy_finds_callers_takes_no_reports_and_takes_them_once_it_is_the_only_one(
    server: Server, opened: Opened
) -> None:
    customer = await with_number(server, "Лев Копия", "+74950000320")
    crm = opened()
    await crm.report(started(customer, f"before-{server.engine}"))
    await takes_changes(server, False)
    try:
        assert await names(crm, 320) == ["Лев Копия"]
        for _ in range(2):
            with pytest.raises(CrmUnavailable):  # which means that it is told again
                await crm.report(started(customer, f"after-{server.engine}"))
        lacking = await crm.lacking()
        assert lacking.keys() == WRITING
        assert set(lacking.values()) == {"the server takes no changes: is it a replica?"}
    finally:
        await takes_changes(server, True)
    await crm.report(started(customer, f"after-{server.engine}"))
    assert len(await crm.calls(CustomerId(str(customer)), limit=9)) == 0  # neither of them is over
    rows = await carried_out(server, "SELECT count(*) FROM calls WHERE customer_id = {}", customer)
    assert rows == [(2,)]


async def test_a_writing_connection_that_leads_to_a_copy_is_left(server: Server, opened: Opened) -> None:
    """The name or address of the database may have gone over to another server meanwhile."""
    customer = await with_number(server, "Нора Копия", "+74950000321")
    crm = opened()
    await crm.report(started(customer, f"held-{server.engine}"))
    if server.engine == "mysql":  # there it happens under connections that are open
        await takes_changes(server, False)
        try:
            with pytest.raises(CrmUnavailable, match="takes no changes"):
                await crm.report(started(customer, f"held-{server.engine}"))
        finally:
            await takes_changes(server, True)
        assert await writing(server) == 0
    await crm.report(started(customer, f"held-{server.engine}"))


async def test_a_report_goes_over_a_new_connection_when_the_old_ones_are_gone(server: Server, opened: Opened) -> None:
    customer = await with_number(server, "Эра Новая", "+74950000324")
    crm = opened()
    await crm.report(started(customer, f"gone-{server.engine}/1"))
    server.stop()
    server.start()
    await crm.report(started(customer, f"gone-{server.engine}/2"))
    rows = await carried_out(server, "SELECT count(*) FROM calls WHERE customer_id = {}", customer)
    assert rows == [(2,)]


async def test_a_server_that_closes_idle_lines_costs_no_report(mariadb: Server) -> None:
    customer = await with_number(mariadb, "Ива Тихая", "+74950000325")
    crm = crm_of(mariadb)
    try:
        await at_admin(mariadb, "SET GLOBAL wait_timeout = 1")
        await crm.report(started(customer, "idle/1"))
        assert await names(crm, 325) == ["Ива Тихая"]
        assert await writing(mariadb) == 0  # it has closed them
        await crm.report(started(customer, "idle/2"))
        assert await names(crm, 325) == ["Ива Тихая"]
    finally:
        await at_admin(mariadb, "SET GLOBAL wait_timeout = DEFAULT")
        await crm.close()


async def test_a_report_of_several_statements_is_there_whole_or_not_at_all_and_once(
    server: Server, opened: Opened
) -> None:
    customer = await with_number(server, "Рада Целая", "+74950000326")
    name = f"told_{server.engine}"
    await carried_out(server, f"CREATE TABLE {name} (k varchar(60) PRIMARY KEY, at_least integer NOT NULL)")
    again = "ON CONFLICT (k) DO NOTHING" if server.engine == "postgresql" else "ON DUPLICATE KEY UPDATE k = k"
    count = f"INSERT INTO {name} (k, at_least) VALUES (:key, :talked_s) {again}"
    whole = opened({"report": [count, QUERIES[server.engine]["report"]]})
    half = opened({"report": [count, "INSERT INTO deals (customer_id, title, stage) VALUES (:customer_id, NULL, 'x')"]})
    report = started(customer, f"whole-{server.engine}")
    with pytest.raises(CrmRefuses, match=r"^report: .*title"):
        await half.report(report)
    assert await carried_out(server, f"SELECT count(*) FROM {name}") == [(0,)]
    for _ in range(3):
        await whole.report(report)
    assert await carried_out(server, f"SELECT count(*) FROM {name}") == [(1,)]
    assert await carried_out(server, "SELECT count(*) FROM calls WHERE customer_id = {}", customer) == [(1,)]


async def writing(server: Server) -> int:
    """How many connections an adapter has that may write; those that read were never made here."""
    text = "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE USER = 'cti_bridge' AND ID <> CONNECTION_ID()"
    async with asyncio.timeout(30):
        while True:
            ((count,),) = await carried_out(server, text)
            if count == 0:
                return 0
            await asyncio.sleep(0.05)


async def test_nothing_that_is_set_stays_for_who_gets_the_line_next(postgresql: Server) -> None:
    """A pooler gives the server's end of it to somebody else after each transaction."""
    for for_reading in (True, False):
        place = DatabasePlace(
            host="127.0.0.1", port=postgresql.port, socket=None, database=postgresql.database, user="cti_bridge",
            secret=SECRET, tls=None, zone=ZoneInfo("UTC"), limit_s=30.0, for_reading=for_reading,
        )  # fmt: skip
        line = await by_postgresql.connected(place)
        assert isinstance(line, by_postgresql.PostgresqlConnection)
        query = "SELECT current_setting('statement_timeout'), current_setting('transaction_read_only')"
        asked = statement(query, Dialect.POSTGRESQL, ())
        if for_reading:
            assert (await line.read(asked, {}, most=1)).rows == (["27s", "on"],)
        else:
            await line.write([asked], {})
        driver = line._connection  # past our transactions
        kept = ("application_name", "TimeZone", "standard_conforming_strings", "client_encoding")
        left = await driver.fetch("SELECT name FROM pg_settings WHERE source = 'session' AND name <> ALL($1)", kept)
        assert left == []
        assert await driver.fetch("SELECT name FROM pg_prepared_statements") == []
        await line.close()


SLEEPS = {
    "postgresql": "SELECT '1' AS customer_id, 'x' AS name FROM pg_sleep(60) WHERE :number <> ''",
    "mysql": "SELECT '1' AS customer_id, 'x' AS name FROM DUAL WHERE SLEEP(60) = 0 AND :number <> ''",
}
SLEEPING = {
    "postgresql": "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%sleep(60)%' "
    "AND pid <> pg_backend_pid()",
    "mysql": "SELECT COUNT(*) FROM information_schema.PROCESSLIST WHERE INFO LIKE '%SLEEP(60)%' "
    "AND ID <> CONNECTION_ID()",
}


async def sleeping(server: Server, wanted: Callable[[int], bool]) -> None:
    """Return when so many queries are asleep on the server."""
    async with asyncio.timeout(30):
        while True:
            ((count,),) = await carried_out(server, SLEEPING[server.engine])
            if wanted(int(count)):
                return
            await asyncio.sleep(0.05)


async def test_a_caller_who_does_not_wait_leaves_no_query_behind_and_a_clean_pool(
    server: Server, opened: Opened
) -> None:
    await with_number(server, "Ада Быстрая", "+74950000322")
    slow = opened({"find": SLEEPS[server.engine]}, connections=2, timeout="2s")

    async def ask() -> None:
        while True:
            with suppress(CrmUnavailable):  # who was given up before anybody saw him asks again
                await names(slow, 322)

    asked = [asyncio.create_task(ask()) for _ in range(2)]
    await sleeping(server, lambda count: count > 0)
    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    await sleeping(server, lambda count: count == 0)
    assert (await slow.stages()).stages


async def test_slow_notes_hold_up_no_caller(server: Server, opened: Opened) -> None:
    await with_number(server, "Ян Быстрый", "+74950000323")
    query = SLEEPS[server.engine].replace(":number", ":customer_id")
    columns = "'2026-11-20 12:00:00' AS at, 'x' AS text"
    crm = opened({"notes": query.replace("'1' AS customer_id, 'x' AS name", columns)}, connections=2)
    notes = [asyncio.create_task(crm.notes(CustomerId("7"), limit=3)) for _ in range(10)]
    await sleeping(server, lambda count: count > 0)
    assert await names(crm, 323) == ["Ян Быстрый"]
    for task in notes:
        task.cancel()
    await asyncio.gather(*notes, return_exceptions=True)


async def test_strings_end_where_we_take_them_to_whatever_the_server_is_set_to(mariadb: Server) -> None:
    await at_admin(mariadb, "SET GLOBAL sql_mode = 'ORACLE,ANSI_QUOTES,NO_BACKSLASH_ESCAPES,STRICT_TRANS_TABLES'")
    query = r"""SELECT 1 AS customer_id, "it's \" :number" AS name, 'it''s \' :e164' AS city FROM DUAL
        WHERE :number = '+74950000327'"""
    crm = crm_of(mariadb, {"find": query})
    try:
        (record,) = await crm.find(parse_number("+74950000327", region="RU"))
        assert (record.customer.name, record.customer.city) == ("it's \" :number", "it's ' :e164")
    finally:
        await at_admin(mariadb, "SET GLOBAL sql_mode = DEFAULT")
        await crm.close()
