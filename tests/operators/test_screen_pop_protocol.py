"""Frames of a page are taken to the letter, and nothing else is."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.operators import protocol
from cti_bridge.operators.protocol import NOWHERE, Ack, Command, Hello, Ping, ProtocolError, Renew, Resume, decode


@pytest.mark.parametrize(
    ("text", "frame"),
    [
        ('{"op":"hello"}', Hello()),
        ('{"op":"hello","resume":null,"ticket":null}', Hello()),
        ('{"op":"hello","ticket":"t","resume":{"stream":"s","seq":0}}', Hello("t", Resume("s", 0))),
        ('{"op":"hello","resume":{"stream":"s","seq":-1}}', Hello(None, NOWHERE)),
        ('{"op":"hello","resume":{"stream":"s","seq":1.0}}', Hello(None, NOWHERE)),
        ('{"op":"hello","resume":{"stream":"s","seq":true}}', Hello(None, NOWHERE)),
        ('{"op":"hello","resume":{"stream":"s","seq":"7"}}', Hello(None, NOWHERE)),
        ('{"op":"hello","resume":{"stream":"s","seq":null}}', Hello(None, NOWHERE)),
        ('{"op":"hello","resume":{"stream":"s","seq":' + "9" * 400 + "}}", Hello(None, NOWHERE)),
        ('{"op":"hello","resume":{"stream":7,"seq":1}}', Hello(None, NOWHERE)),
        ('{"op":"hello","resume":{"stream":"","seq":1}}', Hello(None, NOWHERE)),
        ('{"op":"hello","resume":{"stream":"' + "s" * 10_000 + '","seq":1}}', Hello(None, NOWHERE)),
        ('{"op":"ack","seq":7,"paint_ms":3.5}', Ack(7, 3.5)),
        ('{"op":"ack","seq":7,"paint_ms":0}', Ack(7, 0.0)),
        ('{"op":"command","id":"1","name":"pause","args":{"on":true}}', Command("1", "pause", {"on": True})),
        ('{"op":"command","id":"1","name":"pause"}', Command("1", "pause", {})),
        ('{"op":"renew","ticket":"t"}', Renew("t")),
        ('{"op":"ping"}', Ping()),
    ],
)
def test_every_frame_of_the_protocol_is_understood(text: str, frame: protocol.ClientFrame) -> None:
    assert decode(text) == frame


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "not_json"),
        ("привет", "not_json"),
        ("[]", "not_json"),
        ('"hello"', "not_json"),
        ('{"op":"hello"', "not_json"),
        ('{"op":"ack","seq":1,"paint_ms":NaN}', "not_json"),
        ('{"op":"ack","seq":' + "9" * 5000 + ',"paint_ms":1}', "not_json"),
        ("[" * 60_000, "not_json"),
        ('{"op":"hello","args":' + "[" * 20_000 + "]" * 20_000 + "}", "not_json"),
        ('{"op":"hello","args":' + "[" * 40 + "]" * 40 + "}", "not_json"),
        ('{"op":"command","id":"1","name":"x","args":' + '{"a":' * 40 + "1" + "}" * 41, "not_json"),
        ('{"op":"ping","op":"hello"}', "not_json"),
        ('{"op":"command","id":"1","name":"x","args":{"a":1,"a":1}}', "not_json"),
        ('{"op":"renew","ticket":"\\ud83d"}', "not_json"),
        ('{"op":"command","id":"1","name":"x","args":{"\\udc00":1}}', "not_json"),
        ('{"op":"ping"} {"op":"ping"}', "not_json"),
        ('\ufeff{"op":"ping"}', "not_json"),
        ("{}", "unknown_op"),
        ('{"op":null}', "unknown_op"),
        ('{"op":["hello"]}', "unknown_op"),
        ('{"op":"welcome"}', "unknown_op"),
        ('{"op":"ping","more":1}', "unknown_field"),
        ('{"op":"hello","token":"t"}', "unknown_field"),
        ('{"op":"hello","resume":{"stream":"s","seq":1,"x":1}}', "unknown_field"),
        ('{"op":"hello","resume":[]}', "bad_field"),
        ('{"op":"hello","resume":{"stream":"s"}}', "bad_field"),
        ('{"op":"hello","ticket":""}', "bad_field"),
        ('{"op":"ack","paint_ms":1}', "bad_field"),
        ('{"op":"ack","seq":-1,"paint_ms":1}', "bad_field"),
        ('{"op":"ack","seq":1.5,"paint_ms":1}', "bad_field"),
        ('{"op":"ack","seq":true,"paint_ms":1}', "bad_field"),
        ('{"op":"ack","seq":1}', "bad_field"),
        ('{"op":"ack","seq":1,"paint_ms":"1"}', "bad_field"),
        ('{"op":"ack","seq":1,"paint_ms":1e999}', "not_json"),
        ('{"op":"ack","seq":1,"paint_ms":-1}', "bad_field"),
        ('{"op":"command","name":"pause","args":{}}', "bad_field"),
        ('{"op":"command","id":1,"name":"pause","args":{}}', "bad_field"),
        ('{"op":"command","id":"1","name":"pause","args":[]}', "bad_field"),
        ('{"op":"command","id":"' + "1" * 65 + '","name":"pause"}', "bad_field"),
        ('{"op":"command","id":"1","name":"' + "н" * 10_000 + '"}', "bad_field"),
        ('{"op":"command","id":"","name":"pause"}', "bad_field"),
        ('{"op":"renew"}', "bad_field"),
        ('{"op":"renew","ticket":"' + "t" * 10_000 + '"}', "bad_field"),
        ('{"op":"renew","ticket":7}', "bad_field"),
    ],
)
def test_a_malformed_frame_is_named_by_a_code(text: str, code: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(text)
    assert refused.value.code == code


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=10,
)
_fields = st.fixed_dictionaries(
    {"op": st.sampled_from(["hello", "ack", "command", "renew", "ping", "bye"])},
    optional=dict.fromkeys(("ticket", "resume", "seq", "paint_ms", "id", "name", "args"), _json),
)


@given(st.text() | _fields.map(json.dumps) | _json.map(json.dumps))
def test_no_text_does_anything_but_be_a_frame_or_a_protocol_error(text: str) -> None:
    try:
        frame = decode(text)
    except ProtocolError:
        return
    assert isinstance(frame, Hello | Ack | Command | Renew | Ping)


@given(st.text(min_size=12), st.sampled_from(["%s", '{"op":"%s"}', '{"op":"renew","ticket":7,"%s":1}']))
def test_a_refusal_never_repeats_what_was_sent(secret: str, frame: str) -> None:
    with pytest.raises(ProtocolError) as refused:
        decode(frame % json.dumps(secret)[1:-1])
    assert secret not in f"{refused.value} {refused.value.code} {refused.value.__cause__}"


@pytest.mark.parametrize("name", ['Ёлкина "Вера" \\ <script>', "a\r\nb\x00\x1b[2J", "half \ud83d of a pair", "\u2028"])
def test_a_hostile_name_arrives_as_the_text_it_is(name: str) -> None:
    body = protocol.event_body("2026-11-23T11:00:00.000Z", "call.ringing", {"call": {"id": "c", "name": name}})
    frame = json.loads(protocol.event_head(1) + body)
    assert frame["call"]["name"] == name
    assert (frame["op"], frame["seq"]) == ("event", 1)
