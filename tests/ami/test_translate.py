"""AMI events as a real Asterisk 22 sends them, and what they become."""

import pytest
from panoramisk.message import Message

from cti_bridge.asterisk.ami.protocol import build_action
from cti_bridge.asterisk.ami.sighting import Sighting
from cti_bridge.asterisk.ami.translate import PbxClock, person, stamp, translate
from cti_bridge.asterisk.interface import interface_of
from cti_bridge.calls.events import (
    CallerId,
    CallerLeftQueue,
    CallerParked,
    CallerQueued,
    ChannelBridged,
    ChannelCreated,
    ChannelHeld,
    ChannelHungUp,
    ChannelUnbridged,
    Final,
    FinalReached,
    LegAnswered,
    LegRinging,
    LegStopped,
    LegTransferred,
    RecordingStarted,
    RecordingStopped,
    SeenChannel,
    Stop,
)
from cti_bridge.domain.ids import ChannelId

T, LEG = ChannelId("main-1.1"), ChannelId("main-1.2")
STAMP = {"Timestamp": "1795293126.464815"}
CALLER = {
    "Channel": "PJSIP/trunk-00000001",
    "Uniqueid": T,
    "Linkedid": T,
    "CallerIDNum": "+74950000150",
    "CallerIDName": 'Мария \\"Маша\\" Соколова',
}
DEST = {"DestChannel": "PJSIP/101-00000002", "DestUniqueid": LEG}
AT = 1795293126.464815
NAMED = CallerId("+74950000150", 'Мария "Маша" Соколова')


@pytest.mark.parametrize(
    ("headers", "event"),
    [
        pytest.param(
            {"Event": "QueueCallerJoin", **CALLER, "Queue": "sales", "Position": "1"},
            CallerQueued(AT, T, T, "sales", NAMED, name="PJSIP/trunk-00000001", interface="PJSIP/trunk"),
            id="a caller joins a queue",
        ),
        pytest.param(
            {"Event": "QueueCallerAbandon", **CALLER, "Queue": "sales", "HoldTime": "2"},
            CallerLeftQueue(AT, T, "sales"),
            id="an abandon only says that the queue was left",
        ),
        pytest.param(
            {"Event": "AgentCalled", **CALLER, **DEST, "Queue": "sales", "Interface": "PJSIP/101"},
            LegRinging(
                AT,
                LEG,
                "PJSIP/101-00000002",
                "PJSIP/101",
                T,
                "PJSIP/trunk-00000001",
                T,
                "sales",
                NAMED,
                caller_interface="PJSIP/trunk",
            ),
            id="a queue calls a phone",
        ),
        pytest.param(
            {"Event": "DialBegin", **DEST, "DialString": "101"}, None, id="an originated call has no caller who waits"
        ),
        pytest.param(
            {"Event": "AgentConnect", **CALLER, **DEST, "MemberName": "Olga", "Interface": "PJSIP/102"},
            LegAnswered(AT, LEG, "PJSIP/101-00000002", "PJSIP/101", T),
            id="who talks is the destination channel, not the member that was called",
        ),
        pytest.param(
            {"Event": "DialEnd", **CALLER, **DEST, "DialStatus": "CANCEL"},
            LegStopped(AT, LEG, Stop.CANCELLED),
            id="a cancelled leg",
        ),
        pytest.param(
            {"Event": "DialEnd", **CALLER, **DEST, "DialStatus": "BUSY"},
            LegStopped(AT, LEG, Stop.REFUSED),
            id="a busy phone",
        ),
        pytest.param(
            {"Event": "AgentRingNoAnswer", **CALLER, **DEST, "RingTime": "4000"},
            LegStopped(AT, LEG, Stop.NO_ANSWER),
            id="a phone that nobody answered",
        ),
        pytest.param(
            {"Event": "Newchannel", **CALLER},
            ChannelCreated(AT, T, "PJSIP/trunk"),
            id="a channel",
        ),
        pytest.param({"Event": "Hangup", **CALLER, "Cause": "16"}, ChannelHungUp(AT, T), id="a hangup"),
        pytest.param({"Event": "MixMonitorStart", **CALLER}, RecordingStarted(AT, T), id="a recording"),
        pytest.param({"Event": "MixMonitorStop", **CALLER}, RecordingStopped(AT, T), id="the end of a recording"),
        *(
            pytest.param(
                {"Event": "Hangup", **CALLER, "Cause": cause},
                ChannelHungUp(AT, T, refused=True),
                id=f"refused, {cause}",
            )
            for cause in ("17", "21")
        ),
        pytest.param(
            {"Event": "Hangup", **CALLER, "Cause": "38"}, ChannelHungUp(AT, T, failed=True), id="the network fails"
        ),
        pytest.param(
            {"Event": "BridgeEnter", **CALLER, "BridgeUniqueid": "b-1", "BridgeTechnology": "simple_bridge"},
            ChannelBridged(AT, T, "PJSIP/trunk-00000001", "PJSIP/trunk", "b-1"),
            id="a channel enters a bridge",
        ),
        pytest.param(
            {"Event": "BridgeEnter", **CALLER, "BridgeUniqueid": "b-1", "BridgeTechnology": "holding_bridge"},
            None,
            id="a parking lot connects nobody",
        ),
        pytest.param(
            {"Event": "BridgeLeave", **CALLER, "BridgeUniqueid": "b-1"},
            ChannelUnbridged(AT, T, "b-1"),
            id="a channel leaves a bridge",
        ),
        pytest.param({"Event": "Hold", **CALLER}, ChannelHeld(AT, T, on=True), id="hold"),
        pytest.param({"Event": "Unhold", **CALLER}, ChannelHeld(AT, T, on=False), id="unhold"),
        pytest.param({"Event": "ParkedCall", "ParkeeUniqueid": T}, CallerParked(AT, T, on=True), id="parked"),
        pytest.param(
            {"Event": "ParkedCallSwap", "ParkeeUniqueid": T},
            CallerParked(AT, T, on=True),
            id="takes a parked one's place",
        ),
        pytest.param({"Event": "ParkedCallGiveUp", "ParkeeUniqueid": T}, CallerParked(AT, T, on=False), id="given up"),
        pytest.param(
            {"Event": "BlindTransfer", "TransfererUniqueid": LEG, "TransfereeUniqueid": T},
            LegTransferred(AT, LEG),
            id="a blind transfer",
        ),
        pytest.param(
            {"Event": "AttendedTransfer", "OrigTransfererUniqueid": LEG, "TransfereeUniqueid": T},
            LegTransferred(AT, LEG),
            id="an attended transfer",
        ),
        pytest.param(
            {"Event": "BlindTransfer", "TransfererUniqueid": LEG, "TransfereeUniqueid": T, "Result": "Success"},
            LegTransferred(AT, LEG),
            id="a blind transfer that went through",
        ),
        pytest.param(
            {"Event": "BlindTransfer", "TransfererUniqueid": LEG, "TransfereeUniqueid": T, "Result": "Not Permitted"},
            None,
            id="a blind transfer that did not, and they go on talking",
        ),
        pytest.param(
            {"Event": "UserEvent", "UserEvent": "CtiStep", **CALLER, "Queue": "sales", "Status": "TIMEOUT"},
            CallerLeftQueue(AT, T, "sales"),
            id="a step that nobody answered",
        ),
        pytest.param(
            {"Event": "UserEvent", "UserEvent": "CtiFinal", **CALLER, "Final": "goto:desk/s/1"},
            FinalReached(AT, T, Final.ELSEWHERE),
            id="out of our hands",
        ),
        pytest.param(
            {"Event": "UserEvent", "UserEvent": "CtiFinal", **CALLER, "Final": "voicemail:100"},
            FinalReached(AT, T, Final.MESSAGE),
            id="a message is taken",
        ),
        pytest.param(
            {"Event": "UserEvent", "UserEvent": "CtiFinal", **CALLER, "Final": "callback"},
            FinalReached(AT, T, Final.CALLBACK),
            id="he is told that he will be called back",
        ),
        pytest.param(
            {"Event": "UserEvent", "UserEvent": "CtiFinal", **CALLER, "Final": "queue:sales"},
            FinalReached(AT, T, Final.QUEUE),
            id="the last queue",
        ),
        pytest.param({"Event": "UserEvent", "UserEvent": "Lunch", **CALLER}, None, id="somebody else's event"),
        pytest.param({"Event": "QueueMemberPause", "Queue": "sales"}, None, id="what says nothing about calls"),
    ],
)
def test_events_become_ours(headers: dict[str, str], event: object) -> None:
    assert translate(Message({**headers, **STAMP}), AT, PbxClock()) == event


@pytest.mark.parametrize("nonsense", ["", "nan", "inf", "-1", "253370764800", "1e300", "gestern"])
def test_a_stamp_that_is_no_time_counts_as_none(nonsense: str) -> None:
    assert stamp({"Timestamp": nonsense}, 1000.5) == 1000.5


def test_an_event_without_a_stamp_has_the_time_of_its_arrival() -> None:
    event = translate(Message({"Event": "Hangup", **CALLER}), 17.5, PbxClock())
    assert event == ChannelHungUp(17.5, T)


@pytest.mark.parametrize(
    ("sent", "meant"),
    [
        ("Мария", "Мария"),
        ('Ev\\\\\\"il', 'Ev\\"il'),
        ("line\\nbreak", "line\nbreak"),
        ("<unknown>", ""),
        ("unknown", ""),
        ("\\", "\\"),
    ],
)
def test_names_lose_their_escapes(sent: str, meant: str) -> None:
    assert person(sent) == meant


@pytest.mark.parametrize(
    ("channel", "interface"),
    [
        ("PJSIP/101-0000002f", "PJSIP/101"),
        ("PJSIP/trunk-moscow-0000002f", "PJSIP/trunk-moscow"),
        ("Local/101@agents-00000001;2", "Local/101@agents"),
        ("SIP/odd", "SIP/odd"),
    ],
)
def test_a_channel_names_its_interface(channel: str, interface: str) -> None:
    assert interface_of(channel) == interface


def test_a_snapshot_joins_channels_and_waiting_callers() -> None:
    channels = [
        Message({"Event": "CoreShowChannel", **CALLER, "ChannelStateDesc": "Up", "Application": "Queue"}),
        Message(
            {
                "Event": "CoreShowChannel",
                "Channel": "PJSIP/101-00000002",
                "Uniqueid": LEG,
                "Linkedid": T,
                "ChannelStateDesc": "Ringing",
                "Application": "AppQueue",
            }
        ),
        Message({"Event": "CoreShowChannelsComplete"}),
    ]
    queues = [
        Message({"Event": "QueueParams", "Queue": "sales"}),
        Message({"Event": "QueueEntry", "Queue": "sales", "Uniqueid": T}),
    ]
    sighting = Sighting()
    for entry in (*channels, *queues):
        sighting.add(entry)
    caller, leg = sighting.snapshot(1.0).channels
    assert (caller.queue, caller.dialled, caller.caller_id) == ("sales", False, NAMED)
    assert (leg.interface, leg.dialled, leg.ringing, leg.queue) == ("PJSIP/101", True, True, "")


def listed(bridge: str, *, technology: str, kind: str) -> SeenChannel:
    """A channel in a bridge, as the lists tell of it."""
    sighting = Sighting()
    sighting.add(Message({"Event": "CoreShowChannel", **CALLER, "Application": "Queue", "BridgeId": "b-1"}))
    sighting.add(
        Message(
            {
                "Event": "BridgeListItem",
                "BridgeUniqueid": bridge,
                "BridgeType": kind,
                "BridgeTechnology": technology,
                "BridgeName": "default",
            }
        )
    )
    (seen,) = sighting.snapshot(1.0).channels
    return seen


def test_a_parking_lot_is_no_bridge_in_a_snapshot() -> None:
    parked = listed("b-1", technology="holding_bridge", kind="parking")
    assert (parked.bridge, parked.parked) == ("", True)
    waits = listed("b-1", technology="holding_bridge", kind="base")
    assert (waits.bridge, waits.parked) == ("", False)


@pytest.mark.parametrize(
    ("bridge", "technology"), [("b-1", "simple_bridge"), ("b-1", "softmix"), ("b-2", "holding_bridge")]
)
def test_every_other_bridge_is_one_in_a_snapshot(bridge: str, technology: str) -> None:
    talks = listed(bridge, technology=technology, kind="basic")
    assert (talks.bridge, talks.parked) == ("b-1", False)


@pytest.mark.parametrize("value", ["a\r\nAction: Command", "a\nb", "a\x00b"])
def test_a_value_cannot_add_a_header(value: str) -> None:
    with pytest.raises(ValueError, match="control character"):
        build_action({"Action": "Setvar", "Value": value})


@pytest.mark.parametrize(
    ("behind_s", "needed_s", "seen_as"),
    [
        pytest.param(0.0, 0.3, 100.0, id="the same clock and a busy moment"),
        pytest.param(0.9, 0.0, 100.0, id="nearly the same clock"),
        pytest.param(3600.0, 0.0, 3700.0, id="a PBX that is an hour late"),
        pytest.param(-5.0, 0.0, 95.0, id="a PBX that is ahead of us"),
    ],
)
def test_the_time_of_a_pbx_whose_clock_differs_is_turned_into_ours(
    behind_s: float, needed_s: float, seen_as: float
) -> None:
    assert PbxClock().ours(100.0, 100.0 + behind_s + needed_s) == seen_as


def test_the_difference_of_the_clocks_is_what_the_fastest_event_showed() -> None:
    clock = PbxClock()
    assert [clock.ours(at, at + 60.0 + needed) for at, needed in ((1.0, 2.0), (2.0, 0.5), (3.0, 4.0))] == [
        63.0,
        62.5,
        63.5,
    ]


@pytest.mark.parametrize("by_s", [-3600.0, 3600.0])
def test_a_pbx_whose_clock_is_set_keeps_its_place_on_ours(by_s: float) -> None:
    clock = PbxClock()
    assert [clock.ours(at, at + 0.1) for at in (10_000.0, 10_002.0)] == [10_000.0, 10_002.0]
    seen = [clock.ours(at + by_s, at + 0.1) for at in (10_004.0, 10_006.0)]
    assert seen == pytest.approx([10_004.1, 10_006.1])


def test_a_busy_moment_is_no_clock_that_was_set() -> None:
    clock = PbxClock()
    clock.ours(100.0, 100.0)
    assert [clock.ours(at, 130.0) for at in (101.0, 110.0, 109.5, 120.0)] == [101.0, 110.0, 109.5, 120.0]
