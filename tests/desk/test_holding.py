"""Hold and consultation as commands: what the PBX is told, in which order, and what each outcome is answered with."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.asterisk.ami.steering import Steering
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.desk_events import AskedNoMore
from cti_bridge.calls.events import (
    CallerQueued,
    CallerSetAside,
    CallEvent,
    ChannelBridged,
    ChannelHungUp,
    ChannelUnbridged,
    LegAnswered,
    LegRinging,
    LegStopped,
    Stop,
)
from cti_bridge.desk.calls import holding
from cti_bridge.desk.calls.calls_in_hand import CallsInHand, Target
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.holding import Holding
from cti_bridge.desk.calls.own_calls import OwnCalls
from cti_bridge.desk.calls.steer import CallArgs, TransferArgs
from cti_bridge.desk.calls.targets import ToArgs, Way
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.directory import Directory

CALL, CALLER, LEG, ASKED = CallId("main-t"), ChannelId("t"), ChannelId("a"), ChannelId("b")
OLGA = Operator(OperatorId("olga"), "Ольга Ёжикова", ("PJSIP/101",))
TIMUR = Operator(OperatorId("timur"), "Тимур Щукин", ("PJSIP/102",))
ARGS = CallArgs(call=CALL)
TO_TIMUR = TransferArgs(call=CALL, to=ToArgs(operator="timur"))

UNBRIDGED = (ChannelUnbridged(5.0, CALLER, "b-1"), ChannelUnbridged(5.0, LEG, "b-1"))
SET_ASIDE = (*UNBRIDGED, CallerSetAside(5.0, CALLER, LEG))
RINGS = LegRinging(
    5.1, ASKED, "PJSIP/102-2", "PJSIP/102", LEG, "PJSIP/101-1", "t", caller_interface="PJSIP/101", asks=True
)


def bridged(channel: ChannelId, name: str, bridge: str) -> ChannelBridged:
    return ChannelBridged(6.0, channel, name, name.rpartition("-")[0], bridge)


class Desk:
    """A caller who talks with olga, and a PBX that does what a test says when a channel is redirected."""

    def __init__(self, *, then: tuple[CallEvent, ...] = (), refuses: Exception | None = None) -> None:
        self.then, self.refuses = then, refuses
        self.meanwhile: tuple[CallEvent, ...] = ()
        """What happens while it is looked how a target can be reached."""
        self.contexts = {"cti-hold", "cti-desk", "cti-consult", "cti-join", "cti-back", "cti-wait"}
        self.asked: list[dict[str, str]] = []
        self.shown: list[CallId] = []
        directory = Directory.of([OLGA, TIMUR])
        self.book = CallBook("main", is_operator_phone=lambda phone: directory.owner_of(phone) is not None)
        self.events = EventWatch()
        own_calls = OwnCalls(self.book, CallsInHand(), operator=directory.get, lacks=dict)
        self.holding = Holding(
            Steering(self), own_calls, self.events, self,  # type: ignore[arg-type]
            directory=lambda: directory, refresh=self.shown.append, line_of=lambda call: "",
        )  # fmt: skip
        self.hears(
            CallerQueued(1.0, CALLER, "t", "sales", name="PJSIP/trunk-0", interface="PJSIP/trunk"),
            LegRinging(2.0, LEG, "PJSIP/101-1", "PJSIP/101", CALLER, "PJSIP/trunk-0", "t", "sales"),
            LegAnswered(3.0, LEG, "PJSIP/101-1", "PJSIP/101", CALLER),
            bridged(LEG, "PJSIP/101-1", "b-1"),
            bridged(CALLER, "PJSIP/trunk-0", "b-1"),
        )

    def hears(self, *events: CallEvent) -> None:
        """The PBX tells this."""
        for event in events:
            changes = self.book.apply(event)
            self.holding.heard(event, changes)
            self.events.heard(event, changes)

    async def ask(
        self, headers: Mapping[str, str], *, take: Callable[[Any], None] | None = None, within_s: float | None = None
    ) -> list[Any]:
        """The AMI connection."""
        self.asked.append(dict(headers))
        if headers["Action"] == "Getvar" and headers["Variable"].startswith("DIALPLAN_EXISTS("):
            name = headers["Variable"].removeprefix("DIALPLAN_EXISTS(").removesuffix(",s,1)")
            return [{"Value": "1" if name in self.contexts else "0"}]
        if headers["Action"] == "Getvar":
            return [{"Value": f"name-of-{headers['Channel']}"}]
        if headers["Action"] == "Redirect":
            if self.refuses is not None:
                raise self.refuses
            self.hears(*self.then)
        return [{"Response": "Success"}]

    async def way_to(self, operator: Operator, to: ToArgs, *, queues: bool) -> Way:
        """Whom a caller can be handed to."""
        self.hears(*self.meanwhile)
        target = Target("operator", TIMUR.id, TIMUR.name)
        return Way(target, dial="PJSIP/102", phones=TIMUR.phones, ring_s=25)

    @property
    def card(self) -> dict[str, Any]:
        """What olga's page shows of it."""
        call = self.book.get(CALL)
        assert call is not None
        return self.holding.on_card(call, OLGA.id, None)


async def refused(doing: Any) -> tuple[str, str]:
    with pytest.raises(CommandRefused) as found:
        await doing
    return found.value.code, str(found.value)


async def test_all_that_the_dialplan_needs_is_there_before_anybody_is_moved_and_both_go_in_one() -> None:
    desk = Desk(then=SET_ASIDE)
    await desk.holding.hold(OLGA, ARGS)
    *before, last = desk.asked
    assert {action["Action"] for action in before} == {"Getvar", "Setvar"}
    told = {(action["Channel"], action["Variable"]): action["Value"] for action in before if "Value" in action}
    assert told[CALLER, "CTI_DESK_LEG"] == "name-of-a"
    assert told[CALLER, "CTI_DESK_LEG_ID"] == LEG
    assert told[CALLER, "CTI_TRANSFER_BACK"] == "PJSIP/101"
    assert told[CALLER, "CTI_TRANSFER_BACK_QUEUE"] == "sales"
    assert told[LEG, "CTI_DESK_CALLER"] == CALLER
    assert (last["Channel"], last["Context"], last["ExtraChannel"], last["ExtraContext"]) == (
        CALLER, "cti-hold", LEG, "cti-desk",
    )  # fmt: skip
    assert desk.card == {"held_by": "desk", "consult": None, "consult_failed": None}


async def test_the_two_are_together_again_by_moving_the_caller_alone() -> None:
    desk = Desk(then=SET_ASIDE)
    await desk.holding.hold(OLGA, ARGS)
    desk.then = (bridged(LEG, "PJSIP/101-1", "b-2"), bridged(CALLER, "PJSIP/trunk-0", "b-2"))
    desk.asked.clear()
    await desk.holding.resume(OLGA, ARGS)
    assert [action.get("Variable") or action["Context"] for action in desk.asked] == [
        "DIALPLAN_EXISTS(cti-join,s,1)", "DIALPLAN_EXISTS(cti-hold,s,1)", "CHANNEL(name)", "CTI_DESK_JOIN", "cti-join",
    ]  # fmt: skip
    assert "ExtraChannel" not in desk.asked[-1]
    assert desk.card["held_by"] is None


@pytest.mark.parametrize("missing", ["cti-hold", "cti-desk", "cti-join", "cti-back", "cti-wait"])
async def test_nobody_is_sent_to_a_context_that_a_reload_has_taken_away(missing: str) -> None:
    desk = Desk(then=SET_ASIDE)
    desk.contexts.remove(missing)
    assert (await refused(desk.holding.hold(OLGA, ARGS)))[0] == "not_possible"
    assert all(action["Action"] == "Getvar" for action in desk.asked)


@pytest.mark.parametrize("missing", ["cti-join", "cti-consult"])
async def test_who_waits_goes_on_waiting_when_there_is_no_way_back_or_to_a_colleague(missing: str) -> None:
    desk = Desk(then=SET_ASIDE)
    await desk.holding.hold(OLGA, ARGS)
    desk.contexts.remove(missing)
    desk.asked.clear()
    again = desk.holding.resume(OLGA, ARGS) if missing == "cti-join" else desk.holding.consult(OLGA, TO_TIMUR)
    assert (await refused(again))[0] == "not_possible"
    assert all(action["Action"] == "Getvar" for action in desk.asked)


async def test_a_queue_whose_name_the_dialplan_could_misread_is_not_told() -> None:
    desk = Desk(then=SET_ASIDE)
    desk.hears(CallerQueued(3.5, CALLER, "t", "sales,1)", name="PJSIP/trunk-0", interface="PJSIP/trunk"))
    desk.hears(LegAnswered(3.6, LEG, "PJSIP/101-1", "PJSIP/101", CALLER))
    desk.hears(bridged(LEG, "PJSIP/101-1", "b-1"), bridged(CALLER, "PJSIP/trunk-0", "b-1"))
    await desk.holding.hold(OLGA, ARGS)
    told = {action["Variable"]: action["Value"] for action in desk.asked if action["Action"] == "Setvar"}
    assert told["CTI_TRANSFER_BACK_QUEUE"] == ""


async def test_a_caller_whom_his_phone_has_handed_over_meanwhile_is_left_alone() -> None:
    desk = Desk(then=SET_ASIDE)
    desk.meanwhile = (ChannelHungUp(4.0, LEG),)
    assert (await refused(desk.holding.consult(OLGA, TO_TIMUR)))[0] == "not_found"
    assert desk.asked == []


async def test_who_is_asked_is_shown_while_he_rings_and_talks_and_why_nothing_came_of_it() -> None:
    desk = Desk(then=(*SET_ASIDE, RINGS))
    await desk.holding.consult(OLGA, TO_TIMUR)
    assert desk.asked[-1]["ExtraContext"] == "cti-consult"
    to = {"kind": "operator", "id": "timur", "name": "Тимур Щукин"}
    assert desk.card["consult"] == {"to": to, "state": "ringing"}
    desk.hears(LegStopped(7.0, ASKED, Stop.REFUSED), ChannelHungUp(7.0, ASKED), AskedNoMore(7.0, LEG, "BUSY"))
    assert desk.card == {"held_by": "desk", "consult": None, "consult_failed": {"to": to, "reason": "busy"}}
    assert desk.shown == [CALL]

    desk.then = (LegRinging(8.0, ChannelId("c"), "PJSIP/102-3", "PJSIP/102", LEG, "PJSIP/101-1", "t", asks=True),)
    await desk.holding.consult(OLGA, TO_TIMUR)
    assert "ExtraChannel" not in desk.asked[-1], "the caller waits already"
    assert desk.card["consult"] == {"to": to, "state": "ringing"}
    assert desk.card["consult_failed"] is None


@pytest.mark.parametrize(
    ("then", "says"),
    [
        pytest.param((*SET_ASIDE, AskedNoMore(5.0, LEG, "CHANUNAVAIL")), "cannot be reached", id="unreachable"),
        pytest.param((*SET_ASIDE, AskedNoMore(5.0, LEG, "NOANSWER")), "nobody answered", id="no answer"),
        pytest.param((ChannelHungUp(5.0, CALLER),), "the caller has hung up", id="caller gone"),
        pytest.param((*SET_ASIDE, ChannelHungUp(5.0, LEG)), "your phone has hung up", id="operator gone"),
    ],
)
async def test_what_else_comes_of_a_consultation_is_said_in_words(then: tuple[CallEvent, ...], says: str) -> None:
    code, message = await refused(Desk(then=then).holding.consult(OLGA, TO_TIMUR))
    assert code == "not_possible"
    assert says in message


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ActionRefused("Channel does not exist"), "failed"),
        (NotConnected("not connected to AMI"), "unavailable"),
        (TimeoutError(), "unavailable"),
    ],
)
async def test_a_pbx_that_refuses_or_is_away_refuses_the_command(error: Exception, code: str) -> None:
    desk = Desk(refuses=error)
    assert (await refused(desk.holding.hold(OLGA, ARGS)))[0] == code
    assert desk.card["held_by"] is None


async def test_a_pbx_that_says_nothing_of_it_is_not_taken_at_its_word(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "CONFIRMED_WITHIN_S", 0.01)
    assert (await refused(Desk().holding.hold(OLGA, ARGS)))[0] == "no_answer"


async def test_of_two_commands_at_once_one_is_carried_out() -> None:
    desk = Desk(then=SET_ASIDE)
    found = await asyncio.gather(
        desk.holding.hold(OLGA, ARGS), desk.holding.hold(OLGA, ARGS), return_exceptions=True
    )  # fmt: skip
    (error,) = (one for one in found if one is not None)
    assert isinstance(error, CommandRefused)
    assert error.code in {"busy", "not_possible"}
    assert [action["Action"] for action in desk.asked].count("Redirect") == 1


@pytest.mark.parametrize("name", ["hold", "resume", "cancel", "complete"])
async def test_a_colleagues_call_cannot_be_commanded(name: str) -> None:
    desk = Desk()
    assert (await refused(getattr(desk.holding, name)(TIMUR, ARGS)))[0] == "not_found"
    assert desk.asked == []
