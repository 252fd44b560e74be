"""What happens at one CRM: who calls while all is well and while something is wrong, and what it is told of that."""

import asyncio
import re
import sqlite3
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from contract.place import DealState, Person, SeedDeal, Trouble
from cti_bridge.calls.journal_file import JournalFile
from cti_bridge.domain.ids import CustomerId, OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from demo.asterisk import AsteriskInstance
from demo.bridge import Bridge
from demo.desks import Desk
from demo.sip import Behaviour, Phone, Phones
from promises.crm_scenes import TOO_LATE, Scene
from promises.scene import PASSWORD, PROMISE_S, Arrival, calling, journalled, until
from promises.screens import free_port

WITHIN_S = 30.0
"""How long the way back may take on a busy machine; the promise has a limit of its own."""
ALL, WITHOUT_CRM = ("asterisk", "crm", "journal", "rules"), ("asterisk", "journal")
TOLD_WITHIN_S = 120.0
"""Of some CRMs the bridge asks only a few things a second, and what failed is tried again after a while."""
KNOWN, NAME, DEAL = "+74950000401", "Ярослава Вишневецкая", "Кухня «Яблоня»"
"""Has called before, and his deal is in production."""
STRANGERS = {trouble: f"+7495000041{place}" for place, trouble in enumerate(Trouble)}
"""Whoever calls for the first time while this is wrong; his deal is in production as well."""
PHONE, OPERATOR = "105", OperatorId("op5")
RULES = """\
version: 1
region: RU
timezone: Europe/Moscow
classes:
  - {{name: production, when: {{deal.stage: ["{stage}"]}}}}
  - {{name: new}}
queues:
  primary-consult: {{timeout: 60s}}
  production: {{timeout: 60s}}
rules:
  - {{name: production, when: {{class: production}}, queue: production}}
default: {{queue: primary-consult}}
degraded: {{deadline: 800ms, queue: primary-consult}}
"""
"""A machine that is busy with other tests answers later than within the shipped 300 ms."""
FRESH, KEPT = ("matched", "fresh", "production"), ("matched", "stale", "production")
FAILED = ("degraded", "failed", "primary-consult")
LEFT_ALONE = "its rate limit is used up|asked to be left alone"
"""The bridge did not ask, because it may not now; of a CRM that limits it that says as much."""


class Story:
    """What happens at one CRM: its bridge runs, one operator answers those in production, and counts the calls."""

    def __init__(self, asterisk: AsteriskInstance, scene: Scene, bridge: Bridge, phone: Phone) -> None:
        self._asterisk, self._scene, self._bridge, self._phone = asterisk, scene, bridge, phone
        self._ids: dict[str, CustomerId] = {}
        self._answered: Counter[str] = Counter()
        self._abandoned: Counter[str] = Counter()
        self._calls: list[str] = []
        self._to_explain: list[tuple[str, str]] = []

    @classmethod
    @asynccontextmanager
    async def told_of(
        cls, asterisk: AsteriskInstance, scene: Scene, folder: Path, *, from_the_start: Trouble | None = None
    ) -> "AsyncIterator[Story]":
        """The bridge with the settings of this CRM, which Asterisk asks; tried by its admin before. Gone afterwards."""
        rules = folder / "routing.yaml"
        rules.write_text(RULES.format(stage=scene.place.stage(DealState.LATE)), "utf-8")
        for name, text in scene.files.items():
            (folder / name).touch(mode=0o600)
            (folder / name).write_text(text + "\n", "utf-8")
        bridge = Bridge(folder, asterisk, page_port=free_port(), rules=rules, crm=dict(scene.crm))
        await _employ(bridge, crm_user=scene.place.user)
        await asterisk.add_member("production", f"PJSIP/{PHONE}")
        await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
        try:
            async with Phones(asterisk, {PHONE: Behaviour(answer_after=None)}) as phones:
                story = cls(asterisk, scene, bridge, phones[PHONE])
                await story.everybody_is_there()
                code, said, complaint = await bridge.run("crm", "check", KNOWN)
                assert code == 0, said + complaint
                if from_the_start is not None:
                    await scene.place.suffer(from_the_start)
                await bridge.start(ready=ALL if from_the_start is None else WITHOUT_CRM, within=WITHIN_S)
                yield story
        finally:
            await bridge.kill()

    async def everybody_is_there(self) -> None:
        """The people of the story are in the CRM."""
        deals = (SeedDeal(DEAL, DealState.LATE),)
        names = {number: f"Некто Нулёв {number[-1]}" for number in STRANGERS.values()} | {KNOWN: NAME}
        people = [Person(name, (number,), deals, self._scene.place.user) for number, name in names.items()]
        self._ids = dict(zip(names, await self._scene.place.seed(people), strict=True))

    async def a_customer_is_where_his_deal_belongs(self) -> None:
        """He is recognised, is in the queue of his deal, the operator's page shows him, and they talk."""
        async with asyncio.timeout(WITHIN_S), Desk(OPERATOR, self._bridge.page_url, PASSWORD) as desk:
            while not self._answered[KNOWN]:
                async with self._calling(KNOWN) as caller:
                    if caller.decided == FRESH:
                        assert caller.cti("CUSTOMER_ID") == self._ids[KNOWN]
                        card = (await desk.sees(caller.call_id, "call.ringing", within=WITHIN_S)).call
                        assert NAME in card["customer"]["name"]
                        assert [deal["title"] for deal in card["deals"]] == [DEAL]
                        await self._talks(caller)
                    else:  # the first question of all may come too late on a busy machine
                        assert re.search(TOO_LATE, await self._why(caller))
                        self._abandoned[KNOWN] += 1

    async def goes_wrong(self, trouble: Trouble) -> None:
        """Two callers meanwhile: one whom the bridge knows, one whom it does not; then all is well again.

        Where the bridge may ask so little that none of them was asked about, two more.
        """
        await self._scene.place.suffer(trouble)
        async with asyncio.timeout(WITHIN_S):
            while not await self._two_callers_meanwhile(trouble):
                pass
        await self._scene.place.recover()
        await self._is_known_again(STRANGERS[trouble])

    async def _two_callers_meanwhile(self, trouble: Trouble) -> bool:
        """Whether one of the decisions says what this CRM says then; the other may say why it was not asked."""
        wanted = self._scene.told[trouble]
        async with self._calling(KNOWN) as known, self._calling(STRANGERS[trouble]) as new:
            assert max(known.seconds, new.seconds) < PROMISE_S
            assert known.decided in ((KEPT,) if wanted else (FRESH, KEPT)), trouble
            assert new.decided in ((FAILED,) if wanted else (FRESH, FAILED)), trouble
            whys = [await self._why(caller) for caller in (known, new)]
            for why in whys:
                assert re.search(f"{wanted}|{LEFT_ALONE}", why), f"{trouble}: {why}"
            if new.decided == FAILED:
                self._to_explain.append((new.call_id, whys[1]))
            await self._talks(known)
            assert not new.hung_up
        self._abandoned[STRANGERS[trouble]] += 1
        return trouble is Trouble.LIMITED or any(re.search(wanted, why) for why in whys)

    async def goes_wrong_for_everybody(self, trouble: Trouble) -> None:
        """Something is wrong already, and the bridge has never been told of anybody; then all is well."""
        async with self._calling(STRANGERS[trouble]) as new:
            assert new.seconds < PROMISE_S
            assert new.decided == FAILED
            assert re.search(self._scene.told[trouble], await self._why(new))
        self._abandoned[STRANGERS[trouble]] += 1
        await self._scene.place.recover()
        await self._is_known_again(STRANGERS[trouble])

    async def all_calls_are_in_the_crm(self) -> None:
        """Each once, with how it went, when nothing lies in the outbox any more; nothing was given up either."""
        await until(self._all_is_told, TOLD_WITHIN_S)
        for number, id_ in self._ids.items():
            calls = await self._scene.place.calls_at(id_)
            wanted = [True] * self._answered[number] + [False] * self._abandoned[number]
            assert sorted((bool(call.answered) for call in calls), reverse=True) == wanted, (number, calls)
            assert all(call.over is not False for call in calls), (number, calls)
            assert {call.user for call in calls if call.answered} <= {self._scene.place.user}, (number, calls)

    def _all_is_told(self) -> bool:
        file = self._bridge.data / "calls.sqlite"
        records = [JournalFile(file).call(call) for call in self._calls]
        with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as journal:
            ((waiting,),) = journal.execute("SELECT count(*) FROM outbox").fetchall()
        return not waiting and all(record is not None and record.closed for record in records)

    async def the_admin_finds_out_why(self) -> None:
        """He asks about one of the callers who were treated as if there were no CRM."""
        call, why = self._to_explain[0]
        code, said, complaint = await self._bridge.run("explain", "--call", call)
        assert code == 0, complaint
        assert re.search(rf"crm error +{re.escape(why)}", said), said

    @asynccontextmanager
    async def _calling(self, number: str) -> AsyncIterator[Arrival]:
        async with calling(self._asterisk, number, within=WITHIN_S) as caller:
            self._calls.append(caller.call_id)
            yield caller

    async def _talks(self, caller: Arrival) -> None:
        """The operator picks up whoever is first in production, and that is the caller whom the bridge knows."""
        await until(lambda: self._phone.history[-1:] == ["ringing"], WITHIN_S)
        await self._phone.answer()
        await caller.phone.answered(within=WITHIN_S)
        await caller.phone.hang_up()
        await caller.phone.over(within=WITHIN_S)
        self._answered[KNOWN] += 1

    async def _is_known_again(self, number: str) -> None:
        """The same caller is recognised, soon after all is well again; a CRM that failed is left alone for a moment."""
        async with asyncio.timeout(WITHIN_S):
            while True:
                await self._is_not_down()
                async with self._calling(number) as caller:
                    pass
                self._abandoned[number] += 1
                if caller.decided == FRESH:
                    return
                await asyncio.sleep(0.3)

    async def _is_not_down(self) -> None:
        while (await self._bridge.sources())["crm"]["state"] == "down":
            await asyncio.sleep(0.05)

    async def _why(self, caller: Arrival) -> str:
        record = await journalled(self._bridge, caller.call_id, within=WITHIN_S)
        assert record.decision is not None
        return record.decision.crm_error


async def _employ(bridge: Bridge, *, crm_user: str) -> None:
    accounts = Accounts(bridge.data)
    await accounts.open()
    try:
        await accounts.add(Operator(OPERATOR, "Лейла Сафина", (f"PJSIP/{PHONE}",), crm_user=crm_user), PASSWORD)
    finally:
        await accounts.close()
