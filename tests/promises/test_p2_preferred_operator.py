"""P2, the operator whom a rule wants first: his phone rings, he has the card; nobody free costs the caller no time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones
from promises.scene import SALES, AtDesk, in_time, journalled, until
from promises.screens import (
    Incoming,
    Screens,
    bridge_with_short_times,
    incoming,
    is_empty,
    pick_up,
    shows,
    told,
    withdrawal,
)

DID_RESPONSIBLE, DID_LAST, DID_NAMED, DID_AGAIN = "74950000311", "74950000312", "74950000313", "74950000314"
RULES = f"""\
version: 1
queues: {{primary-consult: {{timeout: 60s}}, sales: {{timeout: 60s}}}}
rules:
  - {{name: responsible, when: {{call.did: "+{DID_RESPONSIBLE}"}}, queue: primary-consult, operator: responsible}}
  - name: last
    when: {{call.did: "+{DID_LAST}"}}
    queue: primary-consult
    operator: [last, responsible, {{id: op6}}]
  - name: named
    when: {{call.did: "+{DID_NAMED}"}}
    queue: primary-consult
    operator: {{id: op6}}
    operator_timeout: 1s
  - name: again
    when: {{call.missed_last_hour: {{min: 1}}, call.did: "+{DID_AGAIN}"}}
    queue: sales
default: {{queue: primary-consult}}
"""
TALKED, REACHED, BUSY, LATER, MISSED = (f"+7495000028{number}" for number in range(1, 6))
"""Callers whom no CRM knows, one for each story, for the journal remembers them."""
RINGS = Behaviour(answer_after=None)

pytestmark = [pytest.mark.promise, pytest.mark.usefixtures("staff")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all stories here."""
    folder = tmp_path_factory.mktemp("preferred") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, rules_text=RULES) as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


@asynccontextmanager
async def talking(
    asterisk: AsteriskInstance, screens: Screens, phones: Phones, number: str, *, operator: str, did: str
) -> AsyncIterator[Incoming]:
    """A caller whom this operator has answered; his phone was the only one that rang."""
    async with incoming(asterisk, number, did=did) as caller:
        assert await screens.popped(caller.call_id) == operator
        await pick_up(phones[f"10{operator[2]}"])
        await shows(screens[operator], caller.call_id, my_role="talking")
        yield caller


async def test_the_responsible_operator_is_rung_before_the_queue_and_has_the_card(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, dict.fromkeys(("101", "102", "103"), RINGS)) as phones,
        talking(asterisk, screens, phones, SALES, operator="op3", did=DID_RESPONSIBLE) as caller,
    ):
        card = screens["op3"].of_call(caller.call_id)[0].call
        assert card["customer"]["name"] == "Глеб Ракитин"
        assert (phones["101"].calls, phones["102"].calls) == (0, 0)
    record = await journalled(bridge, caller.call_id, ended=True)
    assert record.decision is not None
    assert (record.rang, record.decision.operator, record.decision.skipped) == (("op3",), "op3", ())


async def test_who_calls_again_at_once_reaches_whom_he_spoke_with(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, dict.fromkeys(("101", "102", "106"), RINGS)) as phones:
        async with incoming(asterisk, TALKED) as first:
            operator = await screens.popped(first.call_id)
            await pick_up(phones[f"10{operator[2]}"])
            await shows(screens[operator], first.call_id, my_role="talking")
        await is_empty(screens[operator])
        async with talking(asterisk, screens, phones, TALKED, operator=operator, did=DID_LAST) as second:
            assert told(screens["op6"], second.call_id) == []
    record = await journalled(bridge, second.call_id, ended=True)
    assert record.decision is not None
    assert record.decision.facts["customer.last_operator"] == record.decision.operator == operator


async def test_nobody_spoke_with_a_stranger_so_the_next_of_the_list_is_rung(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, dict.fromkeys(("101", "102", "106"), RINGS)) as phones,
        talking(asterisk, screens, phones, REACHED, operator="op6", did=DID_LAST),
    ):
        assert (phones["101"].calls, phones["102"].calls) == (0, 0)


async def test_whoever_is_on_the_phone_is_skipped_and_the_caller_is_in_the_queue_at_once(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, dict.fromkeys(("101", "102", "106"), RINGS)) as phones,
        talking(asterisk, screens, phones, BUSY, operator="op6", did=DID_NAMED),
        in_time(asterisk, MISSED, did=DID_NAMED) as caller,
    ):
        assert (caller.queue, caller.cti("OPERATOR")) == ("primary-consult", "")
        assert await screens.popped(caller.call_id) in ("op1", "op2")
        assert phones["106"].calls == 1
    record = await journalled(bridge, caller.call_id, ended=True)
    assert record.decision is not None
    assert record.decision.skipped == (("op6", "is on the phone"),)
    code, said, _ = await bridge.run("explain", "--call", caller.call_id)
    assert (code, "op6 is on the phone" in said) == (0, True)


async def test_whoever_is_at_lunch_is_skipped_and_the_caller_is_in_the_queue_at_once(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    assert (await screens["op3"].command("state.set", state="lunch"))["ok"]
    async with (
        Phones(asterisk, dict.fromkeys(("101", "102", "103"), RINGS)) as phones,
        in_time(asterisk, SALES, did=DID_RESPONSIBLE) as caller,
    ):
        assert (caller.queue, caller.cti("OPERATOR")) == ("primary-consult", "")
        assert await screens.popped(caller.call_id) in ("op1", "op2")
        assert phones["103"].calls == 0
    assert (await screens["op3"].command("state.set", state="ready"))["ok"]
    record = await journalled(bridge, caller.call_id, ended=True)
    assert record.decision is not None
    assert [operator for operator, _ in record.decision.skipped] == ["op3"]


async def test_whoever_does_not_answer_loses_the_call_to_the_queue(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, dict.fromkeys(("101", "102", "106"), RINGS)) as phones,
        incoming(asterisk, LATER, did=DID_NAMED) as caller,
    ):
        assert await screens.popped(caller.call_id) == "op6"
        colleague = await screens.popped(caller.call_id, among=("op1", "op2"))
        await phones["106"].stopped_ringing()
        assert withdrawal(screens["op6"], caller.call_id) == ("no_answer", None)
        await pick_up(phones[f"10{colleague[2]}"])
        await shows(screens[colleague], caller.call_id, my_role="talking")


async def test_who_could_not_get_through_a_moment_ago_is_known_for_it(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    number = "+74950000286"
    async with in_time(asterisk, number, did=DID_AGAIN) as first:
        assert (first.queue, first.cti("RULE")) == ("primary-consult", "default")
    await until(lambda: first.hung_up)
    async with in_time(asterisk, number, did=DID_AGAIN) as second:
        assert (second.queue, second.cti("RULE")) == ("sales", "again")
    record = await journalled(bridge, second.call_id)
    assert record.decision is not None
    assert record.decision.facts["call.first_time"] is False
    assert record.decision.facts["call.missed_last_hour"] == 1
