"""Whatever stands in an answer of a real Tryton is understood or refused with words."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from test_p7_hostile_crm import VERA, answers_become, asked_for_everything, is_sane, is_well, spoilt, swollen
from tryton_place import place_at
from tryton_server import INSTALLING_S, running

from cti_bridge.crm.tryton import session
from cti_bridge.crm.web_client import Answer
from demo.tryton import TrytonServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALLING_S)]
__all__ = ["answers_become"]

ROUNDS = 6


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TrytonServer]:
    with running("8.0", tmp_path_factory.mktemp("tryton")) as server:
        yield server


async def test_whatever_tryton_answers_is_understood_or_refused_with_words(
    tryton: TrytonServer,
    tmp_path: Path,
    answers_become: Callable[[Callable[[Answer], Answer]], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "REFUSED_PAUSE_S", 0.0)  # a login that is none is tried again at once
    chance = random.Random("tryton 1")
    async with place_at(tryton, tmp_path) as place:
        (person,) = await place.seed([VERA])
        assert await is_well(place, person)
        for number in range(ROUNDS):
            answers_become(lambda answer: spoilt(answer, chance))
            for record in await asked_for_everything(place.crm, person, place, f"main-1.{number + 1}"):
                assert is_sane(record.customer), record.customer
                for deal in record.deals:
                    assert deal.amount is None or abs(deal.amount) < 10**15
            answers_become(lambda answer: answer)
            await place.restart()
        answers_become(lambda answer: swollen(answer, chance))
        assert len(await asked_for_everything(place.crm, person, place, "main-1.901")) <= 100
        answers_become(lambda answer: answer)
        await place.restart()
        assert await is_well(place, person)
