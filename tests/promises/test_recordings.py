"""What is recorded beside the running system, masked, leads to the same story as the journal has."""

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.sip import Behaviour, Phones
from promises.recordings import recorded, replayed
from promises.scene import DID, OPERATORS, SALES, UNKNOWN, calling, journalled, until
from promises.stasis import change_ari

NAME = "Капитолина Зимогорова"
OWN_NUMBER = re.compile(r"\+?7?(4950000[0-9]{3})(?![0-9])")


WHO = {"caller", "caller_name", "did", "trunk", "line", "verified", "pop_ms", "offered_at", "decision"}
WHY = {"crm_age_s", "customer_id", "rules_hash", "facts", "took_ms"}


async def same_story(bridge: Bridge, told: dict[str, Any]) -> dict[str, Any]:
    """The replayed record tells what the journal tells but for who it was and why it was decided so; both come back."""
    code, out, _ = await bridge.run("calls", "show", told["id"], "--json")
    assert code == 0
    seen: dict[str, Any] = json.loads(out)
    assert {name: value for name, value in told.items() if name not in WHO} == {
        name: seen[name] for name in told if name not in WHO
    }
    assert {name: value for name, value in told["decision"].items() if name not in WHY} == {
        name: seen["decision"][name] for name in told["decision"] if name not in WHY
    }
    assert (told["decision"]["customer_id"], told["decision"]["facts"]) == ("", {})
    arrived = (datetime.fromisoformat(record["offered_at"]).timestamp() for record in (told, seen))
    assert abs(next(arrived) - next(arrived)) < 0.5
    return seen


def nobody_is_in(text: str) -> None:
    """No name, number, secret or customer of the scene is in this text but as a sample, which is given out in order."""
    for name in (NAME, "Зимогорова", *OPERATORS.values(), "customer_id", "CTI_CUSTOMER"):
        assert name not in text
    assert {number[-3:] for number in OWN_NUMBER.findall(text)} <= {"000", "001", "002", "003"}


@pytest.mark.usefixtures("staff")
async def test_an_answered_call_and_one_that_was_given_up(
    asterisk: AsteriskInstance, bridge: Bridge, tmp_path: Path
) -> None:
    file = tmp_path / "calls.jsonl"
    async with recorded(bridge, file):
        async with Phones(asterisk, {"103": Behaviour(answer_after=0.3), "104": Behaviour(answer_after=0.3)}):
            async with calling(asterisk, SALES, name=NAME) as answered:
                await answered.phone.answered()
            await journalled(bridge, answered.call_id, ended=True)
        async with calling(asterisk, UNKNOWN) as waiting:
            pass
        await journalled(bridge, waiting.call_id, ended=True)
        await until(lambda: file.read_text("utf-8").count('"Event":"Hangup"') >= 3)

    text = file.read_text("utf-8")
    nobody_is_in(text)
    assert "+74950000201" not in text and DID not in text
    assert file.stat().st_mode & 0o777 == 0o600
    calls = await replayed(bridge, file)
    assert list(calls) == [answered.call_id, waiting.call_id]
    talked = await same_story(bridge, calls[answered.call_id])
    given_up = await same_story(bridge, calls[waiting.call_id])
    assert (talked["caller"], talked["outcome"], given_up["outcome"]) == (SALES, "answered", "abandoned")
    assert talked["operator"] in ("op3", "op4")
    assert await replayed(bridge, file) == calls, "the same file always leads to the same records"


@pytest.mark.usefixtures("staff")
async def test_a_call_by_stasis_and_one_that_was_there_before(
    asterisk: AsteriskInstance, installed: Bridge, tmp_path: Path
) -> None:
    bridge, file = installed, tmp_path / "calls.jsonl"
    change_ari(bridge, app="cti-bridge")
    await bridge.start()
    await asterisk.lab.set_global("ENTRY", "ari")
    try:
        async with calling(asterisk, UNKNOWN) as early, recorded(bridge, file):
            async with calling(asterisk, SALES, name=NAME) as asked:
                pass
            await journalled(bridge, asked.call_id, ended=True)
            await until(lambda: '"Event":"Hangup"' in file.read_text("utf-8"))
    finally:
        await asterisk.lab.set_global("ENTRY", "")

    nobody_is_in(file.read_text("utf-8"))
    assert '"ari":{' in file.read_text("utf-8")
    calls = await replayed(bridge, file)
    await same_story(bridge, calls[asked.call_id])
    assert calls[early.call_id]["recovered"] is True, "it was there when the recording began"
    assert calls[early.call_id]["ended_at"] is None
