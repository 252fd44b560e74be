"""The contract of the port, held by the adapter of Bitrix24 against a fake of it (see `fakes.bitrix`)."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest
from aiohttp import web

from contract.mirroring import MirrorContract
from contract.place import DealState, Person, Place, SeenCall, Trouble
from contract.suite import CrmContract
from cti_bridge.crm.bitrix.settings import BitrixModel, opened
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.port import Crm
from cti_bridge.crm.token_file import Kept, Tokens, mark_of, write_tokens
from cti_bridge.domain.ids import CustomerId
from fakes.bitrix import CLIENT_ID, CLIENT_SECRET, Bitrix
from fakes.bitrix_portal import COMPANY, CONTACT, DEAL

pytestmark = pytest.mark.slow

CODE = "the-code-of-the-sign-in"
STAGES = {DealState.EARLY: "NEW", DealState.LATE: "EXECUTING", DealState.WON: "WON", DealState.LOST: "LOSE"}
PAGE = "<!DOCTYPE html><html><body>Вход в Битрикс24</body></html>"


class BitrixPlace(Place):
    """A portal of the fake."""

    user = "7"
    archives = False
    nobody = CustomerId("contact-999999")
    troubles = frozenset({Trouble.STOPPED, Trouble.HANGS, Trouble.HTML, Trouble.INSIDE, Trouble.LIMITED})

    def __init__(self, bitrix: Bitrix, folder: Path) -> None:
        self.bitrix = bitrix
        self._folder = folder
        self._links = SqliteLinks(folder / "links.sqlite")
        self.crm = self._opened()

    def model(self) -> BitrixModel:
        """How it is reached."""
        return BitrixModel.model_validate({"webhook": {"secret": self.bitrix.hook}})

    def _opened(self) -> Crm:
        return opened(
            self.model(), region="RU", stages=None, folder=self._folder, data_dir=self._folder, links=self._links
        )

    async def seed(self, people: Sequence[Person]) -> tuple[CustomerId, ...]:
        return tuple([self._put(person) for person in people])

    def _put(self, person: Person) -> CustomerId:
        firm = person.name.startswith("ООО")
        entity, name, owner = (COMPANY, "title", "companyId") if firm else (CONTACT, "name", "contactId")
        fields = {name: person.name, "phones": person.numbers, "assignedById": int(person.responsible or 1)}
        id_ = self.bitrix.portal.put(entity, **fields)
        for deal in person.deals:
            over = deal.state in {DealState.WON, DealState.LOST}
            self.bitrix.portal.put(
                DEAL, title=deal.title, stageId=STAGES[deal.state], closed="Y" if over else "N", **{owner: id_}
            )
        return CustomerId(f"{'company' if firm else 'contact'}-{id_}")

    def stage(self, state: DealState) -> str:
        return STAGES[state]

    async def calls_at(self, customer_id: CustomerId) -> list[SeenCall]:
        kind, _, number = customer_id.partition("-")
        calls = self.bitrix.calls.of(kind.upper(), int(number))
        return [_seen(call) for call in calls]

    async def calls_of_strangers(self) -> int:
        return len(self.bitrix.calls.statistics)

    async def notes_at(self, customer_id: CustomerId) -> list[str]:
        kind, _, number = customer_id.partition("-")
        mine = (kind, int(number))
        comments = self.bitrix.portal.comments
        return [one["COMMENT"] for one in comments if (one["ENTITY_TYPE"], int(one["ENTITY_ID"])) == mine]

    async def restart(self) -> None:
        await self.crm.close()
        self.crm = self._opened()

    async def suffer(self, trouble: Trouble) -> None:
        match trouble:
            case Trouble.STOPPED:
                await self.bitrix.stop()
            case Trouble.HANGS:
                self.bitrix.well.clear()
            case Trouble.HTML:
                self.bitrix.answers = lambda: web.Response(text=PAGE, content_type="text/html")
            case Trouble.INSIDE:
                said = {"error": "INTERNAL_SERVER_ERROR", "error_description": "Internal server error"}
                self.bitrix.answers = lambda: web.json_response(said)
            case Trouble.LIMITED:
                said = {"error": "QUERY_LIMIT_EXCEEDED", "error_description": "Too many requests"}
                self.bitrix.answers = lambda: web.json_response(said, status=503)
            case Trouble.EXPIRED:
                self.bitrix.tokens = dict.fromkeys(self.bitrix.tokens, 0.0)

    async def recover(self) -> None:
        self.bitrix.answers = None
        self.bitrix.well.set()
        await self.bitrix.stop()
        await self.bitrix.start()

    async def close(self) -> None:
        """Give everything back."""
        await self.crm.close()
        await self._links.close()
        await self.bitrix.stop()


class ApplicationPlace(BitrixPlace):
    """The same portal by a local application, which has signed in an hour ago at most."""

    troubles = BitrixPlace.troubles | {Trouble.EXPIRED}

    def __init__(self, bitrix: Bitrix, folder: Path) -> None:
        bitrix.code(CODE, lasts_s=3_600)
        tokens = Tokens(bitrix.grant(), bitrix.refresh, bitrix.now() + 3_000)
        write_tokens(folder / "bitrix24-tokens.json", Kept(tokens, mark_of(CODE)))
        super().__init__(bitrix, folder)

    def model(self) -> BitrixModel:
        return BitrixModel.model_validate(
            {
                "application": {
                    "portal": self.bitrix.url,
                    "authority": self.bitrix.url,
                    "client_id": CLIENT_ID,
                    "client": {"secret": CLIENT_SECRET},
                    "code": {"secret": CODE},
                    "user": 1,
                    "recordings": {"url": "https://pbx.example/recordings"},
                }
            }
        )


def _seen(call: dict[str, object]) -> SeenCall:
    answered = call["CALL_STATUS"] == 1
    return SeenCall(
        answered=answered,
        over=True,
        talked_s=int(str(call["CALL_DURATION"])),
        recordings=int(call["RECORD"] is not None),
        user=str(call["PORTAL_USER_ID"]) if answered else "",
    )


async def _place(kind: type[BitrixPlace], folder: Path) -> AsyncIterator[Place]:
    bitrix = Bitrix()
    await bitrix.start()
    place = kind(bitrix, folder)
    yield place
    await place.close()


class TestBitrixByWebhook(CrmContract):
    """Looking up and writing down."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        async for place in _place(BitrixPlace, tmp_path):
            yield place


class TestBitrixByApplication(CrmContract):
    """Telling of calls as well."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        async for place in _place(ApplicationPlace, tmp_path):
            yield place


class TestBitrixMirror(MirrorContract):
    """Contacts, companies and deals kept nearby."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        async for place in _place(BitrixPlace, tmp_path):
            yield place
