"""What operators command, as AMI hears it, and what its answers are to them; and what our dialplan tells back."""

from collections.abc import Callable, Mapping, Sequence

import pytest

from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.asterisk.ami.steering import PbxRefused, PbxSilent, QueueNow, Rang, Steering
from cti_bridge.asterisk.ami.translate import Headers, PbxClock, translate
from cti_bridge.calls.desk_events import DeskEvent, MeansTold, OutboundRefused, PickupFailed, TransferTold
from cti_bridge.domain.ids import CallId, ChannelId

LEG = ChannelId("main-1.2")


class Pbx:
    """An AMI connection that writes down what it is asked, and answers what a test says."""

    def __init__(self, *answers: Headers | Exception) -> None:
        self.asked: list[dict[str, str]] = []
        self._answers = list(answers)

    async def ask(
        self,
        headers: Mapping[str, str],
        *,
        take: Callable[[Headers], None] | None = None,
        within_s: float | None = None,
    ) -> Sequence[Headers]:
        self.asked.append(dict(headers))
        for answer in self._answers:
            if isinstance(answer, Exception):
                raise answer
            if take is not None:
                take(answer)
        return [one for one in self._answers if not isinstance(one, Exception)] or [{"Response": "Success"}]


async def test_a_refusal_is_told_from_the_end_of_a_talk_by_its_cause() -> None:
    pbx = Pbx()
    await Steering(pbx).hang_up(LEG)
    await Steering(pbx).hang_up(LEG, refuses=True)
    assert [asked["Cause"] for asked in pbx.asked] == ["16", "21"]
    assert {asked["Channel"] for asked in pbx.asked} == {LEG}


async def test_whether_channels_may_be_commanded_is_asked_with_one_that_nobody_has() -> None:
    assert await Steering(Pbx(ActionRefused("No such channel"))).may_steer()
    assert not await Steering(Pbx(ActionRefused("Permission denied"))).may_steer()


async def test_a_channel_that_has_ended_by_itself_is_ended() -> None:
    await Steering(Pbx(ActionRefused("No such channel"))).hang_up(LEG)
    with pytest.raises(PbxRefused):
        await Steering(Pbx(ActionRefused("Permission denied"))).hang_up(LEG)


@pytest.mark.parametrize(
    ("response", "reason", "came_of_it"),
    [
        ("Success", "4", Rang.ANSWERED),
        ("Failure", "3", Rang.NO_ANSWER),
        ("Failure", "1", Rang.NO_ANSWER),
        ("Failure", "0", Rang.REFUSED),
        ("Failure", "5", Rang.REFUSED),
        ("Failure", "8", Rang.REFUSED),
    ],
)
async def test_what_came_of_calling_his_phone(response: str, reason: str, came_of_it: Rang) -> None:
    pbx = Pbx({"Response": "Success"}, {"Event": "OriginateResponse", "Response": response, "Reason": reason})
    rang = await Steering(pbx).call_phone(
        "PJSIP/101",
        ChannelId("cti-dial-1"),
        context="cti-outbound",
        extension="+74950000150",
        caller_id="+74950000150",
        variables={"CTI_OUTBOUND_LINE": "+74950000149", "X": ""},
        ring_s=12,
    )
    assert rang is came_of_it
    (order,) = pbx.asked
    assert (order["Channel"], order["ChannelId"], order["Timeout"]) == ("PJSIP/101", "cti-dial-1", "12000")
    assert order["Variable"] == "CTI_OUTBOUND_LINE=+74950000149,X="


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (ActionRefused("No such channel"), PbxRefused),
        (ValueError("control character"), PbxRefused),
        (NotConnected("not connected to AMI"), PbxSilent),
        (TimeoutError(), PbxSilent),
    ],
)
async def test_no_is_another_thing_than_no_answer(error: Exception, told: type[Exception]) -> None:
    with pytest.raises(told):
        await Steering(Pbx(error)).send_on(LEG, "cti-transfer")


async def test_queues_and_members_are_read_off_lists() -> None:
    summary = {"Event": "QueueSummary", "Queue": "sales", "Available": "2", "Callers": "1"}
    assert await Steering(Pbx(summary)).queues() == {"sales": QueueNow(2, 1)}
    member = {"Event": "QueueMember", "Queue": "sales", "Location": "Local/101@x", "StateInterface": "PJSIP/101"}
    other = {**member, "Queue": "sales-2", "Location": "PJSIP/102"}
    assert await Steering(Pbx(member, other)).members("sales") == {"Local/101@x", "PJSIP/101"}


async def test_a_member_whose_state_is_a_hint_has_the_phones_that_the_dialplan_has_there() -> None:
    member = {
        "Event": "QueueMember", "Queue": "sales", "Location": "Local/101@from-queue/n",
        "StateInterface": "hint:101@ext-local", "Hint": "PJSIP/101&Custom:DND101,CustomPresence:101",
    }  # fmt: skip
    pbx = Pbx(member)
    assert "PJSIP/101" in await Steering(pbx).members("sales")
    assert pbx.asked[1:] == [{"Action": "ExtensionState", "Exten": "101", "Context": "ext-local"}]


async def test_a_phone_without_a_contact_cannot_be_reached_and_of_others_nothing_is_known() -> None:
    assert not await Steering(Pbx({"Value": ""})).can_be_reached("PJSIP/101")
    assert await Steering(Pbx({"Value": "PJSIP/101/sip:101@127.0.0.3"})).can_be_reached("PJSIP/101")
    assert await Steering(Pbx({"Value": ""})).can_be_reached("SIP/101")


ON = {"Event": "UserEvent", "Timestamp": "9.0", "Channel": "PJSIP/trunk-1", "Uniqueid": "main-1.1"}


@pytest.mark.parametrize(
    ("headers", "event"),
    [
        (
            {
                "UserEvent": "CtiTransfer",
                "CallID": "main-1",
                "By": "op1",
                "To": "queue/sales",
                "State": "failed",
                "Why": "busy",
            },
            TransferTold(9.0, ChannelId("main-1.1"), CallId("main-1"), "failed", "busy", "op1", "queue/sales"),
        ),
        ({"UserEvent": "CtiOutbound", "Why": "context"}, OutboundRefused(9.0, ChannelId("main-1.1"), "context")),
        ({"UserEvent": "CtiPickup", "Why": "gone"}, PickupFailed(9.0, ChannelId("main-1.1"), "gone")),
        (
            {"UserEvent": "CtiMeans", "Transfer": "1", "Pickup": "0", "Outbound": "1", "Hold": ""},
            MeansTold(9.0, ChannelId("main-1.1"), frozenset({"transfer", "outbound"})),
        ),
    ],
)
def test_what_our_dialplan_tells(headers: dict[str, str], event: DeskEvent) -> None:
    assert translate({**ON, **headers}, 9.0, PbxClock()) == event
