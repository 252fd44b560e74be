"""Whatever a CRM answers, whichever kind it is: it is understood or refused with words, and its work has an end."""

import json
import random
from collections.abc import Awaitable, Callable, Iterator
from copy import deepcopy
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from brief import BRIEF
from every_http_crm import EVERY_HTTP_CRM

import cti_bridge.domain.number
from contract.calls import call_of, story
from contract.place import DealState, Person, Place, SeedDeal
from cti_bridge.crm.mirror.source import FROM_THE_BEGINNING, Mirrorable
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import Crm, CrmRefuses, CrmUnavailable, Probing
from cti_bridge.crm.web_client import MOST_THINGS, Answer, WebClient, json_of
from cti_bridge.domain.customer import Customer, CustomerRecord
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number

VERA = Person("Вера Ёлкина", ("+7 495 000-01-50",), (SeedDeal("Кухня"), SeedDeal("Шкаф", DealState.LATE)), "")
NUMBER = parse_number(VERA.numbers[0], region="RU")
ROUNDS = 15 if BRIEF else 80
MOST_NUMBERS_READ = 25_000
"""Less than a second of work on any machine, and far more than an honest answer needs."""

HOSTILE: tuple[Any, ...] = (
    None, True, -1, 0, 10**400, 10**40, 2**63, 1e308, 1e-308, "", " ", "\x00", "\ud800", "a\ud800\udc00b",
    "\u202eкнижка\u202c\r\n\x1b[2J", "<script>alert(1)</script>", "' OR 1=1 -- \\", "1e999999999", "9" * 5_000,
    "Ы" * 100_000, "2026-99-99T99:99:99", "0001-01-01T00:00:00+14:00", "NaN", [], {}, [[]], [None], [{}], {"": None},
    {"id": {"id": []}}, ["+74950000150"] * 5_000, {"__class__": "Decimal", "decimal": "1E+999999999"},
)  # fmt: skip

pytestmark = pytest.mark.slow
"""What may stand anywhere in an answer instead of what was expected."""


def inner(document: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in a document, as its container and the key or index in it."""
    waiting = [document]
    while waiting:
        container = waiting.pop()
        for key in container if isinstance(container, dict) else range(len(container)):
            yield container, key
            if isinstance(container[key], dict | list):
                waiting.append(container[key])


def spoilt(answer: Answer, chance: random.Random) -> Answer:
    """The same answer with something else at one or two of its places."""
    try:
        document = json.loads(answer.body)
    except ValueError:
        return answer
    for _ in range(chance.randint(1, 2)):
        places = list(inner(document)) if isinstance(document, dict | list) else []
        if places:
            container, key = chance.choice(places)
            container[key] = deepcopy(chance.choice(HOSTILE))
    body = json.dumps(document).replace('"NaN"', chance.choice(["1e999", "-1e999", '"NaN"']))
    return Answer(answer.status, answer.headers, body.encode())


def swollen(answer: Answer, _chance: random.Random) -> Answer:
    """The same answer with thousands of entries in each of its lists, as much as is let through."""
    try:
        document = json.loads(answer.body)
    except ValueError:
        return answer
    lists = [value for container, key in inner(document) if isinstance(value := container[key], list) and value]
    for one in reversed([document, *lists] if isinstance(document, list) and document else lists):
        room = MOST_THINGS // 3 // max(1, len(lists)) // max(1, json.dumps(one[-1]).count(",") + 1)
        pattern = json.dumps(one[-1])
        one.extend(_numbered(json.loads(pattern), number) for number in range(1_000, 1_000 + min(room, 20_000)))
    return Answer(answer.status, answer.headers, json.dumps(document, separators=(",", ":")).encode())


def _numbered(entry: Any, number: int) -> Any:
    if isinstance(entry, dict) and isinstance(entry.get("id"), int):
        return entry | {"id": entry["id"] + number}
    return entry


async def asked_for_everything(crm: Crm, person: CustomerId, place: Place, key: str) -> tuple[CustomerRecord, ...]:
    """Everything that the bridge asks a CRM and tells it; only the two errors of the port may come of it."""
    found: list[tuple[CustomerRecord, ...]] = []

    async def find() -> None:
        found.append(await crm.find(NUMBER))

    async def tell() -> None:
        for report in story(place, call_of(place, person, "+74950000150", key=key), answered=True):
            await crm.report(report)

    asking: list[Callable[[], Awaitable[object]]] = [
        crm.check, find, crm.stages, lambda: crm.notes(person, limit=20), lambda: crm.calls(person, limit=20), tell,
    ]  # fmt: skip
    if isinstance(crm, Probing):
        asking.append(crm.lacking)
    if isinstance(crm, Mirrorable):
        asking += [lambda: crm.changed_since(FROM_THE_BEGINNING), lambda: crm.customers_gone([person])]
    for ask in asking:
        try:
            await ask()
        except (CrmUnavailable, CrmRefuses) as error:
            assert str(error).isprintable()
            assert len(str(error)) < 1_000
            assert "Ёлкина" not in str(error)
    return found[0] if found else ()


async def is_well(place: Place, person: CustomerId) -> bool:
    """Whether the CRM finds her while nothing is changed; a machine that stands still for a moment is not its fault."""
    for _ in range(10):
        if len(await asked_for_everything(place.crm, person, place, "main-1.900")) == 1:
            return True
    return False


def is_sane(customer: Customer) -> bool:
    """Whether what is shown of a customer is text of a bounded length on one line."""
    texts = [value for one in fields(customer) if isinstance(value := getattr(customer, one.name), str)]
    return all(text.isprintable() and len(text) <= 700 for text in texts) and len(customer.numbers) <= 1_000


@pytest.fixture
def answers_become(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Answer], Answer]], None]:
    """Have each answer of a CRM made into another, and nobody wait for his turn."""
    honest = WebClient._exchange

    async def at_once(_pace: Pace, *, urgent: bool, within_s: float | None = None) -> None:
        pass

    def become(change: Callable[[Answer], Answer]) -> None:
        async def exchange(client: WebClient, *request: Any) -> Answer:
            return change(await honest(client, *request))

        monkeypatch.setattr(WebClient, "_exchange", exchange)

    monkeypatch.setattr(Pace, "take", at_once)
    return become


@pytest.mark.parametrize("kind", EVERY_HTTP_CRM)
async def test_whatever_stands_in_an_answer_is_understood_or_refused_with_words(
    kind: str, tmp_path: Path, answers_become: Callable[[Callable[[Answer], Answer]], None]
) -> None:
    chance = random.Random(f"{kind} 1")
    async with EVERY_HTTP_CRM[kind](tmp_path) as place:
        (person,) = await place.seed([VERA])
        assert await is_well(place, person)
        for number in range(ROUNDS):
            answers_become(lambda answer: spoilt(answer, chance))
            for record in await asked_for_everything(place.crm, person, place, f"main-1.{number + 1}"):
                assert is_sane(record.customer), record.customer
                for deal in record.deals:
                    assert deal.amount is None or abs(deal.amount) < Decimal(10) ** 15
                    assert deal.title.isprintable()
                    assert len(deal.title + deal.stage + deal.id) <= 700
                    assert deal.changed_at is None or isinstance(deal.changed_at, datetime)
            answers_become(lambda answer: answer)
            await place.restart()


@pytest.mark.parametrize("kind", EVERY_HTTP_CRM)
async def test_thousands_of_entries_in_an_answer_are_bounded_work(
    kind: str,
    tmp_path: Path,
    answers_become: Callable[[Callable[[Answer], Answer]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    read = 0
    honestly = cti_bridge.domain.number._clean

    def counting(text: str) -> str:
        nonlocal read
        read += 1
        return honestly(text)

    async with EVERY_HTTP_CRM[kind](tmp_path) as place:
        (person,) = await place.seed([VERA])
        assert await is_well(place, person)
        monkeypatch.setattr(cti_bridge.domain.number, "_clean", counting)
        answers_become(lambda answer: swollen(answer, random.Random(1)))
        records = await asked_for_everything(place.crm, person, place, "main-1.901")
        answers_become(lambda answer: answer)
    assert read <= MOST_NUMBERS_READ
    assert sum(len(record.deals) for record in records) <= 10_000
    assert all(is_sane(record.customer) for record in records)


@pytest.mark.parametrize("body", [b"[" + b"[]," * 600_000 + b"1]", b"[" + b"1," * 600_000 + b"1]"])
def test_an_answer_of_more_values_than_anybody_has_is_not_read(body: bytes) -> None:
    """Four megabytes of empty lists take more than a second, during which no other call gets on."""
    with pytest.raises(CrmUnavailable, match="values"):
        json_of(Answer(200, {}, body))
