"""The right pop, once: on all pages of the operator, on nobody else's, and gone or repeated when it has to be."""

import asyncio
from pathlib import Path
from typing import Any

from aiohttp import WSMsgType
from front_desk import ANNA, BORIS, PASSWORD, PageClient, call, front_desk

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.hub import HubTimes
from cti_bridge.operators.protocol import CloseCode
from cti_bridge.web.site import SocketLimits

HOSTILE = 'Ёлкин "Пётр" \\ <script>alert(1)</script>\r\nX: y'


async def test_the_welcome_has_everything_the_page_needs(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        desk.snapshot = {"calls": [call()], "state": None, "sources": [], "stages": []}
        desk.team = [{"operator": "anna", "name": "Анна", "ringing_queue": None, "state": "idle"}]
        page = await desk.connect(await desk.sign_in("anna"))
        assert page.socket.protocol == "cti-bridge.v1"
        welcome = await page.hello(resume={"stream": "an older one", "seq": 17})
        stream = welcome.pop("stream")
        assert stream
        assert welcome == {
            "op": "welcome",
            "protocol": "cti-bridge.v1",
            "seq": 0,
            "resumed": False,
            "operator": {
                "id": "anna",
                "name": "Анна Ёжикова",
                "role": "operator",
                "phones": ["PJSIP/101"],
                "language": "ru",
            },
            "snapshot": {**desk.snapshot, "team": desk.team},
            "heartbeat_s": 20.0,
        }


async def test_all_pages_of_an_operator_see_the_same_numbers_and_nobody_else_sees_anything(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        one, two, colleague = await desk.page(ANNA), await desk.page(ANNA), await desk.page(BORIS)
        desk.hub.publish(ANNA.id, "call.ringing", call=call(caller={"name": HOSTILE}))
        desk.hub.publish(
            ANNA.id,
            "call.withdrawn",
            call=call(state="talking"),
            reason="answered_elsewhere",
            by={"operator": "boris", "name": BORIS.name},
        )
        desk.hub.broadcast("source.state", source={"name": "crm", "state": "down", "since": "2026-11-23T08:00:00Z"})
        for page in (one, two):
            ringing = await page.event("call.ringing")
            assert ringing["seq"] == 1
            assert ringing["call"] == call(caller={"name": HOSTILE})
            withdrawn = await page.event("call.withdrawn")
            assert (withdrawn["seq"], withdrawn["reason"], withdrawn["by"]["operator"]) == (
                2,
                "answered_elsewhere",
                "boris",
            )
            assert (await page.event("source.state"))["seq"] == 3
        # The first thing that reaches the colleague is what is meant for everybody.
        only = await colleague.event("source.state")
        assert (only["seq"], only["source"]["state"]) == (1, "down")


async def test_a_reloaded_page_gets_the_snapshot_and_goes_on_with_the_next_number(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        await page.event("call.ringing")
        await page.socket.close()
        desk.snapshot = {**desk.snapshot, "calls": [call()]}
        back = await desk.connect(await desk.sign_in("anna"))
        welcome = await back.hello()
        assert (welcome["seq"], welcome["snapshot"]["calls"]) == (1, [call()])
        desk.hub.publish(ANNA.id, "call.answered", call=call(state="talking"))
        assert (await back.event("call.answered"))["seq"] == 2


async def test_a_pop_that_no_page_confirms_is_sent_once_more_with_the_same_number(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        one, two = await desk.page(ANNA), await desk.page(ANNA)
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        first = await one.event("call.ringing")
        assert await two.event("call.ringing") == first
        desk.clock.now += 2.0
        desk.hub.repeat_overdue()
        for page in (one, two):
            assert await page.event("call.ringing") == first
        assert desk.count("cti_pops_repeated_total") == 1
        desk.clock.now += 2.0
        assert desk.hub.repeat_overdue() is None
        assert desk.count("cti_pops_repeated_total") == 1
        assert desk.count("cti_pops_unacknowledged_total") == 1


async def test_one_page_that_confirms_is_enough(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        one, _two = await desk.page(ANNA), await desk.page(ANNA)
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        seq = (await one.event("call.ringing"))["seq"]
        await one.send(op="ack", seq=seq, paint_ms=7.5)
        await desk.counted("cti_pops_acknowledged_total", 1)
        desk.clock.now += 10.0
        assert desk.hub.repeat_overdue() is None
        assert desk.count("cti_pops_repeated_total") == 0
        assert desk.count("cti_pop_paint_seconds_sum") == 0.0075


async def test_the_bridge_repeats_by_itself_when_the_time_is_up(tmp_path: Path) -> None:
    async with front_desk(tmp_path, times=HubTimes(acknowledge=0.0)) as desk:
        page = await desk.page(ANNA)
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        assert await page.event("call.ringing") == await page.event("call.ringing")
        await desk.counted("cti_pops_unacknowledged_total", 1)


async def test_a_pop_that_is_over_is_not_repeated(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        await desk.page(ANNA)
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        desk.hub.publish(ANNA.id, "call.withdrawn", call=call(), reason="no_answer")
        desk.clock.now += 10.0
        assert desk.hub.repeat_overdue() is None
        assert desk.count("cti_pops_repeated_total") == 0


async def test_a_pop_for_somebody_without_a_page_is_counted(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        desk.hub.publish(ANNA.id, "call.ringing", call=call())
        assert (desk.count("cti_pops_total"), desk.count("cti_pops_without_page_total")) == (1, 1)


async def test_the_lead_time_of_a_pop_is_told_once_however_many_pages_are_open(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        told: list[tuple[str, str, str, float]] = []
        desk.hub.on_sent = lambda *sent: told.append(sent)
        pages = [await desk.page(ANNA) for _ in range(3)]
        desk.hub.publish(ANNA.id, "call.ringing", call=call("c1"))
        for page in pages:
            await page.event("call.ringing")
            await page.send(op="ping")
            await page.receive("pong")
        assert told == [("anna", "c1", "call.ringing", desk.clock.now)]


async def test_many_changes_of_the_team_become_one_event_with_the_latest(tmp_path: Path) -> None:
    async with front_desk(tmp_path, times=HubTimes(team_pause=0.0)) as desk:
        pages = [await desk.page(ANNA), await desk.page(BORIS)]
        for number in range(50):
            desk.team = [{"operator": "anna", "name": "Анна", "ringing_queue": "sales", "state": str(number)}]
            desk.hub.team_changed()
        for page in pages:
            event = await page.event("team.updated")
            assert ("seq" in event, event["team"]) == (False, desk.team)


async def test_the_team_list_is_made_once_for_all_who_come_back_together_and_again_after_a_change(
    tmp_path: Path,
) -> None:
    async with front_desk(tmp_path) as desk:
        await desk.page(ANNA)
        made = desk.teams_made
        for number in range(3):
            page = await desk.connect(await desk.sign_in("anna"))
            assert (await page.hello())["snapshot"]["team"] == [], number
        assert desk.teams_made == made
        desk.team = [{"operator": "anna", "name": "Анна", "ringing_queue": "sales", "state": "ringing"}]
        desk.hub.team_changed()
        page = await desk.connect(await desk.sign_in("anna"))
        assert (await page.hello())["snapshot"]["team"] == desk.team


async def test_a_new_colleague_appears_in_the_team_and_a_sign_in_is_no_news(tmp_path: Path) -> None:
    async with front_desk(tmp_path, times=HubTimes(team_pause=0.0)) as desk:
        page = await desk.page(ANNA)
        await desk.sign_in("boris")
        await desk.accounts.add(Operator(OperatorId("vera"), "Вера Юн", ("PJSIP/103",)), PASSWORD)
        await page.event("team.updated")
        await page.silence()


async def test_a_page_that_does_not_read_is_sent_away_and_slows_nobody(tmp_path: Path) -> None:
    async with front_desk(tmp_path, limits=SocketLimits(frames_waiting=4)) as desk:
        slow, quick = await desk.page(ANNA), await desk.page(ANNA)
        seq = 0
        async with asyncio.timeout(20):
            while not desk.count("cti_pages_too_slow_total"):
                desk.hub.publish(ANNA.id, "call.updated", call=call(notes=["д" * 100_000]))
                seq += 1
                assert (await quick.event("call.updated"))["seq"] == seq
        desk.hub.publish(ANNA.id, "call.ended", call=call(state="ended"))
        assert (await quick.event("call.ended"))["seq"] == seq + 1
        bye, code = await slow.sent_away()
        assert (bye["code"], code) == (4008, 4008)
        await desk.counted("cti_pages", 1)


async def test_at_a_restart_every_page_is_told_to_come_back(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        pages = [await desk.page(ANNA), await desk.page(BORIS)]
        closing = asyncio.create_task(desk.hub.close(CloseCode.RESTART, "restart"))
        for page in pages:
            assert await page.sent_away() == ({"op": "bye", "code": 1012, "reason": "restart"}, 1012)
        await closing
        assert desk.count("cti_pages") == 0
        late = await desk.connect(await desk.sign_in("anna"))
        await late.send(op="hello")
        assert (await late.sent_away())[1] == 1012


async def test_stopping_the_listener_says_goodbye_too(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        page = await desk.page(ANNA)
        stopping = asyncio.create_task(desk.listener.stop())
        assert (await page.sent_away())[1] == 1012
        await stopping


async def test_an_unknown_command_has_a_result_and_a_repeated_one_the_same(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        one, two = await desk.page(ANNA), await desk.page(ANNA)
        results: list[dict[str, Any]] = []
        for page in (one, two):
            await page.send(op="command", id="k1", name="fly", args={})
            results.append(await page.receive("result"))
        error = {"code": "unknown_command", "message": "there is no command fly"}
        assert results == [{"op": "result", "id": "k1", "ok": False, "error": error}] * 2
        await two.send(op="command", id="k1", name="another name", args={})
        assert (await two.receive("result"))["error"]["code"] == "bad_args"
        desk.clock.now += 300.0
        await one.send(op="command", id="k1", name="later", args={})
        assert (await one.receive("result"))["error"]["message"] == "there is no command later"


async def test_a_ticket_does_not_free_a_page_from_its_session(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        cookie = await desk.sign_in("anna")
        page = await desk.connect(cookie)
        await page.hello()
        await page.send(op="renew", ticket=desk.tickets.issue(ANNA.id))
        await page.silence()
        headers = {"Cookie": f"cti_session={cookie}"}
        async with desk.http.delete(f"{desk.url}/api/v1/session", headers=headers) as answer:
            assert answer.status == 204
        assert (await page.sent_away())[1] == 4003


async def test_a_ticket_holds_a_page_only_until_it_has_to_be_renewed(tmp_path: Path) -> None:
    async with front_desk(tmp_path, limits=SocketLimits(ticket_hold_s=0.3)) as desk:
        left, renewed = await desk.connect(), await desk.connect()
        await left.hello(ticket=desk.tickets.issue(ANNA.id))
        await renewed.hello(ticket=desk.tickets.issue(ANNA.id))
        ended = asyncio.create_task(left.sent_away())
        while not ended.done():
            await renewed.send(op="renew", ticket=desk.tickets.issue(ANNA.id))
            desk.clock.now += 1.0
            await asyncio.wait([ended], timeout=0.05)
        assert (await ended)[1] == 4003
        await renewed.send(op="ping")
        await renewed.receive("pong")
        await renewed.send(op="renew", ticket=desk.tickets.issue(BORIS.id))
        assert (await renewed.sent_away())[1] == 4002


async def test_a_dead_line_is_noticed_by_pings(tmp_path: Path) -> None:
    async with front_desk(tmp_path, times=HubTimes(heartbeat=0.05)) as desk:
        cookie = await desk.sign_in("anna")
        socket = await desk.http.ws_connect(
            f"{desk.url}/ws",
            protocols=("cti-bridge.v1",),
            headers={"Cookie": f"cti_session={cookie}"},
            autoping=False,
        )
        silent = PageClient(socket)
        await silent.hello()
        assert (await socket.receive(5)).type is WSMsgType.PING
        await desk.counted("cti_pages", 0)
        await socket.close()
