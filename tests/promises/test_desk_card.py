"""The card in the hands of who talks: changed during the call, in conflict, with the CRM away, chosen, made.

Real phones, the real bridge, its embedded CRM, and the commands that a page sends.
"""

import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phones
from promises.scene import AMBIGUOUS, OPERATORS, SALES, UNKNOWN, AtDesk, journalled, until
from promises.screens import Incoming, bridge_with_short_times, incoming, is_empty, pick_up, showing, shows

pytestmark = [pytest.mark.unhurried, pytest.mark.usefixtures("staff")]

RINGS = Behaviour(answer_after=None)
WITHIN_S = 30.0

Json = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here, which makes deals for new customers."""
    more = {"operators": {"create_deal": True}}
    folder = tmp_path_factory.mktemp("card") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, more=more) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


@asynccontextmanager
async def talking(asterisk: AsteriskInstance, desk: Desk, phone: str, number: str) -> AsyncIterator[Incoming]:
    """Somebody calls, the phone of this desk answers, and the card is complete."""
    async with Phones(asterisk, {phone: RINGS}) as phones:
        async with incoming(asterisk, number) as caller:
            await shows(desk, caller.call_id, within=WITHIN_S, state="ringing")
            await pick_up(phones[phone], WITHIN_S)
            await shows(desk, caller.call_id, within=WITHIN_S, state="talking", my_role="talking")
            yield caller
        if not desk.closed:
            await is_empty(desk, WITHIN_S)


async def edit_of(desk: Desk, call_id: str, state: str, kind: str) -> Json:
    """Wait until the latest edit of this kind is in this state on the card."""

    def look() -> Json | None:
        edits = [one for one in showing(desk)[call_id]["edits"] if one["kind"] == kind]
        return edits[-1] if edits and edits[-1]["state"] == state else None

    return await until(look, WITHIN_S)


async def done(desk: Desk, name: str, /, **args: Any) -> Json:
    """The value that a command answers with."""
    result = await desk.command(name, within=WITHIN_S, **args)
    assert result["ok"], result
    value: Json = result["value"] or {}
    return value


def in_the_crm(bridge: Bridge, query: str, *values: str) -> list[tuple[Any, ...]]:
    """What somebody who looks into the CRM's file sees, or changes."""
    with closing(sqlite3.connect(bridge.data / "crm.sqlite", timeout=WITHIN_S)) as file, file:
        return file.execute(query, values).fetchall()


async def alone(asterisk: AsteriskInstance, queue: str, phone: str) -> None:
    """This phone is the only one that the queue calls."""
    await asterisk.remove_all_members()
    await asterisk.add_member(queue, f"PJSIP/{phone}", name="op")


async def test_the_card_is_changed_during_the_call_and_a_change_by_somebody_else_is_put_to_the_operator(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await alone(asterisk, "sales", "103")
    desk = await at_desk("op3")
    assert desk.welcome["snapshot"]["desk"]["crm"] == {"update": True, "create": True, "note": True, "deal": True}
    async with talking(asterisk, desk, "103", SALES) as caller:
        call = caller.call_id
        saved = await done(desk, "card.save", call=call, changes={"city": "Муром"}, seen={"city": "Рязань"})
        assert saved["edit"]["changes"] == {"city": "Муром"}
        await edit_of(desk, call, "saved", "update")
        assert in_the_crm(bridge, "SELECT city FROM customers WHERE id = 'k-01'") == [("Муром",)]

        in_the_crm(bridge, "UPDATE customers SET email = 'gleb@example.com' WHERE id = 'k-01'")
        seen = {"email": "rakitin@example.com"}
        await done(desk, "card.save", call=call, changes={"email": "g.rakitin@example.com"}, seen=seen)
        edit = await edit_of(desk, call, "conflict", "update")
        assert edit["theirs"] == {"email": "gleb@example.com"}
        assert showing(desk)[call]["customer"]["email"] == "gleb@example.com"
        await done(desk, "card.settle", edit=edit["id"], keep="mine")
        await edit_of(desk, call, "saved", "update")
        assert in_the_crm(bridge, "SELECT email FROM customers WHERE id = 'k-01'") == [("g.rakitin@example.com",)]

        colleague = await at_desk("op4")
        result = await colleague.command("card.note", call=call, text="не мой звонок")
        assert (result["ok"], result["error"]["code"]) == (False, "not_found")


async def test_the_crm_is_away_while_the_card_is_changed_and_gets_all_of_it_when_it_is_back(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await alone(asterisk, "sales", "103")
    desk = await at_desk("op3")
    crm = bridge.data / "crm.sqlite"
    away = crm.with_name("away.sqlite")
    async with talking(asterisk, desk, "103", SALES) as caller:
        call = caller.call_id
        city = showing(desk)[call]["customer"]["city"]
        crm.rename(away)
        try:
            await done(desk, "card.save", call=call, changes={"city": "Клин"}, seen={"city": city})
            await done(desk, "card.note", call=call, text="Переехал <b>в Клин</b>")
            await edit_of(desk, call, "waiting", "note")
            assert showing(desk)[call]["customer"]["city"] == "Клин"
            # Killed and started again: what waits is on disk.
            await bridge.kill()
            await bridge.start(ready=("asterisk", "journal", "rules"))
            back = await at_desk("op3")
            assert [one["state"] for one in back.welcome["snapshot"]["edits"]] == ["waiting", "waiting"]
        finally:
            away.rename(crm)
        await until(lambda: [f.body["edits"] for f in back.frames if f.type == "edits.updated"][-1:] == [[]], WITHIN_S)
    assert in_the_crm(bridge, "SELECT city FROM customers WHERE id = 'k-01'") == [("Клин",)]
    assert in_the_crm(bridge, "SELECT author, text FROM notes WHERE text LIKE 'Переехал%'") == [
        (OPERATORS["op3"], "Переехал <b>в Клин</b>")
    ]


async def test_of_several_customers_one_is_chosen_and_the_crm_hears_of_the_call_of_this_one_only(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await alone(asterisk, "production", "105")
    desk = await at_desk("op5")
    async with talking(asterisk, desk, "105", AMBIGUOUS) as caller:
        call = caller.call_id
        shown = showing(desk)[call]
        assert (shown["chosen"], len(shown["candidates"])) == (False, 2)
        result = await desk.command("card.note", call=call, text="кому?")
        assert result["error"]["code"] == "not_possible"
        await done(desk, "card.choose", call=call, customer="k-04")
        chosen = await shows(desk, call, within=WITHIN_S, chosen=True, extras="ready")
        assert (chosen["customer"]["name"], chosen["deals"][0]["title"]) == ("Инна Полозова", "Детская комната")
        await done(desk, "card.note", call=call, text="Это Инна")
        await edit_of(desk, call, "saved", "note")
    await journalled(bridge, call, ended=True, within=WITHIN_S)

    def told() -> list[tuple[Any, ...]]:
        return in_the_crm(bridge, "SELECT customer_id FROM calls WHERE customer_id IN ('k-04', 'k-05')")

    assert await until(told, WITHIN_S) == [("k-04",)]
    record = await journalled(bridge, call)
    assert (record.customer, record.decision and record.decision.customer_id) == ("k-04", "k-05")


async def test_an_unknown_caller_becomes_a_customer_with_a_deal_and_his_next_call_is_known(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await alone(asterisk, "primary-consult", "101")
    desk = await at_desk("op1")
    async with talking(asterisk, desk, "101", UNKNOWN) as caller:
        call = caller.call_id
        assert showing(desk)[call]["customer"] is None
        deal = {"title": "Кухня «под ключ»"}
        await done(desk, "card.create", call=call, name="Ольга Ветрова", city="Тверь", deal=deal)
        await edit_of(desk, call, "saved", "deal")
        shown = await shows(desk, call, within=WITHIN_S, extras="ready")
        assert (shown["customer"]["name"], shown["customer"]["city"]) == ("Ольга Ветрова", "Тверь")
        assert [(one["title"], one["open"]) for one in shown["deals"]] == [("Кухня «под ключ»", True)]
    await asterisk.add_member("sales", "PJSIP/101", name="op")
    async with talking(asterisk, desk, "101", UNKNOWN) as again:
        shown = showing(desk)[again.call_id]
        assert (shown["customer"]["name"], shown["class"]) == ("Ольга Ветрова", "sales")
        assert [past["outcome"] for past in shown["history"]][:1] == ["answered"]
