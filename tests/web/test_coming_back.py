"""A page that comes back in time gets what it missed; whoever may not have it gets his own snapshot, or nothing."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from front_desk import ANNA, BORIS, PASSWORD, FrontDesk, Json, PageClient, call, front_desk

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.streams import KEPT_EVENTS, KEPT_S
from cti_bridge.web.site import SocketLimits


async def back(desk: FrontDesk, operator: Operator, stream: Any, seq: Any) -> tuple[PageClient, Json]:
    """Sign in again and ask for what was missed."""
    page = await desk.connect(await desk.sign_in(operator.id))
    return page, await page.hello(resume={"stream": stream, "seq": seq})


async def cut(page: PageClient, desk: FrontDesk) -> None:
    await page.socket.close()
    await desk.counted("cti_pages", 0)


async def test_what_was_missed_follows_in_order_with_its_old_numbers_and_then_what_is_new(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        stream = (await page.hello())["stream"]
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        await page.event("call.ringing")
        await cut(page, desk)
        desk.hub.publish(ANNA.id, "call.withdrawn", call=call(), reason="no_answer")
        desk.hub.broadcast("source.state", source={"name": "crm", "state": "down", "since": "2026-11-23T08:00:00Z"})
        desk.hub.publish(ANNA.id, "call.ringing", call=call("c2"))
        desk.snapshot = {**desk.snapshot, "calls": [call("c2")]}
        page, welcome = await back(desk, ANNA, stream, 1)
        assert (welcome["resumed"], welcome["stream"], welcome["seq"]) == (True, stream, 4)
        assert welcome["snapshot"] == {**desk.snapshot, "team": []}
        desk.hub.publish(ANNA.id, "call.answered", call=call("c2"))
        missed = [await page.receive("event") for _ in range(4)]
        assert [(event["seq"], event["type"]) for event in missed] == [
            (2, "call.withdrawn"),
            (3, "source.state"),
            (4, "call.ringing"),
            (5, "call.answered"),
        ]
        assert (missed[0]["reason"], missed[1]["source"]["state"]) == ("no_answer", "down")
        assert desk.registry.get_sample_value("cti_page_resumes_total", {"got": "replayed"}) == 1


async def test_events_from_before_the_first_page_was_opened_are_kept_too(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        stream = (await page.hello())["stream"]
        await cut(page, desk)
        desk.clock.now += KEPT_S - 1.0
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        desk.clock.now += KEPT_S - 1.0
        page, welcome = await back(desk, ANNA, stream, 0)
        assert welcome["resumed"]
        await page.event("call.ringing")


@pytest.mark.parametrize("seq", [4, -1, 2**70, 1.5, True, "1", None, [1]])
async def test_a_position_that_is_none_gets_a_snapshot(tmp_path: Path, seq: Any) -> None:
    async with front_desk(tmp_path) as desk:
        first = await desk.connect(await desk.sign_in("anna"))
        stream = (await first.hello())["stream"]
        for _ in range(3):
            desk.hub.publish(ANNA.id, "call.updated", call=call())
        page, welcome = await back(desk, ANNA, stream, seq)
        assert (welcome["resumed"], welcome["seq"]) == (False, 3)
        await page.silence()
        assert desk.registry.get_sample_value("cti_page_resumes_total", {"got": "snapshot"}) == 1


async def test_a_page_that_was_away_too_long_or_missed_too_much_gets_a_snapshot(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        stream = (await page.hello())["stream"]
        await cut(page, desk)
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        desk.clock.now += KEPT_S
        page, welcome = await back(desk, ANNA, stream, 0)
        assert (welcome["resumed"], welcome["seq"]) == (False, 1)
        await cut(page, desk)
        for _ in range(KEPT_EVENTS + 1):
            desk.hub.publish(ANNA.id, "call.updated", call=call())
        page, welcome = await back(desk, ANNA, stream, 1)
        assert not welcome["resumed"]
        page, welcome = await back(desk, ANNA, stream, 2)
        assert welcome["resumed"]
        for seq in range(3, KEPT_EVENTS + 3):
            assert (await page.event("call.updated"))["seq"] == seq
            await page.send(op="ack", seq=seq, paint_ms=1)  # confirming all that it was sent is never too fast
        await page.silence()


async def test_the_stream_of_somebody_else_is_none(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        hers = await desk.connect(await desk.sign_in("anna"))
        stream = (await hers.hello())["stream"]
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        desk.hub.publish(BORIS.id, "call.ringing", call=call("c2"))
        page, welcome = await back(desk, BORIS, stream, 0)
        assert (welcome["resumed"], welcome["operator"]["id"]) == (False, "boris")
        assert welcome["stream"] != stream
        await page.silence()


async def test_a_restart_of_the_bridge_begins_new_streams(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        stream = (await page.hello())["stream"]
    async with front_desk(tmp_path, with_operators=False) as desk:
        _, welcome = await back(desk, ANNA, stream, 0)
        assert not welcome["resumed"]
        assert welcome["stream"] != stream


async def test_after_a_new_password_nobody_gets_what_came_before(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        cookie = await desk.sign_in("anna")
        page = await desk.connect(cookie)
        stream = (await page.hello())["stream"]
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        await desk.accounts.set_password("anna", "новый пароль 8")
        assert (await page.sent_away())[1] == 4003
        old = await desk.connect(cookie)
        await old.send(op="hello", resume={"stream": stream, "seq": 0})
        assert (await old.sent_away())[1] == 4002
        again = await desk.connect(await desk.sign_in("anna", "новый пароль 8"))
        welcome = await again.hello(resume={"stream": stream, "seq": 0})
        assert (welcome["resumed"], welcome["seq"]) == (False, 0)


async def test_whoever_gets_the_id_of_somebody_who_left_gets_none_of_his_events(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        stream = (await page.hello())["stream"]
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        await desk.accounts.remove("anna")
        assert (await page.sent_away())[1] == 4003
        await desk.accounts.add(Operator(OperatorId("anna"), "Анна Вторая", ("PJSIP/101",)), PASSWORD)
        page, welcome = await back(desk, ANNA, stream, 0)
        assert (welcome["resumed"], welcome["seq"]) == (False, 0)
        await page.silence()


async def test_a_long_replay_is_not_being_slow(tmp_path: Path) -> None:
    async with front_desk(tmp_path, limits=SocketLimits(frames_waiting=4)) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        stream = (await page.hello())["stream"]
        await cut(page, desk)
        for _ in range(50):
            desk.hub.publish(ANNA.id, "call.updated", call=call(notes=["д" * 5_000]))
        page, welcome = await back(desk, ANNA, stream, 0)
        assert welcome["resumed"]
        desk.hub.publish(ANNA.id, "call.ended", call=call())
        assert [(await page.receive("event"))["seq"] for _ in range(51)] == list(range(1, 52))
        assert desk.count("cti_pages_too_slow_total") == 0


async def test_team_lists_push_nothing_out_of_what_is_kept(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        kept = desk.count("cti_kept_event_bytes")
        desk.hub.team_changed()
        await page.event("team.updated")
        assert desk.count("cti_kept_event_bytes") == kept


async def test_a_repeated_pop_reaches_a_page_that_came_back_with_its_old_number(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.connect(await desk.sign_in("anna"))
        stream = (await page.hello())["stream"]
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        pop = await page.event("call.ringing")
        await cut(page, desk)
        page, welcome = await back(desk, ANNA, stream, 1)
        assert (welcome["resumed"], welcome["seq"]) == (True, 1)
        desk.clock.now += 2.0
        desk.hub.repeat_overdue()
        assert await page.event("call.ringing") == pop
        await page.send(op="ack", seq=pop["seq"], paint_ms=1)
        await desk.counted("cti_pops_acknowledged_total", 1)


async def test_a_command_that_is_repeated_on_a_new_line_has_its_first_result(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        await page.send(op="command", id="k1", name="fly")
        first = await page.receive("result")
        await cut(page, desk)
        page, colleague = await desk.page(ANNA), await desk.page(BORIS)
        await page.send(op="command", id="k1", name="fly")
        assert await page.receive("result") == first
        await page.send(op="command", id="k1", name="swim")
        assert (await page.receive("result"))["error"]["code"] == "bad_args"
        await colleague.send(op="command", id="k1", name="swim")
        assert (await colleague.receive("result"))["error"]["message"] == "there is no command swim"


async def test_a_session_that_is_not_used_any_more_ends_its_page(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        desk.calendar.now += 12 * 3600.0
        await page.send(op="ping")
        bye, code = await page.sent_away()
        assert (bye["code"], code) == (4003, 4003)


@pytest.mark.parametrize("state", ["up", "down", "at_risk"])
@pytest.mark.parametrize("name", ["asterisk", "crm", "journal"])
async def test_the_state_of_every_source_reaches_every_page(tmp_path: Path, name: str, state: str) -> None:
    async with front_desk(tmp_path) as desk:
        pages = await asyncio.gather(desk.page(ANNA), desk.page(BORIS))
        source = {"name": name, "state": state, "since": "2026-11-23T08:00:00+00:00"}
        desk.hub.broadcast("source.state", source=source)
        for page in pages:
            assert (await page.event("source.state"))["source"] == source
