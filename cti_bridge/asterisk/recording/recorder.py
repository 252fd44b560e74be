"""Makes recordings of one PBX: listens at the tap, begins with all there is, and lets nothing out unmasked."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

from cti_bridge import __version__
from cti_bridge.asterisk.ami.protocol import ActionRefused, NotConnected
from cti_bridge.asterisk.ami.translate import Headers, text
from cti_bridge.asterisk.recording.lines import Header, Kind, header_line, line
from cti_bridge.asterisk.recording.masking import Masker
from cti_bridge.asterisk.recording.samples import NoSamplesLeft
from cti_bridge.asterisk.recording.tap import Heard, Listener, Tap

AT_A_STRETCH = 50
"""So many messages are masked before everything else has its turn."""


class Manager(Protocol):
    """As much of the AMI connection as a recording needs."""

    async def ask(self, headers: Mapping[str, str]) -> list[Any]:
        """Carry out one action. Raises NotConnected, ActionRefused, TimeoutError."""

    async def look(self, take: Callable[[Headers], None], told: Callable[[str], None]) -> None:
        """List all channels, callers and bridges; tells `asked`, then `complete` or `failed`, which raises as `ask`."""


class Recording:
    """One recording that is being made. The first thing to read is its header."""

    def __init__(self, header: Header, masker: Masker, listener: Listener, began: float) -> None:
        self.header = header_line(header)
        self._masker = masker
        self._listener = listener
        self._began = began
        self._over = False

    async def read(self, *, within_s: float) -> str | None:
        """The next lines; empty where none came in time, None when it is over."""
        if self._over:
            return None
        await asyncio.sleep(0)  # neither reading nor writing waits as long as much is unread and the reader is quick
        heard = await self._listener.read(at_most=AT_A_STRETCH, within_s=within_s)
        if not heard and self._listener.over:
            self._over = True
            return line(time.monotonic() - self._began, Kind.END, "the bridge stops")
        lines = []
        for message in heard:
            try:
                lines.append(self._masked(message))
            except NoSamplesLeft as error:
                self._over = True
                lines.append(line(message.at - self._began, Kind.END, str(error)))
                break
        return "".join(lines)

    def _masked(self, message: Heard) -> str:
        said: Any = message.said
        match message.kind:
            case Kind.AMI:
                said = self._masker.event(said)
            case Kind.AGI:
                said = self._masker.environment(said)
            case Kind.ARI:
                said = self._masker.stasis(*said)
            case Kind.ANSWER:
                channel, variables, taken = said
                given = self._masker.answer(variables)
                said = {"channel": self._masker.id(channel), "variables": given, "taken": taken}
        return line(max(0.0, message.at - self._began), message.kind, said)


class Recorder:
    """Makes recordings for whoever asks."""

    def __init__(
        self,
        tap: Tap,
        manager: Manager,
        *,
        pbx: str,
        region: Callable[[], str],
        phones: Callable[[], Mapping[str, str]],
    ) -> None:
        """`region` reads national numbers; `phones` says whose each interface is."""
        self._tap = tap
        self._manager = manager
        self._pbx = pbx
        self._region = region
        self._phones = phones

    @asynccontextmanager
    async def record(self) -> AsyncIterator[Recording]:
        """Make a recording until the end of the block. Raises TooManyListeners."""
        listener = self._tap.listen()
        looking: asyncio.Task[None] | None = None
        at, began = time.time(), time.monotonic()
        try:
            asterisk, system = await self._about()
            region = self._region()
            masker = Masker(pbx=self._pbx, system=system, region=region)
            header = Header(
                pbx=self._pbx,
                system=system,
                asterisk=asterisk,
                bridge=__version__,
                at=at,
                region=region,
                phones=masker.phones(self._phones()),
            )
            recording = Recording(header, masker, listener, began)
            looking = asyncio.create_task(self._look(listener), name="recording-snapshot")
            yield recording
        finally:
            self._tap.leave(listener)
            if looking is not None:
                looking.cancel()
                await asyncio.gather(looking, return_exceptions=True)

    async def _about(self) -> tuple[str, str]:
        """Asterisk's version and its own name; empty while it is not there."""
        try:
            (answer, *_) = await self._manager.ask({"Action": "CoreSettings"})
        except (NotConnected, ActionRefused, TimeoutError):
            return "", ""
        return text(answer, "AsteriskVersion"), text(answer, "SystemName")

    async def _look(self, listener: Listener) -> None:
        """Begin with all that is there already. While Asterisk is away there is nothing; its return brings a list."""
        try:
            await self._manager.look(
                lambda entry: listener.put(Kind.AMI, entry), lambda stage: listener.put(Kind.SNAPSHOT, stage)
            )
        except (NotConnected, ActionRefused, TimeoutError):
            return
