"""A caller is sent on: what is looked at once more before it is done, and what is kept of it."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from cti_bridge.asterisk.ami.steering import Steering
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.desk_events import TransferTold
from cti_bridge.calls.events import CallerQueued, CallEvent, ChannelBridged, ChannelHungUp, LegAnswered, LegRinging
from cti_bridge.desk.calls.calls_in_hand import CallsInHand, Target
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.own_calls import OwnCalls
from cti_bridge.desk.calls.steer import Steer, TransferArgs
from cti_bridge.desk.calls.targets import ToArgs, Way
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.directory import Directory

CALL, CALLER, LEG = CallId("main-t"), ChannelId("t"), ChannelId("a")
OLGA = Operator(OperatorId("olga"), "Ольга Ёжикова", ("PJSIP/101",))
TO_TIMUR = TransferArgs(call=CALL, to=ToArgs(operator="timur"))


class Desk:
    """A caller who talks with olga; `meanwhile` happens while it is looked how the target can be reached."""

    def __init__(self, *meanwhile: CallEvent) -> None:
        self.meanwhile = meanwhile
        self.asked: list[dict[str, str]] = []
        self.way = Way(Target("operator", "timur", "Тимур Щукин"), dial="PJSIP/102", phones=("PJSIP/102",), ring_s=25)
        self.missing = ""
        """A context that the dialplan does not have."""
        self.then: tuple[CallEvent, ...] = ()
        """What comes of it when he is sent on; without anything timur is busy."""
        directory = Directory.of([OLGA])
        self.book = CallBook("main", is_operator_phone=lambda phone: directory.owner_of(phone) is not None)
        self.in_hand = CallsInHand()
        self.events = EventWatch()
        self.steer = Steer(
            Steering(self), OwnCalls(self.book, self.in_hand, operator=directory.get, lacks=dict), self.in_hand,
            self.events, self,  # type: ignore[arg-type]
            directory=lambda: directory, refresh=lambda call: None, feed=self.hears, line_of=lambda call: "",
        )  # fmt: skip
        self.hears(
            CallerQueued(1.0, CALLER, "t", "sales", name="PJSIP/trunk-0", interface="PJSIP/trunk"),
            LegRinging(2.0, LEG, "PJSIP/101-1", "PJSIP/101", CALLER, "PJSIP/trunk-0", "t", "sales"),
            LegAnswered(3.0, LEG, "PJSIP/101-1", "PJSIP/101", CALLER),
            ChannelBridged(3.0, LEG, "PJSIP/101-1", "PJSIP/101", "b-1"),
            ChannelBridged(3.0, CALLER, "PJSIP/trunk-0", "PJSIP/trunk", "b-1"),
        )

    def hears(self, *events: CallEvent) -> None:
        """The PBX tells this."""
        for event in events:
            changes = self.book.apply(event)
            for change in changes:
                self.steer.changed(change)
            self.steer.heard(event, changes)
            self.events.heard(event, changes)

    async def ask(
        self, headers: Mapping[str, str], *, take: Callable[[Any], None] | None = None, within_s: float | None = None
    ) -> list[Any]:
        """The AMI connection."""
        self.asked.append(dict(headers))
        if headers["Action"] in ("BlindTransfer", "Redirect"):
            (call,) = self.book.live()
            busy = TransferTold(9.0, call.channel, call.id, "failed", "busy", "olga", "operator/timur")
            self.hears(*(self.then or (busy,)))
        is_missing = self.missing and self.missing in headers.get("Variable", "")
        return [{"Response": "Success", "Value": "0" if is_missing else "1"}]

    async def way_to(self, operator: Operator, to: ToArgs) -> Way:
        """Whom a caller can be handed to."""
        self.hears(*self.meanwhile)
        return self.way


async def test_what_the_dialplan_needs_is_told_first_and_why_it_failed_is_kept() -> None:
    desk = Desk()
    with pytest.raises(CommandRefused, match="busy"):
        await desk.steer.transfer(OLGA, TO_TIMUR)
    assert [action["Action"] for action in desk.asked][-1] == "BlindTransfer"
    assert (desk.asked[-1]["Channel"], desk.asked[-1]["Context"]) == (LEG, "cti-transfer")
    told = {action["Variable"]: action["Value"] for action in desk.asked if action["Action"] == "Setvar"}
    assert (told["CTI_TRANSFER_DIAL"], told["CTI_TRANSFER_BACK"]) == ("PJSIP/102", "PJSIP/101")
    kept = desk.in_hand.begun(CALL)
    assert kept is not None
    assert kept.failed == "busy"


@pytest.mark.parametrize("gone", [LEG, CALLER])
async def test_who_is_gone_before_it_is_known_how_to_reach_the_target_is_not_sent_anywhere(gone: ChannelId) -> None:
    desk = Desk(ChannelHungUp(4.0, gone))
    with pytest.raises(CommandRefused) as refused:
        await desk.steer.transfer(OLGA, TO_TIMUR)
    assert refused.value.code == "not_found"
    assert desk.asked == []
    assert desk.in_hand.begun(CALL) is None


async def test_the_customer_of_a_click_is_sent_on_himself_and_not_the_local_channel_between() -> None:
    desk = Desk()
    desk.hears(ChannelHungUp(4.0, CALLER), ChannelHungUp(4.0, LEG))
    outer, inner, his, customer = (ChannelId(name) for name in ("o", "i", "h", "c"))
    halves = {outer: "Local/operators@click-1;1", inner: "Local/operators@click-1;2"}
    desk.hears(
        LegRinging(5.0, his, "PJSIP/101-2", "PJSIP/101", inner, halves[inner], outer, caller_interface="Local/x"),
        LegAnswered(6.0, his, "PJSIP/101-2", "PJSIP/101", inner),
        LegRinging(7.0, customer, "PJSIP/trunk-3", "PJSIP/trunk", outer, halves[outer], outer),
        LegAnswered(8.0, customer, "PJSIP/trunk-3", "PJSIP/trunk", outer),
        ChannelBridged(8.0, his, "PJSIP/101-2", "PJSIP/101", "b-2"),
        ChannelBridged(8.0, inner, halves[inner], "Local/operators@click", "b-2"),
        ChannelBridged(8.0, customer, "PJSIP/trunk-3", "PJSIP/trunk", "b-3"),
        ChannelBridged(8.0, outer, halves[outer], "Local/operators@click", "b-3"),
    )
    (call,) = desk.book.live()
    assert (call.channel, call.talking.id if call.talking else "") == (customer, his)
    with pytest.raises(CommandRefused, match="busy"):
        await desk.steer.transfer(OLGA, TransferArgs(call=call.id, to=ToArgs(operator="timur")))
    redirected, hung_up = desk.asked[-2:]
    assert (redirected["Action"], redirected["Channel"]) == ("Redirect", customer)
    assert (hung_up["Action"], hung_up["Channel"]) == ("Hangup", his)


def told(state: str, why: str = "") -> TransferTold:
    return TransferTold(9.0, CALLER, CALL, state, why, "olga", "queue/production")


async def test_a_queue_has_the_caller_when_he_is_in_it_and_not_when_the_dialplan_is_about_to_put_him_there() -> None:
    desk = Desk()
    desk.way = Way(Target("queue", "production", "production"), queue="production")
    desk.then = (told("queued"), told("failed", "joinempty"))
    with pytest.raises(CommandRefused, match="nobody"):
        await desk.steer.transfer(OLGA, TO_TIMUR)
    desk = Desk()
    desk.way = Way(Target("queue", "production", "production"), queue="production")
    desk.then = (told("queued"), CallerQueued(9.0, CALLER, "t", "production"))
    await desk.steer.transfer(OLGA, TO_TIMUR)


@pytest.mark.parametrize("missing", ["cti-transfer", "cti-back", "cti-wait"])
async def test_nobody_is_sent_on_without_all_that_would_bring_him_back(missing: str) -> None:
    desk = Desk()
    desk.missing = missing
    with pytest.raises(CommandRefused, match="operators check"):
        await desk.steer.transfer(OLGA, TO_TIMUR)
    assert {action["Action"] for action in desk.asked} == {"Getvar"}
    assert desk.in_hand.begun(CALL) is None


async def test_of_a_call_that_nobody_knows_nothing_is_kept() -> None:
    desk = Desk()
    desk.hears(TransferTold(5.0, ChannelId("x"), CallId("main-x"), "failed", "busy", "olga", "operator/timur"))
    assert desk.in_hand.begun(CallId("main-x")) is None
