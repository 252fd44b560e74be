"""P6: whatever is put in place of the rule file, calls go on by the old rules until a file passes its own tests."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from cti_bridge.calls.journal_file import JournalFile
from demo.asterisk import AsteriskInstance, render
from demo.bridge import Bridge
from demo.sip_process import Sipp, free_port
from promises.load import FIRST_NUMBER, HERE
from promises.scene import DID, SALES, in_time, source_is, until

pytestmark = [pytest.mark.promise, pytest.mark.timeout(300)]

AS_ACCEPTED = ("matched", "fresh", "sales")
HEAD = "version: 1\nqueues: {sales: {timeout: 60s}, production: }\ndefault: {queue: production}\n"
NONE_LOST = " || ".join(['deals.exists(d, d.stage == "lost")'] * 3)
ENDLESS = "".join((
    HEAD,
    "rules:\n",
    *(f"  - {{name: r{n}, when: '{NONE_LOST} || size(deals) == {n + 999}', queue: sales}}\n" for n in range(3_000)),
    "tests:\n",
    *(f"  - {{name: t{number}, given: {{deals: [{'{stage: paid}, ' * 50}]}}, expect: {{queue: production}}}}\n"
      for number in range(170)),
))  # fmt: skip
"""A good file, but each test tries each rule with each deal, three times."""
BAD = {
    "a test fails": (f"{HEAD}tests:\n  - {{name: продажи, expect: {{queue: sales}}}}\n", "test `продажи` failed"),
    "a mistake": (f"{HEAD}nonsense: 1\n", "unknown key `nonsense`"),
    "a mistake in a test": (f"{HEAD}tests:\n  - {{name: a, expect: {{queue: slaes}}}}\n", "did you mean `sales`?"),
    "ten megabytes": ("#" * 10_000_000, "larger than 1 MB"),
    "a bomb": (f"a: &a [x, x]\nb: &b [*a, *a]\n{HEAD}", "anchors"),
    "endless work": (ENDLESS, "checking it took"),
}
"""What is put in place of the file, and what `/readyz` says of it then."""


async def test_bad_files_change_nothing_while_calls_go_on(asterisk: AsteriskInstance, bridge: Bridge) -> None:
    good = bridge.rules.read_text("utf-8")
    decided: list[tuple[str, str, str]] = []
    over = asyncio.Event()

    async def callers() -> None:
        while not over.is_set():
            async with in_time(asterisk, SALES) as caller:
                decided.append(caller.decided)

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(callers())
        for text, why in BAD.values():
            bridge.rules.write_text(text, "utf-8")
            bridge.signal(signal.SIGHUP)
            assert "the old rules are in force" in await source_is(bridge, "rules", "at_risk", why=why, within=60)
            count = len(decided)
            await until(lambda count=count: len(decided) > count + 1, within=30)  # type: ignore[misc]
        assert set(decided) == {AS_ACCEPTED}

        bridge.rules.write_text(HEAD + "tests:\n  - {name: all, expect: {queue: production}}\n", "utf-8")
        bridge.signal(signal.SIGHUP)
        await source_is(bridge, "rules", "up", within=30)
        over.set()
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == ("default", "fresh", "production")

    bridge.rules.write_text(good, "utf-8")
    bridge.signal(signal.SIGHUP)
    await until(lambda: len(bridge.events("rules.accepted")) == 3, within=30)
    assert set(decided) <= {AS_ACCEPTED, ("default", "fresh", "production")}
    assert len(bridge.events("rules.refused")) == len(BAD)


RATE, PATIENCE_MS = 20, 4_000
SURGE_S = 2
"""Callers come in surges, one right behind the other, for as long as they are wanted."""


class Surges:
    """Twenty callers a second without a gap.

    Each waits four seconds, which is longer than he may be kept from his queue, and hangs up.
    """

    def __init__(self, asterisk: AsteriskInstance) -> None:
        self._asterisk = asterisk
        self._over = asyncio.Event()
        self.callers = 0
        self.refused = 0

    @asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """They have begun when the block does; at its end the last surge comes to its own."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._keep_calling(tasks))
            yield
            self._over.set()

    async def _keep_calling(self, tasks: asyncio.TaskGroup) -> None:
        while not self._over.is_set():
            surge = tasks.create_task(self._surge(self.callers))
            self.callers += RATE * SURGE_S
            await asyncio.wait({surge}, timeout=SURGE_S)

    async def _surge(self, first: int) -> None:
        asterisk, count = self._asterisk, RATE * SURGE_S
        text = render(
            (HERE / "many_callers.xml").read_text("utf-8"), {"PATIENCE_MS": PATIENCE_MS, "TALK_MS": PATIENCE_MS}
        )
        who = asterisk.workdir / f"surge-{first}.csv"
        numbers = [f"+{FIRST_NUMBER + number % 1_000};{DID};" for number in range(first, first + count)]
        who.write_text("\n".join(["SEQUENTIAL", *numbers, ""]))
        place = (asterisk.trunk_address, free_port(asterisk.trunk_address))
        surge = Sipp("callers", text, asterisk.workdir, *place, to=f"{asterisk.address}:{asterisk.sip_port}")
        try:
            await surge.start("-inf", str(who), "-m", str(count), "-l", str(count), "-r", str(RATE))
            await surge.finished(within=60)
        finally:
            await surge.stop()
        self.refused += count - sum(word in ("gaveup", "hungup") for word in surge.words)


async def key_for_reload(bridge: Bridge) -> Path:
    """The file with a key that the running bridge knows."""
    code, key, complaint = await bridge.run("keys", "add", "deploy", "--for", "reload")
    assert code == 0, complaint
    file = bridge.folder / "reload.key"
    file.write_text(key, "utf-8")
    return file


async def test_twenty_calls_a_second_notice_nothing_of_a_bad_file_and_nothing_but_the_rules_of_a_good_one(
    asterisk: AsteriskInstance, installed: Bridge
) -> None:
    """By signal and by HTTP. A call is decided by one version from the beginning to the end, and none is lost."""
    bridge = installed
    old = "version: 1\nqueues: {sales: , production: }\ndefault: {queue: production}\n"
    old += "rules: [{name: r, queue: production}]\n"
    new = old.replace("production}", "sales}")
    bridge.rules.write_text(old, "utf-8")
    key = await key_for_reload(bridge)
    await bridge.start()
    began, surges = asterisk.lab.mark(), Surges(asterisk)

    def reload() -> Awaitable[tuple[int, str, str]]:
        return bridge.run("rules", "reload", "--key-file", str(key))

    async with surges.going_on():
        await until(lambda: asterisk.lab.events("QueueCallerJoin", since=began), within=30)
        bridge.rules.write_text(f"{new}tests: [{{name: alle, expect: {{queue: production}}}}]\n", "utf-8")
        code, out, _ = await reload()
        assert (code, "test `alle` failed" in out) == (1, True)
        bridge.rules.write_text(f"{new}nonsense: 1\n", "utf-8")
        bridge.signal(signal.SIGHUP)
        await source_is(bridge, "rules", "at_risk", why="nonsense", within=30)
        bridge.rules.write_text(new, "utf-8")
        before = time.time()
        code, out, complaint = await reload()
        after = time.time()
        assert code == 0, complaint
        joined = asterisk.lab.mark()
        await until(lambda: asterisk.lab.events("QueueCallerJoin", since=joined), within=30)

    assert surges.refused == 0
    joins = [event["Queue"] for event in asterisk.lab.events("QueueCallerJoin", since=began)]
    assert len(joins) == surges.callers, "everybody got into a queue"
    await until(lambda: len(_decided(bridge)) == surges.callers, within=30)
    decided = _decided(bridge)
    assert len({each[1:] for each in decided}) == 2, "hash, rule, class and queue of one version or of the other"
    assert {each[2:] for each in decided if each[0] < before} == {("r", "production", True)}
    assert {each[2:] for each in decided if each[0] > after} == {("r", "sales", True)}
    assert joins.count("sales") == sum(each[3] == "sales" for each in decided)


def _decided(bridge: Bridge) -> list[tuple[float, str, str, str, bool]]:
    """Of every call when it arrived, and by which rules, which rule and into which queue it was decided, and told."""
    calls = JournalFile(bridge.data / "calls.sqlite").calls(limit=10_000)
    decisions = [(call.offered_at, call.decision) for call in calls]
    return [(at, one.rules_hash, one.rule, one.queue, one.delivered) for at, one in decisions if one is not None]
