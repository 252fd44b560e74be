"""Callers and operators' phones that speak real SIP to a demo or test Asterisk, by SIPp.

    async with Phones(asterisk, {"101": Behaviour(answer_after=0.5)}) as phones:
        async with Caller(asterisk, "+74950000150", name="Пётр", did="74950000149") as caller:
            await phones["101"].rings()
            waited = await caller.answered()          # seconds
            await caller.hang_up()
            print(await caller.over())

A phone or caller does what it was told at the start, by the clock, and what it is told meanwhile
(`phone.answer()`, `caller.hang_up()` …). Each is one SIPp process of its own, on loopback, with the
scenarios in `demo/sipp`; the kernel ends it with the thread that started it (see `demo.asterisk`).
"""

import asyncio
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Self
from urllib.parse import quote

from demo.asterisk import PHONES, REPOSITORY, AsteriskInstance, render
from demo.sip_process import FOREVER, SipError, Sipp, bound, free_port

__all__ = ["OUTSIDE", "Behaviour", "Caller", "Outcome", "Phone", "Phones", "SipError"]

WITHIN_S = 30.0
"""How long is waited for what a phone or caller is about to hear or do; a busy machine may be late."""
_SCENARIOS = REPOSITORY / "demo/sipp"


_NOBODY = '"Anonymous" <sip:anonymous@anonymous.invalid>'


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a phone does with a call, in seconds.

    `answer_after`: it rings that long and is answered; None: it rings until somebody orders it to
    answer. `talk`: it hangs up that long after the answer; None: it leaves that to the other side.
    `busy`: it rings for `answer_after` and then refuses (486).
    """

    answer_after: float | None = 0.2
    talk: float | None = None
    busy: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a call went, seen from the caller.

    `answered_after`: seconds from INVITE to answer, None without. `talked`: seconds from the answer
    to the end. `ended_by`: `caller`, `other` (the operator, or Asterisk), or `refused` (Asterisk
    did not take the call, or SIPp gave up).
    """

    answered_after: float | None
    talked: float | None
    ended_by: str


OUTSIDE = "outside"
"""Whoever is called through the trunk, whatever the number: one phone for all."""


def _outside(asterisk: AsteriskInstance) -> tuple[str, int]:
    return asterisk.trunk_address, asterisk.sip_port


class Phone:
    """One operator's phone. Made by `Phones`; `interface` is what a queue calls it."""

    def __init__(self, asterisk: AsteriskInstance, extension: str, behaviour: Behaviour) -> None:
        """Describe the phone; `extension` is one of `demo.asterisk.PHONES`, or `OUTSIDE`."""
        self.extension, self.behaviour = extension, behaviour
        self.interface = "PJSIP/trunk" if extension == OUTSIDE else f"PJSIP/{extension}"
        ring = FOREVER if behaviour.answer_after is None else behaviour.answer_after
        values = {
            "RING_MS": max(1, round(ring * 1000)),
            "AFTER_RING": "refuse" if behaviour.busy else "answer",
            "TALK_MS": round((behaviour.talk or FOREVER) * 1000),
        }
        scenario = render((_SCENARIOS / "phone.xml").read_text("utf-8"), values)
        place = (asterisk.phone_address, 5000 + int(extension)) if extension != OUTSIDE else _outside(asterisk)
        self._sipp = Sipp(f"phone {extension}", scenario, asterisk.workdir, *place)
        self._place = place
        self._host = asterisk.address
        self._requests = 1
        """Requests that it was ordered to send within its calls; the BYE has the number 99."""

    async def start(self) -> None:
        """Plug it in; returns when it can be called."""
        await self._sipp.start()
        async with asyncio.timeout(WITHIN_S):
            while not bound(*self._place):
                if self._sipp.ended:
                    raise SipError(f"phone {self.extension}: {self._sipp.last_words()}")
                await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Pull the plug: no answer to anything from now on."""
        await self._sipp.stop()

    @property
    def history(self) -> list[str]:
        """What happened so far: ringing answered cancelled refused directed referred ended hungup, in order."""
        return self._sipp.words

    @property
    def calls(self) -> int:
        """How often it rang."""
        return self.history.count("ringing")

    async def rings(self, times: int = 1, within: float = WITHIN_S) -> None:
        """Wait until it has rung that often since it was plugged in."""
        await self._count("ringing", times, within)

    async def answered(self, times: int = 1, within: float = WITHIN_S) -> None:
        """Wait until it has answered that often since it was plugged in."""
        await self._count("answered", times, within)

    async def stopped_ringing(self, times: int = 1, within: float = WITHIN_S) -> None:
        """Wait until that many of its calls were cancelled while it rang."""
        await self._count("cancelled", times, within)

    async def answer(self) -> None:
        """Answer the call that rings; SipError when none does."""
        self._sipp.order("MESSAGE", self._current("ringing"))

    async def refuse(self) -> None:
        """Refuse the call that rings (486); SipError when none does."""
        self._sipp.order("INFO", self._current("ringing"))

    async def hang_up(self) -> None:
        """End the talk; SipError when there is none."""
        self._sipp.order("MESSAGE", self._current("answered", "directed", "referred"))

    async def transfer(self, target: str, *, instead_of: str = "", within: float = WITHIN_S) -> None:
        """Send the other side of the talk to an extension (REFER); returns when Asterisk has taken the order.

        With `instead_of`, the `dialog` of a call that this phone made, the other side takes its place there: an
        attended transfer.
        """
        replaces = f"?Replaces={quote(instead_of, safe='')}" if instead_of else ""
        self._order("REFER", Refer_To=f"<sip:{target}@{self._host}{replaces}>")
        await self._count("referred", 1, within)

    async def hold(self, *, on: bool = True, within: float = WITHIN_S) -> None:
        """Put the other side on hold, or take it back (`on=False`); returns when Asterisk has agreed."""
        times = self.history.count("directed")
        self._order("UPDATE", X_Direction="sendonly" if on else "sendrecv")
        await self._count("directed", times + 1, within)

    def _order(self, method: str, **headers: str | int) -> None:
        """Have it send a request within the call that it talks on; SipError when there is none."""
        self._requests += 1
        self._sipp.order(method, self._current("answered", "directed"), X_CSeq=self._requests, **headers)

    async def _count(self, word: str, times: int, within: float) -> None:
        position = 0
        deadline = time.monotonic() + within
        for _ in range(times):
            left = max(0.0, deadline - time.monotonic())
            entry = await self._sipp.until(word, after=position, within=left)
            position = self._sipp.history.index(entry, position) + 1

    def _current(self, *words: str) -> str:
        """Call-ID of the latest call whose last entry is one of these words."""
        last = {call_id: entry for _, entry, call_id in self._sipp.history}
        found = [call_id for call_id, entry in last.items() if entry in words]
        if not found:
            raise SipError(f"phone {self.extension}: no call is {'/'.join(words)}: {self.history}")
        return found[-1]


class Phones:
    """Operators' phones, by extension: `async with Phones(asterisk, {"101": Behaviour()})`.

    `phones["101"]` is a `Phone`. An extension that is left out is a phone that is unplugged.
    """

    def __init__(self, asterisk: AsteriskInstance, behaviours: Mapping[str, Behaviour] | None = None) -> None:
        """Describe the phones; without `behaviours` there are all six, and they answer."""
        self._asterisk = asterisk
        wanted = behaviours if behaviours is not None else dict.fromkeys(PHONES, Behaviour())
        self._phones = {name: Phone(asterisk, name, how) for name, how in wanted.items()}

    def __getitem__(self, extension: str) -> Phone:
        """Return one phone; KeyError when it is not there."""
        return self._phones[extension]

    async def __aenter__(self) -> Self:
        """Plug all in; all can be called afterwards."""
        try:
            await asyncio.gather(*(phone.start() for phone in self._phones.values()))
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Pull all plugs."""
        await asyncio.gather(*(phone.stop() for phone in self._phones.values()))

    async def change(self, extension: str, behaviour: Behaviour) -> Phone:
        """Replace a phone, or plug in a new one, with another behaviour; its history starts anew."""
        if extension in self._phones:
            await self._phones[extension].stop()
        phone = self._phones[extension] = Phone(self._asterisk, extension, behaviour)
        await phone.start()
        return phone


class Caller:
    """One call from the trunk, or from a phone; the INVITE is sent on entering `async with`, or by `start`."""

    def __init__(
        self,
        asterisk: AsteriskInstance,
        number: str = "+74950000150",
        *,
        name: str = "",
        did: str = "74950000149",
        anonymous: bool = False,
        withheld: bool = False,
        attestation: str = "",
        phone: str = "",
        patience: float | None = None,
        talk: float | None = None,
    ) -> None:
        """Describe a call.

        `name` is any text without line breaks. `did` is the number called; empty: none is sent.
        `anonymous`: neither number nor name are sent; `withheld`: both are, but marked as not to
        be shown. `attestation` (A, B, C) arrives as CTI_ATTESTATION. With `phone`, an extension, it is
        not the trunk that calls but a further line of that phone. `patience`: seconds until the
        caller gives up waiting, `talk`: seconds from the answer until he hangs up; None: never.
        """
        if any(sign in f"{number}{name}{did}{attestation}" for sign in "\r\n"):
            raise ValueError("a line break cannot travel in a SIP header")
        host = asterisk.address
        own_address = asterisk.phone_address if phone else asterisk.trunk_address
        identity = _identity(phone or number, name, own_address)
        self._options = (
            "-m", "1",
            "-key", "to_uri", f"sip:{did}@{host}" if did else f"sip:{host}",
            "-key", "from_header", _NOBODY if anonymous or withheld else identity,
            "-key", "more_headers", _more_headers(identity if withheld else "", attestation),
        )  # fmt: skip
        values = {
            "PATIENCE_MS": round((patience or FOREVER) * 1000),
            "TALK_MS": round((talk or FOREVER) * 1000),
        }
        scenario = render((_SCENARIOS / "caller.xml").read_text("utf-8"), values)
        place = (own_address, free_port(own_address))
        self._sipp = Sipp("caller", scenario, asterisk.workdir, *place, to=f"{host}:{asterisk.sip_port}")
        self._requests = 1
        """Requests that it was ordered to send within its call; the BYE has the number 99."""

    async def __aenter__(self) -> Self:
        """Dial; whoever is not let finish, or cannot, leaves nothing behind."""
        try:
            await self.start()
        except BaseException:
            await self._sipp.stop()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Hang up properly if the call still lives."""
        await self.stop()

    async def start(self) -> None:
        """Dial; returns when the INVITE has been sent."""
        await self._sipp.start(*self._options)
        await self._sipp.until("invited", within=WITHIN_S)

    async def stop(self) -> None:
        """Hang up if the call still lives, and be gone; may be called twice."""
        if not self._sipp.ended:
            with suppress(TimeoutError, SipError):
                await self.hang_up()
                await self.over(within=3)
        await self._sipp.stop()

    @property
    def history(self) -> list[str]:
        """What happened so far: invited ringing answered directed gaveup hungup ended, in order."""
        return [word for word in self._sipp.words if word != "dialog"]

    @property
    def dialog(self) -> str:
        """What another phone calls this call in order to take it over (RFC 3891, Replaces); empty before the answer."""
        return next((dialog for _, word, dialog in self._sipp.history if word == "dialog"), "")

    async def rings(self, within: float = WITHIN_S) -> float:
        """Wait until Asterisk lets it ring; return the seconds since the INVITE."""
        return await self._since_invite("ringing", within)

    async def answered(self, within: float = WITHIN_S) -> float:
        """Wait until somebody has answered; return the seconds since the INVITE.

        Raises TimeoutError, or SipError when the call ended without an answer.
        """
        return await self._since_invite("answered", within)

    async def hang_up(self) -> None:
        """Give up waiting, or end the talk."""
        _, _, call_id = await self._sipp.until("invited", within=WITHIN_S)
        self._sipp.order("MESSAGE", call_id)

    async def hold(self, *, on: bool = True, within: float = WITHIN_S) -> None:
        """Put the operator on hold, or take him back (`on=False`); returns when Asterisk has agreed."""
        _, _, call_id = await self._sipp.until("answered", within=within)
        self._requests += 1
        seen = len(self._sipp.history)
        direction = "sendonly" if on else "sendrecv"
        self._sipp.order("UPDATE", call_id, X_Direction=direction, X_CSeq=self._requests)
        await self._sipp.until("directed", after=seen, within=within)

    async def over(self, within: float = WITHIN_S) -> Outcome:
        """Wait for the end of the call and return how it went; TimeoutError if it does not end."""
        await self._sipp.finished(within)
        await self._sipp.stop()
        at = {word: when for when, word, _ in self._sipp.history}
        answered, ended = at.get("answered"), None
        by = "refused"
        for word, who in (("gaveup", "caller"), ("hungup", "caller"), ("ended", "other")):
            if word in at:
                by, ended = who, at[word]
                break
        return Outcome(
            answered_after=None if answered is None else answered - at["invited"],
            talked=None if answered is None or ended is None else ended - answered,
            ended_by=by,
        )

    async def _since_invite(self, word: str, within: float) -> float:
        when, _, _ = await self._sipp.until(word, within=within)
        return when - self._sipp.history[0][0]


def _identity(number: str, name: str, host: str) -> str:
    """Name and number as a SIP address; the name is quoted."""
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <sip:{number}@{host}>' if name else f"<sip:{number}@{host}>"


def _more_headers(withheld: str, attestation: str) -> str:
    """Return at least one header line: an empty one would end the headers."""
    lines = ["Privacy: none"]
    if withheld:
        lines = [f"P-Asserted-Identity: {withheld}", "Privacy: id"]
    if attestation:
        lines.append(f"X-Attestation: {attestation}")
    return "\r\n".join(lines)
