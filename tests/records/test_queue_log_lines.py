"""queue_log alone: to the second, without bridges, and not believed where it is known to be wrong."""

import pytest
from heard import Listener, queued, told

from cti_bridge.asterisk.records import queue_log
from cti_bridge.calls.call import Outcome
from cti_bridge.domain.ids import ChannelId

KNOWN_TO_QUEUE_LOG = (
    "next_member_after_no_answer",
    "operator_hangs_up",
    "second_queue_answers",
    "abandoned_waiting",
    "abandoned_ringing",
    "ring_all_one_answers",
    "blind_to_queue",
    "parked_and_taken",
    "hostile_name",
)
"""Stories of which queue_log has the beginning and the end."""
A = "1795318700|main-1.1|sales|NONE|ENTERQUEUE||+74950000150|1\n"
CONNECT = "1795318704|main-1.1|sales|{member}|CONNECT|4|main-1.2|3\n"


def listen(text: str, *, there: tuple[str, ...] = (), members: dict[str, str] | None = None) -> Listener:
    lines, bad = queue_log.parse(text)
    assert bad == 0
    events = queue_log.happened(
        lines,
        since=0,
        until=1e11,
        is_there=lambda channel: channel in there,
        interface_of=lambda member: (members or {}).get(member, member),
        ringing={},
        rang={},
        heard=0,
    )
    return Listener().finds_out(events)


@pytest.mark.parametrize("name", KNOWN_TO_QUEUE_LOG)
def test_outcome_and_queue_are_right_and_times_to_the_second(name: str) -> None:
    heard, read = Listener().hears(told(name)), Listener().finds_out(queued(name))
    for call_id, call in heard.calls.items():
        known = read.calls[call_id]
        assert (known.outcome, known.queue, known.recovered) == (call.outcome, call.queue, True)
        assert known.ended_at == pytest.approx(call.ended_at, abs=1.0)
        if call.answered_at is not None:
            assert known.answered_at == pytest.approx(call.answered_at, abs=1.0)


def test_a_talk_is_measured_from_connect_to_complete() -> None:
    text = A + CONNECT.format(member="PJSIP/101") + "1795318764|main-1.1|sales|PJSIP/101|COMPLETECALLER|4|60|1\n"
    (call,) = listen(text).calls.values()
    (leg,) = call.legs
    assert (leg.id, leg.rang_at, leg.answered_at, leg.talked_s) == ("main-1.2", 1795318701, 1795318704, 60)
    assert (call.ended_at, call.outcome) == (1795318764, Outcome.ANSWERED)


def test_a_member_is_known_by_his_name_as_well() -> None:
    text = A + CONNECT.format(member="Зоя Лебедь")
    (call,) = listen(text, members={"Зоя Лебедь": "PJSIP/103"}).calls.values()
    assert call.legs[0].interface == "PJSIP/103"


@pytest.mark.parametrize("event", ["ABANDON|1|1|9", "COMPLETEAGENT|4|9|1", "COMPLETECALLER|4|9|1"])
def test_whoever_is_still_there_has_not_ended(event: str) -> None:
    text = A + f"1795318709|main-1.1|sales|NONE|{event}\n"
    (call,) = listen(text, there=("main-1.1",)).calls.values()
    assert call.ended_at is None


def test_an_abandon_before_another_queue_is_none() -> None:
    text = (
        A
        + "1795318709|main-1.1|sales|NONE|ABANDON|1|1|9\n"
        + A.replace("8700", "8710").replace("sales", "production")
        + CONNECT.replace("8704", "8712").replace("sales", "production").format(member="PJSIP/103")
        + "1795318720|main-1.1|production|PJSIP/103|COMPLETEAGENT|2|8|1\n"
    )
    (call,) = listen(text).calls.values()
    assert (call.outcome, call.queue, call.ended_at) == (Outcome.ANSWERED, "production", 1795318720)


def test_a_phone_that_rang_in_vain_is_told_with_its_time_and_once() -> None:
    text = A + "1795318715|main-1.1|sales|PJSIP/101|RINGNOANSWER|15000\n"
    (call,) = listen(text + text.splitlines()[1] + "\n", there=("main-1.1",)).calls.values()
    assert [(leg.interface, leg.rang_at, leg.ended_at, leg.why) for leg in call.legs] == [
        ("PJSIP/101", 1795318700, 1795318715, "no_answer")
    ]


def test_a_phone_that_was_heard_ringing_is_the_one_that_stopped() -> None:
    lines, _ = queue_log.parse(A + "1795318715|main-1.1|sales|PJSIP/101|RINGNOANSWER|15000\n")
    events = queue_log.happened(
        lines,
        since=1795318705,
        until=1e11,
        is_there=lambda channel: True,
        interface_of=lambda member: member,
        ringing={(ChannelId("main-1.1"), "PJSIP/101"): ChannelId("main-1.7")},
        rang={},
        heard=1795318705,
    )
    assert {getattr(event, "leg", getattr(event, "channel", "")) for event in events} == {"main-1.7"}


def test_a_number_with_line_breaks_writes_no_line_about_anybody_else() -> None:
    forged = "1795318710|main-1.1|||COMPLETECALLER|4|6"
    stranger = f"1795318710|main-9.1|sales|NONE|ENTERQUEUE||7\n{forged}\n{forged}\n|2\n"
    later = "1795318720|main-1.1|sales|PJSIP/101|COMPLETECALLER|4|16|1\n"
    lines, bad = queue_log.parse(A + CONNECT.format(member="PJSIP/101") + stranger + later)
    assert [(line.channel, line.event, line.at) for line in lines if line.event == "COMPLETECALLER"] == [
        ("main-1.1", "COMPLETECALLER", 1795318720)
    ]
    assert bad == 3


def test_broken_lines_are_counted_and_passed_over() -> None:
    lines, bad = queue_log.parse(
        "nonsense\n\n1795318700|main-1.1|sales\n" + A + "x|main-1.1|sales|NONE|ENTERQUEUE\n"
        "1795318700|NONE|NONE|NONE|QUEUESTART|\n1795318700|main-1.1|sales|PJSIP/101|CONNECT\n"
    )
    assert (len(lines), bad) == (3, 3)
    found = queue_log.happened(
        lines, since=0, until=1e11, is_there=lambda channel: True, interface_of=str, ringing={}, rang={}, heard=0
    )
    assert [type(event).__name__ for event in found] == ["CallerQueued"]
