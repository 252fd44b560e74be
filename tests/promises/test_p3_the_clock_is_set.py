"""P3 when the machine's clock is set in the middle of a call: every duration stays true, and no report waits for it.

The clock of the bridge alone is set, by libfaketime: Asterisk and the phones keep theirs, as on a machine of their own.
Only the clock that can be set is faked; the kernel's own time since the start goes on as it always does.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio
from receiver import SECRET, HttpReceiver, answers, takes

from cti_bridge.calls.record import CallRecord
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Outcome, Phones
from promises.scene import SALES, calling, journalled

LIBRARY = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)
SUMMER_ENDS = datetime(2026, 10, 25, 1, tzinfo=UTC)
"""When 3 o'clock becomes 2 o'clock in Berlin."""
NEAR_S = 1.0


@dataclass(frozen=True, slots=True)
class SetClock:
    """The clock that the bridge sees: the file that libfaketime reads at every look."""

    file: Path

    def set(self, ahead_s: float) -> None:
        """So many seconds ahead of the real one from now on."""
        fresh = self.file.with_suffix(".new")
        fresh.write_text(f"{ahead_s:+.0f}\n")
        fresh.replace(self.file)


@pytest.fixture
def clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """For every bridge that is started from now on."""
    assert LIBRARY is not None, "libfaketime is not installed"
    clock = SetClock(tmp_path / "clock")
    clock.set(0)
    for name, value in {
        "LD_PRELOAD": str(LIBRARY),
        "FAKETIME_TIMESTAMP_FILE": str(clock.file),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }.items():
        monkeypatch.setenv(name, value)
    return clock


@pytest_asyncio.fixture(loop_scope="session")
async def receiver(installed: Bridge) -> AsyncIterator[HttpReceiver]:
    """Whom the bridge reports to."""
    async with HttpReceiver() as receiver:
        (installed.folder / "webhook.secret").write_text(SECRET)
        webhook = {"name": "crm", "url": receiver.url, "secret_file": "webhook.secret"}
        installed.write_settings({**installed.read_settings(), "reports": {"webhooks": [webhook]}})
        yield receiver


async def a_call(
    asterisk: AsteriskInstance, bridge: Bridge, clock: SetClock, ahead_s: float, *, talk_s: float = 2.0
) -> CallRecord:
    """A call whose caller waits half a second; the clock is set while he talks. What the journal says of it."""
    began = time.monotonic()
    async with calling(asterisk, SALES) as caller:
        await caller.phone.answered()
        waited = time.monotonic() - began
        clock.set(ahead_s)
        await asyncio.sleep(talk_s)
        await caller.phone.hang_up()
        outcome: Outcome = await caller.phone.over()
    record = await journalled(bridge, caller.call_id, ended=True)
    assert record.outcome == "answered"
    assert record.answered_at is not None
    assert record.ended_at is not None
    assert outcome.talked is not None
    assert abs(record.answered_at - record.offered_at - waited) < NEAR_S
    assert abs(record.ended_at - record.answered_at - outcome.talked) < NEAR_S
    assert abs(sum(leg.talked_s for leg in record.legs) - outcome.talked) < NEAR_S
    return record


@pytest.mark.usefixtures("staff")
@pytest.mark.parametrize("hours", [1, -1])
async def test_a_clock_set_by_an_hour_changes_no_duration_and_holds_up_no_report(
    asterisk: AsteriskInstance, installed: Bridge, receiver: HttpReceiver, clock: SetClock, hours: int
) -> None:
    await installed.start()
    async with Phones(asterisk, {"103": Behaviour(answer_after=0.5), "104": Behaviour(answer_after=0.5)}):
        receiver.behaviour = answers(503)
        during = await a_call(asterisk, installed, clock, hours * 3600)
        after = await a_call(asterisk, installed, clock, hours * 3600)
        receiver.behaviour = takes
        await receiver.until(8, within_s=20)
    # When nobody calls, the new time is taken over.
    assert abs(after.offered_at - during.offered_at - hours * 3600) < 60
    for record in (during, after):
        told = [arrival.event for arrival in receiver.taken if arrival.event["subject"] == record.id]
        assert [event["type"] for event in told] == ["call.started", "call.answered", "call.ended", "call.updated"]
        assert abs(told[-1]["data"]["talk_s"] - 2) < NEAR_S
    assert await installed.stop() == 0


@pytest.mark.usefixtures("staff")
async def test_the_end_of_summer_time_in_mid_call_changes_no_duration(
    asterisk: AsteriskInstance,
    installed: Bridge,
    receiver: HttpReceiver,
    clock: SetClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TZ", "Europe/Berlin")
    clock.set(SUMMER_ENDS.timestamp() - 600 - time.time())
    await installed.start()
    async with Phones(asterisk, {"103": Behaviour(answer_after=0.5), "104": Behaviour(answer_after=0.5)}):
        ahead_s = SUMMER_ENDS.timestamp() - 4 - time.time()
        clock.set(ahead_s)
        record = await a_call(asterisk, installed, clock, ahead_s, talk_s=5)
        await receiver.until(4)
    assert record.ended_at is not None
    assert record.offered_at < SUMMER_ENDS.timestamp() < record.ended_at
    last = receiver.taken[-1].event["data"]
    assert abs(last["talk_s"] - 5) < NEAR_S
    began, ended = (datetime.fromisoformat(last[name]).timestamp() for name in ("started_at", "ended_at"))
    assert abs(ended - began - (record.ended_at - record.offered_at)) < 0.1
    assert await installed.stop() == 0
