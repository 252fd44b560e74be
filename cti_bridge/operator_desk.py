"""All that operators do at their desks, wired together: what runs, what pages are shown, what can be commanded."""

from collections.abc import Awaitable, Callable, Iterator

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.command_list import CommandList
from cti_bridge.operators.desk_settings import DeskSettings
from cti_bridge.operators.protocol import Json


class OperatorDesk:
    """The parts of the desk. `commands` is complete once it is made."""

    def __init__(self, settings: DeskSettings, *, commands: CommandList) -> None:
        self.commands = commands
        self._settings = settings

    async def open(self) -> None:
        """Take up what an earlier run left; called once the journal is open."""

    def parts(self) -> Iterator[tuple[str, Callable[[], Awaitable[None]]]]:
        """What has to run until the end, each with its name."""
        yield from ()

    def snapshot_for(self, operator: OperatorId) -> Json:
        """What a page of this operator is told in its `welcome` beside calls, sources, stages and team."""
        settings = self._settings
        return {
            "state": None,
            "desk": {
                "states": [
                    {"id": s.id, "name": dict(s.names), "kind": s.kind.value, "colour": s.colour.value}
                    for s in settings.states
                ],
                "outcomes": [{"id": o.id, "name": dict(o.names), "needs": sorted(o.needs)} for o in settings.outcomes],
                "required": sorted(settings.wrap_up.required),
                "create_deal": settings.create_deal,
            },
        }

    async def close(self) -> None:
        """Finish what is under way."""
        await self.commands.close()
