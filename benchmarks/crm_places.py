"""Every kind of CRM with the same few people in it, each with a deal, and our adapter opened on it.

Databases and Tryton are real, as the tests start them; the clouds and the small CRM are the tests' fakes.
"""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from benchmarks.crm_fakes import FAKES
from benchmarks.customers import number
from benchmarks.processes import helper
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.crm.kinds import KINDS, open_crm
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.port import Crm
from demo.asterisk import REPOSITORY
from demo.tryton import DATABASE, PASSWORD, USER, TrytonServer
from demo.tryton_install import install
from demo.tryton_office import deal, employee_of, take_in

sys.path.append(str(REPOSITORY / "tests" / "crm"))

from customer_files import import_text
from databases import MariadbServer, PostgresqlServer, Server, running
from sql_people import carried_out, crm_of
from sql_tables import TABLES

from fakes.amocrm import FakeAmocrm
from fakes.rest import SECRET as REST_SECRET
from fakes.vtiger import ACCESS_KEY

PEOPLE = 60
"""Person number N has `customers.number(N)`; so few, because a fake looks through all of them."""
_FENCE = re.compile(r"^```yaml\n(crm:\n.*?)^```$", re.MULTILINE | re.DOTALL)
Opened = Callable[[Path], AbstractAsyncContextManager[Crm]]
"""Makes a CRM with all of its people in a folder of its own, and has nothing left of it afterwards."""


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Crm]:
    """The embedded CRM."""
    lines = [f"c-{n},Клиент {n},{number(n)},d-{n},Заказ {n},offer_sent" for n in range(PEOPLE)]
    import_text(folder, "\n".join(("customer_id,name,number,deal_id,deal_title,stage", *lines)) + "\n")
    crm = EmbeddedCrm(folder / "crm.sqlite")
    try:
        yield crm
    finally:
        await crm.close()


@asynccontextmanager
async def _sql(make: Callable[[], Server]) -> AsyncIterator[Crm]:
    """A database with the tables and queries of the documentation."""
    for server in running(make()):
        people = ", ".join(f"({n + 1}, 'Клиент {n}')" for n in range(PEOPLE))
        phones = ", ".join(f"({n + 1}, '{number(n)}')" for n in range(PEOPLE))
        deals = ", ".join(f"({n + 1}, 'Заказ {n}', 'offer_sent')" for n in range(PEOPLE))
        for text in (
            TABLES[server.engine],
            f"INSERT INTO customers (id, name) VALUES {people};\n"
            f"INSERT INTO phones (customer_id, number) VALUES {phones};\n"
            f"INSERT INTO deals (customer_id, title, stage) VALUES {deals};\n",
        ):
            await carried_out(server, text)
        crm = crm_of(server)
        try:
            yield crm
        finally:
            await crm.close()


@asynccontextmanager
async def _tryton(folder: Path) -> AsyncIterator[Crm]:
    """Tryton 8.0, which is installed if it is not."""
    cache = Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache"))
    with TrytonServer(install(cache, "8.0"), folder) as server:
        await asyncio.to_thread(_take_all_in, server)
        model = {"url": server.url, "database": DATABASE, "user": USER, "secret": PASSWORD}
        async with _opened("tryton", model, folder) as crm:
            yield crm


def _take_all_in(server: TrytonServer) -> None:
    office = server.office()
    employee = employee_of(office, "op1")
    for n in range(PEOPLE):
        deal(office, take_in(office, f"Клиент {n}", (number(n),)), f"Заказ {n}", "opportunity", employee=employee)


@asynccontextmanager
async def _fake(kind: str, folder: Path) -> AsyncIterator[Crm]:
    """A fake in a process of its own."""
    told = {"kind": kind, "folder": str(folder), "people": PEOPLE}
    async with helper("benchmarks.crm_fakes", json.dumps(told)):
        model = _settings_of(kind, (folder / "address").read_text("utf-8"), folder)
        async with _opened(kind, model, folder) as crm:
            yield crm


def _settings_of(kind: str, address: str, folder: Path) -> dict[str, Any]:
    if kind == "bitrix24":
        return {"webhook": {"secret": address}}
    if kind == "amocrm":
        return {"url": address, "token": {"secret": FakeAmocrm.long_lived}}
    if kind == "vtiger":
        return {"url": address, "user": "cti", "secret": ACCESS_KEY}
    block, *_ = _FENCE.findall((REPOSITORY / "docs" / "crm" / "generic.md").read_text("utf-8"))
    (folder / "crm.secret").write_text(REST_SECRET, "utf-8")
    settings: dict[str, Any] = YAML(typ="safe").load(block.replace("https://crm.example", address))["crm"]
    return settings


@asynccontextmanager
async def _opened(kind: str, settings: dict[str, Any], folder: Path) -> AsyncIterator[Crm]:
    """The adapter as the bridge opens it."""
    model = KINDS[kind].model.model_validate({"kind": kind, **settings})
    links = SqliteLinks(folder / "links.sqlite")
    crm = open_crm(model, region="RU", stages=None, folder=folder, data_dir=folder, links=links)
    try:
        yield crm
    finally:
        await crm.close()
        await links.close()


PLACES: dict[str, tuple[str, Opened]] = {
    "postgresql": ("sql, PostgreSQL", lambda folder: _sql(PostgresqlServer)),
    "mariadb": ("sql, MariaDB", lambda folder: _sql(MariadbServer)),
    "tryton": ("tryton 8.0", _tryton),
    **{kind: (f"{kind}, a fake of it", partial(_fake, kind)) for kind in FAKES},
}
"""What each is called in the table, and how it is opened."""
