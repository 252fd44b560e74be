"""The side of the daemon that faces Asterisk: the AMI connection with what lives on it, and the doors for the dialplan.

The dialplan asks by FastAGI, and where the settings name an ARI application by Stasis; both are given one answer.
"""

from collections.abc import Awaitable, Callable, Iterator

from cti_bridge.asterisk.agi.server import AgiServer
from cti_bridge.asterisk.ami.connection import AmiAddress, AmiConnection
from cti_bridge.asterisk.ami.exclusions import Exclusions
from cti_bridge.asterisk.ami.queues import QueueWatch
from cti_bridge.asterisk.ari.entry import StasisCounts, StasisEntry
from cti_bridge.asterisk.ari.transport import AriAddress
from cti_bridge.asterisk.dialplan import Decide
from cti_bridge.asterisk.recording.tap import Tap
from cti_bridge.asterisk.records.reading import RecordFiles
from cti_bridge.asterisk.state import AsteriskState
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.fairness import Fairness
from cti_bridge.reception.healing import Healing
from cti_bridge.reception.rule_file import RuleFile
from cti_bridge.reception.switchboard import Switchboard
from cti_bridge.settings import Mode, Settings
from cti_bridge.supervision import stopped


class CannotBeAsked(Exception):
    """The dialplan would find nobody at the FastAGI address; the text says which it is and why."""


class PbxSide:
    """Made before whoever decides: `decide` is asked for each caller once `open_doors` was called."""

    def __init__(
        self,
        settings: Settings,
        switchboard: Switchboard,
        rules: RuleFile,
        *,
        decide: Decide,
        directory: Callable[[], Directory],
        now: Callable[[], float],
        tell: Callable[[str, str], None],
    ) -> None:
        pbx = settings.pbx
        self._shadow = settings.mode is Mode.SHADOW
        self._agi_settings = pbx.agi
        state = AsteriskState(tell, with_ari=pbx.ari is not None)
        self.tap = Tap()
        self.healing = Healing(
            RecordFiles(pbx.records.queue_log, pbx.records.cel), book=switchboard.book, directory=directory
        )
        self.ami = AmiConnection(
            AmiAddress(pbx.ami.host, pbx.ami.port, pbx.ami.username, pbx.ami.secret, pbx.ami.tls),
            switchboard,
            state.ami,
            needs_check=switchboard.needs_check,
            look_back=self.healing.look_back,
            tap=self.tap,
            now=now,
        )
        self.queues = QueueWatch(self.ami.ask, rules.queues_changed)
        self.exclusions = Exclusions(self.ami, for_s=0.0 if self._shadow else settings.rejected_for_s)
        self.fairness = Fairness(self.ami, switchboard.overtaking, rules=lambda: rules.current, now=now)
        self.agi = AgiServer(
            decide,
            host=pbx.agi.host,
            port=pbx.agi.port,
            allow=pbx.agi.allow,
            secret=pbx.agi.secret,
            tap=self.tap,
        )
        self.stasis_counts = StasisCounts()
        self._stasis: StasisEntry | None = None
        if (ari := pbx.ari) is not None:
            address = AriAddress(ari.host, ari.port, ari.username, ari.secret, ari.app, ari.tls)
            self._stasis = StasisEntry(address, decide, state.ari, self.stasis_counts, tap=self.tap)

    async def open_doors(self) -> None:
        """Let the dialplan ask. Raises CannotBeAsked where the FastAGI address cannot be listened at."""
        try:
            await self.agi.start()
        except OSError as error:
            reason = "already in use" if "in use" in str(error) else error.strerror or str(error)
            raise CannotBeAsked(f"FastAGI: {self._agi_settings.host}:{self._agi_settings.port} {reason}") from error

    def parts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to run until the end, each with its name."""
        yield "ami", self.ami.run
        yield "exclusions", self.exclusions.run
        yield "queues", self.queues.run
        if not self._shadow:
            yield "fairness", self.fairness.run
        if self._stasis is not None:
            yield "ari", self._stasis.run

    def closing_doors(self, *, within_s: float) -> Iterator[Awaitable[None]]:
        """No new callers from now on; each finishes the decisions that are under way, or gives up after `within_s`."""
        yield stopped("fastagi", self.agi.stop(within_s=within_s))
        if self._stasis is not None:
            yield stopped("stasis", self._stasis.stop(within_s=within_s))
