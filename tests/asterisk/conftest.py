"""A real Asterisk for the tests in this folder, and what cleans up behind each of them.

Fixtures: `asterisk_root` (path of the root file system, built when it is missing), `asterisk` (a
running instance, shared by all tests of a process and handed to each one empty: no calls, no queue
members, no bridge), `new_asterisk` (starts further instances that belong to one test alone).

All tests and fixtures here run on one event loop per process, because the shared instance does.
The cache of the root file system is `$CTI_CACHE`, or `.cache` in the repository.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from demo.asterisk import REPOSITORY, AsteriskInstance, build_root

LAB_DIALPLAN = (Path(__file__).parent / "lab.conf").read_text("utf-8")
"""Contexts that only tests need, in every Asterisk here."""

NewAsterisk = Callable[..., Awaitable[AsteriskInstance]]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run every asynchronous test of this folder on the loop of the shared instance."""
    for item in items:
        if Path(__file__).parent in item.path.parents and pytest_asyncio.is_async_test(item):
            item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def asterisk_root() -> Path:
    """The root file system of Asterisk; several processes at once build it only once."""
    return await build_root(Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache")))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_asterisk(
    asterisk_root: Path, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[AsteriskInstance]:
    """The instance behind `asterisk`; tests take that one."""
    workdir = tmp_path_factory.mktemp("asterisk")
    async with AsteriskInstance(asterisk_root, workdir, extensions=LAB_DIALPLAN) as instance:
        yield instance


@pytest_asyncio.fixture(loop_scope="session")
async def asterisk(shared_asterisk: AsteriskInstance) -> AsyncIterator[AsteriskInstance]:
    """A running Asterisk without calls, members and bridge; `CTI_AGI` is empty."""
    yield shared_asterisk
    await shared_asterisk.hang_up_all()
    await shared_asterisk.remove_all_members()
    for name in ("CTI_AGI", "CTI_DEADLINE", "CTI_DEFAULT_QUEUE"):
        await shared_asterisk.lab.set_global(name, "")


@pytest_asyncio.fixture(loop_scope="session")
async def new_asterisk(asterisk_root: Path, tmp_path: Path) -> AsyncIterator[NewAsterisk]:
    """Start an instance of this test's own: `await new_asterisk(agi=…, system_name=…)`."""
    async with AsyncExitStack() as stack:
        count = 0

        async def start(*, agi: str = "", system_name: str = "main") -> AsteriskInstance:
            nonlocal count
            count += 1
            instance = AsteriskInstance(
                asterisk_root,
                tmp_path / f"asterisk-{count}",
                agi=agi,
                system_name=system_name,
                extensions=LAB_DIALPLAN,
            )
            return await stack.enter_async_context(instance)

        yield start
