"""The bridge as a real process in front of the fake PBX, with many operators and their pages in further processes."""

import json
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlite_utils import Database

from benchmarks.customers import FOLDER
from benchmarks.fake_pbx import FakePbx
from benchmarks.processes import Helper, free_tcp_port, helper
from cti_bridge.database import DatabaseThread
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators import store
from cti_bridge.operators.accounts import FILE_NAME, Accounts
from demo.asterisk import AMI_PORT, AsteriskInstance
from demo.bridge import AGI_PORT, Bridge

FIRST_EXTENSION = 1000
NO_PASSWORD = "!"


@dataclass(frozen=True, slots=True)
class Room:
    """A running bridge, the fake PBX it is connected to, and a key with which pages get tickets."""

    bridge: Bridge
    pbx: FakePbx
    key: str

    @property
    def page_url(self) -> str:
        """Where the pages are."""
        return self.bridge.page_url


def extension(operator: int) -> str:
    """The extension of operator number N, who has the id `opN`."""
    return str(FIRST_EXTENSION + operator)


@asynccontextmanager
async def room(
    *, operators: int, customers: Path, webhooks: Sequence[str] = (), secret: str = ""
) -> AsyncIterator[Room]:
    """Start the bridge with so many operators, which tells these addresses of calls; all is gone at the end."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    # Not in TMPDIR, which may be in memory: the journal's writes belong to the cost of a call.
    with tempfile.TemporaryDirectory(prefix="run-", dir=FOLDER) as folder:
        place = AsteriskInstance(Path("/nonexistent"), Path(folder) / "pbx")  # only for its addresses, never started
        bridge = Bridge(Path(folder), place, page_port=free_tcp_port())
        settings = {**bridge.read_settings(), "crm": {"path": str(customers)}}
        del settings["pbxes"][0]["ari"]  # the fake PBX has none
        (Path(folder) / "webhook.secret").write_text(secret, "utf-8")
        receivers = [
            {"name": f"receiver{number}", "url": url, "secret_file": "webhook.secret"}
            for number, url in enumerate(webhooks)
        ]
        settings["reports"] = {"webhooks": receivers}
        bridge.write_settings(settings)
        key = await add_operators(bridge.data, [f"PJSIP/{extension(number)}" for number in range(operators)])
        async with FakePbx(place.address, AGI_PORT) as pbx:
            try:
                await bridge.start()
                yield Room(bridge, pbx, key)
            finally:
                await bridge.stop()


@dataclass(frozen=True, slots=True)
class BareRoom:
    """The bare broadcaster in the place of the bridge; nobody needs a key."""

    process: Helper
    pbx: FakePbx
    page_url: str
    key: str = ""


@asynccontextmanager
async def bare_room(*, frame_bytes: int) -> AsyncIterator[BareRoom]:
    """Start the bare broadcaster in front of the fake PBX; all is gone at the end."""
    place = AsteriskInstance(Path("/nonexistent"), Path("/nonexistent"))  # only for its addresses, never started
    port = free_tcp_port()
    told = {"ami": [place.address, AMI_PORT], "agi": [place.address, AGI_PORT], "page": ["127.0.0.1", port],
            "first": FIRST_EXTENSION, "frame_bytes": frame_bytes}  # fmt: skip
    async with (
        FakePbx(place.address, AGI_PORT) as pbx,
        helper("benchmarks.bare_pop", json.dumps(told)) as process,
    ):
        yield BareRoom(process, pbx, f"http://127.0.0.1:{port}")


@asynccontextmanager
async def pages(url: str, key: str, *, operators: range) -> AsyncIterator[Helper]:
    """Connect a page for each of these operators, all in one process of their own."""
    told = {"url": url, "key": key, "operators": [f"op{number}" for number in operators]}
    async with helper("benchmarks.pages", json.dumps(told)) as process:
        yield process


async def seen(page: Helper) -> dict[str, Any]:
    """Close the pages; gives back what they saw (see `benchmarks.pages`)."""
    result: dict[str, Any] = json.loads(await page.result())
    return result


async def add_operators(data: Path, phones: Sequence[str]) -> str:
    """Write an operator `opN` for each phone into the file and make a key.

    Nobody has a password, for hashing a thousand takes minutes.
    """
    database = DatabaseThread(data / FILE_NAME, store.MIGRATIONS, name="operators")
    await database.open()
    people = [
        Operator(OperatorId(f"op{number}"), f"Дарья Полянская {number}", (phone,), crm_user=f"op{number}")
        for number, phone in enumerate(phones)
    ]
    await database.run(lambda db: _insert(db, people))
    await database.close()
    accounts = Accounts(data)
    await accounts.open()
    try:
        return await accounts.add_key("benchmark")
    finally:
        await accounts.close()


def _insert(database: Database, people: list[Operator]) -> None:
    for operator in people:
        store.insert_operator(database, operator, NO_PASSWORD)
