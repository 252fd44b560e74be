"""Changes the priority of a caller who waits in a queue."""

from collections.abc import Awaitable, Mapping
from typing import Protocol


class Ami(Protocol):
    """The connection to the PBX."""

    def ask(self, headers: Mapping[str, str]) -> Awaitable[object]:
        """Carry out one action, within a time limit."""


async def change_priority(ami: Ami, queue: str, channel_name: str, priority: int) -> None:
    """Give a caller another priority in this queue, and the place that goes with it.

    The name of his channel names him, not its id. Without `Immediate` Asterisk notes the priority and leaves him where
    he is. No event says that it was done, and in the next queue it is forgotten. Raises as `AmiConnection.ask`.
    """
    await ami.ask(
        {
            "Action": "QueueChangePriorityCaller",
            "Queue": queue,
            "Caller": channel_name,
            "Priority": str(priority),
            "Immediate": "yes",
        }
    )
