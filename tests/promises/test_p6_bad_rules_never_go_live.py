"""P6: whatever is put in place of the rule file, calls go on by the old rules until a file passes its own tests."""

import asyncio
import signal

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from promises.scene import SALES, in_time, source_is, until

pytestmark = [pytest.mark.promise, pytest.mark.timeout(300)]

AS_ACCEPTED = ("matched", "fresh", "sales")
HEAD = "version: 1\nqueues: {sales: {timeout: 60s}, production: }\ndefault: {queue: production}\n"
NONE_LOST = " || ".join(['deals.exists(d, d.stage == "lost")'] * 3)
ENDLESS = "".join((
    HEAD,
    "rules:\n",
    *(f"  - {{name: r{number}, when: '{NONE_LOST}', queue: sales}}\n" for number in range(3_000)),
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
