"""What an admin gets wrong is told in plain words, with the name of the query: at the check, not at a call."""

import re
from typing import Any

import pytest
from databases import CERTIFICATE, Server
from sql_people import Opened, carried_out, crm_of, with_number

from cti_bridge.crm.port import Capability, CrmUnavailable
from cti_bridge.crm.sql.connections import STOPPED
from cti_bridge.domain.number import parse_number

pytestmark = pytest.mark.slow


def caller(last: int) -> Any:
    return parse_number(f"+7495000{last:04}", region="RU")


FAULTS: dict[str, tuple[str | dict[str, str], str]] = {
    "changes": (
        {
            "postgresql": "UPDATE customers SET city = city WHERE name = :number RETURNING id AS customer_id, name",
            "mysql": "UPDATE customers SET city = city WHERE name = :number",
        },
        r"^find: (it changes or locks something|.*READ ONLY transaction)",
    ),
    "changes on the way": (
        {
            "postgresql": "WITH gone AS (DELETE FROM customers WHERE name = :number RETURNING id, name) "
            "SELECT id AS customer_id, name FROM gone",
            "mysql": "DELETE FROM customers WHERE name = :number RETURNING id AS customer_id, name",
        },
        r"^find: (it changes or locks something|.*READ ONLY transaction)",
    ),
    "twice": (
        "SELECT c.id AS customer_id, c.name, d.title AS name, d.id AS deal_id, d.stage FROM customers c "
        "JOIN deals d ON d.customer_id = c.id WHERE c.name = :number",
        "^find: it gives the column name twice$",
    ),
    "no column": ("SELECT id, name FROM customers WHERE name = :number", "^find: it gives no column customer_id$"),
    "no such column": ("SELECT id AS customer_id, nmae FROM customers WHERE name = :number", "^find: .*nmae"),
    "no such table": ("SELECT id AS customer_id, name FROM kunden WHERE name = :number", "^find: .*kunden"),
    "no SQL": ("SELEKT :number", "^find: .*SELEKT"),
}


@pytest.mark.parametrize("mistake", FAULTS)
async def test_a_mistake_in_find_is_told_by_the_check(server: Server, opened: Opened, mistake: str) -> None:
    query, reason = FAULTS[mistake]
    crm = opened({"find": query if isinstance(query, str) else query[server.engine]})
    for question in (crm.check, lambda: crm.find(caller(300)), crm.check):
        with pytest.raises(CrmUnavailable, match=reason if question == crm.check else "^find: ") as told:
            await question()
        assert str(told.value).isprintable()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("SELECT id AS customer_id, name FROM customers WHERE name = :number FOR UPDATE", "changes or locks"),
        ("SELECT id AS customer_id, name FROM customers WHERE '{1}'::uuid = :number", ":number is no uuid"),
        ("SELECT id AS customer_id, name FROM customers WHERE now()::date = :digits", ":digits does not fit"),
        ("SELECT id AS customer_id, name FROM customers WHERE archived = :e164", ":e164 does not fit"),
    ],
)
async def test_a_parameter_of_the_wrong_type_is_told_by_its_name(postgresql: Server, query: str, reason: str) -> None:
    crm = crm_of(postgresql, {"find": query.format("", "0" * 32)})
    try:
        with pytest.raises(CrmUnavailable, match=f"^find: .*({reason})") as told:
            await crm.check()
            await crm.find(caller(301))
        assert "0000301" not in str(told.value)
    finally:
        await crm.close()


async def test_column_names_may_be_written_in_any_case(server: Server, opened: Opened) -> None:
    quote = '"' if server.engine == "postgresql" else "`"
    names = f"id AS {quote}Customer_ID{quote}, name AS {quote}NAME{quote}"
    crm = opened({"find": f"SELECT {names} FROM customers WHERE name = :number"})
    await with_number(server, "+74950000302")
    await crm.check()
    (record,) = await crm.find(caller(302))
    assert record.customer.name == "+74950000302"


async def test_percent_signs_are_no_placeholders(server: Server, opened: Opened) -> None:
    customer = await with_number(server, "100 % %s %(x)s Ольга")
    queries = {
        "find": "SELECT id AS customer_id, name, 7 % 4 AS city FROM customers "
        "WHERE name LIKE '100 \\% \\%s %' AND :number <> ''",
        "update": "UPDATE customers SET city = '%s' WHERE name LIKE '100 %' AND id = :customer_id",
    }
    crm = opened(queries)
    (record,) = await crm.find(caller(303))
    assert (record.customer.id, record.customer.city) == (str(customer), "3")
    assert await crm.lacking() == {}


async def test_a_million_rows_are_refused_and_nothing_is_left_of_them(server: Server, opened: Opened) -> None:
    many = {
        "postgresql": "SELECT n AS customer_id, repeat('x', 200) AS name FROM generate_series(1, 1000000) n "
        "WHERE :number <> ''",
        "mysql": "SELECT seq AS customer_id, REPEAT('x', 200) AS name FROM seq_1_to_1000000 WHERE :number <> ''",
    }
    crm = opened({"find": many[server.engine]})
    for _ in range(3):
        with pytest.raises(
            CrmUnavailable, match=f"^find: (it gives more than 5000 rows: is its WHERE|{re.escape(STOPPED)})"
        ):
            await crm.find(caller(304))


SLOW = {
    "postgresql": "SELECT count(*) AS customer_id, 'x' AS name FROM generate_series(1, 100000) a, "
    "generate_series(1, 100000) b WHERE a + b > 0 AND :number <> ''",
    "mysql": "SELECT COUNT(*) AS customer_id, 'x' AS name FROM seq_1_to_100000 a, seq_1_to_100000 b "
    "WHERE a.seq + b.seq > 0 AND :number <> ''",
}


async def test_a_query_that_takes_too_long_is_told_by_its_name(server: Server, opened: Opened) -> None:
    crm = opened({"find": SLOW[server.engine]}, timeout="500ms")
    for _ in range(2):
        with pytest.raises(CrmUnavailable, match=f"^find: ({re.escape(STOPPED)}|no answer within 0.5 s)$"):
            await crm.find(caller(305))


async def test_which_statement_of_a_list_is_wrong_is_told(server: Server, opened: Opened) -> None:
    crm = opened(
        {
            "update": [
                "UPDATE customers SET name = :name WHERE id = :customer_id",
                "UPDATE customers SET nmae = :name WHERE id = :customer_id",
            ]
        }
    )
    lacking = await crm.lacking()
    assert lacking.keys() == {Capability.UPDATE}
    assert lacking[Capability.UPDATE].startswith("update, statement 2: ")
    assert "nmae" in lacking[Capability.UPDATE]


async def test_a_stage_is_final_or_not_and_nothing_between(server: Server, opened: Opened) -> None:
    bit = {"postgresql": "B'1'", "mysql": "b'1'"}[server.engine]
    query = f"SELECT 'lost' AS id, 'x' AS name, 1 AS position, {bit} AS final"
    (stage,) = (await opened({"stages": query}).stages()).stages
    assert stage.final
    with pytest.raises(CrmUnavailable, match=r"^stages: the column final says neither yes nor no"):
        await opened({"stages": query.replace(bit, "'vielleicht'")}).stages()


@pytest.mark.parametrize(
    ("user", "words"),
    [("cti_tls", "no encryption|Access denied"), ("cti_expired", "password|expired"), ("niemand", "niemand")],
)
async def test_why_nobody_is_let_in_is_told(server: Server, opened: Opened, user: str, words: str) -> None:
    crm = opened(user=user)
    for question in (crm.check, lambda: crm.find(caller(306)), crm.lacking):
        with pytest.raises(CrmUnavailable, match=words):
            await question()


async def test_who_has_to_encrypt_may_and_a_certificate_of_another_name_is_refused(
    server: Server, opened: Opened
) -> None:
    asking_nothing = {"find": "SELECT 1 AS customer_id, 'x' AS name WHERE :number <> ''"}
    await opened(asking_nothing, user="cti_tls", tls=True, tls_ca=str(CERTIFICATE)).check()
    with pytest.raises(CrmUnavailable, match="certificate is not valid"):
        await opened(user="cti_tls", host="localhost", tls=True, tls_ca=str(CERTIFICATE)).check()


async def test_a_database_that_is_not_there_is_told(server: Server, opened: Opened) -> None:
    with pytest.raises(CrmUnavailable, match=r"nirgends|Access denied"):
        await opened(database="nirgends").check()


async def test_a_right_that_is_taken_away_later_is_told_at_once(server: Server, opened: Opened) -> None:
    name = f"private_{server.engine}"
    await carried_out(server, f"CREATE TABLE {name} (id integer, name varchar(20))")
    crm = opened({"find": f"SELECT id AS customer_id, name FROM {name} WHERE name = :number"}, user="cti_reader")
    if server.engine == "postgresql":
        with pytest.raises(CrmUnavailable, match=f"^find: .*{name}"):
            await crm.check()
        await carried_out(server, f"GRANT SELECT ON {name} TO cti_reader")
    await crm.check()
    assert await crm.find(caller(307)) == ()
    await carried_out(server, f"DROP TABLE {name}")
    with pytest.raises(CrmUnavailable, match=f"^find: .*{name}"):
        await crm.find(caller(307))
