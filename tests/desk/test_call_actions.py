"""What an operator can do with a call, and why not: every state of his own leg, and whatever else is going on."""

from dataclasses import replace
from typing import Any

import pytest

from cti_bridge.calls.call import Call
from cti_bridge.calls.leg import Leg, LegState
from cti_bridge.desk.calls.call_actions import ACTIONS, REASONS, InHand, actions_of, own_leg
from cti_bridge.desk.calls.calls_in_hand import CallsInHand, Target, Transfer
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.ids import CallId, ChannelId, OperatorId

HIS, THEIRS, MINE = "PJSIP/101", "PJSIP/102", ("PJSIP/101", "PJSIP/201")
TALKS: dict[str, Any] = {"state": LegState.TALKING, "answered_at": 2.0, "with_caller_since": 2.0, "joined": True}


def leg(name: str = "a", interface: str = HIS, **more: Any) -> Leg:
    return Leg(ChannelId(name), f"{interface}-0000000{name}", interface, "sales", 1.0, **more)


def call(*legs: Leg, **more: Any) -> Call:
    return Call(CallId("main-1"), ChannelId("t"), "t", 1.0, legs=legs, **more)


DIALLER = leg("t")
TALKING = call(leg(**TALKS))
SET_ASIDE: dict[str, Any] = {"state": LegState.TALKING, "answered_at": 2.0, "joined": True, "set_aside": True}


@pytest.mark.parametrize(
    ("at", "possible", "codes"),
    [
        pytest.param(call(leg()), {"hangup"}, {"ringing"}, id="his phone rings"),
        pytest.param(TALKING, {"hangup", "hold", "consult", "transfer"}, {"not_held", "asks_nobody"}, id="he talks"),
        pytest.param(call(leg(interface=THEIRS, **TALKS)), set(), {"not_yours"}, id="a colleague talks"),
        pytest.param(call(leg(state=LegState.GONE)), set(), {"not_yours"}, id="his part is over"),
        pytest.param(replace(TALKING, ended_at=9.0), set(), {"not_yours"}, id="the call is over"),
        pytest.param(call(leg(state=LegState.LEFT)), set(), {"not_yours"}, id="the caller has gone on"),
        pytest.param(
            call(leg(consults=True, state=LegState.CONSULTING)), {"hangup"}, {"consulting"}, id="a colleague asks him"
        ),
        pytest.param(
            call(dialler=DIALLER, direction=Direction.OUTBOUND),
            {"hangup"},
            {"dialling"},
            id="he calls somebody outside",
        ),
        pytest.param(
            replace(TALKING, direction=Direction.INTERNAL),
            {"hangup"},
            {"internal", "not_held", "asks_nobody"},
            id="a colleague calls him",
        ),
        pytest.param(
            call(leg(**TALKS, on_hold=True)),
            {"hangup", "transfer"},
            {"held_by_phone", "asks_nobody"},
            id="the caller is on hold by the phone",
        ),
        pytest.param(
            call(leg(**(TALKS | {"with_caller_since": None}), apart=True)),
            {"hangup"},
            {"held_by_phone", "asks_nobody", "asking"},
            id="he asks somebody on another line of the phone",
        ),
        pytest.param(
            call(leg(**TALKS), leg("b", THEIRS, **TALKS)),
            {"hangup"},
            {"others_talk", "not_held", "asks_nobody"},
            id="three talk",
        ),
        pytest.param(
            call(leg(**SET_ASIDE)),
            {"resume", "consult", "transfer"},
            {"held", "asks_nobody"},
            id="the caller is on hold from the page",
        ),
    ],
)
def test_what_is_possible_follows_from_his_own_leg(at: Call, possible: set[str], codes: set[str]) -> None:
    found = actions_of(at, MINE)
    assert list(found) == list(ACTIONS)
    assert {name for name, code in found.items() if code is None} == possible
    assert {code for code in found.values() if code is not None} == codes
    assert codes <= REASONS.keys()


def test_of_several_phones_of_his_the_one_that_talks_counts() -> None:
    both = call(leg("a"), leg("b", "PJSIP/201", **TALKS))
    found = own_leg(both, MINE)
    assert found is not None
    assert found.id == "b"


def test_while_the_caller_is_on_his_way_only_who_is_called_can_do_anything() -> None:
    on_his_way = call(leg(**TALKS, transferred=True), leg("b", THEIRS))
    assert set(actions_of(on_his_way, MINE, in_hand=InHand(transferring=True)).values()) == {"transferring"}
    theirs = actions_of(on_his_way, (THEIRS,), in_hand=InHand(transferring=True))
    assert theirs["hangup"] is None
    assert theirs["transfer"] == "ringing"


def test_what_the_pbx_lacks_is_said_where_it_would_be_possible_otherwise() -> None:
    found = actions_of(TALKING, MINE, lacks={"transfer": "dialplan_old", "resume": "dialplan_old"})
    assert (found["transfer"], found["resume"], found["hangup"]) == ("dialplan_old", "not_held", None)


def test_a_transfer_is_over_when_somebody_else_talks_and_shown_on_when_it_failed() -> None:
    in_hand = CallsInHand()
    transfer = Transfer(OperatorId("op1"), Target("operator", "op2", "Юрий"), ChannelId("a"))
    in_hand.sends(CallId("main-1"), transfer)
    ringing = call(leg(**TALKS), leg("b", THEIRS))
    assert in_hand.transfer(ringing) == transfer
    assert in_hand.of(ringing).transferring
    through_local = call(leg(**TALKS), replace(leg("l", "Local/s@x", **TALKS), name="Local/s@x-1;1"), leg("b", THEIRS))
    assert in_hand.transfer(through_local) == transfer
    answered = call(leg(state=LegState.GONE), leg("b", THEIRS, **TALKS))
    assert in_hand.transfer(answered) is None
    assert not in_hand.of(answered).transferring

    failed = replace(transfer, failed="busy")
    in_hand.sends(CallId("main-1"), failed)
    back = call(leg(state=LegState.GONE), leg("c", **TALKS))
    assert in_hand.transfer(back) == failed
    assert not in_hand.of(back).transferring
    in_hand.forget(CallId("main-1"))
    assert in_hand.transfer(back) is None
