"""The contract of the port, held by the adapter of vtiger against a fake of each flavour (see `fakes.vtiger`)."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from contract.place import DealState, Person, Place, SeenCall, Trouble
from contract.suite import CrmContract
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.port import Crm
from cti_bridge.crm.vtiger.settings import VtigerModel, opened
from cti_bridge.domain.ids import CustomerId
from fakes.vtiger import ACCESS_KEY, CALLS_SECRET, FakeVtiger
from fakes.vtiger_calls import CallRow

pytestmark = pytest.mark.slow

STAGES = {
    DealState.EARLY: "Prospecting",
    DealState.LATE: "Negotiation or Review",
    DealState.WON: "Closed Won",
    DealState.LOST: "Closed Lost",
}
OLGA = "19x5"
_PHONES = ("phone", "mobile")


class VtigerPlace(Place):
    """A fake vtiger with people in Contacts, and firms in Accounts."""

    user = "101"
    nobody = CustomerId("12x999999")
    troubles = frozenset(Trouble)

    def __init__(self, vtiger: FakeVtiger, folder: Path) -> None:
        self.vtiger = vtiger
        self._folder = folder
        self._links = SqliteLinks(folder / "links.sqlite")
        self.crm = self._opened()

    def _opened(self) -> Crm:
        calls = {"secret": CALLS_SECRET, "recordings": "https://pbx.example/rec/"}
        if self.vtiger.flavour == "salesplatform":
            calls["unanswered_extension"] = "900"
        model = VtigerModel.model_validate(
            {
                "flavour": self.vtiger.flavour,
                "url": self.vtiger.url,
                "user": "cti",
                "secret": ACCESS_KEY,
                "phone_calls": calls,
                "check_every": "0s",
            }
        )
        return opened(model, region="RU", stages=None, folder=self._folder, data_dir=self._folder, links=self._links)

    async def seed(self, people: Sequence[Person]) -> tuple[CustomerId, ...]:
        return tuple([self._put(person) for person in people])

    def _put(self, person: Person) -> CustomerId:
        firm = person.name.startswith("ООО")
        module, name = ("Accounts", "accountname") if firm else ("Contacts", "lastname")
        numbers = dict(zip(_PHONES, person.numbers, strict=False))
        owner = {"assigned_user_id": OLGA} if person.responsible else {}
        id_ = self.vtiger.add(module, **{name: person.name}, **numbers, **owner)
        for deal in person.deals:
            link = {"related_to" if firm else "contact_id": id_}
            self.vtiger.add("Potentials", potentialname=deal.title, sales_stage=STAGES[deal.state], **link)
        if person.archived:
            self.vtiger.gone.add(id_)
        return CustomerId(id_)

    def stage(self, state: DealState) -> str:
        return STAGES[state]

    async def calls_at(self, customer_id: CustomerId) -> list[SeenCall]:
        return [self._seen(row) for row in self.vtiger.calls.rows if row.customer == customer_id]

    def _seen(self, row: CallRow) -> SeenCall:
        talked = row.callstatus in {"completed", "in-progress"}
        user = self.vtiger.records["Users"].get(row.user, {})
        extension = user.get("phone_crm_extension") or user.get("phone_work") or ""
        return SeenCall(
            answered=talked,
            over=row.callstatus not in {"ringing", "in-progress"},
            talked_s=int(row.billduration) if row.billduration else None,
            recordings=int(bool(row.recordingurl)),
            user=extension if talked else "",
        )

    async def calls_of_strangers(self) -> int:
        return sum(not row.customer for row in self.vtiger.calls.rows)

    async def notes_at(self, customer_id: CustomerId) -> list[str]:
        comments = self.vtiger.records["ModComments"].values()
        return [one["commentcontent"] for one in comments if one["related_to"] == customer_id]

    async def restart(self) -> None:
        await self.crm.close()
        self.crm = self._opened()

    async def suffer(self, trouble: Trouble) -> None:
        match trouble:
            case Trouble.STOPPED:
                await self.vtiger.stop()
            case Trouble.EXPIRED:
                self.vtiger.sessions.clear()
            case _:
                self.vtiger.trouble = trouble

    async def recover(self) -> None:
        self.vtiger.recover()
        await self.vtiger.stop()
        await self.vtiger.start()

    async def close(self) -> None:
        """Give everything back; whatever the fake could not take shows here."""
        await self.crm.close()
        await self._links.close()
        await self.vtiger.stop()
        assert self.vtiger.complaints == []


class CloudPlace(VtigerPlace):
    """The cloud knows no sessions."""

    troubles = frozenset(Trouble) - {Trouble.EXPIRED}


async def _place(kind: type[VtigerPlace], flavour: str, folder: Path) -> AsyncIterator[Place]:
    vtiger = FakeVtiger(flavour)
    await vtiger.start()
    place = kind(vtiger, folder)
    yield place
    await place.close()


class TestVtiger(CrmContract):
    """vtiger CE 6 and 7."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        async for place in _place(VtigerPlace, "vtiger", tmp_path):
            yield place


class TestSalesPlatform(CrmContract):
    """SalesPlatform."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        async for place in _place(VtigerPlace, "salesplatform", tmp_path):
            yield place


class TestVtigerCloud(CrmContract):
    """Vtiger Cloud."""

    @pytest.fixture
    async def place(self, tmp_path: Path) -> AsyncIterator[Place]:
        async for place in _place(CloudPlace, "cloud", tmp_path):
            yield place
