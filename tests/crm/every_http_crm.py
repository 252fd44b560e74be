"""Every kind of CRM that is asked over HTTP, each behind its fake: for stories that hold whichever it is."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from contract.place import Place
from contract.test_contract_amocrm import WISHES, AmocrmPlace
from contract.test_contract_bitrix import ApplicationPlace, BitrixPlace
from contract.test_contract_generic import SmallCrm
from contract.test_contract_vtiger import CloudPlace, VtigerPlace
from fakes.amocrm import FakeAmocrm
from fakes.bitrix import Bitrix
from fakes.rest import FakeRest
from fakes.vtiger import FakeVtiger

Opening = Callable[[Path], AbstractAsyncContextManager[Place]]


@asynccontextmanager
async def _generic(folder: Path) -> AsyncIterator[Place]:
    fake = FakeRest()
    await fake.start()
    place = SmallCrm(fake, folder)
    try:
        yield place
    finally:
        await place.close()
        await fake.stop()


def _bitrix(kind: type[BitrixPlace]) -> Opening:
    @asynccontextmanager
    async def opening(folder: Path) -> AsyncIterator[Place]:
        bitrix = Bitrix(enterprise=True)
        await bitrix.start()
        place = kind(bitrix, folder)
        try:
            yield place
        finally:
            await place.close()

    return opening


@asynccontextmanager
async def _amocrm(folder: Path) -> AsyncIterator[Place]:
    account = FakeAmocrm(per_s=None)
    await account.start()
    place = AmocrmPlace(account, folder, WISHES)
    try:
        await place.crm.check()
        yield place
    finally:
        await place.close()
        await account.stop()


def _vtiger(kind: type[VtigerPlace], flavour: str) -> Opening:
    @asynccontextmanager
    async def opening(folder: Path) -> AsyncIterator[Place]:
        vtiger = FakeVtiger(flavour)
        await vtiger.start()
        place = kind(vtiger, folder)
        try:
            yield place
        finally:  # not its own end, which looks for complaints: stories here send what is wrong on purpose
            await place.crm.close()
            await place._links.close()
            await vtiger.stop()

    return opening


EVERY_HTTP_CRM: dict[str, Opening] = {
    "generic": _generic,
    "bitrix24 by webhook": _bitrix(BitrixPlace),
    "bitrix24 by application": _bitrix(ApplicationPlace),
    "amocrm": _amocrm,
    "vtiger": _vtiger(VtigerPlace, "vtiger"),
    "salesplatform": _vtiger(VtigerPlace, "salesplatform"),
    "vtiger cloud": _vtiger(CloudPlace, "cloud"),
}
