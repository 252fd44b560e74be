"""Moments: as an admin writes them, and as the facts of a call keep them."""

import zoneinfo
from datetime import UTC, datetime, tzinfo

_YEARS = range(1900, 9000)
"""What calendars can be asked about, with room to look a year ahead and back."""


def moment_text(at: datetime) -> str:
    """A moment as the facts keep it: ISO 8601 to the second, with its offset, such as `2026-11-23T11:00:00+03:00`."""
    return at.isoformat(timespec="seconds")


def in_zone(at: datetime, zone: str) -> datetime:
    """The same moment as the clocks of this zone show it; unchanged where they cannot or the zone is not known."""
    try:
        return at.astimezone(zoneinfo.ZoneInfo(zone))
    except (ValueError, OSError, OverflowError, zoneinfo.ZoneInfoNotFoundError):
        return at


def kept_moment(value: object) -> datetime | None:
    """The moment in a fact; None where there is none, or something that no calendar can be asked about."""
    if not isinstance(value, str):
        return None
    try:
        at = datetime.fromisoformat(value)
    except ValueError:
        return None
    return at if at.tzinfo is not None and at.year in _YEARS else None


def read_moment(text: str, zone: tzinfo) -> datetime:
    """A moment as a person writes it: `2026-11-23 11:00`, with an offset (`…+03:00`) or a zone (`… Europe/Berlin`).

    Without either it is meant in `zone`, and so it is given back. An hour that the clocks go through twice means the
    first time. Raises ValueError with one line for whoever wrote it.
    """
    words = text.split()
    meant = zone
    if len(words) > 1 and words[-1][:1].isalpha():
        meant = _zone(words.pop())
    try:
        at = datetime.fromisoformat(" ".join(words))
    except ValueError:
        raise ValueError(f"{text!r} is not a time, write it like 2026-11-23 11:00") from None
    if at.year not in _YEARS:
        raise ValueError(f"{text!r} is too far away")
    if at.tzinfo is not None:
        return at.astimezone(zone)
    local = at.replace(tzinfo=meant)
    if local.astimezone(UTC).astimezone(meant).replace(tzinfo=None) != at:
        raise ValueError(f"{text!r} does not exist, the clocks go forward over it")
    return local.astimezone(zone)


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError):
        raise ValueError(f"time zone {name!r} is not known, write it like Europe/Moscow") from None
