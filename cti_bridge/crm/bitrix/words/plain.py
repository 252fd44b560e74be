"""What the words for people, deals, notes and calls are made of: commands, and careful reading of answers. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cti_bridge.domain.ids import CustomerId

PAGE = 50
"""Every list comes in pages of this length."""
_LARGEST = 10**18
DEAL = 2
"""What Bitrix24 calls the type of a deal."""


class Kind(StrEnum):
    """What can have a telephone number; the words are those of our ids and of the settings."""

    CONTACT = "contact"
    COMPANY = "company"
    LEAD = "lead"


ENTITY_TYPES: Mapping[Kind, int] = {Kind.CONTACT: 3, Kind.COMPANY: 4, Kind.LEAD: 1}


@dataclass(frozen=True, slots=True)
class Command:
    """One method with its parameters."""

    method: str
    params: Mapping[str, Any] = field(default_factory=dict)


_UNCOUNTED = -1
"""As a list's beginning it means the beginning, and that nobody wants to know how long the list is: that takes long."""


def item_list(
    entity: int, wanted: Mapping[str, Any], *, select: Sequence[str], order: Mapping[str, str] | None = None
) -> Command:
    """Ask for the first page of entries of one type that are as they are wanted."""
    params = {"entityTypeId": entity, "filter": dict(wanted), "select": list(select), "start": _UNCOUNTED}
    return Command("crm.item.list", params | ({"order": dict(order)} if order else {}))


def customer_id(kind: Kind, number: int) -> CustomerId:
    """Our id of a person: `contact-275`."""
    return CustomerId(f"{kind}-{number}")


def owner_of(id_: CustomerId) -> tuple[Kind, int] | None:
    """Kind and number of one of our ids, None for what is none."""
    kind, _, number = id_.partition("-")
    if kind not in set(Kind) or not (number.isascii() and number.isdecimal()) or len(number) > 12:
        return None
    return Kind(kind), int(number)


def whole(value: Any) -> int:
    """An id or a sort number, which come as 7 and as "7"; 0 for anything else."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value if 0 < value < _LARGEST else 0
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= 18:
        return int(value)
    return 0


def entries(value: Any) -> list[Any]:
    """The entries of a list, also of one that came as an object with numbers for names; none of anything else."""
    if isinstance(value, dict) and all(name.isdecimal() for name in value):
        return list(value.values())
    return value if isinstance(value, list) else []
