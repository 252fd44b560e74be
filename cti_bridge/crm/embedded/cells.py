"""What stands in one cell of a CSV file: text, a sum of money, a time, a time zone."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_AMOUNT = re.compile(r"[0-9]{1,15}(?:[.,][0-9]{1,2})?")
_CURRENCY = re.compile(r" ?(?:₽|руб\.?|р\.)$", re.IGNORECASE)


def text(cell: str) -> str:
    """The cell on one line, without what cannot be seen or would turn the text around it."""
    if not cell.isprintable():
        cell = "".join(
            " " if character.isspace() else character
            for character in cell
            if character.isspace() or unicodedata.category(character)[0] != "C"
        )
    return " ".join(cell.split())


def lines(cell: str) -> str:
    """The same for a cell of several lines, which it keeps; empty ones go."""
    return "\n".join(line for line in map(text, cell.splitlines()) if line)


def amount(of: str, decimal: str) -> str:
    """A sum as plain decimal text, `1 250 000,50 ₽` is `1250000.50`; `decimal` is its sign, empty for either.

    Raises ValueError.
    """
    compact = _CURRENCY.sub("", of).replace(" ", "")
    if decimal:
        compact = compact.replace("." if decimal == "," else ",", "")
    if not _AMOUNT.fullmatch(compact):
        raise ValueError(of)
    return str(Decimal(compact.replace(",", ".")))


def instant(of: str, formats: Sequence[str], zone: tzinfo) -> str:
    """A time in UTC, ISO 8601; without an offset it is one of `zone`. `formats` are tried in turn, none means ISO 8601.

    Raises ValueError.
    """
    read = _formatted(of, formats) if formats else datetime.fromisoformat(of)
    try:
        return (read if read.tzinfo else read.replace(tzinfo=zone)).astimezone(UTC).isoformat(timespec="seconds")
    except OverflowError:
        raise ValueError(of) from None


def _formatted(of: str, formats: Sequence[str]) -> datetime:
    for form in formats:
        try:
            return datetime.strptime(of, form)  # noqa: DTZ007 - the zone is put in by the caller
        except ValueError:
            continue
    raise ValueError(of)


@lru_cache(maxsize=1024)
def is_timezone(name: str) -> bool:
    """Whether there is an IANA time zone of this name."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


def excerpt(of: str) -> str:
    """As much of a cell as a message shows."""
    return of if len(of) <= 40 else of[:39] + "…"
