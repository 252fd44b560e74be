"""P1 when the CRM's file is locked, gone or noise: who is known from before is still treated as that."""

import os
import shutil
import time

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from promises.faults import opened_alone, readers_shut_out
from promises.scene import AMBIGUOUS, CUSTOMERS, DID_OF_SALES, PRODUCTION, SALES, VIP, in_time, journalled, source_is

NOTICED_S = 5.0
LOCKED_S = 10.0
WITHOUT_CRM = ("asterisk", "journal", "rules")
FAILED = ("degraded", "failed", "primary-consult")
FAILED_BUT_DIALLED_SALES = ("degraded", "failed", "sales")


async def test_a_file_locked_for_ten_seconds_holds_up_nobody(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    async with in_time(asterisk, SALES) as before:
        assert before.decided == ("matched", "fresh", "sales")
    callers = 0
    async with readers_shut_out(bridge.data / "crm.sqlite"):
        began = time.monotonic()
        await source_is(bridge, "crm", "down", within=NOTICED_S)
        while time.monotonic() - began < LOCKED_S:
            async with in_time(asterisk, SALES) as known, in_time(asterisk, PRODUCTION) as unknown:
                assert known.decided == ("matched", "stale", "sales")
                assert unknown.decided == FAILED
            callers += 2
        async with in_time(asterisk, PRODUCTION, did=DID_OF_SALES) as caller:
            assert caller.decided == FAILED_BUT_DIALLED_SALES
    assert callers >= 4
    await source_is(bridge, "crm", "up", within=NOTICED_S)
    async with in_time(asterisk, PRODUCTION) as after:
        assert after.decided == ("matched", "fresh", "production")


async def test_a_file_that_is_locked_at_the_start(asterisk: AsteriskInstance, installed: Bridge) -> None:
    async with opened_alone(installed.data / "crm.sqlite"):
        await installed.start(ready=WITHOUT_CRM)
        await source_is(installed, "crm", "down", why="locked")
        async with in_time(asterisk, SALES) as caller:
            assert caller.decided == FAILED
    await source_is(installed, "crm", "up", within=NOTICED_S)
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == ("matched", "fresh", "sales")


async def test_a_file_that_is_missing_at_the_start_is_made_by_an_import_only(
    asterisk: AsteriskInstance, installed: Bridge
) -> None:
    _remove(installed)
    await installed.start(ready=WITHOUT_CRM)
    await source_is(installed, "crm", "down", why="does not exist")
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == FAILED
    assert not list(installed.data.glob("crm.sqlite*"))
    code, _, complaint = await installed.run("crm", "import", str(CUSTOMERS))
    assert code == 0, complaint
    await source_is(installed, "crm", "up", within=NOTICED_S)
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == ("matched", "fresh", "sales")


async def test_a_file_removed_while_running_is_noticed_within_five_seconds(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    async with in_time(asterisk, SALES) as before:
        assert before.decided == ("matched", "fresh", "sales")
    shutil.copyfile(bridge.data / "crm.sqlite", bridge.folder / "kept.sqlite")
    _remove(bridge)
    await source_is(bridge, "crm", "down", why="does not exist", within=NOTICED_S)
    async with in_time(asterisk, SALES) as known, in_time(asterisk, VIP) as unknown:
        assert known.decided == ("matched", "stale", "sales")
        assert unknown.decided == FAILED
    assert not list(bridge.data.glob("crm.sqlite*"))
    shutil.copyfile(bridge.folder / "kept.sqlite", bridge.data / "crm.sqlite")
    await source_is(bridge, "crm", "up", within=NOTICED_S)
    async with in_time(asterisk, PRODUCTION) as after:
        assert after.decided == ("matched", "fresh", "production")


async def test_a_file_overwritten_while_running_is_a_failure_and_heals(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    file = bridge.data / "crm.sqlite"
    good = file.read_bytes()
    for length, stranger in ((0, SALES), (7, PRODUCTION), (100_000, AMBIGUOUS)):
        file.write_bytes(os.urandom(length))
        await source_is(bridge, "crm", "down", within=NOTICED_S)
        async with in_time(asterisk, stranger) as caller:
            assert caller.decided == FAILED
        assert file.stat().st_size == length
        for name in ("crm.sqlite-wal", "crm.sqlite-shm"):
            (bridge.data / name).unlink(missing_ok=True)
        file.write_bytes(good)
        await source_is(bridge, "crm", "up", within=NOTICED_S)
        async with in_time(asterisk, stranger) as caller:
            assert caller.decided[:2] == ("matched", "fresh")


SILENT = """\
version: 1
schedules:
  office: {hours: "off"}
classes:
  - {name: sales, when: {deal.stage: [offer_preparing, offer_sent, awaiting_payment]}}
queues:
  primary-consult: {timeout: 60s}
  sales: {timeout: 60s}
  production: {timeout: 60s}
rules:
  - {name: night, when: {call.did: "+74950000149"}, unless_open: office, queue: production}
  - name: offers
    when: {class: sales}
    rules:
      - name: vip
        when: {call.caller: "+74950000203"}
        queue: sales
        degraded: {queue: production, then: [sales]}
      - {name: all, queue: sales}
default: {queue: primary-consult}
"""


async def test_a_crm_that_stops_leaves_night_alone_and_each_rule_its_own_way(
    asterisk: AsteriskInstance, installed: Bridge
) -> None:
    installed.rules.write_text(SILENT, "utf-8")
    await installed.start()
    async with in_time(asterisk, SALES) as before:
        assert (*before.decided, before.cti("RULE")) == ("matched", "fresh", "sales", "offers/all")
    _remove(installed)
    await source_is(installed, "crm", "down", within=NOTICED_S)

    async with in_time(asterisk, PRODUCTION, did=DID_OF_SALES) as night:
        assert (*night.decided, night.cti("RULE")) == ("matched", "failed", "production", "night")
    async with in_time(asterisk, VIP) as own:
        assert (*own.decided, own.cti("RULE")) == ("degraded", "failed", "production", "offers/vip")
        assert own.cti("STEP_2_QUEUE") == "sales"
    async with in_time(asterisk, PRODUCTION) as other:
        assert (*other.decided, other.cti("RULE")) == (*FAILED, "degraded")
    async with in_time(asterisk, SALES) as kept:
        assert (*kept.decided, kept.cti("RULE")) == ("matched", "stale", "sales", "offers/all")
    record = await journalled(installed, own.call_id)
    assert record.decision is not None
    assert (record.decision.kind, record.decision.rule) == ("degraded", "offers/vip")


def _remove(bridge: Bridge) -> None:
    for file in bridge.data.glob("crm.sqlite*"):
        file.unlink()
