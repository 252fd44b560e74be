"""Values out of a CRM's answer, whatever their type: what we keep of them is text, ids, times and sums of bounded size.

Nothing here raises: what cannot be used is nothing.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from cti_bridge.crm.embedded.cells import lines, text

_LONGEST_ID = 128
_MOST_TEXTS = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SECONDS = 32_503_680_000
"""The year 3000; a larger number of seconds is one of milliseconds."""
_PLAIN_SUM = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,6})?", re.ASCII)


def text_of(value: Any, longest: int = 200) -> str:
    """A text or number on one line, without what cannot be seen; empty for anything else."""
    return text(_written(value)[: 4 * longest])[:longest].rstrip()


def lines_of(value: Any, longest: int = 4_000) -> str:
    """The same for a text of several lines."""
    return lines(_written(value)[: 4 * longest])[:longest].rstrip()


def id_of(value: Any) -> str | None:
    """An id: a text or a whole number, exactly as it was sent; None for what cannot be one."""
    written = _written(value) if isinstance(value, int) else value
    if not isinstance(written, str) or not 1 <= len(written) <= _LONGEST_ID:
        return None
    return written if written.isprintable() and written.strip() == written else None


def texts_of(value: Any) -> tuple[str, ...]:
    """The texts of a list, or one text alone; what is empty or no text is left out."""
    items = value if isinstance(value, list) else [value]
    found = (text_of(item) for item in items[:_MOST_TEXTS])
    return tuple(item for item in found if item)


def time_of(value: Any, zone: tzinfo = UTC) -> datetime | None:
    """A time in UTC from ISO 8601, where it is one of `zone` without an offset, or from seconds (or ms) since 1970."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if value > _MOST_SECONDS else value
            return _EPOCH + timedelta(seconds=seconds) if seconds > 0 else None
        if not isinstance(value, str) or len(value) > 64:
            return None
        read = datetime.fromisoformat(value.strip())
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def amount_of(value: Any) -> Decimal | None:
    """A sum of money from a number, or from a text with a point such as `1250000.50`."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        written = value.strip() if isinstance(value, str) else str(Decimal(str(value)).quantize(Decimal("0.000001")))
        return Decimal(written).normalize() + 0 if _PLAIN_SUM.fullmatch(written) else None
    except (InvalidOperation, ValueError):
        return None


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value) if abs(value) < 10**18 else ""
    return ""
