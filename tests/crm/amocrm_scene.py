"""An account of the fake amoCRM, the adapter opened on it as often as a test wants, and a call to tell it of."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from settable_clock import SettableClock

from cti_bridge.crm.amocrm.adapter import AmocrmCrm
from cti_bridge.crm.amocrm.call_filing import FilingWishes
from cti_bridge.crm.amocrm.connection import AccessTokens, Connection, LongLivedToken
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.call_report import CallMoment, CallReport
from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number
from fakes.amocrm import USERS, FakeAmocrm

NUMBER = "+74950000150"
BEGAN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PLAIN = FilingWishes("Asterisk")
Opener = Callable[..., AmocrmCrm]


class AmocrmScene:
    """The account without its limit, and adapters that share their links; the clocks stand still."""

    def __init__(self, folder: Path) -> None:
        self.account = FakeAmocrm(per_s=None)
        self._links = SqliteLinks(folder / "links.sqlite")
        self._crms: list[AmocrmCrm] = []

    def opened(
        self,
        wishes: FilingWishes = PLAIN,
        *,
        tokens: AccessTokens | None = None,
        pace: Pace | None = None,
        clock: SettableClock | None = None,
        fields: dict[str, int] | None = None,
    ) -> AmocrmCrm:
        pace = pace or Pace(1_000.0, 100, 1)
        clock = clock or SettableClock()
        client = WebClient(self.account.url, pace=pace)
        connection = Connection(client, tokens or LongLivedToken(self.account.long_lived), pace, clock=clock)
        crm = AmocrmCrm(connection, self._links, region="RU", wishes=wishes, fields=fields or {}, clock=clock)
        self._crms.append(crm)
        return crm

    async def close(self) -> None:
        for crm in self._crms:
            await crm.close()
        await self._links.close()
        await self.account.stop()


class AmocrmStories:
    """Stories told against one account each, with as many adapters of it as they open."""

    @pytest.fixture
    async def scene(self, tmp_path: Path) -> AsyncIterator[AmocrmScene]:
        scene = AmocrmScene(tmp_path)
        await scene.account.start()
        yield scene
        await scene.close()

    @pytest.fixture
    def account(self, scene: AmocrmScene) -> FakeAmocrm:
        return scene.account

    @pytest.fixture
    def opened(self, scene: AmocrmScene) -> Opener:
        return scene.opened


def told(customer: int | None, **but: Any) -> CallReport:
    """An answered call that is over, and what is different about it."""
    report = CallReport(
        id="main-1.1/3",
        key="main-1.1",
        moment=CallMoment.ENDED,
        direction="inbound",
        number=NUMBER,
        did="+74950000001",
        customer_id=None if customer is None else CustomerId(str(customer)),
        user=str(USERS[0]),
        queue="sales",
        outcome="answered",
        started_at=BEGAN,
        answered_at=BEGAN + timedelta(seconds=20),
        ended_at=BEGAN + timedelta(seconds=83),
    )
    return replace(report, **but)


async def found(crm: AmocrmCrm, number: str = NUMBER) -> tuple[CustomerRecord, ...]:
    """Who has the number."""
    return await crm.find(parse_number(number, region="RU"))


async def answered(body: bytes) -> web.StreamResponse:
    """An answer of amoCRM with any body."""
    return web.Response(body=body, content_type="application/hal+json")
