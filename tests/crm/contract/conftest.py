"""Database servers that the tests of a session share; started when the first of them asks."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from databases import SECRET, MariadbServer, PostgresqlServer, Server, running
from sql_people import Opened, carried_out_at_once, crm_of
from sql_tables import TABLES

from cti_bridge.crm.sql.adapter import SqlCrm

_OTHERS = """
CREATE ROLE cti_reader LOGIN PASSWORD '{secret}';
GRANT SELECT ON ALL TABLES IN SCHEMA public TO cti_reader;
CREATE ROLE cti_tls LOGIN PASSWORD '{secret}';
CREATE ROLE cti_expired LOGIN PASSWORD '{secret}' VALID UNTIL '2020-01-01';
"""


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Server]:
    """A real PostgreSQL with the tables of `sql_tables`."""
    yield from _with_tables(PostgresqlServer())


@pytest.fixture(scope="session")
def mariadb() -> Iterator[Server]:
    """A real MariaDB with the tables of `sql_tables`."""
    yield from _with_tables(MariadbServer())


@pytest.fixture(scope="session", params=["postgresql", "mariadb"])
def server(request: pytest.FixtureRequest) -> Server:
    """Each of them in turn."""
    found = request.getfixturevalue(request.param)
    assert isinstance(found, Server)
    return found


@pytest.fixture
async def opened(server: Server) -> AsyncIterator[Opened]:
    """Makes adapters of the server and closes them afterwards."""
    crms: list[SqlCrm] = []

    def make(queries: dict[str, Any] | None = None, **settings: Any) -> SqlCrm:
        crms.append(crm_of(server, queries, **settings))
        return crms[-1]

    yield make
    for crm in crms:
        await crm.close()


def _with_tables(server: Server) -> Iterator[Server]:
    for one in running(server):
        carried_out_at_once(one, TABLES[one.engine])
        if one.engine == "postgresql":
            carried_out_at_once(one, _OTHERS.format(secret=SECRET.replace("'", "''")))
        yield one
