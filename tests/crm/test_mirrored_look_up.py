"""Callers are looked up in the mirror, with its age, and the cloud's bad days cost no caller anything."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from mirror_scene import MirrorScene
from settable_clock import SettableClock

from cti_bridge.crm import lookup as lookup_module
from cti_bridge.crm.condition import CrmState
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.mirror import mirrored as mirrored_module
from cti_bridge.crm.mirror.mirrored import MirroredCrm
from cti_bridge.crm.pace import PATIENCE, Patience
from cti_bridge.crm.port import Capability, CrmUnavailable
from cti_bridge.domain.call_report import CallReport
from cti_bridge.domain.customer import (
    CustomerChanges,
    CustomerRecord,
    FinishedCall,
    NewCustomer,
    NewDeal,
    Note,
)
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId, DealId
from cti_bridge.domain.number import CallerNumber, parse_number
from fakes.changing import ChangingCrm

CALLER = parse_number("+74950000004", region="RU")
STRANGER = parse_number("+74950000999", region="RU")
PATIENCE_S = 60.0
"""Nothing here is about a limit of a look-up; a file is read, and the machine may be busy."""


class Cloud(ChangingCrm):
    """A fake of a cloud CRM: it can be mirrored, answers look-ups slowly if at all, and notes what it is told."""

    kind = "fake"
    capabilities = frozenset(Capability)

    def __init__(self) -> None:
        super().__init__()
        self.is_down = False
        self.hangs = False
        self.told: list[str] = []
        self.closed = asyncio.Event()

    async def find(self, number: CallerNumber) -> tuple[CustomerRecord, ...]:
        self._say("find")
        if self.hangs:
            await asyncio.Event().wait()
        return tuple(CustomerRecord(one) for _, one in self.customers.values() if number.key in one.numbers)

    async def notes(self, customer_id: CustomerId, *, limit: int) -> tuple[Note, ...]:
        self._say("notes")
        return ()

    async def calls(self, customer_id: CustomerId, *, limit: int) -> tuple[FinishedCall, ...]:
        self._say("calls")
        return ()

    async def create(self, new: NewCustomer, *, key: str) -> CustomerId:
        self._say("create")
        self.put(50, new.name, new.number)
        return CustomerId("c-50")

    async def create_deal(self, customer_id: CustomerId, new: NewDeal, *, key: str) -> DealId:
        self._say("create_deal")
        return DealId("d-new")

    async def update(self, customer_id: CustomerId, changes: CustomerChanges) -> None:
        self._say("update")

    async def add_note(self, customer_id: CustomerId, note: Note, *, key: str) -> None:
        self._say("add_note")

    async def report(self, report: CallReport) -> None:
        self._say("report")

    async def check(self) -> None:
        self._say("check")

    async def close(self) -> None:
        self.closed.set()

    def _say(self, what: str) -> None:
        self.told.append(what)
        if self.is_down:
            raise CrmUnavailable("it answers 503")


class Place:
    """A cloud CRM, its mirror, and a look-up through both."""

    def __init__(self, folder: Path) -> None:
        self.cloud = Cloud()
        for number in range(10):
            self.cloud.put(number)
            self.cloud.deal(number, number)
        self.scene = MirrorScene(folder, self.cloud)
        self.crm = MirroredCrm(self.cloud, self.scene.path, self.scene.following)
        self.clock = SettableClock()
        self.lookup = Lookup(self.crm, deadline_s=PATIENCE_S, clock=self.clock, dated=self.crm, stale_s=86_400.0)

    def cloud_goes_down(self) -> None:
        self.cloud.is_down = True
        self.cloud.misdeeds.fail = 10**9


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    monkeypatch.setattr(lookup_module, "_LATE_LIMIT_S", PATIENCE_S)
    one = Place(tmp_path)
    yield one
    await one.lookup.close()
    await one.crm.close()


async def test_until_the_mirror_is_filled_the_cloud_is_asked(place: Place) -> None:
    await place.scene.following.step()
    answer = await place.lookup.find(CALLER)
    assert (answer.source, answer.age_s) == (CrmSource.FRESH, None)
    assert place.cloud.told == ["find"]


async def test_then_nobody_waits_for_the_cloud_and_the_answer_has_an_age(place: Place) -> None:
    await place.scene.until_filled()
    place.cloud_goes_down()
    place.scene.clock.now += 100
    answer = await place.lookup.find(CALLER)
    assert answer.source is CrmSource.CACHED
    assert answer.age_s == pytest.approx(100, abs=5)
    assert [(one.customer.name, [deal.id for deal in one.deals]) for one in answer.records] == [("Клиент 4", ["d-4"])]
    assert (await place.lookup.find(STRANGER)).records == ()
    assert place.cloud.told == []


async def test_a_mirror_that_is_behind_says_so_and_one_that_is_too_old_is_not_used(place: Place) -> None:
    await place.scene.until_filled()
    place.cloud_goes_down()
    place.scene.clock.now += 3_600
    await place.scene.following.step()
    answer = await place.lookup.find(CALLER)
    assert (answer.source, len(answer.records), answer.error) == (CrmSource.STALE, 1, "its mirror is 60 min old")
    assert not place.scene.following.is_current
    answer = await place.lookup.find(STRANGER)
    assert (answer.source, answer.records) == (CrmSource.STALE, ())
    place.scene.clock.now += 86_400
    answer = await place.lookup.find(CALLER)
    assert (answer.source, answer.records, answer.error) == (CrmSource.FAILED, (), "its mirror is 1500 min old")


async def test_while_a_mirror_catches_up_after_a_stop_the_cloud_is_asked_first(place: Place) -> None:
    await place.scene.until_filled()
    place.scene.clock.now += 3_600
    assert (await place.lookup.find(CALLER)).source is CrmSource.FRESH
    place.cloud.is_down = True
    answer = await place.lookup.find(CALLER)
    assert (answer.source, len(answer.records)) == (CrmSource.STALE, 1)


async def test_when_only_the_mirror_is_in_trouble_callers_are_looked_up_in_the_cloud(place: Place) -> None:
    await place.scene.until_filled()
    place.cloud.misdeeds.fail = 10**9
    place.scene.clock.now += 10 * 86_400
    await place.scene.following.step()
    assert place.scene.following.problem == "it answers 503"
    answer = await place.lookup.find(CALLER)
    assert (answer.source, len(answer.records)) == (CrmSource.FRESH, 1)


async def test_what_the_cloud_said_itself_is_kept_for_when_the_mirror_is_too_old(place: Place) -> None:
    await place.scene.until_filled()
    place.cloud.misdeeds.fail = 10**9
    place.scene.clock.now += 10 * 86_400
    assert (await place.lookup.find(CALLER)).source is CrmSource.FRESH
    place.cloud_goes_down()
    place.clock.now += 600
    answer = await place.lookup.find(CALLER)
    assert (answer.source, answer.age_s, len(answer.records)) == (CrmSource.STALE, 600, 1)
    assert (await place.lookup.find(STRANGER)).source is CrmSource.FAILED


async def test_what_the_cloud_said_itself_is_better_than_an_older_mirror(place: Place) -> None:
    await place.scene.until_filled()
    place.scene.clock.now += 3 * 3_600
    place.cloud.put(4, "Новое Имя")
    assert (await place.lookup.find(CALLER)).source is CrmSource.FRESH
    place.cloud_goes_down()
    place.scene.clock.now += 600
    place.clock.now += 600
    answer = await place.lookup.find(CALLER)
    assert (answer.source, answer.age_s) == (CrmSource.STALE, 600)
    assert answer.records[0].customer.name == "Новое Имя"
    place.clock.now += 86_401  # that of the cloud is the older one now
    answer = await place.lookup.find(CALLER)
    assert (answer.source, answer.records[0].customer.name) == (CrmSource.STALE, "Клиент 4")


async def test_a_cloud_that_does_not_answer_costs_few_callers_a_wait_while_the_mirror_is_behind(place: Place) -> None:
    await place.scene.until_filled()
    place.cloud.hangs = True
    place.scene.clock.now += 3_600
    for _ in range(10):
        assert (await place.lookup.find(CALLER)).source is CrmSource.STALE
    assert place.cloud.told == ["find"] * 3


async def test_a_caller_with_less_time_has_the_mirror_s_answer_in_his_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mirrored_module, "_CRM_FIRST_S", 3_600.0)
    await place.scene.until_filled()
    place.cloud.hangs = True
    place.scene.clock.now += 3_600
    PATIENCE.set(Patience(0.01))
    assert len((await place.crm.find_dated(CALLER)).records) == 1


async def test_a_disk_that_hangs_does_not_keep_the_cloud_from_being_left_in_order(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk_answers = asyncio.Event()

    async def hang() -> None:
        await disk_answers.wait()

    with monkeypatch.context() as patched:
        patched.setattr(place.scene.following, "close", hang)
        closing = asyncio.create_task(place.crm.close())
        async with asyncio.timeout(30):
            await place.cloud.closed.wait()
        disk_answers.set()
        await closing


async def test_the_age_of_the_last_answer_is_the_cloud_s_and_not_the_mirror_s(place: Place) -> None:
    await place.scene.until_filled()
    place.cloud_goes_down()
    place.scene.clock.now += 200
    await place.lookup.find(CALLER)
    await place.crm.check()
    assert place.scene.following.answered_s_ago == pytest.approx(200, abs=5)


async def test_a_cloud_that_is_down_does_not_make_the_look_up_leave_the_mirror_alone(place: Place) -> None:
    await place.scene.until_filled()
    place.cloud_goes_down()
    await place.crm.check()
    for _ in range(10):
        assert (await place.lookup.find(CALLER)).source is CrmSource.CACHED
    assert place.lookup.state is CrmState.UP


async def test_when_the_mirror_s_file_is_gone_the_cloud_is_asked(place: Place) -> None:
    await place.scene.until_filled()
    for suffix in ("", "-wal", "-shm"):
        place.scene.path.with_name(place.scene.path.name + suffix).unlink(missing_ok=True)
    assert (await place.lookup.find(CALLER)).source is CrmSource.FRESH
    await place.crm.check()
    assert await place.crm.stages() == place.cloud.funnel
    assert place.cloud.told == ["find", "check"]


async def test_stages_come_from_the_mirror(place: Place) -> None:
    await place.scene.until_filled()
    place.cloud_goes_down()
    assert await place.crm.stages() == place.cloud.funnel


async def test_everything_else_is_said_to_the_cloud(place: Place) -> None:
    await place.scene.until_filled()
    who, note = CustomerId("c-4"), Note(datetime(2026, 11, 22, tzinfo=UTC), "u-1", "перезвонить")
    await place.crm.notes(who, limit=3)
    await place.crm.calls(who, limit=3)
    await place.crm.update(who, CustomerChanges(city="Тверь"))
    await place.crm.add_note(who, note, key="k")
    await place.crm.create(NewCustomer("Вера Ёлкина", "+74950000999"), key="k")
    assert place.cloud.told == ["notes", "calls", "update", "add_note", "create"]
    assert (await place.lookup.find(STRANGER)).records == ()
    await place.scene.until_asked_again()
    (record,) = (await place.lookup.find(STRANGER)).records
    assert record.customer.name == "Вера Ёлкина"
