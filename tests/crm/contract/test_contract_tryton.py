"""A real Tryton keeps the contract, with and without the package that makes E.164 of its numbers."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tryton_place import place_at
from tryton_server import INSTALLING_S, running

from contract.place import Place
from contract.suite import CallerContract, CrmContract, PersonContract
from demo.tryton import TrytonServer

pytestmark = [pytest.mark.slow, pytest.mark.timeout(INSTALLING_S)]

Servers = pytest.TempPathFactory


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: Servers) -> Iterator[TrytonServer]:
    with running("8.0", tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture(scope="module")
def tryton_as_typed(tmp_path_factory: Servers) -> Iterator[TrytonServer]:
    with running("8.0", tmp_path_factory.mktemp("tryton"), as_typed=True) as server:
        yield server


@pytest.fixture(scope="module")
def tryton_7(tmp_path_factory: Servers) -> Iterator[TrytonServer]:
    with running("7.0", tmp_path_factory.mktemp("tryton")) as server:
        yield server


class TestTryton(CrmContract):
    @pytest.fixture
    async def place(self, tryton: TrytonServer, tmp_path: Path) -> AsyncIterator[Place]:
        async with place_at(tryton, tmp_path) as place:
            yield place


class TestTrytonThatKeepsWhatWasTyped(CallerContract, PersonContract):
    """Only numbers are another thing there."""

    @pytest.fixture
    async def place(self, tryton_as_typed: TrytonServer, tmp_path: Path) -> AsyncIterator[Place]:
        async with place_at(tryton_as_typed, tmp_path, as_typed=True) as place:
            yield place


@pytest.mark.soak
class TestTryton7(CrmContract):
    @pytest.fixture
    async def place(self, tryton_7: TrytonServer, tmp_path: Path) -> AsyncIterator[Place]:
        async with place_at(tryton_7, tmp_path) as place:
            yield place
