"""Values out of a CRM's answer, whatever their type: what we keep of them is text, ids, times and sums of bounded size.

Nothing here raises: what cannot be used is nothing.
"""

import re
from datetime import UTC, datetime, timedelta, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any

from cti_bridge.crm.embedded.cells import amount, lines, text

_LONGEST_ID = 128
_YES = frozenset({"1", "1.0", "true", "yes", "y", "да"})
_MOST_TEXTS = 50
_MOST_IN_ONE = 10
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MOST_SECONDS = 32_503_680_000
"""The year 3000; a larger number of seconds is one of milliseconds."""
_SECONDS = re.compile(r"[0-9]{9,13}(?:\.[0-9]{1,9})?", re.ASCII)
"""Since 1970, or milliseconds, in a text; eight digits are a date."""
_LARGEST_WHOLE = 2**128
"""What 128 bits can hold; some systems have ids that large."""
_LONGEST_SUM = 15
"""Digits before the point."""
_SMALLEST_PART = Decimal("0.000001")
MOST_NUMBERS = 50
"""Telephone numbers of one customer, or values of one field, that are looked at: each takes time to be read."""
_BETWEEN_NUMBERS = re.compile(r"[,/|\n]|;(?!ext)")
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


def time_of(value: Any, zone: tzinfo = UTC, written: str = "") -> datetime | None:
    """A time in UTC from ISO 8601, where it is one of `zone` without an offset, or from seconds (or ms) since 1970.

    `written` is how a text has it in place of ISO 8601, as `strptime` reads it (`%d.%m.%Y %H:%M`).
    """
    try:
        if not written and isinstance(value, str) and _SECONDS.fullmatch(value):
            value = float(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            seconds = value / 1000 if value > _MOST_SECONDS else value
            return _EPOCH + timedelta(seconds=seconds) if seconds > 0 else None
        if not isinstance(value, str) or len(value) > 64:
            return None
        plain = value.strip()
        # A time without a zone gets that of the CRM below.
        read = datetime.strptime(plain, written) if written else datetime.fromisoformat(plain)  # noqa: DTZ007
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def yes_of(value: Any) -> bool:
    """Whether it says yes: `true`, 1, or such a word as text."""
    return text_of(value).casefold() in _YES if not isinstance(value, bool) else value


def amount_of(value: Any) -> Decimal | None:
    """A sum of money from a number, or from a text such as `1250000.50` or `1 250 000,50 ₽`.

    None for a sum that nobody has: as a whole number 1E+999999999 would not fit into any memory.
    """
    if isinstance(value, Decimal):
        return _bounded(value) if value.is_finite() and value.adjusted() < _LONGEST_SUM else None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        written = value.strip() if isinstance(value, str) else str(Decimal(str(value)).quantize(_SMALLEST_PART))
        return Decimal(written if _PLAIN_SUM.fullmatch(written) else amount(text_of(written), "")).normalize() + 0
    except (InvalidOperation, ValueError):
        return None


def _bounded(amount: Decimal) -> Decimal:
    """The sum with six digits behind the point at most, of however many it has."""
    return amount if -amount.as_tuple().exponent <= 6 else amount.quantize(_SMALLEST_PART).normalize() + 0  # type: ignore[operator]


def numbers_in(typed: str) -> tuple[str, ...]:
    """The telephone numbers in a field for one, each as it was typed: people put two there, with something between."""
    return tuple(part.strip() for part in _BETWEEN_NUMBERS.split(typed)[:_MOST_IN_ONE] if part.strip())


def _written(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value) if abs(value) <= _LARGEST_WHOLE else ""
    return str(value) if isinstance(value, float) and abs(value) < 10**18 else ""
