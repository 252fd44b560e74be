"""A refusal is told to Asterisk with the time until which it counts, in the background and bounded."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import pytest

from cti_bridge.asterisk.ami.exclusions import Exclusions
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.asterisk.ami.translate import PbxClock
from cti_bridge.domain.ids import ChannelId

T = ChannelId("main-1795288011.12")
AT = 1795288020.25


class Pbx:
    """Takes actions, or fails at them; its clock is `behind_s` behind ours."""

    def __init__(self, error: Exception | None = None, *, behind_s: float = 0.0) -> None:
        self.asked: list[dict[str, str]] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self._error = error
        self._clock = PbxClock()
        self._clock.ours(AT - behind_s, AT)

    async def ask(self, headers: Mapping[str, str]) -> object:
        await self.gate.wait()
        self.asked.append(dict(headers))
        if self._error is not None:
            raise self._error
        return []

    def pbx_time(self, at: float) -> float:
        return self._clock.theirs(at)


@asynccontextmanager
async def running(exclusions: Exclusions) -> AsyncIterator[None]:
    task = asyncio.create_task(exclusions.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def settled(exclusions: Exclusions, count: int) -> None:
    async with asyncio.timeout(30):
        while exclusions.told + exclusions.lost < count:
            await asyncio.sleep(0)


async def test_the_caller_s_channel_gets_the_time_in_whole_seconds() -> None:
    pbx = Pbx()
    exclusions = Exclusions(pbx, for_s=30)
    async with running(exclusions):
        exclusions.add(T, "PJSIP/101", AT)
        await settled(exclusions, 1)
    assert pbx.asked == [
        {"Action": "Setvar", "Channel": T, "Variable": "__CTI_REFUSED_PJSIP/101", "Value": "1795288051"}
    ]


@pytest.mark.parametrize(("behind_s", "value"), [(0.5, "1795288051"), (3600.0, "1795284451"), (-60.0, "1795288111")])
async def test_the_time_is_that_of_the_pbx(behind_s: float, value: str) -> None:
    pbx = Pbx(behind_s=behind_s)
    exclusions = Exclusions(pbx, for_s=30)
    async with running(exclusions):
        exclusions.add(T, "PJSIP/101", AT)
        await settled(exclusions, 1)
    assert [asked["Value"] for asked in pbx.asked] == [value]


@pytest.mark.parametrize(
    "interface", ["", "PJSIP/1:1", "PJSIP/${EVIL}", "Local/1(2)@x", "PJSIP/имя", "PJSIP/1\r\nAction: Ping", "x" * 81]
)
async def test_a_name_that_means_something_in_a_dialplan_is_not_put_into_one(interface: str) -> None:
    pbx = Pbx()
    exclusions = Exclusions(pbx, for_s=30)
    exclusions.add(T, interface, AT)
    async with running(exclusions):
        exclusions.add(T, "PJSIP/102", AT)
        await settled(exclusions, 2)
    assert (exclusions.told, exclusions.lost) == (1, 1)
    assert [asked["Variable"] for asked in pbx.asked] == ["__CTI_REFUSED_PJSIP/102"]


@pytest.mark.parametrize(
    "error", [NotConnected("cut"), ActionRefused("No such channel"), TimeoutError(), ValueError("a line break")]
)
async def test_one_that_fails_is_counted_and_the_next_is_told(error: Exception) -> None:
    pbx = Pbx(error)
    exclusions = Exclusions(pbx, for_s=30)
    async with running(exclusions):
        for _ in range(2):
            exclusions.add(T, "PJSIP/101", AT)
        await settled(exclusions, 2)
    assert (exclusions.told, exclusions.lost, len(pbx.asked)) == (0, 2, 2)


async def test_a_pbx_that_does_not_answer_costs_no_memory() -> None:
    pbx = Pbx()
    pbx.gate.clear()
    exclusions = Exclusions(pbx, for_s=30, limit=10)
    async with running(exclusions):
        for _ in range(25):
            exclusions.add(T, "PJSIP/101", AT)
        assert exclusions.lost == 15
        pbx.gate.set()
        await settled(exclusions, 25)
    assert exclusions.told == 10


async def test_switched_off_it_tells_nothing() -> None:
    exclusions = Exclusions(Pbx(), for_s=0)
    exclusions.add(T, "PJSIP/101", AT)
    assert (exclusions.told, exclusions.lost) == (0, 0)
