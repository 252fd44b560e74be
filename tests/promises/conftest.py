"""One real Asterisk for all promises, and the real bridge in front of it, fresh for each test.

Fixtures: `asterisk` (running, shared, handed over without calls, members and settings), `staff` (every queue has its
two members; their phones are the test's business), `installed` (a bridge with customers, operators and rules of its
own to change, not started; Asterisk asks it), `bridge` (the same, running and ready), `at_desk` (`await
at_desk("op1")`: an operator signed in and connected to it). Nothing of them is left after a test.

Tests that do not change their bridge share one with short times, `running`: `pytestmark = one_bridge(SETTINGS)` of
`desk_scene`, and with `cabled=True` it reaches Asterisk's manager interface over `cable`, which a test may cut.

All tests and fixtures here run on one event loop per process, because the shared instance does. The cache of
Asterisk's root file system is `$CTI_CACHE`, or `.cache` in the repository.
"""

import os
import shutil
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator
from cti_bridge.operators.accounts import Accounts
from demo.asterisk import REPOSITORY, AsteriskInstance, build_root
from demo.bridge import Bridge
from demo.desks import Desk
from promises.cable import Cable
from promises.frames import checked
from promises.scene import CUSTOMERS, DIALPLAN, MEMBERS, OPERATORS, PARKING, PASSWORD, PHONE_OF, WAY_OUT, AtDesk
from promises.screens import bridge_with_short_times

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A test here runs alone unless it is unhurried, and on the loop of the shared instance if it is asynchronous."""
    for item in items:
        if HERE in item.path.parents:
            if not item.get_closest_marker("unhurried"):
                item.add_marker(pytest.mark.promise)
            if pytest_asyncio.is_async_test(item):
                item.add_marker(pytest.mark.asyncio(loop_scope="session"), append=False)


@pytest.fixture(autouse=True)
def frames_have_their_form() -> Iterator[None]:
    """What the bridge sends to pages is as its schema says."""
    with checked():
        yield


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def shared_asterisk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[AsteriskInstance]:
    """The instance behind `asterisk`; tests take that one."""
    root = await build_root(Path(os.environ.get("CTI_CACHE", REPOSITORY / ".cache")))
    workdir = tmp_path_factory.mktemp("asterisk")
    async with AsteriskInstance(root, workdir, extensions=DIALPLAN, more=PARKING | WAY_OUT) as instance:
        yield instance


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def prepared(shared_asterisk: AsteriskInstance, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the data of a bridge: customers imported and operators added."""
    bridge = Bridge(tmp_path_factory.mktemp("prepared"), shared_asterisk, page_port=0)
    code, _, complaint = await bridge.run("crm", "import", str(CUSTOMERS))
    assert code == 0, complaint
    accounts = Accounts(bridge.data)
    await accounts.open()
    try:
        for operator, name in OPERATORS.items():
            phones = (f"PJSIP/{PHONE_OF[operator]}",)
            await accounts.add(Operator(OperatorId(operator), name, phones, crm_user=operator), PASSWORD)
    finally:
        await accounts.close()
    return bridge.data


@pytest_asyncio.fixture(loop_scope="session")
async def asterisk(
    request: pytest.FixtureRequest, shared_asterisk: AsteriskInstance
) -> AsyncIterator[AsteriskInstance]:
    """A running Asterisk without calls, members and bridge; where a test is unhurried, its dialplan is as well."""
    if request.node.get_closest_marker("unhurried"):
        await shared_asterisk.lab.set_global("CTI_DEADLINE", "30")
    yield shared_asterisk
    if not shared_asterisk.running:
        await shared_asterisk.start()
    await shared_asterisk.hang_up_all()
    await shared_asterisk.remove_all_members()
    for name in ("CTI_AGI", "CTI_DEADLINE", "CTI_DEFAULT_QUEUE"):
        await shared_asterisk.lab.set_global(name, "")


@pytest_asyncio.fixture(loop_scope="session")
async def staff(asterisk: AsteriskInstance) -> None:
    """Two members in each queue: op1 and op2 for new callers, op3 and op4 for sales, op5 and op6 for production."""
    for queue, operators in MEMBERS.items():
        for operator in operators:
            await asterisk.add_member(queue, f"PJSIP/{PHONE_OF[operator]}", name=OPERATORS[operator])


@pytest_asyncio.fixture(loop_scope="session")
async def installed(
    request: pytest.FixtureRequest, asterisk: AsteriskInstance, prepared: Path, tmp_path: Path
) -> AsyncIterator[Bridge]:
    """A bridge that Asterisk asks, not started. Its `rules` are a copy of the shipped file that a test may change.

    Where a test is unhurried they give the CRM and the preferred operator more time.
    """
    folder = tmp_path / "bridge"
    shutil.copytree(prepared, folder / "data")
    rules = folder / "routing.yaml"
    shipped = (REPOSITORY / "config" / "routing.yaml").read_text("utf-8")
    if request.node.get_closest_marker("unhurried"):
        for short, long in (
            ("  deadline: 300ms", "  deadline: 900ms"),
            ("operator_timeout: 15s", "operator_timeout: 60s"),
        ):
            assert short in shipped
            shipped = shipped.replace(short, long)
    rules.write_text(shipped, "utf-8")
    bridge = Bridge(folder, asterisk, page_port=_free_port(), rules=rules)
    await asterisk.lab.set_global("CTI_AGI", bridge.agi_url)
    yield bridge
    await bridge.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def own_bridge(installed: Bridge) -> Bridge:
    """The running bridge of a test that has one of its own."""
    await installed.start()
    return installed


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def cable(shared_asterisk: AsteriskInstance) -> AsyncIterator[Cable]:
    """The line to Asterisk's manager interface of a bridge that is cabled."""
    async with Cable.to(shared_asterisk.address, shared_asterisk.ami_port) as cable:
        yield cable


@pytest.fixture(scope="module")
def asked_for(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What the file says about the one bridge of its tests, in the terms of `bridge_with_short_times`."""
    (marker,) = request.node.iter_markers("one_bridge")
    cabled = marker.kwargs["cabled"]
    return {"more": dict(*marker.args), "ami_port": request.getfixturevalue("cable").port if cabled else None}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def running(
    shared_asterisk: AsteriskInstance,
    prepared: Path,
    tmp_path_factory: pytest.TempPathFactory,
    asked_for: dict[str, Any],
) -> AsyncIterator[Bridge]:
    """The one bridge of a file."""
    folder = tmp_path_factory.mktemp("shared") / "bridge"
    async with bridge_with_short_times(shared_asterisk, prepared, folder, **asked_for) as bridge:
        yield bridge


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def unplugged(running: Bridge) -> None:
    """The one bridge has an operator `unplugged` as well, whose phone is nowhere."""
    await running.add_operator("unplugged", "Тимур Безлюдный", "PJSIP/199", password=PASSWORD)


@pytest_asyncio.fixture(loop_scope="session")
async def shared_bridge(asterisk: AsteriskInstance, running: Bridge) -> Bridge:
    """That bridge, asked by Asterisk; it runs, also when the test before has killed it."""
    await asterisk.lab.set_global("CTI_AGI", running.agi_url)
    if not running.running:
        await running.start()
    return running


@pytest.fixture
def bridge(request: pytest.FixtureRequest, shared_asterisk: AsteriskInstance, prepared: Path) -> Bridge:
    """A running bridge with everything well: the one of the file if it is marked so, or one of the test's own.

    What outlives the test is named here, so that it is there before the test counts what it leaves behind.
    """
    whose = "shared_bridge" if request.node.get_closest_marker("one_bridge") else "own_bridge"
    bridge: Bridge = request.getfixturevalue(whose)
    return bridge


@pytest_asyncio.fixture(loop_scope="session")
async def at_desk(bridge: Bridge) -> AsyncIterator[AtDesk]:
    """Sign an operator in and connect: `desk = await at_desk("op1")`; each call is a further connection."""
    async with AsyncExitStack() as stack:

        async def sit_down(operator: str) -> Desk:
            return await stack.enter_async_context(Desk(operator, bridge.page_url, PASSWORD))

        yield sit_down


def _free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
