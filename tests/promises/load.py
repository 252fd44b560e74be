"""Very many callers and phones at once, by a few SIPp processes, and what each of them saw.

Callers and phones are of kinds; each kind is one process, whose scenario logs every step of every call with the time
by the wall clock. Nothing here looks at the bridge.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from demo.asterisk import AsteriskInstance, render
from demo.sip_process import SipError, Sipp, bound, free_port
from promises.witnesses import CallerSaw, PhoneSaw, callers_saw, phones_saw

HERE = Path(__file__).parent
FIRST_PORT = 5300
TO_A_QUEUE = "777"
"""The extension that transferring phones send their callers to."""
LONGEST_WAIT_MS, LONGEST_TALK_MS = 40_000, 30_000
"""Callers who are patient, and who leave hanging up to the operator; nobody should need that long."""
NUMBERS = 1_000
FIRST_NUMBER = 74950000000


@dataclass(frozen=True, slots=True)
class CallerKind:
    """Callers of one kind: their share of all, how long they wait and how long they talk, in milliseconds."""

    name: str
    share: float
    patience_ms: int = LONGEST_WAIT_MS
    talk_ms: int = LONGEST_TALK_MS


@dataclass(frozen=True, slots=True)
class PhoneKind:
    """Phones of one kind: their share of all, how long they ring and talk, and what they do then."""

    name: str
    share: float
    ring_ms: int = 120
    talk_ms: int = 2_500
    after_talk: str = "hangup"


CALLERS = (
    CallerKind("hangs up", 0.5, talk_ms=1_000),
    CallerKind("lets the operator hang up", 0.26),
    CallerKind("gives up at once", 0.08, patience_ms=90),
    CallerKind("gives up soon", 0.08, patience_ms=600),
    CallerKind("is in a hurry", 0.08, patience_ms=2_500, talk_ms=400),
)
PHONES = (
    PhoneKind("soon", 0.5),
    PhoneKind("late", 0.25, ring_ms=1_000, talk_ms=1_500),
    PhoneKind("nobody there", 0.1, ring_ms=LONGEST_WAIT_MS),
    PhoneKind("passes on", 0.15, talk_ms=700, after_talk="refer"),
)


def phone_names(count: int) -> list[str]:
    """The names of so many phones, `m000` and on; the interface of one is `PJSIP/m000`."""
    return [f"m{number:03d}" for number in range(count)]


def kind_of(phone: int) -> PhoneKind:
    """The kind of phone number N: kinds are mixed, so that each queue has all of them."""
    place, passed = (phone * 0.618034) % 1.0, 0.0
    for kind in PHONES:
        passed += kind.share
        if place < passed:
            return kind
    return PHONES[0]


def endpoints(count: int) -> str:
    """The phones as PJSIP endpoints, each at the port of its kind."""
    ports = {kind.name: FIRST_PORT + place for place, kind in enumerate(PHONES)}
    return "".join(
        f"[{name}](phone)\naors = {name}\n[{name}](place)\n"
        f"contact = sip:{name}@@PHONE_ADDRESS@:{ports[kind_of(place).name]}\n"
        for place, name in enumerate(phone_names(count))
    )


@asynccontextmanager
async def plugged_in(asterisk: AsteriskInstance) -> AsyncIterator[list[Sipp]]:
    """The phones of every kind, which can be called."""
    scenario = (HERE / "many_phones.xml").read_text("utf-8")
    async with AsyncExitStack() as stack:
        processes = []
        for place, kind in enumerate(PHONES):
            address = (asterisk.phone_address, FIRST_PORT + place)
            values: dict[str, str | int] = {
                "RING_MS": kind.ring_ms,
                "TALK_MS": kind.talk_ms,
                "AFTER_TALK": kind.after_talk,
                "REFER_TO": f"{TO_A_QUEUE}@{asterisk.address}",
            }
            process = Sipp(f"phones: {kind.name}", render(scenario, values), asterisk.workdir, *address)
            stack.push_async_callback(process.stop)
            await process.start()
            async with asyncio.timeout(30):
                while not bound(*address):
                    if process.ended:
                        raise SipError(f"{process.name}: {process.last_words()}")
                    await asyncio.sleep(0.01)
            processes.append(process)
        yield processes


@asynccontextmanager
async def calling(asterisk: AsteriskInstance, did: str, *, rate: float, seconds: float) -> AsyncIterator[list[Sipp]]:
    """Callers of every kind, `rate` a second in all for so long; they begin now, and end by themselves."""
    scenario = (HERE / "many_callers.xml").read_text("utf-8")
    async with AsyncExitStack() as stack:
        processes, first = [], 0
        for kind in CALLERS:
            numbers = int(NUMBERS * kind.share)
            who = asterisk.workdir / f"callers-{first}.csv"
            lines = [f"+{FIRST_NUMBER + number};{did};" for number in range(first, first + numbers)]
            who.write_text("\n".join(["SEQUENTIAL", *lines, ""]))
            first += numbers
            text = render(scenario, {"PATIENCE_MS": kind.patience_ms, "TALK_MS": kind.talk_ms})
            place = (asterisk.trunk_address, free_port(asterisk.trunk_address))
            to = f"{asterisk.address}:{asterisk.sip_port}"
            process = Sipp(f"callers: {kind.name}", text, asterisk.workdir, *place, to=to)
            stack.push_async_callback(process.stop)
            in_ten_seconds = max(1, round(rate * kind.share * 10))
            calls = max(1, round(in_ten_seconds * seconds / 10))
            await process.start(
                "-inf", str(who), "-m", str(calls), "-l", str(calls), "-r", str(in_ten_seconds), "-rp", "10000"
            )
            processes.append(process)
        yield processes


async def all_over(callers: Sequence[Sipp], *, within: float) -> None:
    """Wait until every caller has hung up. Raises TimeoutError."""
    async with asyncio.timeout(within):
        await asyncio.gather(*(process.finished(within) for process in callers))


def what_callers_saw(callers: Sequence[Sipp]) -> list[CallerSaw]:
    """All calls of these processes, as the callers saw them."""
    return callers_saw([f"{word} {rest}" for process in callers for _, word, rest in process.history])


def what_phones_saw(phones: Sequence[Sipp]) -> list[PhoneSaw]:
    """All calls of these processes, as the phones saw them."""
    return phones_saw([f"{word} {rest}" for process in phones for _, word, rest in process.history])
