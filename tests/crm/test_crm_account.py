"""Reports wait for a CRM, and the settings name another one: no call is told of somebody else's customer."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from customer_files import write
from empty_crm import EmptyCrm
from small_crm import BLOCK

from cti_bridge.calls.journal import Journal
from cti_bridge.calls.record import CallRecord
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.port import Capability
from cti_bridge.crm_account import account_of, put_aside_for_another
from cti_bridge.crm_opening import crm_of
from cti_bridge.delivery import outbox
from cti_bridge.delivery.dispatch import Dispatch
from cti_bridge.domain.ids import CallId, ChannelId
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
        self.journal = Journal(
            folder / "calls.sqlite", on_state=lambda state, reason: None, companion=self.dispatch.writer
        )
        self.dispatch.connect(self.journal)

    async def waits_for_it(self) -> None:
        def add(database: object) -> None:
            connection = database.conn  # type: ignore[attr-defined]
            with connection:
                for sink in ("crm:generic", "warehouse"):
                    connection.execute(ADD, ["main-1.1", sink, json.dumps({})])

        await self.journal.ask(add, within_s=20)

    async def writes(self, call: CallRecord) -> None:
        """The journal writes down how far a call is."""
        self.journal.keep(call)
        writing = asyncio.create_task(self.journal.run())
        async with asyncio.timeout(30):
            while self.journal.waiting:
                await asyncio.sleep(0.01)
        writing.cancel()
        await asyncio.gather(writing, return_exceptions=True)

    def settings(self, url: str, *, told: bool) -> Settings:
        write(self.folder / "ami.secret", "geheim\n")
        block = "pbxes: [{ami: {secret_file: ami.secret}}]\ndata_dir: .\n" + BLOCK.format(url=url)
        block += "" if told else "reports: {crm: false}\n"
        return load_settings(write(self.folder / "cti-bridge.yaml", block))

    async def starts(self, url: str, *, at: float = 0.0, told: bool = True) -> dict[str, str]:
        """A start with the CRM at this address at this time, and `told` of calls: what has become of each report."""
        settings = self.settings(url, told=told)
        crm = crm_of(settings)
        account = account_of(settings, crm)
        await put_aside_for_another(settings, account, self.links, self.dispatch, now=lambda: at)
        await crm.close()
        return await self.reports()

    async def reports(self) -> dict[str, str]:
        """What has become of the report to each receiver."""
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


def ended(began: float, customer: str = "17") -> CallRecord:
    """A call that is over, of a customer whom the CRM of that time had under this id."""
    return CallRecord(
        CallId("main-2.1"), "main", ChannelId("2.1"), "2.1", began, "+74950000150", "external", "", "", "", False,
        ended_at=began + 60, outcome="abandoned", customer_id=customer,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("began", "state"),
    [
        pytest.param(1990.0, "dead", id="before it was this CRM that was asked who calls"),
        pytest.param(2010.0, "waiting", id="since then"),
    ],
)
@pytest.mark.parametrize("first", [True, False], ids=["after the embedded CRM", "after another account"])
async def test_a_call_that_was_going_on_when_the_crm_was_switched_is_told_to_no_other(
    office: Office, began: float, state: str, first: bool
) -> None:
    if not first:
        await office.starts("https://old.example", at=1000.0)
    for at in (2000.0, 3000.0):  # a later start changes nothing
        await office.starts("https://crm.example", at=at)
    await office.writes(ended(began))
    assert await office.reports() == {"crm:generic": state}


async def test_a_clock_that_was_far_ahead_when_the_crm_was_switched_costs_no_report(office: Office) -> None:
    await office.starts("https://crm.example", at=9e9)
    await office.writes(ended(2010.0))
    assert await office.reports() == {"crm:generic": "waiting"}
    await office.starts("https://crm.example", at=2000.0)
    await office.writes(replace(ended(2010.0), id=CallId("main-3.1"), channel=ChannelId("3.1")))
    assert await office.reports() == {"crm:generic": "waiting"}


async def test_a_crm_that_was_not_told_for_a_while_begins_with_the_calls_since_it_is_again(office: Office) -> None:
    told_since = []
    for at, told in ((1000.0, True), (2000.0, False), (3000.0, False), (4000.0, True), (5000.0, True)):
        await office.starts("https://crm.example", at=at, told=told)
        told_since.append(office.dispatch.writer.begun_since("crm:generic"))
    assert told_since == [1000.0, 1000.0, 1000.0, 4000.0, 4000.0]


async def test_a_call_of_which_nobody_knew_whose_it_was_is_told_to_the_new_one(office: Office) -> None:
    await office.starts("https://crm.example", at=2000.0)
    await office.writes(ended(1990.0, customer=""))
    assert await office.reports() == {"crm:generic": "waiting"}


async def test_links_that_cannot_be_read_hold_nothing_up(office: Office) -> None:
    await office.waits_for_it()
    (office.folder / "links.sqlite").mkdir()
    assert await office.starts("https://crm.example") == {"crm:generic": "waiting", "warehouse": "waiting"}
