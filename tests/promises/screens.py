"""What P2 looks at: all operators' screens at once, callers from the trunk, queues set for a test."""

import asyncio
import json
import shutil
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp

from cti_bridge.domain.ids import call_id_for
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk, Frame
from demo.sip import Caller, Phone, SipError
from promises.scene import DID, OPERATORS, PATIENCE_S, journalled, until

Json = dict[str, Any]

WITHIN_S = PATIENCE_S
"""How long a screen may take in a test that does not measure it."""
OVER = ("call.withdrawn", "call.ended")

RULES = """\
version: 1
region: RU
timezone: Europe/Moscow
lines:
  "+74950000149": {name: Радио Кухни, channel: radio, language: ru}
classes:
  - name: production
    when: {deal.stage: [paid, in_production, delivery, installation]}
  - name: sales
    when: {deal.stage: [offer_preparing, offer_sent, awaiting_payment]}
  - name: new
queues:
  primary-consult: {timeout: 60s}
  sales: {timeout: 60s}
  production: {timeout: 60s}
  all-hands: {timeout: 60s}
  short: {timeout: 2s}
trusted_trunks: [trunk-demo]
rules:
  - name: vip
    when: 'has(customer.segment) && customer.segment == "vip"'
    verified_number: required
    operator: responsible
    operator_timeout: 2s
    queue: sales
  - name: everybody
    when: {call.did: "+74950000249"}
    queue: all-hands
  - name: hasty
    when: {call.did: "+74950000250"}
    queue: short
    then: [primary-consult]
  - name: production
    when: {class: production}
    queue: production
  - name: sales
    when: {class: sales}
    queue: sales
    then: [primary-consult]
default: {queue: primary-consult}
degraded: {deadline: 900ms, queue: primary-consult}
ambiguous: most_advanced_deal
"""
"""The shipped rules with short times (but for the CRM, which is not measured here), and two queues that the shipped
Asterisk does not have (see `queues_set`)."""
DID_ALL_HANDS, DID_SHORT = "74950000249", "74950000250"
"""Calls to these numbers ring at all members at once; go on to `primary-consult` after two seconds in `short`."""


@asynccontextmanager
async def bridge_with_short_times(
    asterisk: AsteriskInstance,
    prepared: Path,
    folder: Path,
    *,
    rules_text: str = RULES,
    ami_port: int | None = None,
    more: Json | None = None,
) -> AsyncIterator[Bridge]:
    """A running bridge with these rules and a copy of the prepared data, for as many tests as like to share it.

    With `ami_port` it finds Asterisk's manager interface on that port of 127.0.0.1; `more` are further settings.
    """
    shutil.copytree(prepared, folder / "data")
    rules = folder / "routing.yaml"
    rules.write_text(rules_text, "utf-8")
    bridge = Bridge(folder, asterisk, page_port=free_port(), rules=rules)
    if ami_port is not None:
        settings = bridge.read_settings()
        settings["pbxes"][0]["ami"] |= {"host": "127.0.0.1", "port": ami_port}
        bridge.write_settings(settings)
    bridge.write_settings(bridge.read_settings() | (more or {}))
    try:
        await bridge.start()
        # Before it knows what the PBX has, nothing can be picked up, dialled or held.
        await until(lambda: bridge.events("desk.means"), WITHIN_S)
        yield bridge
    finally:
        await bridge.kill()


def free_port() -> int:
    """A TCP port of 127.0.0.1 that nobody uses."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@asynccontextmanager
async def queues_set(asterisk: AsteriskInstance, *, ring_s: int = 15) -> AsyncIterator[None]:
    """A phone rings `ring_s` seconds, and there are the queues `short`, and `all-hands` that rings at all at once."""
    file = asterisk.workdir / "etc" / "queues.conf"
    before = file.read_text("utf-8")
    text = before.replace("timeout = 15 ", f"timeout = {ring_s} ")
    assert ring_s == 15 or text != before
    # A queue's strategy is the first one that is named, so a template cannot be overridden.
    file.write_text(f"{text}\n[short](cti)\n\n[all-hands]\nstrategy = ringall\njoinempty = yes\n", "utf-8")
    await asterisk.lab.command("queue reload all")
    try:
        yield
    finally:
        file.write_text(before, "utf-8")
        if asterisk.running:
            await asterisk.remove_all_members()
            await asterisk.lab.command("queue reload all")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A caller who has just arrived: his phone, his channel, the id of his call, and when he arrived (wall clock)."""

    phone: Caller
    channel: str
    channel_name: str
    call_id: str
    at: float

    async def answered_at(self) -> float:
        """When the caller's own phone heard the answer, on the wall clock; late by the way of the INVITE."""
        return self.at + await self.phone.answered()


@asynccontextmanager
async def incoming(asterisk: AsteriskInstance, number: str, **options: Any) -> AsyncIterator[Incoming]:
    """Call from the trunk; yields when Asterisk has the call, and hangs up at the end. One call at a time begins."""
    options.setdefault("did", DID)
    began = asterisk.lab.mark()
    async with Caller(asterisk, number, **options) as phone:
        born = await until(
            lambda: next(
                (e for e in asterisk.lab.events("Newchannel", since=began) if e["Channel"].startswith("PJSIP/trunk-")),
                None,
            )
        )
        call_id = call_id_for(asterisk.system_name, born["Linkedid"])
        yield Incoming(phone, born["Uniqueid"], born["Channel"], call_id, float(born["Timestamp"]))


async def answered_on_the_pbx(asterisk: AsteriskInstance, caller: Incoming) -> float:
    """When Asterisk took the operator's answer, by its own clock."""
    event = await asterisk.lab.event("DialEnd", DialStatus="ANSWER", Uniqueid=caller.channel)
    return float(event["Timestamp"])


async def leg_of(asterisk: AsteriskInstance, caller: Incoming, phone: str) -> str:
    """The name of the channel on which this phone was last called for a caller.

    The phone, the bridge and its page may each know of the call before this connection to Asterisk has heard of it.
    """

    def called() -> list[str]:
        begun = asterisk.lab.events("DialBegin", Uniqueid=caller.channel)
        return [e["DestChannel"] for e in begun if e["DestChannel"].startswith(f"PJSIP/{phone}-")]

    return (await until(called, WITHIN_S))[-1]


async def talking_leg(asterisk: AsteriskInstance, caller: Incoming, phone: str) -> str:
    """The same, once it is connected with somebody: before that nothing can be transferred."""
    name = await leg_of(asterisk, caller, phone)
    await asterisk.lab.event("BridgeEnter", Channel=name)
    await asterisk.lab.event("BridgeEnter", Uniqueid=caller.channel)
    return name


async def pick_up(phone: Phone, within: float = WITHIN_S) -> None:
    """Answer the call that rings at a phone, as soon as it does: a pop can be there before the phone's own ringing."""
    async with asyncio.timeout(within):
        while True:
            with suppress(SipError):
                return await phone.answer()
            await asyncio.sleep(0.01)


def showing(desk: Desk) -> dict[str, Json]:
    """The calls that a page would show now: the snapshot, and every event since."""
    shown: dict[str, Json] = {call["id"]: call for call in desk.welcome["snapshot"]["calls"]}
    for frame in desk.frames:
        if frame.type in OVER:
            shown.pop(frame.call["id"], None)
        elif frame.call:
            shown[frame.call["id"]] = frame.call
    return shown


async def shows(desk: Desk, call_id: str, *, within: float = WITHIN_S, **values: Any) -> Json:
    """Wait until the screen shows this call with these values, and nothing is pending any more. Raises TimeoutError.

    Notes and history may have failed to come (a busy disk); where they matter, ask for `extras="ready"`.
    """
    last: Json = {}

    def look() -> Json | None:
        nonlocal last
        last = showing(desk).get(call_id, {})
        complete = last.get("extras", "pending") != "pending"
        return last if complete and all(last[key] == value for key, value in values.items()) else None

    try:
        return await until(look, within)
    except TimeoutError:
        seen = {key: last.get(key) for key in ("extras", *values)} if last else [f.type for f in desk.frames]
        raise TimeoutError(f"{desk.operator} does not see {values} within {within} s, but {seen}") from None


async def is_empty(desk: Desk, within: float = WITHIN_S) -> None:
    """Wait until the screen shows no call. Raises TimeoutError."""
    try:
        await until(lambda: not showing(desk), within)
    except TimeoutError:
        raise TimeoutError(f"{desk.operator} still sees {list(showing(desk))}") from None


async def journalled_answer(bridge: Bridge, call_id: str, within: float = WITHIN_S) -> None:
    """Wait until the journal has on disk that this call was answered. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while (await journalled(bridge, call_id)).answered_at is None:
            await asyncio.sleep(0.01)


async def no_live_calls(bridge: Bridge, within: float = WITHIN_S) -> None:
    """Wait until the bridge itself knows of no call that goes on. Raises TimeoutError."""
    async with asyncio.timeout(within), aiohttp.ClientSession() as http:
        text = ""
        while "\ncti_live_calls 0.0\n" not in text:
            await asyncio.sleep(0.02)
            async with http.get(f"{bridge.private_url}/metrics") as answer:
                text = await answer.text()


def told(desk: Desk, call_id: str) -> list[str]:
    """What this screen was told about a call, in order, without updates; a repeated pop counts again."""
    return [frame.type for frame in desk.of_call(call_id) if frame.type != "call.updated"]


def withdrawal(desk: Desk, call_id: str) -> tuple[str, str | None]:
    """Why the last pop of this call was withdrawn, and who took it."""
    body = desk.of_call(call_id, "call.withdrawn")[-1].body
    return body["reason"], (body.get("by") or {}).get("operator")


class Screens:
    """Every operator's screen. What is not meant for one of them must not be in any frame that he ever got."""

    def __init__(self, desks: dict[str, Desk], opened_at: float) -> None:
        self._desks = desks
        self._opened_at = opened_at

    @classmethod
    async def opened(cls, at_desk: Callable[[str], Awaitable[Desk]]) -> "Screens":
        """Sit everybody down."""
        opened_at = time.time()
        desks = await asyncio.gather(*(at_desk(operator) for operator in OPERATORS))
        return cls(dict(zip(OPERATORS, desks, strict=True)), opened_at)

    def __getitem__(self, operator: str) -> Desk:
        return self._desks[operator]

    def all(self) -> Iterable[Desk]:
        return self._desks.values()

    async def popped(self, call_id: str, *, among: Iterable[str] = OPERATORS, after: int = 0) -> str:
        """Wait for more than `after` pops of this call among these operators; gives back who has the latest."""

        def look() -> str | None:
            pops = [(f.at, op) for op in among for f in self[op].of_call(call_id, "call.ringing")]
            return max(pops)[1] if len(pops) > after else None

        return await until(look, WITHIN_S)

    def nobody_else(self, secrets: Iterable[str], *, but: Iterable[str]) -> None:
        """Assert that nobody but these operators was sent any of these texts, or any call at all."""
        words = tuple(secrets)
        for operator, desk in self._desks.items():
            if operator in but:
                continue
            assert not [frame for frame in desk.frames if frame.call], f"{operator} was sent a call"
            sent = self.sent_to(operator)
            leaked = [word for word in words if word.lower() in sent]
            assert not leaked, f"{operator} was sent {leaked}"

    def sent_to(self, operator: str) -> str:
        """Everything that ever came over this operator's line, in small letters.

        But for callers who waited to be called back already when everybody sat down: his phone rang in vain for them
        in an earlier story of the same bridge, so they are on his work list by right.
        """
        desk = self[operator]
        snapshot = desk.welcome["snapshot"] | {"work": self._since_then(desk.welcome["snapshot"]["work"])}
        bodies = [
            frame.body | {"work": self._since_then(frame.body["work"])} if "work" in frame.body else frame.body
            for frame in desk.frames
        ]
        return json.dumps([desk.welcome | {"snapshot": snapshot}, *bodies], ensure_ascii=False).lower()

    def _since_then(self, work: Json) -> list[Json]:
        """The items that are open since everybody sat down."""
        return [item for item in work["items"] if datetime.fromisoformat(item["since"]).timestamp() >= self._opened_at]


async def team_says(desk: Desk, colleague: str, state: str, queue: str | None) -> None:
    """Wait until the latest team list on this screen describes a colleague so. Raises TimeoutError."""

    def look() -> bool:
        teams = [desk.welcome["snapshot"]["team"], *(f.body["team"] for f in desk.frames if f.type == "team.updated")]
        (mate,) = (each for each in teams[-1] if each["operator"] == colleague)
        return (mate["state"], mate["ringing_queue"]) == (state, queue)

    await until(look, WITHIN_S)


def source_states(frames: list[Frame]) -> list[str]:
    """What a screen was told about Asterisk."""
    return [
        f.body["source"]["state"] for f in frames if f.type == "source.state" and f.body["source"]["name"] == "asterisk"
    ]
