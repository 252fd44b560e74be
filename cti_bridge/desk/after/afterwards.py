"""What comes after calls, in one place: what operators write down, and what is left to do."""

from collections.abc import Awaitable, Callable, Iterator
from datetime import tzinfo

from cti_bridge.calls.call import Call
from cti_bridge.calls.journal import Journal
from cti_bridge.calls.journal_work_reader import WorkReader
from cti_bridge.calls.pops import Part
from cti_bridge.desk.after.after_call import AfterCalls
from cti_bridge.desk.after.after_commands import AfterCommands
from cti_bridge.desk.after.call_parts import CallParts
from cti_bridge.desk.after.work_commands import WorkCommands
from cti_bridge.desk.after.work_list import WorkList
from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.hub import Hub
from cti_bridge.operators.protocol import Json
from cti_bridge.reception.switchboard import Switchboard


class Afterwards:
    """The parts of it, wired to the journal and to the live calls; `zone` says by whose clocks times are told."""

    def __init__(
        self,
        settings: DeskSettings,
        journal: Journal,
        reader: WorkReader,
        hub: Hub,
        switchboard: Switchboard,
        *,
        directory: Callable[[], Directory],
        zone: Callable[[], tzinfo],
    ) -> None:
        self.calls = CallParts(switchboard, journal, directory=directory)
        self.after = AfterCalls(settings, journal, hub, self.calls, directory=directory, zone=zone)
        self.work = WorkList(journal, reader, hub, directory=directory, zone=zone)
        self._directory = directory
        switchboard.add_to_cards(self._of_call)
        switchboard.add_notes_to_cards(self._by_colleagues)

    def offer_to(self, commands: CommandList) -> None:
        """Add the commands."""
        AfterCommands(self.after).offer_to(commands)
        WorkCommands(self.work).offer_to(commands)

    def parts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to run until the end, each with its name."""
        yield "after calls", self.after.run
        yield "late notes", self.after.late.run
        yield "work list", self.work.run

    def snapshot_for(self, operator: OperatorId) -> Json:
        """What a page of this operator is told in its `welcome`."""
        return {"after": self.after.views(operator), "work": self.work.view(operator)}

    def _of_call(self, call: Call, operator: OperatorId, _part: Part | None) -> Json:
        """What is shown of it on the card of a call."""
        return {"after": self.after.view(operator, call.id)}

    def _by_colleagues(self, call: Call, operator: OperatorId) -> list[Json]:
        """What those wrote down who had this call before: it goes with the card to whom they hand the caller."""
        owners = (self._directory().owner_of(leg.interface) for leg in call.legs)
        others = {owner.id: owner.name for owner in owners if owner is not None and owner.id != operator}
        views = ((name, self.after.view(one, call.id)) for one, name in others.items())
        return [
            {"at": view["saved_at"], "author": name, "text": view["note"]}
            for name, view in views
            if view is not None and view["note"]
        ]
