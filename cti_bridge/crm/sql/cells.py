"""What stands in one column of a row that a database gave, whichever type the admin's table has there. Pure."""

from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from cti_bridge.crm.received import amount_of

_LONGEST = 10_000
"""Characters of a text that are taken over; notes are the longest."""
_YES = frozenset({"1", "t", "true", "y", "yes", "да", "д"})
_NO = frozenset({"0", "f", "false", "n", "no", "нет", "н", ""})


def text(cell: Any) -> str:
    """The cell as text, empty for none; bytes are read as UTF-8."""
    match cell:
        case None:
            written = ""
        case bytes() | bytearray():
            written = bytes(cell[: 4 * _LONGEST]).decode("utf-8", "replace")
        case bool():
            written = str(cell).lower()
        case Decimal() if cell.is_finite():
            written = format(cell.to_integral_value() if cell == cell.to_integral_value() else cell, "f")
        case float() if cell.is_integer():
            written = str(int(cell))
        case _:
            written = str(cell)
    return written[:_LONGEST].replace("\x00", "")


def amount(cell: Any) -> Decimal | None:
    """A sum of money; None for none, and for what is no sum, or one that nobody has."""
    try:
        sum_ = Decimal(text(cell).strip()) if not isinstance(cell, Decimal) else cell
    except InvalidOperation:
        return None
    return amount_of(sum_)


def instant(cell: Any, zone: tzinfo) -> datetime | None:
    """A time, in UTC; one without an offset is one of `zone`, a date is its beginning, a number is seconds since 1970.

    None for anything else.
    """
    if isinstance(cell, int | float | Decimal) and not isinstance(cell, bool):
        try:
            return datetime.fromtimestamp(float(cell), UTC) if cell else None
        except (OverflowError, ValueError, OSError):
            return None
    if isinstance(cell, str | bytes):
        try:
            cell = datetime.fromisoformat(text(cell).strip())
        except ValueError:
            return None
    if isinstance(cell, date) and not isinstance(cell, datetime):
        cell = datetime.combine(cell, time())
    if not isinstance(cell, datetime):
        return None
    try:
        return (cell if cell.tzinfo else cell.replace(tzinfo=zone)).astimezone(UTC)
    except (OverflowError, ValueError):  # PostgreSQL's infinity, and years that have no UTC
        return None


def whole(cell: Any) -> int:
    """A whole number; 0 for anything else."""
    try:
        return int(text(cell))
    except ValueError:
        return 0


def yes(cell: Any) -> bool | None:
    """Whether the cell says yes (true, 1, `t`, `y`, `да`) or no (false, 0, `f`, `n`, `нет`, nothing); else None.

    MySQL's `BIT(1)` comes as a byte that is no letter.
    """
    if cell in (b"\x00", b"\x01"):
        return bool(cell[0])
    word = text(cell).strip().lower()
    return True if word in _YES else False if word in _NO else None


def storable(value: str) -> str:
    """A text that any database takes: without NUL characters and halves of characters."""
    return value.replace("\x00", "").encode("utf-8", "replace").decode("utf-8")
