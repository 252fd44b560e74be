"""The whole bridge with a mirror of a cloud CRM: once it is filled, callers are known however the cloud is."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path

import pytest

from demo.asterisk import AsteriskInstance
from demo.bridge import AGI_PORT, Bridge
from fakes.amocrm import PIPELINES, FakeAmocrm

pytestmark = pytest.mark.slow

CALLER, STRANGER = "+74950000311", "+74950000399"
WITHIN_S = 30.0
RULES = """\
version: 1
region: RU
timezone: Europe/Moscow
classes:
  - {name: sales, when: {deal.stage: ["3177727.31"]}}
  - {name: new}
queues: {primary-consult: {timeout: 60s}, sales: {timeout: 60s}}
rules: [{name: sales, when: {class: sales}, queue: sales}]
default: {queue: primary-consult}
"""


@pytest.fixture
async def cloud() -> AsyncIterator[FakeAmocrm]:
    account = FakeAmocrm()
    await account.start()
    account.add_lead(account.add_contact("Злата Берёзкина", (CALLER,)), "Кухня", PIPELINES[0][0], 31)
    yield account
    await account.stop()


@pytest.fixture
async def bridge(tmp_path: Path, cloud: FakeAmocrm) -> AsyncIterator[Bridge]:
    with closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "amocrm.token").write_text(cloud.long_lived)
    (tmp_path / "rules.yaml").write_text(RULES)
    crm = {"kind": "amocrm", "url": cloud.url, "token": {"secret_file": str(tmp_path / "amocrm.token")}}
    one = Bridge(
        tmp_path,
        AsteriskInstance(Path("/"), tmp_path / "asterisk"),
        page_port=port,
        rules=tmp_path / "rules.yaml",
        crm={**crm, "mirror": {"every": "5s", "full": "10m"}},
    )
    yield one
    await one.kill()


async def asked(bridge: Bridge, number: str) -> dict[str, str]:
    """What the dialplan is told about a caller."""
    host = bridge.agi_url.removeprefix("agi://").partition(":")[0]
    reader, writer = await asyncio.open_connection(host, AGI_PORT)
    said = {
        "network": "yes",
        "network_script": "route",
        "language": "en",
        "threadid": "1",
        "channel": "PJSIP/trunk-1",
        "uniqueid": "1795288011.12",
        "callerid": number,
    }
    said |= {"calleridname": "unknown", "callingpres": "0", "arg_1": "74950000348", "arg_2": "1795288011.12"}
    writer.write("".join(f"agi_{key}: {value}\n" for key, value in said.items()).encode() + b"\n")
    told: dict[str, str] = {}
    async with asyncio.timeout(WITHIN_S):
        while line := (await reader.readline()).decode().strip():
            if line.startswith("EXEC MSet "):
                pairs = line.removeprefix("EXEC MSet ").strip('"').split(",")
                told |= dict(pair.split("=", 1) for pair in pairs)
            elif line.startswith("SET VARIABLE "):
                name, _, value = line.removeprefix("SET VARIABLE ").partition(" ")
                told[name] = value.strip('"')
            writer.write(b"200 result=1\n")
    writer.close()
    return told


async def from_the_mirror(bridge: Bridge, number: str) -> dict[str, str]:
    """The same; the first look of all into the mirror may come too late on a busy machine."""
    async with asyncio.timeout(WITHIN_S):
        while (told := await asked(bridge, number))["CTI_CRM"] != "cached":
            assert told["CTI_CRM"] == "failed"
    return told


async def until_filled(bridge: Bridge) -> None:
    async with asyncio.timeout(WITHIN_S):
        while (await bridge.sources())["crm"].get("mirror_age_s") is None:
            await asyncio.sleep(0.05)


async def test_a_caller_is_known_from_the_mirror_when_the_cloud_is_gone(bridge: Bridge, cloud: FakeAmocrm) -> None:
    await bridge.start(ready=("journal", "rules", "crm"))
    await until_filled(bridge)
    await cloud.stop()
    assert (await from_the_mirror(bridge, CALLER))["CTI_CLASS"] == "sales"
    async with asyncio.timeout(WITHIN_S):
        while (await bridge.sources())["crm"]["state"] != "up":
            await asyncio.sleep(0.05)
    await bridge.kill()
    await bridge.start(ready=("journal", "rules", "crm"))  # a kill takes nothing from the mirror
    assert (await from_the_mirror(bridge, CALLER))["CTI_CLASS"] == "sales"
    assert (await from_the_mirror(bridge, STRANGER))["CTI_CLASS"] == "new"
