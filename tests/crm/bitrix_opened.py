"""The adapter of Bitrix24 opened against its fake, with a clock that the stories move."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from ssl import SSLContext

from cti_bridge.crm.bitrix.adapter import TELLS, BitrixCrm
from cti_bridge.crm.bitrix.oauth import SignIn
from cti_bridge.crm.bitrix.rest import Application, Rest, Right, Webhook
from cti_bridge.crm.bitrix.settings import hook_parts
from cti_bridge.crm.bitrix.telling import CallTeller
from cti_bridge.crm.bitrix.words.people import Fields
from cti_bridge.crm.links import Links
from cti_bridge.crm.pace import Pace
from cti_bridge.crm.port import READS_AND_WRITES, Capability
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.crm.web_client import WebClient
from fakes.bitrix import CLIENT_ID, CLIENT_SECRET, Bitrix

NOBODY_S = 1
"""The user whose calls nobody answered."""
RECORDINGS = RecordingLinks("https://pbx.example/recordings", "/var/spool/asterisk/monitor")
FIELDS = Fields(city="ufCrm_1700000001")


@dataclass
class MemoryLinks:
    """Links that are gone with the test; as many lives of the adapter as it takes share them."""

    kept: dict[str, str] = field(default_factory=dict)

    async def get(self, key: str) -> str | None:
        return self.kept.get(key)

    async def put(self, key: str, value: str) -> None:
        self.kept[key] = value


class Time:
    """The time of the fake and of the pace, which passes only while somebody waits for it."""

    def __init__(self, bitrix: Bitrix) -> None:
        self._bitrix = bitrix

    def __call__(self) -> float:
        return self._bitrix.now()

    async def sleep(self, seconds: float) -> None:
        self._bitrix.ahead_s += seconds

    def pace(self, per_s: float = 2, burst: int = 40, kept: int = 20) -> Pace:
        """As it is allowed, by this time."""
        return Pace(per_s, burst, kept, clock=self, sleep=self.sleep)


@asynccontextmanager
async def fake(*, tls: SSLContext | None = None) -> AsyncIterator[Bitrix]:
    """The portal, for as long as the story goes; with `tls` by https."""
    bitrix = Bitrix(tls=tls)
    await bitrix.start()
    try:
        yield bitrix
    finally:
        await bitrix.stop()


@asynccontextmanager
async def by_webhook(bitrix: Bitrix, hook: str = "") -> AsyncIterator[BitrixCrm]:
    """The adapter with an incoming webhook, the fake's own unless another is given."""
    base, path = hook_parts(hook or bitrix.hook)
    crm = _crm(bitrix, base, Webhook(path), MemoryLinks())
    try:
        yield crm
    finally:
        await crm.close()


@asynccontextmanager
async def by_application(
    bitrix: Bitrix, folder: Path, links: Links, *, create_leads: bool = False, code: str = ""
) -> AsyncIterator[BitrixCrm]:
    """The adapter as a local application that has just signed in, or with this code; its tokens are in `folder`."""
    authority = WebClient(bitrix.url)
    code_file = folder / "bitrix24.code"
    if code or not code_file.exists():
        code_file.write_text(code or bitrix.code())
    sign_in = SignIn(authority, client_id=CLIENT_ID, secret=CLIENT_SECRET, code=code_file.read_text())
    keeper = sign_in.keeper(folder, clock=bitrix.now)
    crm = _crm(bitrix, bitrix.url, Application(keeper, authority), links, tells=True, create_leads=create_leads)
    try:
        yield crm
    finally:
        await crm.close()


def _crm(
    bitrix: Bitrix, base: str, right: Right, links: Links, *, tells: bool = False, create_leads: bool = False
) -> BitrixCrm:
    time = Time(bitrix)
    pace = time.pace()
    rest = Rest(WebClient(base, pace=pace), right, pace, clock=time)
    teller = CallTeller(rest, links, user=NOBODY_S, recordings=RECORDINGS, create_leads=create_leads) if tells else None
    capabilities = READS_AND_WRITES | (TELLS | {Capability.REPORT_UPDATED} if tells else frozenset())
    return BitrixCrm(rest, links, region="RU", teller=teller, capabilities=capabilities, fields=FIELDS, clock=time)
