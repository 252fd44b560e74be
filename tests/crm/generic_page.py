"""The generic CRM as its page describes it, asked on loopback: its whole example, or a few lines beside it."""

import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import web
from receiver import Behaviour, HttpReceiver

from cti_bridge.crm.generic.adapter import GenericCrm
from cti_bridge.crm.generic.settings import GenericModel, opened
from cti_bridge.crm.links import Links
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number
from cti_bridge.settings import Settings, load_settings

ROOT = Path(__file__).resolve().parent.parent.parent
AMI = "pbxes: [{ami: {secret_file: ami.secret}}]\n"
_FENCE = re.compile(r"^```yaml\n(crm:\n.*?)^```$", re.MULTILINE | re.DOTALL)
VERA = parse_number("+74950000150", region="RU")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FIND = """\
crm:
  kind: generic
  url: {url}
  timeout: 10s
  find:
    path: /who
    query: {{phone: "{{e164}}"}}
    customers: items
    customer: {{id: id, name: name, numbers: phones}}
    deals: "deals || `[]`"
    deal: {{id: id, stage: stage, amount: sum}}
"""
PERSON = {"id": 7, "name": "Вера Ёлкина", "phones": ["8 (495) 000-01-50"]}


def whole_example(url: str) -> str:
    """The example of the page with everything, for the CRM at this address."""
    return _examples(url)[0]


def second_example(url: str) -> str:
    """The example of another shape."""
    return _examples(url)[1]


def _examples(url: str) -> tuple[str, str]:
    whole, second = _FENCE.findall((ROOT / "docs" / "crm" / "generic.md").read_text("utf-8"))
    return whole.replace("https://crm.example", url), second.replace("https://crm.example", url)


def settings_of(block: str, folder: Path, *, secret: str = "geheim") -> Settings:
    """The settings with this `crm:` block. Raises SettingsError."""
    (folder / "ami.secret").write_text("geheim\n", "utf-8")
    (folder / "crm.secret").write_text(secret + "\n", "utf-8")
    (folder / "cti-bridge.yaml").write_text(AMI + block, "utf-8")
    return load_settings(folder / "cti-bridge.yaml")


def opened_from(
    block: str, folder: Path, links: Links, *, secret: str = "geheim", clock: Callable[[], float] = time.time
) -> GenericCrm:
    """The CRM of this block, as the bridge opens it."""
    settings = settings_of(block, folder, secret=secret)
    model = settings.crm.model
    assert isinstance(model, GenericModel)
    return opened(
        model,
        region="RU",
        stages=settings.crm.stages,
        folder=folder,
        data_dir=folder,
        links=links,
        clock=clock,
    )


class MemoryLinks:
    """Remembers for as long as it is there."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.kept.get(key)

    async def put(self, key: str, value: str) -> None:
        self.kept[key] = value


def gives(document: Any, status: int = 200, **headers: str) -> Behaviour:
    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return web.json_response(document, status=status, headers=named)

    return answer


@asynccontextmanager
async def crm_at(url: str, folder: Path, more: str = "", find: str = FIND) -> AsyncIterator[GenericCrm]:
    crm = opened_from(find.format(url=url) + more, folder, MemoryLinks())
    try:
        yield crm
    finally:
        await crm.close()


def at(receiver: HttpReceiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


def ended(*, key: str = "main-1.1", seq: int = 3, customer: str | None = "7") -> CallReport:
    """The end of an answered call with two recordings."""
    return CallReport(
        id=f"{key}/{seq}",
        key=key,
        moment=CallMoment.ENDED,
        direction="inbound",
        number="+74950000150",
        did="+74950000001",
        customer_id=CustomerId(customer) if customer else None,
        user="olga",
        queue="sales",
        outcome="answered",
        started_at=NOON,
        answered_at=NOON.replace(minute=1),
        ended_at=NOON.replace(minute=3),
        recordings=(ReportedRecording("a.wav", NOON), ReportedRecording("b.wav", NOON)),
    )
