"""S5.7: states by websocket and by HTTP: two pages of one operator, a supervisor, and who may not."""

import asyncio
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from front_desk import ANNA, BORIS, PASSWORD, FrontDesk, PageClient, front_desk
from pydantic import TypeAdapter

from cti_bridge.calls.journal import Journal
from cti_bridge.desk.states.staffing import Staffing, Told
from cti_bridge.desk.states.state_commands import StateCommands
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.domain.operator import Role
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.desk_settings import DeskSettings, WhenGone, WrapUpSettings
from cti_bridge.operators.state_happenings import TalkBegan, TalkEnded
from cti_bridge.operators.wire import StateView

CALL = CallId("main-1.1")
IRINA = replace(ANNA, id=OperatorId("irina"), name="Ирина Ясная", phones=("PJSIP/103",), role=Role.SUPERVISOR)
SETTINGS = DeskSettings(wrap_up=WrapUpSettings(60.0, frozenset({"note"})), when_gone=WhenGone.AWAY)


class NoCalls:
    """Nobody calls."""

    def get(self, call_id: CallId) -> None:
        return None


class Room:
    """A front desk with the states of its operators."""

    def __init__(self, desk: FrontDesk, journal: Journal) -> None:
        self.desk = desk
        self.staffing = Staffing(
            SETTINGS,
            told=Told(
                publish=lambda operator, state: desk.hub.publish(operator, "operator.state", state=state),
                team_changed=desk.hub.team_changed,
                want=lambda operator, treatment, asked: None,
            ),
            journal=journal,
            calls=NoCalls(),
            directory=lambda: desk.accounts.directory,
        )
        self.commands = StateCommands(
            self.staffing, SETTINGS, journal=journal, directory=lambda: desk.accounts.directory
        )
        self.commands.offer_to(desk.site.commands)
        desk.accounts.on_signed_out = self.staffing.signed_out
        desk.hub.on_pages = self.staffing.pages

    async def asks(self, page: PageClient, name: str, id_: str = "1", **args: Any) -> dict[str, Any]:
        """The result of a command; what is told meanwhile is passed over."""
        await page.send(op="command", id=id_, name=name, args=args)
        async with asyncio.timeout(30):
            while True:
                message = await page.socket.receive_json()
                if message["op"] == "result":
                    result: dict[str, Any] = message
                    return result


@pytest.fixture
async def room(tmp_path: Path) -> AsyncIterator[Room]:
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    async with front_desk(tmp_path) as desk:
        await desk.accounts.add(IRINA, PASSWORD)
        room = Room(desk, journal)
        await room.staffing.open()
        yield room
    await journal.close(within_s=10.0)


async def state_told(page: PageClient) -> dict[str, Any]:
    """The next state that this page is told."""
    async with asyncio.timeout(30):
        while True:
            frame = await page.receive("event")
            if frame["type"] == "operator.state":
                TypeAdapter(StateView).validate_python(frame["state"])
                state: dict[str, Any] = frame["state"]
                return state


async def states_told_by_now(page: PageClient) -> list[dict[str, Any]]:
    """The states that were on their way to this page."""
    await page.send(op="ping")
    told = []
    async with asyncio.timeout(30):
        while (frame := await page.socket.receive_json())["op"] != "pong":
            if frame.get("type") == "operator.state":
                told.append(frame["state"])
    return told


async def test_what_one_page_asks_for_all_pages_of_the_operator_show(room: Room) -> None:
    first, second = await room.desk.page(ANNA), await room.desk.page(ANNA)
    other = await room.desk.page(BORIS)
    await first.send(op="command", id="1", name="state.set", args={"state": "lunch"})
    for page in (first, second):
        state = await state_told(page)
        assert (state["state"], state["kind"], state["why"], state["by"]) == ("lunch", "away", "asked", None)
    assert await states_told_by_now(other) == []
    assert room.staffing.view(ANNA.id)["state"] == "lunch"


async def test_nobody_sets_the_state_of_somebody_else_but_a_supervisor(room: Room) -> None:
    anna, boris, irina = await room.desk.page(ANNA), await room.desk.page(BORIS), await room.desk.page(IRINA)
    refused = await room.asks(boris, "state.set", state="lunch", operator="anna")
    assert refused["error"]["code"] == "not_allowed"
    for name, args in (("state.list", {"operator": "anna"}), ("state.team", {})):
        assert (await room.asks(boris, name, id_=name, **args))["error"]["code"] == "not_allowed"
    assert await states_told_by_now(anna) == []
    done = await room.asks(irina, "state.set", state="training", operator="anna")
    assert done["ok"]
    told = await state_told(anna)
    assert (told["state"], told["by"]) == ("training", "irina")
    team = (await room.asks(irina, "state.team", id_="2"))["value"]["team"]
    assert {mate["operator"]: mate["state"]["state"] for mate in team} == {
        "anna": "training",
        "boris": "ready",
        "irina": "ready",
    }


@pytest.mark.parametrize(
    ("args", "code"),
    [
        ({"state": "flying"}, "not_found"),
        ({"state": "wrap_up"}, "not_possible"),
        ({"state": ""}, "bad_args"),
        ({"state": 7}, "bad_args"),
        ({"state": "ready", "operator": "nobody"}, "not_allowed"),
        ({}, "bad_args"),
    ],
)
async def test_what_makes_no_sense_is_refused_in_words(room: Room, args: dict[str, Any], code: str) -> None:
    anna = await room.desk.page(ANNA)
    assert (await room.asks(anna, "state.set", **args))["error"]["code"] == code


async def test_what_is_missing_is_named(room: Room) -> None:
    anna = await room.desk.page(ANNA)
    room.staffing.ask(ANNA.id, TalkBegan(CALL))
    room.staffing.ask(ANNA.id, TalkEnded(CALL, time.time(), True, frozenset({"note"})))
    for id_, name, args in (("1", "wrapup.finish", {}), ("2", "state.set", {"state": "lunch"})):
        refused = await room.asks(anna, name, id_=id_, **args)
        assert refused["error"] == {"code": "not_possible", "message": "still missing after the call: note"}
    room.staffing.after_saved(ANNA.id, CALL, frozenset())
    finished = await room.asks(anna, "wrapup.finish", id_="3")
    assert finished["value"]["state"]["state"] == "ready"


@pytest.mark.parametrize(
    ("name", "args", "then"), [("wrapup.finish", {}, "ready"), ("state.set", {"state": "lunch"}, "lunch")]
)
async def test_who_ends_the_time_after_a_call_on_one_page_has_ended_it_on_the_other_as_well(
    room: Room, name: str, args: dict[str, Any], then: str
) -> None:
    anna, other = await room.desk.page(ANNA), await room.desk.page(ANNA)
    assert (await room.asks(other, "wrapup.finish", id_="0"))["error"]["code"] == "not_possible"
    room.staffing.ask(ANNA.id, TalkBegan(CALL))
    room.staffing.ask(ANNA.id, TalkEnded(CALL, time.time(), True))
    assert (await room.asks(anna, name, id_="1", **args))["value"]["state"]["state"] == then
    assert (await room.asks(other, "wrapup.finish", id_="2"))["value"]["state"]["state"] == then
    await room.asks(anna, "state.set", id_="3", state="training")
    assert (await room.asks(other, "wrapup.finish", id_="4"))["error"]["code"] == "not_possible"


async def test_a_time_after_a_call_that_a_supervisor_has_ended_is_not_said_to_be_ended_by_himself(room: Room) -> None:
    anna, irina = await room.desk.page(ANNA), await room.desk.page(IRINA)
    room.staffing.ask(ANNA.id, TalkBegan(CALL))
    room.staffing.ask(ANNA.id, TalkEnded(CALL, time.time(), True, frozenset({"note"})))
    await room.asks(irina, "state.set", id_="1", state="ready", operator="anna")
    assert (await room.asks(anna, "wrapup.finish", id_="2"))["error"]["code"] == "not_possible"


async def test_the_day_can_be_looked_up(room: Room) -> None:
    anna, irina = await room.desk.page(ANNA), await room.desk.page(IRINA)
    for number, state in enumerate(("lunch", "ready", "paperwork")):
        await room.asks(anna, "state.set", id_=str(number), state=state)
    own = (await room.asks(anna, "state.list", id_="a"))["value"]["states"]
    assert [one["state"] for one in own] == ["paperwork", "ready", "lunch", "ready"]
    assert own[0]["ended_at"] is None
    hers = (await room.asks(irina, "state.list", id_="b", operator="anna"))["value"]["states"]
    assert hers[1:] == own[1:]
    bad = await room.asks(anna, "state.list", id_="c", since="neulich")
    assert bad["error"]["code"] == "bad_args"


async def test_a_program_does_it_by_http(room: Room) -> None:
    cookie = {"Cookie": f"cti_session={await room.desk.sign_in('anna')}"}
    url = f"{room.desk.url}/api/v1/commands/state.set"
    async with room.desk.http.post(url, json={"args": {"state": "lunch"}}, headers=cookie) as answer:
        assert answer.status == 200, await answer.text()
        assert (await answer.json())["value"]["state"]["state"] == "lunch"
    async with room.desk.http.post(
        url, json={"args": {"state": "lunch", "operator": "boris"}}, headers=cookie
    ) as answer:
        assert answer.status == 403


async def test_who_signs_out_everywhere_is_signed_off_and_not_before(room: Room) -> None:
    cookies = [await room.desk.sign_in("anna"), await room.desk.sign_in("anna")]
    page = await room.desk.connect(cookies[0])
    await page.hello()
    await room.asks(page, "state.set", state="ready")
    for cookie, state in zip(cookies, ("ready", "signed_off"), strict=True):
        async with room.desk.http.delete(
            f"{room.desk.url}/api/v1/session", headers={"Cookie": f"cti_session={cookie}"}
        ) as answer:
            assert answer.status == 204
        assert room.staffing.state_of(ANNA.id).state == state


async def test_in_shadow_mode_nothing_is_promised(room: Room) -> None:
    shadow = StateCommands(
        room.staffing,
        SETTINGS,
        journal=None,  # type: ignore[arg-type]
        directory=lambda: room.desk.accounts.directory,
        shadow=True,
    )
    room.desk.site.commands = CommandList()
    shadow.offer_to(room.desk.site.commands)
    anna = await room.desk.page(ANNA)
    assert (await room.asks(anna, "state.set", state="lunch"))["error"]["code"] == "not_possible"


async def test_the_last_page_that_goes_begins_the_time_and_one_that_comes_ends_it(room: Room) -> None:
    first, second = await room.desk.page(ANNA), await room.desk.page(ANNA)
    await first.socket.close()
    await room.desk.counted("cti_pages", 1)
    assert room.staffing.state_of(ANNA.id).gone_at is None
    await second.socket.close()
    await room.desk.counted("cti_pages", 0)
    assert room.staffing.state_of(ANNA.id).gone_at is not None
    await room.desk.page(ANNA)
    assert room.staffing.state_of(ANNA.id).gone_at is None


async def test_a_removed_operator_leaves_no_state_behind(room: Room) -> None:
    boris = await room.desk.page(BORIS)
    await room.asks(boris, "state.set", state="lunch")
    room.desk.accounts.subscribe(lambda change: room.staffing.people_changed())
    await room.desk.accounts.remove(BORIS.id)
    await boris.sent_away()
    await room.desk.counted("cti_pages", 0)
    irina = await room.desk.page(IRINA)
    team = (await room.asks(irina, "state.team"))["value"]["team"]
    assert [mate["operator"] for mate in team] == ["anna", "irina"]
    assert (await room.asks(irina, "state.set", id_="2", state="ready", operator="boris"))["error"][
        "code"
    ] == "not_found"
