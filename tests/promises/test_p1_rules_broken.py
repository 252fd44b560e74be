"""P1 when the rule file is bad: the rules accepted last stay in force; without any, the dialplan decides."""

import re
import signal

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from promises.scene import SALES, in_time, source_is, until

BROKEN = "version: 1\nrules:\n  - {name: sales, when: {class: sales}, queue: [oops\n"
WRONG = "version: 1\nqueues: {sales: {timeout: soon}}\ndefault: {queue: sales}\nnonsense: 1\n"
AS_ACCEPTED = ("matched", "fresh", "sales")


@pytest.mark.parametrize("text", [WRONG, None], ids=["wrong values", "removed"])
async def test_at_the_start_the_rules_accepted_last_are_used(
    asterisk: AsteriskInstance, installed: Bridge, text: str | None
) -> None:
    await installed.start()
    assert await installed.stop() == 0
    _replace(installed, text)
    await installed.start(ready=("asterisk", "crm", "journal"))
    reason = await source_is(installed, "rules", "at_risk")
    assert str(installed.rules) in reason and "accepted earlier" in reason
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == AS_ACCEPTED


@pytest.mark.parametrize("text", [BROKEN, WRONG], ids=["no YAML", "wrong values"])
async def test_without_accepted_rules_the_bridge_says_why_it_does_not_run(
    asterisk: AsteriskInstance, installed: Bridge, text: str
) -> None:
    _replace(installed, text)
    code, out, complaint = await installed.run("run")
    assert (code, out) == (2, "")
    told = [line for line in complaint.splitlines() if not line.startswith("{")]
    assert told and all(re.match(rf"cti-bridge: {re.escape(str(installed.rules))}:\d+:\d+: ", line) for line in told)
    assert "Traceback" not in complaint
    async with in_time(asterisk, SALES) as caller:
        assert caller.decided == ("fallback", "", "primary-consult")


async def test_at_a_reload_the_old_rules_stay_until_the_file_is_good_again(
    asterisk: AsteriskInstance, bridge: Bridge
) -> None:
    good = bridge.rules.read_text("utf-8")
    changed = good.replace("{class: sales}\n    queue: sales", "{class: sales}\n    queue: production")
    other = changed.partition("\ntests:\n")[0]
    assert len({good, changed, other}) == 3
    for text in (BROKEN, WRONG, "", None, changed):
        _replace(bridge, text)
        bridge.signal(signal.SIGHUP)
        assert str(bridge.rules) in await source_is(bridge, "rules", "at_risk")
        async with in_time(asterisk, SALES) as caller:
            assert caller.decided == AS_ACCEPTED
        _replace(bridge, other)
        bridge.signal(signal.SIGHUP)
        await source_is(bridge, "rules", "up")
        async with in_time(asterisk, SALES) as caller:
            assert caller.decided == ("matched", "fresh", "production")
        _replace(bridge, good)
        bridge.signal(signal.SIGHUP)
        await until(lambda: len(bridge.events("rules.accepted")) % 2)


def _replace(bridge: Bridge, text: str | None) -> None:
    if text is None:
        bridge.rules.unlink()
    else:
        bridge.rules.write_text(text, "utf-8")
