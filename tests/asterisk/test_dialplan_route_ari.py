"""`[cti-route-ari]` on a real Asterisk: what `[cti-route]` promises it promises too, whatever the application does."""

import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from asterisk.conftest import LAB_DIALPLAN
from asterisk.stasis_stand_in import Script, application, deciding, half_way, letting_go, silent
from asterisk.test_dialplan_route import DECISION, FALLBACK, PATIENT, PROMISE_S, decided, out
from demo.asterisk import REPOSITORY, AsteriskInstance

Broken = Callable[[AsteriskInstance], AbstractAsyncContextManager[object]]


@asynccontextmanager
async def _not_registered(_: AsteriskInstance) -> AsyncIterator[None]:
    yield


def _registered(script: Script) -> Broken:
    return lambda asterisk: application(asterisk, script)


BROKEN = [
    pytest.param(_not_registered, "", id="nobody registered it"),
    pytest.param(_registered(silent), "", id="silent"),
    pytest.param(_registered(half_way), "main-half", id="silent half-way"),
    pytest.param(_registered(letting_go), "main-half", id="without a decision"),
]


@pytest.mark.promise
@pytest.mark.parametrize(("broken", "call_id"), BROKEN)
async def test_without_a_decision_every_variable_is_that_of_the_fallback(
    asterisk: AsteriskInstance, broken: Broken, call_id: str
) -> None:
    async with broken(asterisk):
        told = await decided(asterisk, "ari", LAB_DID="74950000149", LAB_LIMIT="60")
    assert out(told) == FALLBACK | {"CTI_CALL_ID": call_id or told["Linkedid"]}
    assert float(told["seconds"]) < PROMISE_S
    assert 55 < float(told["Limit"]) <= 60


async def test_the_decision_arrives_whole(asterisk: AsteriskInstance) -> None:
    async with application(asterisk, deciding(DECISION)):
        told = await decided(asterisk, "ari", LAB_LIMIT="60", **PATIENT)
        without = await decided(asterisk, "ari", **PATIENT)
    assert out(told) == out(without) == DECISION
    assert 55 < float(told["Limit"]) <= 60
    assert float(without["Limit"] or 0) == 0


async def test_the_bridge_is_asked_with_what_fastagi_tells_too(asterisk: AsteriskInstance) -> None:
    async with application(asterisk, deciding(DECISION)) as stand_in:
        told = await decided(
            asterisk,
            "ari",
            LAB_DID="+74950000149",
            CTI_CALL_ID="main-7",
            CTI_DID="74950000199",
            CTI_TRUNK="city",
            CTI_ATTESTATION="A",
            **PATIENT,
        )
        empty = await decided(asterisk, "ari", CTI_ATTESTATION="B", **PATIENT)
    full, bare = stand_in.asked
    assert full[:7] == ["route", "+74950000149", told["Linkedid"], "main-7", "74950000199", "city", "A"]
    assert bare[:7] == ["route", "", empty["Linkedid"], "", "", "", "B"]
    assert full[7].startswith("allowed") and len(full) == len(bare) == 9


async def test_hostile_values_shift_no_argument(asterisk: AsteriskInstance) -> None:
    await asterisk.lab.set_global("CTI_DID", "74950000149,trunk-demo")
    try:
        async with application(asterisk, deciding(DECISION)) as stand_in:
            await decided(asterisk, "ari", LAB_DID='7"495${x})0', CTI_TRUNK="city)(", **PATIENT)
    finally:
        await asterisk.lab.set_global("CTI_DID", "")
    (asked,) = stand_in.asked
    assert (asked[1], asked[4], asked[5], len(asked)) == ("7495x0", "74950000149trunkdemo", "city", 9)


async def test_a_second_run_finds_nothing_of_the_first_but_the_call_id(asterisk: AsteriskInstance) -> None:
    async with application(asterisk, deciding(DECISION)):
        told = await decided(asterisk, "ari-twice", LAB_SECOND_APP="nobody", **PATIENT)
    assert out(told) == FALLBACK | {"CTI_CALL_ID": DECISION["CTI_CALL_ID"]}


async def test_a_channels_own_application_is_asked(asterisk: AsteriskInstance) -> None:
    async with (
        application(asterisk, deciding(DECISION)) as everybodys,
        application(asterisk, deciding(DECISION), name="second_bridge-2") as own,
    ):
        await decided(asterisk, "ari", CTI_ARI_APP="second_bridge-2", **PATIENT)
    assert (len(everybodys.asked), len(own.asked)) == (0, 1)


@pytest.mark.promise
@pytest.mark.parametrize(("door", "missing"), [("once", "res_agi"), ("ari", "stasis|res_ari")])
async def test_an_asterisk_without_the_modules_of_the_door_keeps_the_caller(
    asterisk_root: Path, tmp_path: Path, door: str, missing: str
) -> None:
    modules = "[modules]\nautoload = no\n" + "".join(f"{line}\n" for line in _modules() if not re.search(missing, line))
    instance = AsteriskInstance(
        asterisk_root, tmp_path / "asterisk", extensions=LAB_DIALPLAN, more={"modules.conf": modules}
    )
    async with instance as without:
        told = await decided(without, door, CTI_AGI="agi://127.0.0.1:1/route")
        assert out(told) == FALLBACK | {"CTI_CALL_ID": told["Linkedid"]}


def _modules() -> list[str]:
    text = (REPOSITORY / "docker/asterisk/etc/modules.conf").read_text("utf-8")
    return [line for line in text.splitlines() if line.startswith("load")]
