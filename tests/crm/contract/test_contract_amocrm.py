"""The contract of the port, held by the adapter of amoCRM against a fake of it (see `fakes.amocrm`)."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from time import monotonic, time

import pytest

from contract.mirroring import MirrorContract
from contract.place import DealState, Person, Place, SeenCall, Trouble
from contract.suite import CrmContract, ReportContract
from cti_bridge.crm.amocrm.adapter import AmocrmCrm
from cti_bridge.crm.amocrm.call_filing import FilingWishes
from cti_bridge.crm.amocrm.connection import Connection, allowed_pace
from cti_bridge.crm.amocrm.sign_in import SignIn
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.ids import CustomerId
from fakes.amocrm import PIPELINES, USERS, FakeAmocrm
from fakes.amocrm_answers import hangs, has_had_enough, shows_a_page

pytestmark = pytest.mark.slow

QUICKER = 50
"""The seconds of the pace are so much shorter here; `test_amocrm_limits` holds it against the limit of amoCRM."""
STATUSES = {DealState.EARLY: 31, DealState.LATE: 32, DealState.WON: 142, DealState.LOST: 143}
WISHES = FilingWishes("Asterisk", unsorted=PIPELINES[1][0])
MONITOR = RecordingLinks("https://pbx.example/rec", "/var/spool/asterisk/monitor")


class AmocrmPlace(Place):
    """An account of the fake, signed in to by OAuth; each trouble begins two hours later."""

    user = str(USERS[0])
    archives = False
    troubles = frozenset({Trouble.STOPPED, Trouble.HANGS, Trouble.HTML, Trouble.EXPIRED, Trouble.LIMITED})

    def __init__(self, account: FakeAmocrm, folder: Path, wishes: FilingWishes) -> None:
        self._account = account
        self._wishes = wishes
        self._folder = folder
        self._later_s = 0.0
        self._links = SqliteLinks(folder / "links.sqlite")
        self.crm = self._opened()

    def _opened(self) -> AmocrmCrm:
        pace = allowed_pace(
            clock=lambda: monotonic() * QUICKER,
            sleep=lambda seconds: asyncio.sleep(seconds / QUICKER),
        )
        client = WebClient(self._account.url, pace=pace)
        sign_in = SignIn(
            client,
            client_id="die-id",
            secret="das-geheimnis",
            redirect_uri="https://example.com/",
            code=self._account.code,
        )
        tokens = sign_in.keeper(self._folder, clock=lambda: time() + self._later_s)
        return AmocrmCrm(
            Connection(client, tokens, pace),
            self._links,
            region="RU",
            wishes=self._wishes,
            fields={"city": 501},
        )

    async def seed(self, people: Sequence[Person]) -> tuple[CustomerId, ...]:
        ids = []
        for person in people:
            id_ = self._account.add_contact(person.name, person.numbers, responsible=int(person.responsible or 0))
            for deal in person.deals:
                self._account.add_lead(id_, deal.title, PIPELINES[0][0], STATUSES[deal.state])
            ids.append(CustomerId(str(id_)))
        return tuple(ids)

    def stage(self, state: DealState) -> str:
        return f"{PIPELINES[0][0]}.{STATUSES[state]}"

    async def calls_at(self, customer_id: CustomerId) -> list[SeenCall]:
        return [
            SeenCall(
                answered=call["call_status"] == 4,
                talked_s=call["duration"],
                recordings=1 if "link" in call else 0,
                user=str(call.get("call_responsible", "")),
            )
            for contact, call in self._account.calls
            if str(contact) == customer_id
        ]

    async def calls_of_strangers(self) -> int:
        return len(self._account.incoming)

    async def notes_at(self, customer_id: CustomerId) -> list[str]:
        notes = self._account.notes.get(("contacts", int(customer_id)), [])
        return [note["params"]["text"] for note in notes if note["note_type"] == "common"]

    async def restart(self) -> None:
        await self.crm.close()
        self.crm = self._opened()

    async def suffer(self, trouble: Trouble) -> None:
        self._later_s += 7_200
        match trouble:
            case Trouble.STOPPED:
                await self._account.stop()
            case Trouble.HANGS:
                self._account.ill = hangs
            case Trouble.HTML:
                self._account.ill = shows_a_page
            case Trouble.EXPIRED:
                self._account.expire()
            case Trouble.LIMITED:
                self._account.ill = has_had_enough

    async def recover(self) -> None:
        self._account.ill = None
        await self._account.stop()
        await self._account.start()

    async def close(self) -> None:
        await self.crm.close()
        await self._links.close()


@pytest.fixture
def wishes() -> FilingWishes:
    return WISHES


@pytest.fixture
async def place(tmp_path: Path, wishes: FilingWishes) -> AsyncIterator[AmocrmPlace]:
    account = FakeAmocrm(per_s=None)
    await account.start()
    place = AmocrmPlace(account, tmp_path, wishes)
    await place.crm.check()  # the bridge has signed in before anything goes wrong
    yield place
    await place.close()
    await account.stop()


class TestAmocrm(CrmContract):
    """amoCRM, with a pipeline for strangers."""


class TestAmocrmWithRecordings(ReportContract):
    """Recordings have addresses, so an answered call is filed with its last report."""

    @pytest.fixture
    def wishes(self) -> FilingWishes:
        return replace(WISHES, recordings=MONITOR)


class TestAmocrmMirror(MirrorContract):
    """Its mirror."""
