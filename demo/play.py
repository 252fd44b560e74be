"""One sample call from the INVITE to the end, watched from all sides: Asterisk, the journal, the operators' screens."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.calls.record import CallRecord
from cti_bridge.database import DatabaseUnusable
from demo.asterisk import PHONES, AsteriskInstance
from demo.callers import SampleCaller
from demo.desks import Desks, Frame
from demo.lab import LabError, Message
from demo.sip import Caller
from demo.sip_process import SipError
from demo.staff import OPERATORS

PATIENCE_S = 30.0
ARRIVE_S = 10.0
LOOK_EVERY_S = 0.1
SETTLE_S = 5.0
"""How long the last news of a call may take after its end: the journal writes behind."""
OPERATOR_OF = {f"PJSIP/{phone}": operator for operator, phone in zip(OPERATORS, PHONES, strict=True)}


@dataclass(frozen=True, slots=True)
class Progress:
    """What is known of a call so far; empty or None where nothing is known yet."""

    caller: str
    class_name: str = ""
    rule: str = ""
    decision: str = ""
    crm: str = ""
    queue: str = ""
    operator: str | None = None
    decision_ms: float | None = None
    pop_ms: float | None = None
    answered: bool = False
    popped_before_answer: bool = False
    expected: str = ""
    trouble: str = ""
    """Why the call could not be played to its end; empty when it could."""

    @property
    def ok(self) -> bool:
        """Whether the queue is the expected one, the call was answered, and its pop was there before."""
        return not self.problem

    @property
    def problem(self) -> str:
        """What is not as it should be, in words; empty when all is well."""
        if self.trouble:
            return self.trouble
        if self.expected and self.queue != self.expected:
            return f"expected queue {self.expected}"
        if not self.answered:
            return "not answered"
        return "" if self.popped_before_answer else "no pop before the answer"

    def as_json(self) -> dict[str, Any]:
        """Return the call as `--json` prints it."""
        values = asdict(self)
        return {
            "caller": self.caller,
            "class": self.class_name,
            **{key: values[key] for key in ("rule", "decision", "crm", "queue", "operator", "decision_ms", "pop_ms")},
            "ok": self.ok,
        }


@dataclass(slots=True)
class Play:
    """Plays calls on one system, one at a time; `show` hears of every step."""

    asterisk: AsteriskInstance
    desks: Desks
    journal: JournalFile
    talk_s: float
    show: Callable[[Progress], None] = lambda _: None
    _now: Progress = field(default_factory=lambda: Progress(""))

    async def call(self, caller: SampleCaller) -> Progress:
        """Make one call and return how it went; nothing that goes wrong with a call is raised."""
        self.desks.forget()
        self._now = Progress(caller.text, expected=caller.expect_queue)
        self.show(self._now)
        start = self.asterisk.lab.mark()
        try:
            async with Caller(
                self.asterisk,
                caller.number,
                name=caller.name,
                did=caller.did,
                anonymous=caller.anonymous,
                patience=PATIENCE_S,
                talk=self.talk_s,
            ) as phone:
                await self._follow(phone, start)
        except (SipError, LabError, TimeoutError) as error:
            self._learn(trouble=str(error) or "took too long")
        return self._now

    async def _follow(self, phone: Caller, start: int) -> None:
        arrival = await self._arrival(start)
        channel = arrival["Uniqueid"]
        prefix = f"{self.asterisk.system_name}-"
        call_id = channel if channel.startswith(prefix) else prefix + channel
        await self._until_answered(phone, lambda: self._look_at_screens(call_id, channel, start))
        await phone.over(within=self.talk_s + PATIENCE_S)
        self._look_at_screens(call_id, channel, start)
        self._look_at_record(await self._record(call_id))

    async def _until_answered(self, phone: Caller, look: Callable[[], None]) -> None:
        """Wait for the answer, or for the end without one, and look around meanwhile."""
        deadline = time.monotonic() + PATIENCE_S
        while time.monotonic() < deadline:
            look()
            try:
                await phone.answered(within=LOOK_EVERY_S)
                return
            except TimeoutError:
                continue
            except SipError:
                return

    async def _arrival(self, start: int) -> Message:
        async with asyncio.timeout(ARRIVE_S):
            while True:
                for event in self.asterisk.lab.events("Newchannel", since=start):
                    if event["Channel"].startswith("PJSIP/trunk-"):
                        return event
                await asyncio.sleep(0.01)

    def _look_at_screens(self, call_id: str, channel: str, start: int) -> None:
        """Compare when Asterisk rang and was answered with when the operators' screens showed it."""
        lab = self.asterisk.lab
        rang: dict[str, float] = {}
        for event in (*lab.events("AgentCalled", since=start), *lab.events("DialBegin", since=start)):
            operator = OPERATOR_OF.get(_device(event.get("DestChannel", "")))
            if operator and event.get("Uniqueid") == channel:
                rang[operator] = min(float(event["Timestamp"]), rang.get(operator, float("inf")))
        answered = [
            (OPERATOR_OF.get(_device(event["DestChannel"])), float(event["Timestamp"]))
            for event in lab.events("DialEnd", since=start, DialStatus="ANSWER", Uniqueid=channel)
        ]
        operator, answered_at = answered[0] if answered else (None, float("inf"))
        pop_of = operator or next(iter(rang), None)
        pops = self.desks[pop_of].of_call(call_id, "call.ringing") if pop_of else []
        self._learn(operator=operator, answered=bool(answered))
        if pops and pop_of in rang:
            self._learn(
                pop_ms=round((pops[0].at - rang[pop_of]) * 1000, 1),
                popped_before_answer=pops[0].at < answered_at,
            )
            self._look_at_card(pops[0])

    def _look_at_card(self, pop: Frame) -> None:
        """Show what the card says, until the journal says it for good."""
        call = pop.call
        self._learn(
            class_name=call.get("class") or "",
            rule=call.get("rule") or "",
            decision=call.get("decision") or "",
            crm=call.get("crm", {}).get("source") or "",
            queue=self._now.queue or call.get("queue") or "",
        )

    async def _record(self, call_id: str) -> CallRecord | None:
        """Wait for the journal to know the end of the call; what it knows by then counts."""
        deadline = time.monotonic() + SETTLE_S
        while True:
            record = None
            with suppress(DatabaseUnusable):
                record = await asyncio.to_thread(self.journal.call, call_id)
            if (record and record.ended_at) or time.monotonic() > deadline:
                return record
            await asyncio.sleep(0.02)

    def _look_at_record(self, record: CallRecord | None) -> None:
        if record is None:
            self._learn(trouble="the journal does not know the call")
        elif record.decided_by == "fallback":
            self._learn(decision="fallback", class_name="", rule="", crm="", queue=record.queue)
        else:
            decision = record.decision
            assert decision is not None
            whole = decision.took_ms.get("whole")
            self._learn(
                class_name=decision.class_name,
                rule=decision.rule,
                decision=decision.kind,
                crm=decision.crm,
                queue=decision.queue,
                decision_ms=None if whole is None else round(whole, 1),
            )

    def _learn(self, **news: Any) -> None:
        self._now = replace(self._now, **news)
        self.show(self._now)


def _device(channel: str) -> str:
    """`PJSIP/101-0000000a` is a call of the device `PJSIP/101`."""
    return channel.rpartition("-")[0]
