"""Commands that call one's own phone first: it is let go of when nothing comes of it, and never when something does."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from cti_bridge.asterisk.ami.steering import Steering
from cti_bridge.asterisk.ami.translate import Headers
from cti_bridge.calls.book import CallBook
from cti_bridge.calls.desk_events import MeansTold, OutboundRefused, PickupFailed
from cti_bridge.calls.events import CallerQueued, CallEvent, ChannelHungUp, LegAnswered, LegPickedUp, LegRinging
from cti_bridge.desk.calls import means
from cti_bridge.desk.calls.dialling import DialArgs, Dialling
from cti_bridge.desk.calls.event_watch import EventWatch
from cti_bridge.desk.calls.means import Means, ask_means
from cti_bridge.desk.calls.numbers_outside import NumbersOutside
from cti_bridge.desk.calls.phone_orders import PhoneOrders
from cti_bridge.desk.calls.picking_up import PickingUp, PickupArgs
from cti_bridge.domain.ids import ChannelId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.command_list import CommandRefused
from cti_bridge.operators.desk_settings import OutboundSettings
from cti_bridge.operators.directory import Directory

ANNA = Operator(OperatorId("anna"), "Анна", ("PJSIP/101",))
BORIS = Operator(OperatorId("boris"), "Борис", ("PJSIP/102",))
T, LEG = ChannelId("main-1.1"), ChannelId("main-1.2")
NUMBER = "+74950000150"


@dataclass
class Pbx:
    """An AMI connection: phones can be reached, all are members of `sales`, and a phone answers when it is told to."""

    asked: list[dict[str, str]] = field(default_factory=list)
    answers: asyncio.Event = field(default_factory=asyncio.Event)
    called: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(
        self,
        headers: Mapping[str, str],
        *,
        take: Callable[[Headers], None] | None = None,
        within_s: float | None = None,
    ) -> Sequence[Headers]:
        self.asked.append(dict(headers))
        if headers["Action"] == "QueueStatus" and take is not None:
            take({"Event": "QueueMember", "Queue": "sales", "Location": "PJSIP/101", "StateInterface": "PJSIP/101"})
        if headers["Action"] == "Originate":
            self.called.set()
            await self.answers.wait()
            return [{"Response": "Success"}, {"Response": "Success", "Reason": "4"}]
        return [{"Response": "Success", "Value": "PJSIP/101/sip:101@127.0.0.3"}]

    @property
    def channel(self) -> ChannelId:
        """The id of the channel on which the phone was called."""
        return ChannelId(next(asked["ChannelId"] for asked in self.asked if asked["Action"] == "Originate"))

    @property
    def released(self) -> list[str]:
        """The channels that were ended."""
        return [asked["Channel"] for asked in self.asked if asked["Action"] == "Hangup"]


class Desk:
    """Both commands, on a PBX that can do everything, with a call that rings at Boris's."""

    def __init__(self, pbx: Pbx) -> None:
        self.pbx, self.events = pbx, EventWatch()
        directory = Directory.of([ANNA, BORIS])
        self.book = CallBook("main", is_operator_phone=lambda phone: directory.owner_of(phone) is not None)
        steering = Steering(pbx)
        self.means = Means(steering, self.events, session=lambda: 1, connected=lambda: True, on_change=lambda: None)
        orders = PhoneOrders(steering, busy=lambda phone: False)
        outside = NumbersOutside(OutboundSettings(), region=lambda: "RU", lines=dict)
        self.dialling = Dialling(orders, outside, self.events, self.means)
        self.picking_up = PickingUp(
            steering, orders, self.events, self.means, book=self.book, directory=lambda: directory
        )

    async def ready(self) -> None:
        """The PBX says what it can do; the call rings."""
        asking = asyncio.create_task(ask_means(Steering(self.pbx), self.events, within_s=30))
        await self.pbx.called.wait()
        self.tell(MeansTold(1.0, self.pbx.channel, frozenset({"pickup", "outbound", "transfer", "hold"})))
        self.means.learn(await asking)
        self.pbx.asked.clear()
        self.pbx.called.clear()
        self.tell(CallerQueued(1.0, T, T, "sales"))
        self.tell(LegRinging(2.0, LEG, "PJSIP/102-1", "PJSIP/102", T, "PJSIP/trunk-1", T, queue="sales"))

    def tell(self, event: CallEvent) -> None:
        """The PBX tells this."""
        self.events.heard(event, self.book.apply(event))


@pytest.fixture
async def desk() -> Desk:
    made = Desk(Pbx())
    await made.ready()
    return made


async def ordered(desk: Desk, command: Any) -> "asyncio.Task[Any]":
    """The command is given, and his phone is being called."""
    order = asyncio.create_task(command)
    async with asyncio.timeout(30):
        await desk.pbx.called.wait()
    return order


@pytest.mark.parametrize("answer_first", [True, False])
async def test_who_has_taken_the_call_over_keeps_it_whatever_is_told_first(desk: Desk, answer_first: bool) -> None:
    order = await ordered(desk, desk.picking_up.pick_up(ANNA, PickupArgs(operator="boris")))
    if answer_first:
        desk.pbx.answers.set()
        await asyncio.sleep(0)
    desk.tell(LegPickedUp(3.0, desk.pbx.channel, "PJSIP/101-2", "PJSIP/101", LEG))
    assert (await order).call == "main-1.1"
    assert desk.pbx.released == []


@pytest.mark.parametrize(
    ("event", "code"),
    [
        (LegAnswered(3.0, LEG, "PJSIP/102-1", "PJSIP/102", T), "already_taken"),
        (ChannelHungUp(3.0, LEG), "not_found"),
        (PickupFailed(3.0, ChannelId(""), "gone"), "not_found"),
        (PickupFailed(3.0, ChannelId(""), "module"), "not_possible"),
    ],
)
async def test_whoever_comes_too_late_is_told_so_and_his_phone_is_let_go(
    desk: Desk, event: CallEvent, code: str
) -> None:
    order = await ordered(desk, desk.picking_up.pick_up(ANNA, PickupArgs(operator="boris")))
    ours = desk.pbx.channel
    desk.tell(PickupFailed(event.at, ours, event.why) if isinstance(event, PickupFailed) else event)
    with pytest.raises(CommandRefused) as refused:
        await order
    assert refused.value.code == code
    assert desk.pbx.released == [ours]


async def test_a_command_that_is_given_up_lets_the_phone_go(desk: Desk) -> None:
    for command in (
        desk.picking_up.pick_up(ANNA, PickupArgs(operator="boris")),
        desk.dialling.dial(ANNA, DialArgs(number=NUMBER)),
    ):
        desk.pbx.asked.clear()
        desk.pbx.called.clear()
        order = await ordered(desk, command)
        order.cancel()
        await asyncio.gather(order, return_exceptions=True)
        assert desk.pbx.released == [desk.pbx.channel]


async def test_while_his_phone_is_called_nothing_else_is_done_with_it(desk: Desk) -> None:
    order = await ordered(desk, desk.dialling.dial(ANNA, DialArgs(number=NUMBER)))
    with pytest.raises(CommandRefused) as refused:
        await desk.dialling.dial(ANNA, DialArgs(number=NUMBER))
    assert refused.value.code == "busy"
    desk.pbx.answers.set()
    desk.tell(OutboundRefused(3.0, desk.pbx.channel, "context"))
    with pytest.raises(CommandRefused, match="way out"):
        await order


async def test_a_click_is_answered_with_the_call_that_comes_of_it(desk: Desk) -> None:
    order = await ordered(desk, desk.dialling.dial(ANNA, DialArgs(number=NUMBER)))
    desk.pbx.answers.set()
    ours = desk.pbx.channel
    out = LegRinging(3.0, ChannelId("main-1.9"), "PJSIP/trunk-9", "PJSIP/trunk", ours, "PJSIP/101-2", ours,
                     caller_interface="PJSIP/101", number=NUMBER)  # fmt: skip
    desk.tell(out)
    call = desk.book.get((await order).call)
    assert call is not None
    assert call.dialling
    assert desk.pbx.released == []


async def test_one_answer_that_is_lost_takes_nothing_away_and_a_second_one_does(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing: frozenset[str] = frozenset()
    answers = [nothing, means.ALL, nothing, nothing]
    asked_out = asyncio.Event()
    seen: list[bool] = []

    async def told(*_: Any, **__: Any) -> frozenset[str]:
        seen.append(desk.means.can_dial)
        if not answers:
            asked_out.set()
            return nothing
        return answers.pop(0)

    monkeypatch.setattr(means, "ask_means", told)
    monkeypatch.setattr(means, "EVERY_S", 0.0)
    monkeypatch.setattr(means, "LACKING_EVERY_S", 0.0)
    monkeypatch.setattr(means, "LOOK_S", 0.001)
    running = asyncio.create_task(desk.means.run())
    try:
        async with asyncio.timeout(30):
            await asked_out.wait()
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
    assert seen == [True, True, True, True, False]
