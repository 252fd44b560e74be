"""Whoever asks for a reload gets the outcome of one that read the file after he asked; they go one after another."""

import asyncio

import pytest

from cti_bridge.reception.rule_reload import RuleReloads
from cti_bridge.routing.reloaded import NotReloaded, Reloaded


class Desk:
    """A rule file that is loaded as slowly as a test wants."""

    def __init__(self) -> None:
        self.content = "a"
        self.read: list[str] = []
        self.may_end = asyncio.Event()
        self.at_once = 0
        self.reloads = RuleReloads(self._load)

    async def _load(self) -> Reloaded:
        self.at_once += 1
        assert self.at_once == 1, "one after another"
        try:
            self.read.append(self.content)
            await self.may_end.wait()
            if self.read[-1] == "defect":
                raise LookupError(self.read[-1])
            return Reloaded((), self.read[-1], "")
        finally:
            self.at_once -= 1

    def ask(self) -> asyncio.Task[Reloaded]:
        """Somebody asks, and waits."""
        return asyncio.create_task(self.reloads.ask())

    async def reading(self, content: str) -> None:
        """Wait until this content has been read."""
        while content not in self.read:
            await asyncio.sleep(0)


@pytest.fixture
def desk() -> Desk:
    return Desk()


async def test_who_asks_meanwhile_waits_and_gets_what_the_file_had_become(desk: Desk) -> None:
    first = desk.ask()
    await desk.reading("a")
    desk.content = "b"
    later = [desk.ask() for _ in range(100)]
    desk.may_end.set()

    assert (await first).hash == "a"
    assert {(await one).hash for one in later} == {"b"}
    assert desk.read == ["a", "b"], "a hundred who ask cost one reload"


async def test_who_goes_away_ends_nothing(desk: Desk) -> None:
    gone, stays = desk.ask(), desk.ask()
    await desk.reading("a")
    gone.cancel()
    desk.may_end.set()

    assert (await stays).hash == "a"
    assert gone.cancelled()


async def test_nobody_is_served_before_the_start_is_over(desk: Desk) -> None:
    async def start() -> None:
        asked.append(desk.ask())
        for _ in range(10):
            await asyncio.sleep(0)
        assert desk.read == []

    asked: list[asyncio.Task[Reloaded]] = []
    desk.may_end.set()
    await desk.reloads.at_start(start)
    assert (await asked[0]).hash == "a"


async def test_whoever_waits_is_told_when_the_bridge_stops(desk: Desk) -> None:
    first = desk.ask()
    await desk.reading("a")
    waiting = desk.ask()
    await asyncio.sleep(0)

    await desk.reloads.close()

    for asked in (first, waiting, desk.ask()):
        with pytest.raises(NotReloaded, match="stopping"):
            await asked
    assert desk.at_once == 0


async def test_a_defect_is_told_to_who_asked_and_ends_no_later_reload(desk: Desk) -> None:
    desk.content = "defect"
    desk.may_end.set()
    with pytest.raises(LookupError):
        await desk.ask()
    desk.content = "a"
    assert (await desk.ask()).hash == "a"
