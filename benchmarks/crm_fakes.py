"""One of the tests' fakes of a CRM as a process of its own, so that only our side of a look-up is in our process.

    python -m benchmarks.crm_fakes     stdin: {"kind": "bitrix24", "folder": "…", "people": 60}

Its address stands in the file `address` of that folder when it says `ready`. What a fake limits is lifted.
"""

import asyncio
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import uvloop

from benchmarks.customers import number
from benchmarks.processes import READY

sys.path.append(str(Path(__file__).resolve().parent.parent / "tests" / "crm"))

from fakes.amocrm import PIPELINES, FakeAmocrm
from fakes.bitrix import Bitrix
from fakes.bitrix_portal import CONTACT, DEAL
from fakes.rest import FakeRest
from fakes.vtiger import FakeVtiger


class Fake(Protocol):
    """What all of them can."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


def _bitrix(people: int) -> Fake:
    bitrix = Bitrix()
    for n in range(people):
        contact = bitrix.portal.put(CONTACT, name=f"Клиент {n}", phones=(number(n),))
        bitrix.portal.put(DEAL, title=f"Заказ {n}", stageId="NEW", closed="N", contactId=contact)
    return bitrix


def _amocrm(people: int) -> Fake:
    account = FakeAmocrm(per_s=None)
    for n in range(people):
        account.add_lead(account.add_contact(f"Клиент {n}", (number(n),)), f"Заказ {n}", PIPELINES[0][0], 31)
    return account


def _generic(people: int) -> Fake:
    fake = FakeRest()
    for n in range(people):
        fake.add_deal(fake.add(f"Клиент {n}", (number(n),)), f"Заказ {n}", "offer")
    return fake


def _vtiger(people: int) -> Fake:
    vtiger = FakeVtiger()
    for n in range(people):
        contact = vtiger.add("Contacts", lastname=f"Клиент {n}", phone=number(n))
        vtiger.add("Potentials", potentialname=f"Заказ {n}", sales_stage="Prospecting", contact_id=contact)
    return vtiger


FAKES: dict[str, Callable[[int], Fake]] = {
    "generic": _generic,
    "bitrix24": _bitrix,
    "amocrm": _amocrm,
    "vtiger": _vtiger,
}
_QUICK_S = 0.002
_FAR_S = 2.0


async def main() -> None:
    """Serve until stdin ends."""
    told = json.loads(sys.stdin.readline())
    fake: Any = FAKES[told["kind"]](told["people"])
    await fake.start()
    address = fake.hook if isinstance(fake, Bitrix) else fake.url
    (Path(told["folder"]) / "address").write_text(address, "utf-8")
    passing = asyncio.create_task(_time_passes(fake)) if isinstance(fake, Bitrix) else None
    print(READY, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    if passing is not None:
        passing.cancel()
    await fake.stop()


async def _time_passes(bitrix: Bitrix) -> None:
    """Its limit is by the clock, so that goes a thousand times as fast."""
    while True:
        bitrix.ahead_s += _FAR_S
        await asyncio.sleep(_QUICK_S)


if __name__ == "__main__":
    uvloop.run(main())
