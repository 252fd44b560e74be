"""How many calls a second one Asterisk carries with routing, pops and journal, beside a static `Queue()`.

Both on the same cores, which they share with SIPp: the callers, and very many phones in one process. The rate grows
until calls are not all answered, or take longer than the limit to be set up.
"""

import asyncio
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from benchmarks.customers import number
from benchmarks.desk_room import add_operators, pages
from benchmarks.figures import Row, percentile
from benchmarks.real_place import real_place
from demo.asterisk import AsteriskInstance, render
from demo.bridge import Bridge
from demo.sip_process import SipError, Sipp, bound, free_port

MEMBERS = 200
PHONES_PORT = 5200
RING_MS, TALK_MS, PATIENCE_MS = 20, 500, 10_000
A_STEP_S = 10.0
STEP, FIRST, LAST = 10, 50, 300
SETTLE_S = 2.0
SET_UP_MS = 500.0
_PRIME = 7_919
"""Steps through the customers, so that all kinds call."""
QUEUES = ("sales", "production", "primary-consult")
"""Where the rules send customer N, by N modulo 3."""
STATIC_DIDS = ("74950000391", "74950000392", "74950000393")
ROUTED_DID = "74950000300"
DIALPLAN = "[from-trunk]\n" + "".join(
    f"exten => {did},1,Queue({queue})\n" for did, queue in zip(STATIC_DIDS, QUEUES, strict=True)
)
_PHONES = [f"m{member:03d}" for member in range(MEMBERS)]
_ENDPOINTS = "".join(
    f"[{phone}](phone)\naors = {phone}\n[{phone}](place)\ncontact = sip:{phone}@@PHONE_ADDRESS@:{PHONES_PORT}\n"
    for phone in _PHONES
)


@dataclass(frozen=True, slots=True)
class Step:
    """What came of one rate: calls placed, calls answered, and the 99th percentile of their set-up in ms."""

    rate: int
    placed: int
    answered: int
    set_up_ms: float

    @property
    def carried(self) -> bool:
        """Whether Asterisk kept up."""
        return self.answered == self.placed and self.set_up_ms < SET_UP_MS


async def rows() -> list[Row]:
    """Measure and return the row."""
    keys = []

    async def add(bridge: Bridge) -> None:
        keys.append(await add_operators(bridge.data, [f"PJSIP/{phone}" for phone in _PHONES]))

    more = {"pjsip.d/members.conf": _ENDPOINTS}
    async with real_place(extensions=DIALPLAN, more=more, add_operators=add) as (asterisk, bridge):
        for queue in QUEUES:
            for phone in _PHONES:
                await asterisk.add_member(queue, f"PJSIP/{phone}")
        phones = await _plug_in(asterisk)
        try:
            static = await _ceiling(asterisk, STATIC_DIDS)
            async with pages(bridge.page_url, keys[0], operators=range(MEMBERS)):
                routed = await _ceiling(asterisk, (ROUTED_DID,) * len(QUEUES))
        finally:
            await phones.stop()
    return [
        Row(f"calls a second that one Asterisk carries, {MEMBERS} operators, set-up p99 under {SET_UP_MS:.0f} ms",
            f"{routed.rate} (p99 {routed.set_up_ms:.0f} ms)",
            f"static Queue() {static.rate} (p99 {static.set_up_ms:.0f} ms)", routed.rate / static.rate, "≥ 0.85")
    ]  # fmt: skip


async def _plug_in(asterisk: AsteriskInstance) -> Sipp:
    """All operators' phones."""
    scenario = render((Path(__file__).parent / "members.xml").read_text("utf-8"), {"RING_MS": RING_MS})
    place = (asterisk.phone_address, PHONES_PORT)
    phones = Sipp("members", scenario, asterisk.workdir, *place)
    await phones.start()
    async with asyncio.timeout(5):
        while not bound(*place):
            if phones.ended:
                raise SipError(f"members: {phones.last_words()}")
            await asyncio.sleep(0.01)
    return phones


async def _ceiling(asterisk: AsteriskInstance, dids: tuple[str, ...]) -> Step:
    """The last rate, going up, at which all went well; each has two tries, for it may be the machine that hiccups."""
    best = Step(0, 0, 0, 0.0)
    for rate in range(FIRST, LAST + 1, STEP):
        for _ in range(2):
            step = await _step(asterisk, rate, dids)
            print(f"  {step}", file=sys.stderr, flush=True)
            await asyncio.sleep(SETTLE_S)
            if step.carried:
                break
        else:
            break
        best = step
    return best


async def _step(asterisk: AsteriskInstance, rate: int, dids: tuple[str, ...]) -> Step:
    calls = int(rate * A_STEP_S)
    scenario = render(
        (Path(__file__).parent / "callers.xml").read_text("utf-8"), {"TALK_MS": TALK_MS, "PATIENCE_MS": PATIENCE_MS}
    )
    who = asterisk.workdir / "callers.csv"
    customers = [position * _PRIME for position in range(calls)]
    who.write_text("SEQUENTIAL\n" + "".join(f"{number(one)};{dids[one % len(dids)]};\n" for one in customers))
    sipp = Sipp("callers", scenario, asterisk.workdir, asterisk.trunk_address, free_port(asterisk.trunk_address),
                to=f"{asterisk.address}:{asterisk.sip_port}")  # fmt: skip
    await sipp.start("-inf", str(who), "-m", str(calls), "-r", str(rate), "-l", str(calls))
    try:
        with suppress(TimeoutError):  # those without an answer by then are counted as such
            await sipp.finished(A_STEP_S + 2 * PATIENCE_MS / 1000)
    finally:
        await sipp.stop()
    await asterisk.hang_up_all(within=60)  # what is left over would make the next step harder
    began = {call: at for at, word, call in sipp.history if word == "invited"}
    times = [(at - began[call]) * 1000 for at, word, call in sipp.history if word == "answered"]
    return Step(rate, calls, len(times), percentile(times, 99) if times else 0.0)
