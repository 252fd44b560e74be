"""What the private listener needs beside readiness and counters, for tests that are about something else."""

from pathlib import Path

from cti_bridge.asterisk.ami.connection import AmiAddress, AmiConnection
from cti_bridge.asterisk.recording.recorder import Recorder
from cti_bridge.asterisk.recording.tap import Tap
from cti_bridge.calls.events import CallEvent, Snapshot
from cti_bridge.operators.accounts import Accounts
from cti_bridge.routing.reloaded import NotReloaded, Reloaded
from cti_bridge.web.rule_reload import ReloadByHttp
from cti_bridge.web.security import Origins


def no_recorder() -> Recorder:
    """One that no test here asks for a recording."""
    ami = AmiConnection(AmiAddress("127.0.0.1", 1, "cti", "geheim"), NoCalls(), lambda state, reason: None)
    return Recorder(Tap(), ami, pbx="main", region=lambda: "RU", phones=dict)


class NoCalls:
    """Hears of no call."""

    def take(self, event: CallEvent) -> None:
        """Nothing happens."""

    def look_back(self, event: CallEvent, *, maybe_heard: bool) -> None:
        """Nothing happened."""

    def resync(self, snapshot: Snapshot) -> None:
        """There is nothing."""


def nobody_reloads(folder: Path) -> ReloadByHttp:
    """Reload that nobody has a key for."""

    async def refuse() -> Reloaded:
        raise NotReloaded("there are no rules")

    return ReloadByHttp(Accounts(folder), Origins.of(()), refuse)
