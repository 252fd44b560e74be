"""Reports wait for a CRM, and the settings name another one: no call is told of somebody else's customer."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from customer_files import write
from empty_crm import EmptyCrm
from small_crm import BLOCK

from cti_bridge.calls.journal import Journal
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.port import Capability
from cti_bridge.crm_account import account_of, put_aside_for_another
from cti_bridge.crm_opening import crm_of
from cti_bridge.delivery import outbox
from cti_bridge.delivery.dispatch import Dispatch
from cti_bridge.reception.crm_reports import CrmSink
from cti_bridge.settings import Settings, load_settings

ADD = (
    "INSERT INTO outbox (call_id, sink, seq, type, body, state, since, attempts, due_at, reason)"
    " VALUES (?, ?, 1, 'call.ended', ?, 'waiting', 1.0, 0, 1.0, '')"
)


class Told(EmptyCrm):
    kind = "generic"
    capabilities = frozenset({Capability.REPORT_ENDED})


@pytest.fixture
async def office(tmp_path: Path) -> AsyncIterator["Office"]:
    office = Office(tmp_path)
    await office.journal.open()
    yield office
    await office.links.close()
    await office.journal.close(within_s=20)


class Office:
    """Links, and an outbox in which one report waits for the CRM and another for a webhook."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.links = SqliteLinks(folder / "links.sqlite")
        self.dispatch = Dispatch([CrmSink(Told())], crm_user=lambda operator: "")
        self.journal = Journal(folder / "calls.sqlite", on_state=lambda state, reason: None)
        self.dispatch.connect(self.journal)

    async def waits_for_it(self) -> None:
        def add(database: object) -> None:
            connection = database.conn  # type: ignore[attr-defined]
            with connection:
                for sink in ("crm:generic", "warehouse"):
                    connection.execute(ADD, ["main-1.1", sink, json.dumps({})])

        await self.journal.ask(add, within_s=20)

    def settings(self, url: str) -> Settings:
        write(self.folder / "ami.secret", "geheim\n")
        block = "pbxes: [{ami: {secret_file: ami.secret}}]\ndata_dir: .\n" + BLOCK.format(url=url)
        return load_settings(write(self.folder / "cti-bridge.yaml", block))

    async def starts(self, url: str) -> dict[str, str]:
        """A start with the CRM at this address: what has become of each report."""
        settings = self.settings(url)
        crm = crm_of(settings)
        await put_aside_for_another(settings, account_of(settings, crm), self.links, self.dispatch)
        await crm.close()
        found = await self.journal.ask(
            lambda database: outbox.entries(database.conn, outbox.Choice(), limit=9), within_s=20
        )
        return {entry.sink: entry.state for entry in found}


async def test_reports_for_one_account_are_never_told_to_another(office: Office) -> None:
    await office.waits_for_it()
    waiting = {"crm:generic": "waiting", "warehouse": "waiting"}
    assert await office.starts("https://test.example/crm") == waiting
    assert await office.starts("https://test.example/crm") == waiting
    assert await office.starts("https://crm.example") == {"crm:generic": "dead", "warehouse": "waiting"}


async def test_whoever_only_moved_it_sends_them_again(office: Office) -> None:
    await office.starts("https://old.example")
    await office.waits_for_it()
    await office.starts("https://crm.example")
    retry = outbox.Choice("crm:generic")
    await office.journal.ask(
        lambda database: outbox.retry(database.conn, retry, after=0, until=99, now=2.0), within_s=20
    )
    assert await office.starts("https://crm.example") == {"crm:generic": "waiting", "warehouse": "waiting"}


async def test_links_that_cannot_be_read_hold_nothing_up(office: Office) -> None:
    await office.waits_for_it()
    (office.folder / "links.sqlite").mkdir()
    assert await office.starts("https://crm.example") == {"crm:generic": "waiting", "warehouse": "waiting"}
