"""The page for integrators says what the code does: frames, fields, types, close codes, limits."""

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cti_bridge.calls.call import Call, CallState
from cti_bridge.calls.journal_edits import Edit, EditKind
from cti_bridge.calls.leg import Leg
from cti_bridge.calls.pops import Part, PopEvent, Reason
from cti_bridge.desk.calls.calls_in_hand import Target, Transfer, target_view, transfer_view
from cti_bridge.desk.customers.edits import edit_view
from cti_bridge.desk.states.state_view import colleague_view, state_view
from cti_bridge.domain.customer import SHIPPED_STAGES, Customer, CustomerRecord, Deal, Note
from cti_bridge.domain.ids import CallId, ChannelId, CustomerId, DealId, OperatorId
from cti_bridge.domain.line import Line
from cti_bridge.domain.number import NumberKind, parse_number
from cti_bridge.domain.operator import Operator
from cti_bridge.operators import commands, connection, hub, protocol, streams, strict_json, tickets
from cti_bridge.operators.desk_settings import DeskSettings, StateKind
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.protocol import CloseCode, Json
from cti_bridge.operators.state_table import unknown
from cti_bridge.operators.states import MemberPicture, Moment
from cti_bridge.operators.states import Why as StateWhy
from cti_bridge.reception.card import MAX_DEALS, Card, PastCall, encode_call, show
from cti_bridge.reception.why import FirstOperator, Why, Wish
from cti_bridge.routing.deciding import DecidingFact
from cti_bridge.web import websocket
from cti_bridge.web.site import SocketLimits

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "screen-pop-protocol.md").read_text("utf-8")
FRAMES: list[dict[str, Any]] = [json.loads(text) for text in re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)]
OLGA = Operator(OperatorId("op1"), "Ольга Ветрова", ("PJSIP/101",), crm_user="op1")
FROM_CLIENT = {"hello", "ack", "command", "renew", "ping"}


def table(heading: str) -> list[list[str]]:
    """The cells of the first table below a heading, without its head."""
    below = re.split(rf"^#+ {re.escape(heading)}$", PAGE, maxsplit=1, flags=re.MULTILINE)[1]
    found = re.search(r"(?:^\|.*\n)+", below, re.MULTILINE)
    assert found is not None
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in found[0].splitlines()[2:]]


def frames(op: str, type_: str = "") -> list[dict[str, Any]]:
    return [frame for frame in FRAMES if frame["op"] == op and type_ in {"", frame.get("type")}]


def real_call() -> dict[str, Any]:
    """A call with everything a call can have."""
    customer = Customer(CustomerId("c1"), "Мария Соколова", ("+74950000150",), responsible="op1")
    record = CustomerRecord(customer, (Deal(DealId("d1"), "Кухня", "awaiting_payment", responsible="op1"),))
    leg = Leg(ChannelId("1.2"), "PJSIP/101-1", "PJSIP/101", "sales", 2.0)
    card = Card(
        parse_number("+74950000150", region="RU"),
        line=Line("+74950000149"),
        decision="matched",
        why=Why((DecidingFact("deal.stage", "awaiting_payment"),), (FirstOperator("Сергей Ильин", Wish.NOT_FREE),)),
        record=record,
        candidates=(record,),
        deal_id=DealId("d1"),
        notes=(Note(datetime.now(UTC), "op1", "Просила перезвонить"),),
        history=(PastCall(1.0, "inbound", "answered", "sales", "op1", 1.0, 2.0, "offer_sent"),),
    )
    call = Call(CallId("main-1.1"), ChannelId("1.1"), "1.1", 1.0, queue="sales", legs=(leg,))
    encoded = encode_call(call, show(card, SHIPPED_STAGES, Directory.of([OLGA])), Part.RINGING)
    edit = Edit("e1", call.id, OLGA.id, "", customer.id, "+74950000150", customer.name, EditKind.UPDATE, {}, 1.0)
    target = Target("operator", "op2", "Сергей Ильин")
    transfer = transfer_view(Transfer(OLGA.id, target), Directory.of([OLGA]))
    waits = {"held_by": None, "consult": {"to": target_view(target), "state": "ringing"}}
    failed = {"consult_failed": {"to": target_view(target), "reason": "busy"}}
    return encoded | {
        "edits": [edit_view(edit)], "after": None, "actions": {}, "transfer": transfer, **waits, **failed,
    }  # fmt: skip


def shape(value: Any) -> Any:
    """The keys of a message, through objects and lists."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return shape(value[0]) if value else None
    return None


def real_state() -> Json:
    """An operator's state as it is told."""
    moment = Moment(0.0, 0.0)
    member = MemberPicture("sales", "PJSIP/101")
    return state_view(replace(unknown(OLGA.id, DeskSettings(), moment), members=(member,)), DeskSettings(), moment)


def paths(value: Any, prefix: str = "") -> set[str]:
    """Every field of a message; a list is the fields of what is in it."""
    if isinstance(value, list):
        return paths(value[0], prefix) if value and isinstance(value[0], dict) else set()
    if not isinstance(value, dict):
        return set()
    found: set[str] = set()
    for key, inner in value.items():
        found |= {f"{prefix}{key}"} | paths(inner, f"{prefix}{key}.")
    return found


def test_every_frame_of_a_client_on_the_page_is_understood_and_every_one_is_there() -> None:
    understood = {type(protocol.decode(json.dumps(frame))) for frame in FRAMES if frame["op"] in FROM_CLIENT}
    assert understood == set(protocol.ClientFrame.__args__)


def test_the_welcome_on_the_page_is_the_real_one() -> None:
    (shown,) = frames("welcome")
    snapshot = {
        "calls": [],
        "state": real_state(),
        "after": [],
        "work": {"items": [], "more": False},
        "sources": [{"name": "crm", "state": "up", "since": ""}],
        "stages": [{"id": "", "name": "", "order": 1, "final": False}],
    }
    team: list[Json] = [{"operator": "", "name": "", "state": "", "ringing_queue": None}]
    team[0]["desk_state"] = colleague_view(unknown(OLGA.id, DeskSettings(), Moment(0.0, 0.0)), DeskSettings())
    real = protocol.welcome("s", 1, OLGA, snapshot, 20.0) + protocol.team_tail(team)
    assert shape(shown) == shape(json.loads(real))


def test_the_call_on_the_page_has_the_fields_of_a_real_one_and_each_is_explained() -> None:
    (shown,) = frames("event", "call.ringing")
    real = real_call()
    empty: dict[str, Any] = {"candidates": [], "edits": [], "actions": {}}
    empty |= dict.fromkeys(("transfer", "consult", "consult_failed"))
    assert shape(shown["call"] | empty) == shape(real | empty)
    explained = [row[0].strip("`") for row in table("The call")]
    assert len(explained) == len(set(explained))
    alike = ("candidates.customer.", "candidates.deals.", "consult_failed.to.")
    assert set(explained) == {path for path in paths(real) if not path.startswith(alike)}


@pytest.mark.parametrize("words", [CallState, Part, Reason, NumberKind])
def test_every_word_a_field_can_have_is_on_the_page(words: Any) -> None:
    assert {word.value for word in words} <= set(re.findall(r"`([a-z_]+)`", PAGE))


def test_the_state_on_the_page_has_the_fields_of_a_real_one_and_each_is_explained() -> None:
    (shown,) = frames("event", "operator.state")
    assert shape(shown["state"]) == shape(real_state())
    rows = [word for row in table("States") for word in re.findall(r"`([a-z_]+)`", row[0])]
    assert set(rows) == set(real_state())
    assert {*StateWhy, *StateKind} <= set(re.findall(r"`([a-z_]+)`", PAGE))


def test_every_type_of_event_is_on_the_page_with_its_fields() -> None:
    rows = {row[0].strip("`"): set(re.findall(r"`(\w+)`", row[2])) for row in table("From the bridge")}
    unnumbered = {"team.updated", "after.saved", "edits.updated", "work.updated"}
    assert rows.keys() == {*PopEvent, "operator.state", "source.state", *unnumbered}
    for type_, has in rows.items():
        for shown in frames("event", type_):
            assert shown.keys() - {"op", "seq", "at", "type"} == has - {"seq"}
            assert ("seq" in shown) == ("seq" not in has)


def test_the_other_frames_of_the_bridge_are_the_real_ones() -> None:
    assert frames("pong") == [json.loads(protocol.PONG)]
    assert frames("bye") == [json.loads(protocol.bye(1012, "restart"))]
    assert frames("result") == [
        json.loads(protocol.failure("c7d1", "bad_args", "wrong or missing: state")),
    ]
    assert {frame["op"] for frame in FRAMES} == FROM_CLIENT | {"welcome", "event", "result", "pong", "bye"}


def test_every_close_code_is_on_the_page() -> None:
    rows = {int(row[0]): row[1] for row in table("The end of a connection")}
    assert rows.keys() == {*CloseCode, 1007, 1009}
    source = "".join(Path(str(module.__file__)).read_text("utf-8") for module in (protocol, websocket))
    assert set(re.findall(r'ProtocolError\("(\w+)"', source)) == set(re.findall(r"`([a-z]+_\w+)`", rows[4004]))


@pytest.mark.parametrize(
    ("what", "limit"),
    [
        ("a frame of the client", f"{protocol.FRAME_LIMIT // 1024} KiB"),
        (
            "frames of the client",
            f"{SocketLimits().frames_per_s:g} per second, {SocketLimits().frames_at_once:g} in one",
        ),
        ("frames waiting for a client", f"{connection.FRAMES_WAITING}"),
        ("connections of one operator", f"{hub.PAGES_PER_OPERATOR}"),
        ("connections that have not said hello", f"{SocketLimits().strangers}"),
        (
            "events kept to resume",
            f"{streams.KEPT_EVENTS:,} and {streams.KEPT_BYTES_EACH >> 20} MiB for an operator, "
            f"{streams.KEPT_BYTES >> 20} MiB in all, {streams.KEPT_S / 60:g} minutes",
        ),
        (
            "results of commands kept",
            f"{commands.RESULTS_EACH} and {commands.BYTES_EACH >> 10} KiB for an operator, "
            f"{commands.BYTES_KEPT >> 20} MiB in all, {commands.REMEMBER_S / 60:g} minutes",
        ),
        ("depth of a frame", f"{strict_json.MAX_DEPTH} levels"),
    ],
)
def test_every_limit_is_the_real_one(what: str, limit: str) -> None:
    (row,) = [row for row in table("Limits") if row[0] == what]
    assert row[1].startswith(limit)


def test_times_in_the_text_are_the_real_ones() -> None:
    limits, times = SocketLimits(), hub.HubTimes()
    for said in (
        f"within {limits.hello_s:g} seconds, and said once",
        f"within {tickets.TICKET_S:g} seconds, and holds\nthe connection for {limits.ticket_hold_s / 3600:g} hours",
        f"every\n{times.heartbeat:g} seconds (`heartbeat_s`)",
        f"within {times.acknowledge:g} seconds is sent\nonce more",
        f"at most {MAX_DEALS}",
        f"not reading for {limits.send_s:g} s",
    ):
        assert said in PAGE, said
