"""P6: a queue that the real Asterisk does not have is named by `check` before a caller finds out."""

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge


@pytest.mark.unhurried
async def test_check_asks_asterisk_for_its_queues(asterisk: AsteriskInstance, installed: Bridge) -> None:
    _, said, complaint = await installed.run("check")
    assert "has no queue" not in said
    assert "Asterisk was not asked" not in complaint

    rules = installed.rules.read_text("utf-8")
    installed.rules.write_text(rules.replace("\nqueues:\n", "\nqueues:\n  slaes: {timeout: 60s}\n"), "utf-8")
    code, said, _ = await installed.run("check")

    assert code == 1
    assert f":3: Asterisk `{asterisk.system_name}` has no queue `slaes` (did you mean `sales`?)\n" in said
