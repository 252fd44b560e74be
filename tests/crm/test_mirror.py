"""The mirror of a CRM has what the CRM has, whatever happens on the way."""

import asyncio
import os
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from mirror_scene import MirrorScene

from cti_bridge.crm.embedded.schema import open_for_import
from cti_bridge.crm.embedded.store import EmbeddedCrm
from cti_bridge.domain.customer import Stage, StageList
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number
from fakes.changing import ChangingCrm

EAST = timezone(timedelta(hours=3))


def crm_with(people: int) -> ChangingCrm:
    crm = ChangingCrm()
    for number in range(people):
        crm.deal(number, number)  # before its customer, as some CRMs tell it
        crm.put(number)
    return crm


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[MirrorScene]:
    one = MirrorScene(tmp_path, crm_with(10))
    yield one
    await one.following.close()


async def test_everybody_is_there_after_the_first_full_pass(scene: MirrorScene) -> None:
    await scene.until_filled()
    assert scene.has() == scene.crm.has()
    crm = EmbeddedCrm(scene.path)
    (record,) = await crm.find(parse_number("+74950000004", region="RU"))
    assert (record.customer.name, [deal.id for deal in record.deals]) == ("Клиент 4", ["d-4"])
    assert await crm.stages() == scene.crm.funnel
    await crm.close()


async def test_changes_arrive_at_the_next_look(scene: MirrorScene) -> None:
    await scene.until_filled()
    asked = len(scene.crm.asked)
    scene.crm.put(3, "Вера Ёлкина", "+74950000903", "+74950000904")
    scene.crm.deal(3, 3, "paid")
    scene.crm.put(77)
    await scene.until_asked_again()
    assert scene.has() == scene.crm.has()
    assert len(scene.crm.asked) == asked + 1


async def test_between_looks_the_crm_is_left_alone(scene: MirrorScene) -> None:
    await scene.until_filled()
    await scene.until_asked_again()
    asked = len(scene.crm.asked)
    pause_s = await scene.following.step()
    assert pause_s == pytest.approx(60.0, abs=1)
    assert len(scene.crm.asked) == asked


async def test_a_deal_that_changes_hands_is_its_new_customer_s(scene: MirrorScene) -> None:
    await scene.until_filled()
    scene.crm.deal(3, 4)
    scene.crm.deal(5, None)
    await scene.until_asked_again()
    assert scene.has() == scene.crm.has()


async def test_a_deal_of_several_is_no_longer_his_who_left_it(scene: MirrorScene) -> None:
    await scene.until_filled()
    numbers = [parse_number(f"+7495000000{n}", region="RU") for n in (3, 4, 5)]
    near = EmbeddedCrm(scene.path)

    async def have() -> list[int]:
        return [len(record.deals) for number in numbers for record in await near.find(number)]

    scene.crm.deal(3, 3, also=[4, 5])
    await scene.until_asked_again()
    assert await have() == [1, 2, 2]
    scene.crm.deal(3, 3, also=[5])
    await scene.until_asked_again()
    assert await have() == [1, 1, 2]
    scene.crm.deal(3, None)
    await scene.until_asked_again()
    assert await have() == [0, 1, 1]
    await near.close()


async def test_who_was_deleted_is_noticed_by_the_next_full_pass(scene: MirrorScene) -> None:
    await scene.until_filled()
    scene.crm.delete(2)
    scene.crm.delete_deal(2)
    scene.crm.delete_deal(7)
    await scene.until_passed()
    assert scene.has() == scene.crm.has()
    assert sorted(scene.crm.asked_about) == ["c-2", "d-2", "d-7"]
    assert scene.following.counts.removed == 3


async def test_a_page_that_was_left_out_deletes_nobody(scene: MirrorScene) -> None:
    await scene.until_filled()
    scene.clock.now += 3_600
    await scene.until_asked_again()
    scene.crm.misdeeds.leave_out = 2
    await scene.until_passed()
    assert scene.crm.asked_about
    assert scene.has() == scene.crm.has()


@pytest.mark.parametrize("people", [11, 150])
async def test_a_crm_that_suddenly_shows_nobody_is_not_believed(tmp_path: Path, people: int) -> None:
    scene = MirrorScene(tmp_path, crm_with(people))
    scene.crm.page_size = 50
    await scene.until_filled()
    before = scene.has()
    scene.crm.misdeeds.hide_everybody = True
    scene.clock.now += 3_600
    await scene.steps(lambda: scene.following.state.pass_number == 2 and scene.following.state.phase.value == "none")
    assert scene.has() == before
    assert scene.crm.asked_about == []
    await scene.following.close()


async def test_a_crm_that_suddenly_shows_no_deals_is_not_believed(tmp_path: Path) -> None:
    scene = MirrorScene(tmp_path, crm_with(30))
    await scene.until_filled()
    scene.crm.deals.clear()
    scene.clock.now += 3_600
    await scene.steps(lambda: scene.following.state.pass_number == 2 and scene.following.state.phase.value == "none")
    assert len(scene.has()[1]) == 30
    assert scene.crm.asked_about == []
    await scene.following.close()


async def test_pages_that_come_twice_change_nothing(scene: MirrorScene) -> None:
    scene.crm.misdeeds.repeat = 5
    await scene.until_filled()
    assert scene.has() == scene.crm.has()


async def test_a_crm_that_fails_is_asked_again_later_and_loses_nothing(scene: MirrorScene) -> None:
    await scene.following.step()
    scene.crm.misdeeds.fail = 3
    asked = len(scene.crm.asked)
    pauses = [await scene.following.step() for _ in range(3)]
    assert scene.following.problem == "it answers 503"
    assert len(set(scene.crm.asked[asked:])) == 1  # the same place again
    assert pauses[0] <= pauses[1] * 2
    assert pauses[2] > 1.0
    await scene.until_filled()
    assert (scene.following.problem, scene.following.counts.failures) == ("", 3)
    assert scene.has() == scene.crm.has()


async def test_pages_that_do_not_go_on_are_not_asked_for_in_a_loop(scene: MirrorScene) -> None:
    await scene.following.step()
    scene.crm.misdeeds.stand_still = True
    await scene.following.step()
    assert scene.following.problem == "its pages do not go on"
    scene.crm.misdeeds.stand_still = False
    await scene.until_filled()
    assert scene.has() == scene.crm.has()


async def test_a_restart_goes_on_where_it_was(scene: MirrorScene) -> None:
    for _ in range(3):
        await scene.following.step()
    place = scene.following.state.full_position
    await scene.restart()
    await scene.following.step()
    assert scene.crm.asked[-1] == place
    await scene.until_filled()
    assert scene.crm.asked.count("") == 1
    assert scene.has() == scene.crm.has()


async def test_after_a_restart_callers_are_found_before_the_crm_is_asked(scene: MirrorScene) -> None:
    await scene.until_filled()
    await scene.until_asked_again()
    await scene.restart()
    scene.clock.now += 120
    await scene.following.recall()
    assert scene.following.age_s == pytest.approx(120.0, abs=5)
    assert scene.following.counts.customers == 10


async def test_changes_do_not_wait_for_a_long_full_pass(scene: MirrorScene) -> None:
    await scene.until_filled()
    scene.clock.now += 3_600
    await scene.steps(lambda: scene.following.state.full_pages == 2 and scene.following.state.phase.value == "pages")
    scene.clock.now += 60
    scene.crm.put(5, "Ольга Щукина")
    await scene.until_asked_again()
    assert scene.following.state.phase.value == "pages"
    assert "Ольга Щукина" in {customer.name for customer in scene.has()[0]}


async def test_a_place_that_the_crm_forgot_costs_a_full_pass(scene: MirrorScene) -> None:
    await scene.until_filled()
    scene.crm.put(5, "Ольга Щукина")
    scene.crm.misdeeds.forget_places = True
    await scene.until_asked_again()
    assert scene.has() == scene.crm.has()
    assert scene.crm.asked.count("") == 2
    assert scene.following.state.filled


async def test_a_crm_that_never_knows_its_places_again_is_not_gone_through_all_the_time(scene: MirrorScene) -> None:
    await scene.until_filled()
    began = scene.clock.now
    for _ in range(100):
        scene.crm.misdeeds.forget_places = len(scene.crm.asked[-1]) > 0  # the place is the end of a full pass
        scene.clock.now += max(await scene.following.step(), 0.001)
    assert scene.clock.now - began > 600
    assert scene.crm.asked.count("") <= 2 + (scene.clock.now - began) / 600
    assert scene.following.state.filled


@pytest.mark.parametrize("jump_s", [-10 * 365 * 86_400.0, -30.0, 10 * 365 * 86_400.0])
async def test_a_clock_that_jumps_stops_nothing(scene: MirrorScene, jump_s: float) -> None:
    await scene.until_filled()
    await scene.until_asked_again()
    scene.clock.now += jump_s
    scene.crm.put(5, "Ольга Щукина")
    scene.crm.delete(6)
    await scene.until_asked_again()
    assert scene.following.age_s is not None
    assert scene.following.age_s < 60.0
    await scene.until_passed()
    assert scene.has() == scene.crm.has()


async def test_the_stages_come_along(scene: MirrorScene) -> None:
    await scene.until_filled()
    scene.crm.funnel = StageList((Stage("offer_sent", "отправлено", 1), Stage("won", "успех", 2, final=True)))
    scene.clock.now += 700
    await scene.until_asked_again()
    crm = EmbeddedCrm(scene.path)
    assert await crm.stages() == scene.crm.funnel
    await crm.close()


async def test_the_mirror_of_another_crm_is_begun_anew(scene: MirrorScene, tmp_path: Path) -> None:
    await scene.until_filled()
    await scene.following.close()
    other = MirrorScene(tmp_path, crm_with(2), source="fake https://other.example")
    await other.following.recall()
    assert other.following.age_s is None
    await other.until_filled()
    assert other.has() == other.crm.has()
    await other.following.close()


async def test_a_customer_file_is_never_taken_for_a_mirror(scene: MirrorScene) -> None:
    database = open_for_import(scene.path)
    database.conn.execute("INSERT INTO customers (id, name) VALUES ('c-1', 'Вера Ёлкина')")
    database.conn.commit()
    database.conn.close()
    await scene.following.step()
    assert scene.following.problem.endswith("is a customer file and no mirror")
    assert {customer.name for customer in scene.has()[0]} == {"Вера Ёлкина"}


async def test_a_mirror_that_is_removed_is_filled_anew(scene: MirrorScene) -> None:
    await scene.until_filled()
    for suffix in ("", "-wal", "-shm"):
        scene.path.with_name(scene.path.name + suffix).unlink(missing_ok=True)
    await scene.following.step()
    assert scene.following.age_s is None
    await scene.until_filled()
    assert scene.has() == scene.crm.has()


async def test_a_file_that_is_no_database_is_filled_anew(scene: MirrorScene) -> None:
    scene.path.write_bytes(b"no database" * 1000)
    await scene.following.step()
    assert scene.following.problem == "mirror.sqlite was damaged; it is filled anew"
    await scene.until_filled()
    assert scene.has() == scene.crm.has()


async def test_a_mirror_whose_pages_are_damaged_is_filled_anew(scene: MirrorScene) -> None:
    await scene.until_filled()
    await scene.following.close()
    with scene.path.open("r+b") as file:
        for page in range(1, scene.path.stat().st_size // 4096):
            file.seek(page * 4096)
            file.write(b"\xa5" * 4096)
    await scene.restart()
    problems = set[str]()
    for _ in range(10):
        await scene.following.step()
        problems.add(scene.following.problem)
    assert "mirror.sqlite was damaged; it is filled anew" in problems
    await scene.until_filled()
    assert scene.has() == scene.crm.has()


async def test_a_full_disk_takes_nothing_from_the_mirror_and_says_so(scene: MirrorScene) -> None:
    await scene.until_filled()
    before, store = scene.has(), scene.following._store
    pages = await store._run(lambda one: int(one.execute("PRAGMA page_count").fetchone()[0]))
    await store._run(lambda one: one.execute(f"PRAGMA max_page_count = {pages}").fetchall())
    for number in range(100, 400):
        scene.crm.put(number, "Ж" * 200)
    scene.crm.page_size = 1_000
    scene.clock.now += 60
    await scene.following.step()
    assert scene.following.problem.endswith("database or disk is full")
    assert scene.has() == before
    await scene.until_asked_again()  # opened anew, there is room again
    assert scene.has() == scene.crm.has()


async def test_who_looks_into_the_file_meanwhile_takes_nothing_from_it(scene: MirrorScene) -> None:
    await scene.until_filled()
    near = EmbeddedCrm(scene.path)
    caller = parse_number("+74950000004", region="RU")
    assert len(await near.find(caller)) == 1
    log = scene.path.with_name("mirror.sqlite-wal")
    before = log.stat().st_ino
    look = f"import sqlite3; c = sqlite3.connect({str(scene.path)!r}); c.execute('SELECT 1 FROM customers'); c.close()"
    subprocess.run([sys.executable, "-c", look], timeout=60, check=True)
    assert log.stat().st_ino == before  # another program that is the last to close a file removes its log
    scene.crm.put(3, "Вера Ёлкина", "+74950000903")
    await scene.until_asked_again()
    assert scene.following.problem == ""
    assert len(await near.find(parse_number("+74950000903", region="RU"))) == 1
    await near.close()


async def test_pages_that_go_round_in_circles_are_noticed(scene: MirrorScene) -> None:
    scene.crm.misdeeds.circle = True
    problems = set[str]()
    for _ in range(10):
        await scene.following.step()
        problems.add(scene.following.problem)
    assert "its pages do not go on" in problems
    assert scene.following.counts.pages < 5
    scene.crm.misdeeds.circle = False
    await scene.until_filled()
    await scene.until_passed()  # what the circle passed over comes with the next pass
    assert scene.has() == scene.crm.has()


async def test_two_people_who_swap_their_numbers_are_found_by_the_new_ones(scene: MirrorScene) -> None:
    await scene.until_filled()
    scene.crm.put(3, "Клиент 3", "+74950000004")
    scene.crm.put(4, "Клиент 4", "+74950000003")
    await scene.until_asked_again()
    assert scene.has() == scene.crm.has()


async def test_what_is_deleted_is_not_in_the_file_s_bytes_either(scene: MirrorScene) -> None:
    scene.crm.put(3, "Евпраксия Незабудкина")
    await scene.until_filled()
    name = "Евпраксия Незабудкина".encode()
    await scene.following.close()
    assert name in scene.path.read_bytes()
    await scene.restart()
    scene.crm.delete(3)
    await scene.until_passed()
    await scene.following.close()
    assert name not in scene.path.read_bytes()


async def test_a_question_that_is_broken_off_inside_the_adapter_does_not_end_the_mirror(scene: MirrorScene) -> None:
    def break_off(_asked: int) -> None:
        raise asyncio.CancelledError

    scene.crm.before_page = break_off
    await scene.following.step()
    assert scene.following.problem == "the question was broken off"
    scene.crm.before_page = lambda _: None
    await scene.until_filled()
    assert scene.has() == scene.crm.has()


async def test_half_characters_and_impossible_times_stop_nothing(scene: MirrorScene) -> None:
    scene.crm.put(3, "Вера \ud83d Ёлкина")
    id_, (change, customer) = CustomerId("c-4"), scene.crm.customers[CustomerId("c-4")]
    scene.crm.customers[id_] = (change, replace(customer, last_contact_at=datetime.min.replace(tzinfo=EAST)))
    await scene.until_filled()
    assert "Вера ? Ёлкина" in {customer.name for customer in scene.has()[0]}
    assert len(scene.has()[0]) == 10


async def test_the_file_is_its_owner_s_alone(scene: MirrorScene) -> None:
    await scene.following.step()
    assert oct(scene.path.stat().st_mode & 0o777) == "0o600"


KILLED = """
import asyncio, os, sys
from pathlib import Path
from mirror_scene import MirrorScene
from test_mirror import crm_with
from cti_bridge.crm.mirror import writing

def die(asked: int) -> None:
    if asked == int(sys.argv[2]):
        if sys.argv[3] == "between":
            os._exit(9)
        writing._write_state = lambda *_: os._exit(9)  # everybody on the page is written, the place is not

async def fill() -> None:
    scene = MirrorScene(Path(sys.argv[1]), crm_with(10))
    scene.crm.before_page = die
    await scene.until_filled()

asyncio.run(fill())
"""


@pytest.mark.parametrize(("page", "when"), [(2, "between"), (5, "between"), (1, "amid"), (4, "amid")])
async def test_a_kill_between_two_pages_or_amid_one_loses_nothing(scene: MirrorScene, page: int, when: str) -> None:
    places = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, "-c", KILLED, str(scene.path.parent), str(page), when]
    killed = subprocess.run(command, env={**os.environ, "PYTHONPATH": places}, timeout=60, check=False)
    assert killed.returncode == 9
    await scene.following.recall()
    assert scene.following.state.full_pages == page - 1
    await scene.until_filled()
    assert ("" in scene.crm.asked) is (page == 1)
    assert scene.has() == scene.crm.has()


async def test_a_page_and_its_place_are_written_together_or_not_at_all(scene: MirrorScene) -> None:
    await scene.following.step()
    before, place = scene.has(), scene.following.state.full_position
    with sqlite3.connect(scene.path, isolation_level=None) as other:
        other.execute("CREATE TRIGGER full BEFORE INSERT ON mirror_state BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    other.close()
    await scene.following.step()
    assert "disk full" in scene.following.problem
    assert scene.has() == before
    with sqlite3.connect(scene.path, isolation_level=None) as other:
        other.execute("DROP TRIGGER full")
    other.close()
    await scene.following.step()
    assert scene.crm.asked[-1] == place
    await scene.until_filled()
    assert scene.has() == scene.crm.has()
