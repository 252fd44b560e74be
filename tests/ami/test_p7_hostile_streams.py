"""P7 on AMI: however the stream is cut and whatever callers and others put into it, the same things are understood.

`recordings/three_calls.ami` is what a real Asterisk 22 sent to the user of the shipped manager.conf: a call that is
answered, with two lists asked for meanwhile; one whose caller gives up; and one whose number has a line break in it and
names another call's channel (its Newchannel has it raw, later events after the dialplan has cleaned it).
"""

import asyncio
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from hostile_texts import TEXTS
from hypothesis import example, given
from hypothesis import strategies as st

from cti_bridge.asterisk.ami.protocol import MAX_FRAME, SafeManager, SafeProtocol, build_action
from cti_bridge.asterisk.ami.sighting import Sighting
from cti_bridge.asterisk.ami.translate import TRANSLATED, Headers, PbxClock, person, translate
from cti_bridge.calls.events import CallerQueued, CallEvent, ChannelHungUp

RECORDED = (Path(__file__).parent / "recordings" / "three_calls.ami").read_bytes()
FRAMES = RECORDED.split(b"\r\n\r\n")[:-1]
AT = 1795306545.0
JOIN = (
    b"Event: QueueCallerJoin\r\nPrivilege: agent,all\r\nChannel: PJSIP/trunk-1\r\nChannelState: 6\r\n"
    b"CallerIDNum: +74950000150\r\nCallerIDName: \xd0\x9f\xd1\x91\xd1\x82\xd1\x80 \xf0\x9f\xa6\x8a\r\n"
    b"Uniqueid: main-7.1\r\nLinkedid: main-7.1\r\nQueue: sales\r\n\r\n"
)
LEAVE = JOIN.replace(b"QueueCallerJoin", b"QueueCallerLeave")


class Line(asyncio.Transport):
    """A connection on which nobody listens."""

    def __init__(self) -> None:
        super().__init__()
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Nobody is there."""

    def close(self) -> None:
        self.aborted = True

    def abort(self) -> None:
        self.aborted = True


class Session:
    """One AMI session, as far as reading it goes: the events it was understood to tell, and why it ended."""

    def __init__(self) -> None:
        self.events: list[CallEvent] = []
        self.lost: list[str] = []
        self.asked: Counter[str] = Counter()
        self._clock = PbxClock()
        self._manager = SafeManager(wants_event=self._wants, on_event=self._take, on_lost=self.lost.append)
        self.protocol = self._manager.protocol = SafeProtocol(self._manager)
        self.line = Line()
        self.protocol.connection_made(self.line)

    def hear(self, *parts: bytes) -> list[CallEvent]:
        for part in parts:
            if not self.line.aborted:
                self.protocol.data_received(part)
        return self.events

    def _wants(self, event: str) -> bool:
        self.asked[event] += 1
        return event in TRANSLATED

    def _take(self, message: Headers) -> None:
        event = translate(message, AT, self._clock)
        if event is not None:
            self.events.append(event)


def heard(*parts: bytes) -> list[CallEvent]:
    return Session().hear(*parts)


def cut(stream: bytes, places: list[int]) -> list[bytes]:
    borders = [0, *sorted(place % len(stream) for place in places), len(stream)]
    return [stream[begin:end] for begin, end in pairwise(borders)]


def test_the_recording_is_understood_as_its_three_calls() -> None:
    session = Session()
    events = session.hear(RECORDED)
    assert session.lost == []
    names = [event.caller_id.name for event in events if isinstance(event, CallerQueued)]
    # Asterisk keeps the backslashes with which SIP quotes a quotation mark or a backslash.
    assert names == ['Ёлкина \\"Лена\\" O\'Нил \\\\ 🦊', "Пётр Щукин, <script>", ""]
    assert sum(isinstance(event, ChannelHungUp) for event in events) == 6
    assert "main-1.1" not in {getattr(event, "channel", None) for event in events}
    assert session.asked["Newchannel"] == 6


def test_one_byte_at_a_time_tells_the_same() -> None:
    assert heard(*(RECORDED[place : place + 1] for place in range(len(RECORDED)))) == heard(RECORDED)


def test_a_cut_at_any_byte_of_a_frame_tells_the_same() -> None:
    stream = JOIN + LEAVE
    whole = heard(stream)
    assert len(whole) == 2
    for place in range(len(stream)):
        assert heard(stream[:place], stream[place:]) == whole, place


@given(st.lists(st.integers(0, len(RECORDED)), max_size=12))
def test_cuts_anywhere_tell_the_same(places: list[int]) -> None:
    assert heard(*cut(RECORDED, places)) == heard(RECORDED)


ODD = {
    "an unknown event": b"Event: Nonsense\r\nUniqueid: main-7.1\r\n\r\n",
    "an event without a name": b"Event: \r\nUniqueid: main-7.1\r\n\r\n",
    "an event without headers": b"Event: Hangup\r\n\r\n",
    "an answer to nothing": b"Response: Success\r\nActionID: nobody/1\r\nMessage: done\r\n\r\n",
    "an answer without a question": b"Response: Error\r\nMessage: no\r\n\r\n",
    "a list that nobody asked for": b"Event: CoreShowChannel\r\nActionID: nobody/1\r\nUniqueid: main-7.1\r\n\r\n",
    "two ActionIDs": b"Response: Success\r\nActionID: a\r\nActionID: b\r\n\r\n",
    "two names": b"Event: Hangup\r\nEvent: Newchannel\r\nUniqueid: main-7.1\r\n\r\n",
    "event and answer": b"Event: Hangup\r\nResponse: Success\r\nActionID: a\r\nUniqueid: main-8.8\r\n\r\n",
    "two channels": b"Event: Hangup\r\nChannel: PJSIP/trunk-9\r\nUniqueid: main-7.1\r\nUniqueid: main-9.9\r\n\r\n",
    "two legs": b"Event: DialEnd\r\nDestUniqueid: main-7.1\r\nDestUniqueid: main-9.9\r\nDialStatus: CANCEL\r\n\r\n",
    "two contexts": b"Event: DialBegin\r\nChannel: PJSIP/trunk-9\r\nUniqueid: main-7.1\r\nCallerIDNum: 7\r\n"
    b"Context: cti-consult\r\nContext: from-trunk\r\nDestChannel: PJSIP/101-9\r\nDestUniqueid: main-9.9\r\n\r\n",
    "two ends of a transfer": b"Event: UserEvent\r\nUniqueid: main-7.1\r\nState: failed\r\nUserEvent: CtiTransfer\r\n"
    b"CallID: main-7\r\nBy: op1\r\nTo: operator/op2\r\nState: ringing\r\nWhy: \r\n\r\n",
    "no colon": b"nothing\r\n\r\n",
    "only line breaks": b"\r\n\r\n\r\n\r\n\r\n",
    "bytes that are no text": b"\xff\xfe\xc3\x28\r\n\r\n",
    "half a letter": b"Event: Nonsense\r\nX: \xf0\x9f\r\n\r\n",
    "noughts": b"\0\0\0\r\n\r\n",
    "an answer of many lines": b"Response: Follows\r\nOutput: x\r\n--END COMMAND--\r\n\r\n",
}


@pytest.mark.parametrize("frame", [pytest.param(frame, id=name) for name, frame in ODD.items()])
def test_an_odd_frame_says_nothing_and_the_frames_around_it_are_understood(frame: bytes) -> None:
    session = Session()
    session.hear(JOIN + frame + LEAVE)
    about = [event for event in session.events if getattr(event, "channel", "") in ("main-7.1", "main-9.9")]
    assert about == heard(JOIN + LEAVE)
    assert session.lost == []


@pytest.mark.parametrize("header", sorted({line.split(b":")[0] for line in JOIN.strip().split(b"\r\n")[1:]}))
def test_bytes_that_are_no_text_stay_in_their_header(header: bytes) -> None:
    lines = JOIN.split(b"\r\n")
    place = next(number for number, line in enumerate(lines) if line.startswith(header + b": "))
    lines[place] += b" \xff\xc3\x28\xed\xa0\x80\xf0\x9f"
    session = Session()
    *_, last = session.hear(b"\r\n".join(lines), LEAVE)
    assert len(session.events) == 2
    assert last == heard(LEAVE)[0]


def test_a_frame_that_never_ends_ends_the_session_and_is_not_kept() -> None:
    session = Session()
    for _ in range(20):
        session.hear(b"Event: Hangup\r\nX: " + b"x" * 65_536)
    assert len(session.lost) == 1
    assert session.line.aborted
    assert len(session.protocol._unfinished) <= MAX_FRAME
    assert session.events == []


def test_a_number_that_names_another_call_says_nothing_about_that_call() -> None:
    """The raw Newchannel of the third recorded call, and what else could be written into it."""
    tampered = [frame + b"\r\n\r\n" for frame in FRAMES if frame.count(b"\r\nUniqueid: ") == 2]
    assert len(tampered) == 1
    assert heard(*tampered) == []
    hang_up = tampered[0].replace(b"Event: Newchannel", b"Event: Hangup")
    assert heard(hang_up) == []


def test_a_list_with_such_a_number_does_not_show_another_calls_channel() -> None:
    sighting = Sighting()
    entry = {"Event": "CoreShowChannel", "Channel": "PJSIP/trunk-1", "Linkedid": "main-1.1"}
    sighting.add({**entry, "Uniqueid": ["main-1.1", "main-9.9"]})
    sighting.add({**entry, "Uniqueid": "main-2.1"})
    assert [seen.channel for seen in sighting.snapshot(AT).channels] == ["main-2.1"]


@given(st.binary(max_size=400))
@example(b"\r\n")
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    session = Session()
    session.hear(noise, b"\r\n\r\n" + JOIN)
    assert session.events[-1] == heard(JOIN)[0]


@given(st.integers(0, len(RECORDED) - 1), st.integers(0, 40), st.binary(max_size=20))
def test_a_damaged_stream_tells_no_more_than_the_damage(place: int, lost: int, added: bytes) -> None:
    whole, damaged = heard(RECORDED), heard(RECORDED[:place] + added + RECORDED[place + lost :])
    same = sum((Counter(map(repr, whole)) & Counter(map(repr, damaged))).values())
    assert same >= len(whole) - 3, "damage in one place costs the frames that it touches"


texts = st.one_of(st.text(max_size=60), st.sampled_from(sorted(TEXTS.values())))
headers = st.dictionaries(
    st.sampled_from(sorted({line.partition(b":")[0].decode() for frame in FRAMES for line in frame.split(b"\r\n")})),
    st.one_of(texts, st.lists(texts, min_size=2, max_size=3)),
)


@given(st.sampled_from(sorted(TRANSLATED)), headers)
def test_no_headers_break_the_translation(event: str, message: dict[str, str | list[str]]) -> None:
    translate({**message, "Event": event}, AT, PbxClock())
    sighting = Sighting()
    sighting.add({**message, "Event": "CoreShowChannel"})
    sighting.add({**message, "Event": "QueueEntry"})
    sighting.snapshot(AT)


_ESCAPED = {"\\": "\\\\", '"': '\\"', "'": "\\'", "?": "\\?", "\a": "\\a", "\b": "\\b", "\f": "\\f"} | {
    "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
}  # fmt: skip
"""How Asterisk writes these characters of a name."""


@given(texts)
def test_a_name_comes_out_as_it_was_whatever_asterisk_had_to_escape(name: str) -> None:
    written = "".join(_ESCAPED.get(letter, letter) for letter in name)
    assert person(written) == ("" if name in ("unknown", "<unknown>") else name)
    assert not set(written) & set("\r\n")


@given(st.dictionaries(st.text(min_size=1, max_size=10), texts, min_size=1, max_size=4))
async def test_an_action_never_has_a_header_more_than_it_was_given(values: dict[str, str]) -> None:
    try:
        action = build_action({"Action": "Ping", **values})
    except ValueError:
        assert any(ord(letter) < 32 or letter == "\x7f" for pair in values.items() for letter in "".join(pair))
        return
    lines = str(action).split("\r\n")
    assert lines[-2:] == ["", ""]
    assert not any("\n" in line or "\r" in line for line in lines)
    assert len(lines) - 2 <= len(values) + 2, "the action, its id, and what was given"
