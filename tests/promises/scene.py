"""The scene of every promise: sample customers, operators and members, and what a caller's arrival looks like."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord
from cti_bridge.database import DatabaseUnusable
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.lab import Message
from demo.sip import Caller

PROMISE_S = 2.5
"""How late a caller may be in a queue, whatever happens."""
PATIENCE_S = 30.0
"""How long is waited for what a test does not measure; a busy machine is not what is tested."""

CUSTOMERS = Path(__file__).parent / "customers.csv"
SALES, PRODUCTION, VIP = "+74950000201", "+74950000202", "+74950000203"
"""Callers: an offer was sent (responsible op3); in production (op5); a VIP with an offer (op4)."""
AMBIGUOUS, NO_OPEN_DEAL, UNKNOWN = "+74950000204", "+74950000205", "+74950000299"
"""Callers: two customers, one with an offer and one with a delivery; a closed deal only; nobody's number."""
DID = "74950000248"
"""The number that is called; `degraded.by_did` of the rules does not know it."""
DID_OF_SALES = "74950000149"
"""A number that `degraded.by_did` of the rules sends to `sales`."""
DID_LIMITED, LIMIT_S = "74950000300", 60
"""Calls to this number have a time limit of the admin's own, in seconds."""

OPERATORS = {
    "op1": "Вера Ключевская",
    "op2": "Юрий Самарин",
    "op3": "Галина Осокина",
    "op4": "Фёдор Ильинский",
    "op5": "Лейла Сафина",
    "op6": "Эмиль Ёлкин",
}
"""Id (and CRM user) and name."""
PHONE_OF = dict(zip(OPERATORS, ("101", "102", "103", "104", "105", "106"), strict=True))
"""The extension of each operator's phone; its interface is `PJSIP/EXTENSION`."""
MEMBERS = {"primary-consult": ("op1", "op2"), "sales": ("op3", "op4"), "production": ("op5", "op6")}
"""Who answers which queue."""
PASSWORD = "рябина-на-ветру-7"

OUTSIDE = "106"
"""The phone that rings for whoever an operator calls outside, by `8 495 000-0X-XX`; the channel is the trunk's."""
PARK_MYSELF, TAKE_OUT = "790", "791"
"""Who calls the one from a phone waits in the parking lot; who calls the other takes out whoever was parked first."""

DIALPLAN = f"""\
; What an admin could have in front of the bridge and behind it: a time limit of his own for calls to one number; a
; parking lot; somewhere to go on. And the caller's half of a call that says something.
[from-trunk](+)
exten => {DID_LIMITED},1,Set(TIMEOUT(absolute)={LIMIT_S})
 same => n,Gosub(${{IF($["${{ENTRY}}" = "ari"]?cti-route-ari:cti-route)}},s,1(${{EXTEN}}))
 same => n,Goto(cti-queue,s,1)
[phones](+)
exten => {PARK_MYSELF},1,Park(default)
exten => {TAKE_OUT},1,ParkedCall(default,701)
[talker]
exten => s,1,Answer()
 same => n,Playback(/var/lib/asterisk/sounds/cti-callback)
 same => n,Playback(/var/lib/asterisk/sounds/cti-callback)
[elsewhere]
exten => s,1,Wait(60)
[one-more]
exten => s,1,Queue(narrow)
"""
PARKING = {
    "modules.d/parking.conf": "load = bridge_holding.so\nload = res_parking.so\n",
    "res_parking.conf": "[general]\n[default]\nparkpos = 701-720\ncontext = parkedcalls\nparkingtime = 120\n",
}
WAY_OUT = {
    "extensions.d/out.conf": (
        f"[phones](+)\nexten => _84950000XXX,1,Dial(PJSIP/trunk/sip:${{EXTEN}}@@PHONE_ADDRESS@:5{OUTSIDE})\n"
        f"[way-out](+)\nexten => _+74950000XXX,1,Dial(PJSIP/trunk/sip:${{EXTEN}}@@PHONE_ADDRESS@:5{OUTSIDE})\n"
    )
}
"""How operators call outside."""

VARIABLES = (
    "CTI_CALL_ID", "CTI_DECISION", "CTI_CRM", "CTI_RULE", "CTI_CLASS", "CTI_CUSTOMER_ID", "CTI_CUSTOMER_NAME",
    "CTI_STEPS", "CTI_QUEUE", "CTI_STEP_1_QUEUE", "CTI_STEP_2_QUEUE", "CTI_OPERATOR", "CTI_OPERATOR_DIAL",
    "CTI_PRIORITY", "CTI_FINAL",
)  # fmt: skip

T = TypeVar("T")
AtDesk = Callable[..., Awaitable[Desk]]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A caller who is in a queue.

    `channel` is the Uniqueid, `seconds` the time from the channel's birth to the queue, `limit_s` what
    TIMEOUT(absolute) is now (0 without a limit), `variables` the CTI_* variables.
    """

    asterisk: AsteriskInstance
    phone: Caller
    channel: str
    channel_name: str
    queue: str
    seconds: float
    limit_s: float
    variables: dict[str, str]

    def cti(self, name: str) -> str:
        """One CTI_* variable, `cti("DECISION")`."""
        return self.variables[f"CTI_{name}"]

    @property
    def call_id(self) -> str:
        """The id under which the bridge keeps the call."""
        return self.cti("CALL_ID")

    @property
    def decided(self) -> tuple[str, str, str]:
        """Decision, CRM answer and queue: what most promises are about."""
        return self.cti("DECISION"), self.cti("CRM"), self.queue

    @property
    def hung_up(self) -> bool:
        """Whether the caller's channel is gone."""
        return bool(self.asterisk.lab.events("Hangup", Uniqueid=self.channel))


@asynccontextmanager
async def calling(
    asterisk: AsteriskInstance, number: str = UNKNOWN, *, within: float = PATIENCE_S, **options: Any
) -> AsyncIterator[Arrival]:
    """Call from the trunk; yields when the caller is in a queue (`within` seconds), and hangs up at the end.

    `options` are those of `demo.sip.Caller`. Several calls at once: begin one after another. Raises AssertionError when
    the caller is hung up before or ends up with a time limit that is not the admin's. Whether he was in time
    is for the test to say (`in_time`).
    """
    options.setdefault("did", DID)
    began = asterisk.lab.mark()
    async with Caller(asterisk, number, **options) as phone:
        born = await _born(asterisk, began)
        arrival = await _arrived(asterisk, phone, born, within)
        assert not arrival.hung_up
        assert (arrival.limit_s > 0) == (options["did"] == DID_LIMITED), "a time limit that is not the admin's"
        yield arrival


@asynccontextmanager
async def in_time(asterisk: AsteriskInstance, number: str = UNKNOWN, **options: Any) -> AsyncIterator[Arrival]:
    """Like `calling`, for a caller whom nobody keeps back: he must be in a queue in the promised time, and stay."""
    async with calling(asterisk, number, **options) as arrival:
        assert arrival.seconds < PROMISE_S
        yield arrival
        assert not arrival.hung_up


async def _arrived(asterisk: AsteriskInstance, phone: Caller, born: Message, within: float) -> Arrival:
    """Wait until this channel is in a queue and read its variables."""
    lab, channel = asterisk.lab, born["Channel"]
    joined = await lab.event("QueueCallerJoin", within=within, Uniqueid=born["Uniqueid"])
    return Arrival(
        asterisk=asterisk,
        phone=phone,
        channel=born["Uniqueid"],
        channel_name=channel,
        queue=joined["Queue"],
        seconds=float(joined["Timestamp"]) - float(born["Timestamp"]),
        limit_s=float(await variable(asterisk, channel, "TIMEOUT(absolute)") or 0),
        variables={name: await variable(asterisk, channel, name) for name in VARIABLES},
    )


async def _born(asterisk: AsteriskInstance, since: int) -> Message:
    """The channel of the next call from the trunk."""

    def from_the_trunk() -> Message | None:
        events = asterisk.lab.events("Newchannel", since=since)
        return next((event for event in events if event["Channel"].startswith("PJSIP/trunk-")), None)

    return await until(from_the_trunk)


async def variable(asterisk: AsteriskInstance, channel_name: str, name: str) -> str:
    """A variable or function of a channel; empty when it is not set."""
    return (await asterisk.lab.action("Getvar", Channel=channel_name, Variable=name)).get("Value", "")


async def until(look: Callable[[], T | None], within: float = PATIENCE_S) -> T:
    """Look again and again until there is something. Raises TimeoutError."""
    async with asyncio.timeout(within):
        while not (found := look()):
            await asyncio.sleep(0.01)
        return found


async def journalled(bridge: Bridge, call_id: str, *, ended: bool = False, within: float = PATIENCE_S) -> CallRecord:
    """What the journal has on disk of this call, waiting for it (or for its end). Raises TimeoutError."""

    def look() -> CallRecord | None:
        try:
            record = JournalFile(bridge.data / "calls.sqlite").call(call_id)
        except DatabaseUnusable:
            return None
        return record if record and (record.ended_at is not None or not ended) else None

    return await until(look, within)


async def source_is(bridge: Bridge, name: str, state: str, *, why: str = "", within: float = PATIENCE_S) -> str:
    """Wait until `/readyz` says so of a source, and `why` is in its reason, and return that. Raises TimeoutError."""
    seen: dict[str, str] = {}
    try:
        async with asyncio.timeout(within):
            while seen.get("state") != state or why not in seen["reason"]:
                seen = (await bridge.sources()).get(name, {})
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise TimeoutError(f"{name} is not {state} ({why}) within {within} s, but {seen}") from None
    return seen["reason"]
