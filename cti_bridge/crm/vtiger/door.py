"""What both doors to vtiger have in common: its web services with a session, and its REST interface without."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from cti_bridge.crm.vtiger.words import Module
from cti_bridge.domain.number import CallerNumber

LOOK_UP_S = 5.0
"""A limit for what nobody cancels; a caller waits for a fraction of this."""
WRITE_S = 10.0


class Door(Protocol):
    """Asks vtiger. Every method but `close` raises CrmUnavailable, and CrmRefuses for what it will never do."""

    async def people(self, number: CallerNumber, modules: Sequence[Module]) -> list[tuple[Module, dict[str, Any]]]:
        """The records that may have this number, each with its module; they have to be looked at again."""
        ...

    async def query(self, question: str, *, urgent: bool = True) -> list[dict[str, Any]]:
        """The records that a question in vtiger's language asks for."""
        ...

    async def describe(self, module: str) -> dict[str, Any]:
        """The fields of a module, as the user of the settings may see them."""
        ...

    async def create(self, module: str, element: Mapping[str, str]) -> str:
        """A new record; its id."""
        ...

    async def revise(self, element: Mapping[str, str]) -> None:
        """Change the named fields of the record `id`, and leave the others."""
        ...

    async def user(self) -> str:
        """The id of the user of the settings."""
        ...

    async def check(self) -> None:
        """Return when vtiger answers and knows us."""
        ...

    async def close(self) -> None:
        """Let go of the connections; may be called twice."""
        ...
