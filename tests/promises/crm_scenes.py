"""Each kind of CRM with people in it, as an admin connects a bridge to it, and what can be wrong with it.

Real: the embedded file, PostgreSQL, MariaDB and Tryton. The others are the strict fakes of `tests/crm/fakes`. People
and troubles are those of the contract (`tests/crm/contract`); the adapters that the places there have are not used.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from customer_files import import_text
from databases import SECRET, MariadbServer, PostgresqlServer, Server, running
from generic_page import whole_example
from ruamel.yaml import YAML
from sql_people import carried_out
from sql_tables import QUERIES, TABLES
from tryton_place import place_at
from tryton_server import running as tryton_running

from contract.place import Place, Trouble
from contract.test_contract_amocrm import WISHES, AmocrmPlace
from contract.test_contract_bitrix import CODE, ApplicationPlace
from contract.test_contract_embedded import CustomerFile
from contract.test_contract_generic import SmallCrm
from contract.test_contract_sql import SqlPlace
from contract.test_contract_vtiger import VtigerPlace
from demo.tryton import DATABASE, PASSWORD, USER
from fakes.amocrm import FakeAmocrm
from fakes.bitrix import CLIENT_ID, CLIENT_SECRET, Bitrix
from fakes.rest import SECRET as REST_SECRET
from fakes.rest import FakeRest
from fakes.vtiger import ACCESS_KEY, CALLS_SECRET, FakeVtiger
from promises.database_line import DatabaseLine, line_to
from promises.faults import readers_shut_out

Told = Mapping[Trouble, str]
"""What a decision says of the CRM in each trouble, as a pattern."""
TOO_LATE = r"no answer within 800 ms"
WEB: Told = {
    Trouble.STOPPED: "cannot|refused",
    Trouble.HANGS: TOO_LATE,
    Trouble.HTML: "answered HTML and not",
}
"""Of every CRM that is asked over HTTP."""
RENEWED = ""
"""The login is renewed while the caller waits, or, if that takes too long, for the next one."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A CRM with its `crm:` of the settings, the files that these name, and what each trouble is called."""

    place: Place
    crm: Mapping[str, Any]
    told: Told
    files: Mapping[str, str] = field(default_factory=dict)


Opened = Callable[[Path, Path], AbstractAsyncContextManager[Scene]]
"""Makes a scene, given the bridge's folder of data and a folder for everything else."""


class LockedFile(CustomerFile):
    """The bridge's own file. It hangs when another program has the locks that SQLite needs, as during a recovery."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self._file = folder / "crm.sqlite"
        self._shut_out = AsyncExitStack()

    async def suffer(self, trouble: Trouble) -> None:
        if trouble is Trouble.HANGS:
            await self._shut_out.enter_async_context(readers_shut_out(self._file))
        else:
            await super().suffer(trouble)

    async def recover(self) -> None:
        await self._shut_out.aclose()
        await super().recover()


class DistantDatabase(SqlPlace):
    """A database at the end of a line."""

    troubles = frozenset({Trouble.STOPPED, Trouble.HANGS, Trouble.HTML})

    def __init__(self, server: Server, line: DatabaseLine) -> None:
        super().__init__(server)
        self._line = line

    async def suffer(self, trouble: Trouble) -> None:
        await self._line.suffer(trouble)

    async def recover(self) -> None:
        await self._line.recover()


@asynccontextmanager
async def embedded(data: Path, _folder: Path) -> AsyncIterator[Scene]:
    import_text(data, "name,number\nНикто Никтоевич,+74950000999\n")
    place = LockedFile(data)
    said = {
        Trouble.STOPPED: "does not exist",
        Trouble.HANGS: "locked|no answer",
        Trouble.HTML: "is not an SQLite file",
    }
    try:
        yield Scene(place, {}, said)
    finally:
        await place.recover()
        await place.crm.close()


def _database(make: Callable[[], Server]) -> Opened:
    @asynccontextmanager
    async def sql(_data: Path, _folder: Path) -> AsyncIterator[Scene]:
        with contextmanager(running)(make()) as server:
            await carried_out(server, TABLES[server.engine])
            async with line_to(server.port) as line:
                place = DistantDatabase(server, line)
                crm = {
                    "kind": "sql",
                    "engine": server.engine,
                    "port": line.port,
                    "database": server.database,
                    "user": "cti_bridge",
                    "secret_file": "crm.secret",
                    "queries": QUERIES[server.engine],
                }
                said = {
                    Trouble.STOPPED: "cannot|refused",
                    Trouble.HANGS: TOO_LATE,
                    Trouble.HTML: "is none|is not understood",
                }
                try:
                    yield Scene(place, crm, said, {"crm.secret": SECRET})
                finally:
                    await place.crm.close()

    return sql


@asynccontextmanager
async def tryton(_data: Path, folder: Path) -> AsyncIterator[Scene]:
    with tryton_running("8.0", folder / "tryton") as server:
        async with place_at(server, folder) as place:
            crm = {
                "kind": "tryton",
                "url": place.line.url,
                "database": DATABASE,
                "user": USER,
                "secret_file": "crm.secret",
            }
            said = {
                **WEB,
                Trouble.INSIDE: "Tryton failed",
                Trouble.EXPIRED: RENEWED,
                Trouble.LIMITED: "too many bad logins",  # nothing else makes a Tryton say 429
            }
            yield Scene(place, crm, said, {"crm.secret": PASSWORD})


@asynccontextmanager
async def generic(_data: Path, folder: Path) -> AsyncIterator[Scene]:
    fake = FakeRest()
    await fake.start()
    place = SmallCrm(fake, folder)
    crm = YAML(typ="safe").load(whole_example(fake.url))["crm"]
    said = {**WEB, Trouble.INSIDE: "says that it failed", Trouble.EXPIRED: RENEWED, Trouble.LIMITED: "429"}
    try:
        yield Scene(place, crm, said, {"crm.secret": REST_SECRET})
    finally:
        await place.close()
        await place.recover()
        await fake.stop()
    assert not fake.refused, "it was asked for something that it does not understand"


@asynccontextmanager
async def bitrix24(_data: Path, folder: Path) -> AsyncIterator[Scene]:
    fake = Bitrix(enterprise=True)
    await fake.start()
    place = ApplicationPlace(fake, folder)
    application = {
        "portal": fake.url,
        "authority": fake.url,
        "client_id": CLIENT_ID,
        "client": {"secret_file": "crm.client"},
        "code": {"secret_file": "crm.code"},
        "user": 1,
    }
    said = {**WEB, Trouble.INSIDE: "INTERNAL_SERVER_ERROR", Trouble.EXPIRED: RENEWED, Trouble.LIMITED: "QUERY_LIMIT"}
    files = {"crm.client": CLIENT_SECRET, "crm.code": CODE}
    try:
        yield Scene(place, {"kind": "bitrix24", "enterprise": True, "application": application}, said, files)
    finally:
        await place.close()


@asynccontextmanager
async def amocrm(_data: Path, folder: Path) -> AsyncIterator[Scene]:
    account = FakeAmocrm()
    await account.start()
    place = AmocrmPlace(account, folder, WISHES)
    oauth = {
        "client_id": "die-id",
        "redirect_uri": "https://example.com/",
        "client": {"secret_file": "crm.client"},
        "code": {"secret_file": "crm.code"},
    }
    said = {**WEB, Trouble.EXPIRED: RENEWED, Trouble.LIMITED: "asked too often"}
    files = {"crm.client": "das-geheimnis", "crm.code": account.code}
    try:
        yield Scene(place, {"kind": "amocrm", "url": account.url, "oauth": oauth}, said, files)
    finally:
        await place.close()
        await account.stop()


@asynccontextmanager
async def vtiger(_data: Path, folder: Path) -> AsyncIterator[Scene]:
    fake = FakeVtiger()
    await fake.start()
    place = VtigerPlace(fake, folder)
    crm = {
        "kind": "vtiger",
        "url": fake.url,
        "user": "cti",
        "secret_file": "crm.secret",
        "phone_calls": {"secret_file": "crm.calls"},
    }
    said = {**WEB, Trouble.INSIDE: "DATABASE_QUERY_ERROR", Trouble.EXPIRED: RENEWED, Trouble.LIMITED: "429"}
    try:
        yield Scene(place, crm, said, {"crm.secret": ACCESS_KEY, "crm.calls": CALLS_SECRET})
    finally:
        await place.close()


SCENES: Mapping[str, Opened] = {
    "embedded": embedded,
    "postgresql": _database(PostgresqlServer),
    "mariadb": _database(MariadbServer),
    "tryton": tryton,
    "generic": generic,
    "bitrix24": bitrix24,
    "amocrm": amocrm,
    "vtiger": vtiger,
}
