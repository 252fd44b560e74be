"""P2, who is shown what: the card on the screen of the operator whose phone rings, before he answers, on no other."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones
from promises.scene import (
    AMBIGUOUS,
    DID,
    DID_OF_SALES,
    NO_OPEN_DEAL,
    OPERATORS,
    PRODUCTION,
    SALES,
    UNKNOWN,
    VIP,
    AtDesk,
    until,
    variable,
)
from promises.screens import (
    Screens,
    answered_on_the_pbx,
    bridge_with_short_times,
    incoming,
    is_empty,
    pick_up,
    showing,
    shows,
    team_says,
    told,
    withdrawal,
)

pytestmark = [pytest.mark.promise, pytest.mark.usefixtures("staff")]

RINGS = Behaviour(answer_after=None)
"""A phone that rings until the test says what happens."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance, prepared: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bridge]:
    """One bridge for all tests here: none of them harms it."""
    async with bridge_with_short_times(shared_asterisk, prepared, tmp_path_factory.mktemp("p2") / "bridge") as bridge:
        yield bridge


@pytest_asyncio.fixture(loop_scope="session")
async def bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    return running


def forms_of(number: str) -> tuple[str, ...]:
    """A number as any part of the system might write it."""
    digits = number.lstrip("+")
    return digits, digits[1:], f"{digits[7:9]}-{digits[9:]}", f"***{digits[-4:]}"


@pytest.mark.parametrize(
    ("number", "class_name", "queue", "team", "customer", "deals"),
    [
        pytest.param(
            SALES, "sales", "sales", ("op3", "op4"), "Глеб Ракитин", ["Кухня угловая"], id="an offer was sent"
        ),
        pytest.param(
            PRODUCTION,
            "production",
            "production",
            ("op5", "op6"),
            "Ульяна Журавина",
            ["Гардеробная"],
            id="in production",
        ),
        pytest.param(
            NO_OPEN_DEAL,
            "new",
            "primary-consult",
            ("op1", "op2"),
            "Рустам Галеев",
            ["Обеденный стол"],
            id="closed deal",
        ),
        pytest.param(UNKNOWN, "new", "primary-consult", ("op1", "op2"), None, [], id="never called before"),
    ],
)
async def test_the_card_is_on_the_right_screen_before_the_answer_and_on_no_other(
    asterisk: AsteriskInstance,
    bridge: Bridge,
    at_desk: AtDesk,
    number: str,
    class_name: str,
    queue: str,
    team: tuple[str, str],
    customer: str | None,
    deals: list[str],
) -> None:
    screens = await Screens.opened(at_desk)
    name = "Ключ «от» <b>сети</b>"
    async with (
        Phones(asterisk, {f"10{operator[2]}": Behaviour(answer_after=0.25) for operator in team}),
        incoming(asterisk, number, name=name, talk=0.3) as caller,
    ):
        heard_at = await caller.answered_at()
        (operator,) = [one for one in team if screens[one].of_call(caller.call_id)]
        desk = screens[operator]
        pop = desk.of_call(caller.call_id)[0]
        assert pop.type == "call.ringing"
        assert pop.at < await answered_on_the_pbx(asterisk, caller)
        assert pop.at < heard_at

        card = pop.call
        assert (card["state"], card["my_role"]) == ("ringing", "ringing")
        assert (card["class"], card["queue"]) == (class_name, queue)
        assert (card["caller"]["number"], card["caller"]["name"]) == (number, name)
        assert (card["customer"] or {}).get("name") == customer
        assert [deal["title"] for deal in card["deals"]] == deals
        assert card["answered_at"] is None
        assert card["expires_at"] > card["rang_at"]

        talking = await shows(desk, caller.call_id, state="talking", my_role="talking", extras="ready")
        assert talking["answered_at"] is not None
        await desk.sees(caller.call_id, "call.ended")
        assert told(desk, caller.call_id) == ["call.ringing", "call.answered", "call.ended"]
        assert desk.of_call(caller.call_id)[-1].call["my_role"] == "none"

    secrets = (*forms_of(number), caller.call_id, caller.channel, name, customer or name, *deals)
    screens.nobody_else(secrets, but=[operator])


async def test_the_card_says_what_the_number_dialled_stands_for(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, dict.fromkeys(("103", "104"), RINGS)):
        for did, name in ((DID_OF_SALES, "Радио Кухни"), (DID, None)):
            async with incoming(asterisk, SALES, did=did) as caller:
                operator = await screens.popped(caller.call_id)
                card = screens[operator].of_call(caller.call_id)[0].call
                assert card["did"] == f"+{did}"
                assert (card["line"] or {"name": None})["name"] == name
                if name:
                    assert card["line"]["channel"] == "radio"
                    assert await variable(asterisk, caller.channel_name, "CHANNEL(language)") == "ru"


async def test_colleagues_see_whose_phone_rings_and_in_which_queue_and_no_more(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    colleague = screens["op6"]
    async with (
        Phones(asterisk, dict.fromkeys(("103", "104"), RINGS)) as phones,
        incoming(asterisk, SALES, name="Глеб с работы") as caller,
    ):
        operator = await screens.popped(caller.call_id)
        await team_says(colleague, operator, "ringing", "sales")
        await pick_up(phones[f"10{operator[2]}"])
        await team_says(colleague, operator, "talking", None)
        await caller.phone.hang_up()
        await team_says(colleague, operator, "idle", None)
    screens.nobody_else((*forms_of(SALES), "Глеб", "Ракитин", caller.call_id), but=[operator])


async def test_all_connections_of_an_operator_see_the_same_numbers_and_the_same_frames(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await asterisk.remove_member("sales", "PJSIP/104")
    first, second = await at_desk("op3"), await at_desk("op3")
    assert first.welcome["stream"] == second.welcome["stream"]
    async with (
        Phones(asterisk, {"103": Behaviour(answer_after=0.2)}),
        incoming(asterisk, SALES, talk=0.2) as caller,
    ):
        for desk in (first, second):
            await desk.sees(caller.call_id, "call.ended")
    later = max(first.welcome["seq"], second.welcome["seq"])
    bodies = [[frame.body for frame in desk.of_call(caller.call_id)] for desk in (first, second)]
    assert bodies[0] == bodies[1]
    for desk in (first, second):
        numbers = [frame.body["seq"] for frame in desk.frames if frame.body.get("seq", 0) > later]
        assert numbers == list(range(later + 1, later + 1 + len(numbers)))


async def test_the_preferred_operator_is_asked_first_and_then_the_queue(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    await asterisk.remove_member("sales", "PJSIP/104")
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, {"103": RINGS, "104": RINGS}) as phones,
        incoming(asterisk, VIP) as caller,
    ):
        pop = await screens["op4"].sees(caller.call_id, "call.ringing")
        assert (pop.call["queue"], pop.call["rule"], pop.call["decision"]) == (None, "vip", "matched")
        assert pop.call["customer"]["name"] == "Торговый дом «Ясень и Клён»"
        await screens["op4"].sees(caller.call_id, "call.withdrawn")
        assert withdrawal(screens["op4"], caller.call_id) == ("no_answer", None)
        second = await screens["op3"].sees(caller.call_id, "call.ringing")
        assert second.call["queue"] == "sales"
        assert second.call["customer"] == pop.call["customer"]
        await pick_up(phones["103"])
        await screens["op3"].sees(caller.call_id, "call.answered")
        assert told(screens["op4"], caller.call_id) == ["call.ringing", "call.withdrawn"]
    await is_empty(screens["op3"])
    screens.nobody_else(forms_of(VIP), but=["op3", "op4"])


async def test_two_calls_at_once_stay_apart(asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, dict.fromkeys(("103", "104", "105", "106"), RINGS)) as phones,
        incoming(asterisk, SALES) as sale,
        incoming(asterisk, PRODUCTION) as work,
    ):
        seller = await screens.popped(sale.call_id)
        maker = await screens.popped(work.call_id)
        assert (seller in ("op3", "op4"), maker in ("op5", "op6")) == (True, True)
        assert list(showing(screens[seller])) == [sale.call_id]
        assert list(showing(screens[maker])) == [work.call_id]
        await pick_up(phones[f"10{maker[2]}"])
        await shows(screens[maker], work.call_id, my_role="talking")
        await shows(screens[seller], sale.call_id, my_role="ringing")
        await work.phone.hang_up()
        await is_empty(screens[maker])
        await shows(screens[seller], sale.call_id, my_role="ringing")
    await is_empty(screens[seller])
    screens.nobody_else(forms_of(SALES), but=[seller, maker])
    assert {frame.call["id"] for frame in screens[maker].frames if frame.call} == {work.call_id}
    assert {frame.call["id"] for frame in screens[seller].frames if frame.call} == {sale.call_id}


async def test_an_operator_who_talks_sees_nothing_of_the_next_caller(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, dict.fromkeys(("103", "104"), Behaviour(answer_after=0.1))),
        incoming(asterisk, SALES) as one,
    ):
        first = await screens.popped(one.call_id)
        await shows(screens[first], one.call_id, my_role="talking")
        async with incoming(asterisk, SALES) as two:
            second = await screens.popped(two.call_id)
            await shows(screens[second], two.call_id, my_role="talking")
            assert second != first
            assert not screens[first].of_call(two.call_id)


async def test_a_direct_call_to_an_operator_pops_on_his_screen_alone(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, {"102": RINGS}) as phones, incoming(asterisk, PRODUCTION, did="102") as caller:
        card = await shows(screens["op2"], caller.call_id, my_role="ringing")
        assert (card["queue"], card["customer"]["name"]) == (None, "Ульяна Журавина")
        await pick_up(phones["102"])
        await shows(screens["op2"], caller.call_id, my_role="talking")
        await phones["102"].answered()
        await phones["102"].hang_up()
        await is_empty(screens["op2"])
    screens.nobody_else(forms_of(PRODUCTION), but=["op2"])


async def test_a_colleague_who_calls_from_his_phone_pops_as_an_internal_caller(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, {"101": Behaviour(answer_after=0.1), "102": RINGS}) as phones:
        await asterisk.lab.action(
            "Originate", Channel="PJSIP/101", Context="phones", Exten="102", Priority=1, CallerID="101", Async="true"
        )
        await phones["102"].rings()
        await until(lambda: showing(screens["op2"]))
        ((call_id, card),) = showing(screens["op2"]).items()
        assert (card["caller"]["kind"], card["caller"]["number"], card["customer"]) == ("internal", "101", None)
        await pick_up(phones["102"])
        await shows(screens["op2"], call_id, my_role="talking")
        await phones["102"].answered()
        await phones["102"].hang_up()
        await is_empty(screens["op2"])
    screens.nobody_else([call_id], but=["op2"])


async def test_a_member_behind_a_local_channel_pops_once(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    for phone in ("103", "104"):
        await asterisk.remove_member("sales", f"PJSIP/{phone}")
    await asterisk.add_member("sales", "Local/103@phones/n")
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, {"103": RINGS}) as phones, incoming(asterisk, SALES) as caller:
        pop = await screens["op3"].sees(caller.call_id, "call.ringing")
        assert (pop.call["queue"], pop.call["customer"]["name"]) == ("sales", "Глеб Ракитин")
        await pick_up(phones["103"])
        await shows(screens["op3"], caller.call_id, my_role="talking")
        await caller.phone.hang_up()
        await screens["op3"].sees(caller.call_id, "call.ended")
    assert told(screens["op3"], caller.call_id) == ["call.ringing", "call.answered", "call.ended"]
    screens.nobody_else(forms_of(SALES), but=["op3"])


async def test_an_ambiguous_number_shows_every_candidate(
    asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk
) -> None:
    screens = await Screens.opened(at_desk)
    async with Phones(asterisk, dict.fromkeys(("105", "106"), RINGS)), incoming(asterisk, AMBIGUOUS) as caller:
        operator = await screens.popped(caller.call_id)
        card = await shows(screens[operator], caller.call_id, my_role="ringing", extras="ready")
        assert card["notes"] == [], "whose they are is not known yet"
        people = {each["customer"]["name"]: [deal["title"] for deal in each["deals"]] for each in card["candidates"]}
        assert people == {"Инна Полозова": ["Детская комната"], "Мастерская «Еловый бор»": ["Стеллажи для склада"]}
    screens.nobody_else((*forms_of(AMBIGUOUS), *people), but=[operator])


async def test_a_hidden_number_stays_hidden(asterisk: AsteriskInstance, bridge: Bridge, at_desk: AtDesk) -> None:
    screens = await Screens.opened(at_desk)
    async with (
        Phones(asterisk, dict.fromkeys(("101", "102"), RINGS)),
        incoming(asterisk, SALES, withheld=True) as caller,
    ):
        operator = await screens.popped(caller.call_id)
        card = await shows(screens[operator], caller.call_id, my_role="ringing")
        assert card["caller"]["kind"] == "anonymous"
        assert (card["caller"]["number"], card["caller"]["display"], card["customer"]) == (None, "", None)
    assert not [word for word in forms_of(SALES) for each in OPERATORS if word in screens.sent_to(each)]
    screens.nobody_else([caller.call_id], but=[operator])
