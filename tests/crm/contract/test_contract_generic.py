"""The generic CRM keeps the contract with the settings of its page, against a fake of a small CRM (`fakes.rest`)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from time import time

import pytest
from aiohttp import web
from generic_page import opened_from, whole_example

from contract.place import DealState, Person, Place, SeenCall, Trouble
from contract.suite import CrmContract
from cti_bridge.crm.generic.adapter import GenericCrm
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.domain.ids import CustomerId
from fakes.rest import SECRET, FakeRest

STAGES = {DealState.EARLY: "offer", DealState.LATE: "PAID", DealState.WON: "done", DealState.LOST: "lost"}
"""As the fake calls them; the page calls PAID `paid`."""


async def shows_a_page(_request: web.Request) -> web.StreamResponse:
    return web.Response(text="<!DOCTYPE html><html><title>Вход</title></html>", content_type="text/html")


async def fails_inside(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": {"about": "Жанна Тополева +74950000160"}})


async def has_had_enough(_request: web.Request) -> web.StreamResponse:
    return web.json_response({"error": {"code": "slow down"}}, status=429, headers={"Retry-After": "1"})


class SmallCrm(Place):
    """A small CRM of somebody's own; each trouble begins two hours after what was before."""

    troubles = frozenset(Trouble)

    def __init__(self, fake: FakeRest, folder: Path) -> None:
        self._fake = fake
        self._folder = folder
        self._later_s = 0.0
        self._released = asyncio.Event()
        self._links = SqliteLinks(folder / "links.sqlite")
        self.crm = self._opened()

    async def seed(self, people: Sequence[Person]) -> tuple[CustomerId, ...]:
        ids = []
        for person in people:
            made = self._fake.add(person.name, person.numbers, manager=person.responsible, archived=person.archived)
            for deal in person.deals:
                self._fake.add_deal(made, deal.title, STAGES[deal.state])
            ids.append(CustomerId(str(made)))
        return tuple(ids)

    def stage(self, state: DealState) -> str:
        return STAGES[state].replace("PAID", "paid")

    async def calls_at(self, customer_id: CustomerId) -> list[SeenCall]:
        return [
            SeenCall(
                answered=call.get("result") == "Held",
                over="ended" in call,
                talked_s=call.get("talked"),
                recordings=len(call.get("recordings", [])),
                user=call.get("user", ""),
            )
            for call in self._fake.calls.values()
            if call.get("customer") == int(customer_id)
        ]

    async def calls_of_strangers(self) -> int:
        return sum("customer" not in call for call in self._fake.calls.values())

    async def notes_at(self, customer_id: CustomerId) -> list[str]:
        return [note["text"] for note in self._fake.notes[int(customer_id)]]

    async def restart(self) -> None:
        await self.crm.close()
        await self._links.close()
        self._links = SqliteLinks(self._folder / "links.sqlite")
        self.crm = self._opened()

    async def suffer(self, trouble: Trouble) -> None:
        self._later_s += 61 if trouble is Trouble.EXPIRED else 7_200
        match trouble:
            case Trouble.STOPPED:
                await self._fake.stop()
            case Trouble.HANGS:
                self._fake.ill, self._fake.ill_at_the_door = self._hangs, False
            case Trouble.HTML:
                self._fake.ill = shows_a_page
            case Trouble.INSIDE:
                self._fake.ill = fails_inside
            case Trouble.EXPIRED:
                self._fake.tokens.clear()
            case Trouble.LIMITED:
                self._fake.ill = has_had_enough

    async def recover(self) -> None:
        self._later_s += 7_200
        self._released.set()
        self._released = asyncio.Event()
        self._fake.ill, self._fake.ill_at_the_door = None, True
        if self._fake.stopped:
            await self._fake.start()

    async def close(self) -> None:
        await self.crm.close()
        await self._links.close()

    async def _hangs(self, _request: web.Request) -> web.StreamResponse:
        await self._released.wait()
        return web.Response(status=503)

    def _opened(self) -> GenericCrm:
        return opened_from(
            whole_example(self._fake.url),
            self._folder,
            self._links,
            secret=SECRET,
            clock=lambda: time() + self._later_s,
        )


class TestGeneric(CrmContract):
    """All of the contract."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        fake = FakeRest()
        await fake.start()
        place = SmallCrm(fake, tmp_path)
        yield place
        await place.close()
        await place.recover()
        await fake.stop()
        refused = set(fake.refused) - {"GET /v1/customers: phone"}  # what a stranger may call himself is no number
        assert not refused, "the settings of the page ask for something that this CRM refuses"
