"""P1 with every kind of CRM: stopped, hanging, answering HTML, with a token that ended, having had enough of us.

Every caller is in a queue in time, whoever was known before in the right one; the decision says what the CRM said; the
calls are in the CRM afterwards, each once. And when all is well, customers are where their deals belong.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest
from tryton_server import INSTALLING_S

from contract.place import Trouble
from cti_bridge.crm.kinds import KINDS
from demo.asterisk import AsteriskInstance
from promises.crm_scenes import SCENES
from promises.crm_story import Story

WANTED = (Trouble.STOPPED, Trouble.HANGS, Trouble.HTML, Trouble.EXPIRED, Trouble.LIMITED)
DATABASES = ("postgresql", "mariadb")
NOT_THERE: Mapping[tuple[str, Trouble], str] = {
    ("embedded", Trouble.EXPIRED): "a file of our own needs no login",
    ("embedded", Trouble.LIMITED): "a file of our own counts no questions",
    **{
        (kind, trouble): why
        for kind in DATABASES
        for trouble, why in {
            Trouble.EXPIRED: "a password lasts as long as the connection; a connection that is ended is STOPPED",
            Trouble.LIMITED: "a database counts no questions, and of connections the bridge keeps a few of its own",
        }.items()
    },
}
"""What cannot be wrong with a CRM, and why. For files and databases HTML stands for somebody else being there."""


def test_every_kind_of_crm_is_tried() -> None:
    assert {"sql" if kind in DATABASES else kind for kind in SCENES} == set(KINDS)
    assert {kind for kind, _ in NOT_THERE} <= SCENES.keys()


@pytest.mark.timeout(INSTALLING_S)
@pytest.mark.parametrize("kind", SCENES)
async def test_whatever_is_wrong_with_the_crm_callers_are_queued_and_told_of_afterwards(
    kind: str, asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    data = tmp_path / "bridge" / "data"
    data.mkdir(parents=True)
    (tmp_path / "crm").mkdir()
    async with SCENES[kind](data, tmp_path / "crm") as scene:
        troubles = [trouble for trouble in Trouble if trouble in scene.told]
        assert {*WANTED} - {*troubles} == {trouble for of, trouble in NOT_THERE if of == kind}
        async with Story.told_of(asterisk, scene, tmp_path / "bridge") as story:
            await story.a_customer_is_where_his_deal_belongs()
            for trouble in troubles:
                await story.goes_wrong(trouble)
            await asyncio.gather(story.all_calls_are_in_the_crm(), story.the_admin_finds_out_why())


async def test_a_bridge_that_starts_while_its_crm_is_gone_decides_and_is_well_when_it_comes_back(
    asterisk: AsteriskInstance, tmp_path: Path
) -> None:
    data = tmp_path / "bridge" / "data"
    data.mkdir(parents=True)
    (tmp_path / "crm").mkdir()
    async with (
        SCENES["vtiger"](data, tmp_path / "crm") as scene,
        Story.told_of(asterisk, scene, tmp_path / "bridge", from_the_start=Trouble.STOPPED) as story,
    ):
        await story.goes_wrong_for_everybody(Trouble.STOPPED)
        await story.a_customer_is_where_his_deal_belongs()
        await story.all_calls_are_in_the_crm()
