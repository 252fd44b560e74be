"""Points in time as people write them: `7d` ago, or a date with or without a clock time and a zone."""

import re
from datetime import UTC, datetime, timedelta, tzinfo

_FIRST_YEAR, _LAST_YEAR = 2, 9998
"""Whatever lies between can be shown in every zone."""
_AGO = re.compile(r"([0-9]{1,6})\s*([smhdw])")
_UNITS = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}


def parse_moment(text: str, *, now: float, zone: tzinfo | None = None) -> float:
    """Seconds since 1970 of `2h`, `7d`, `2026-11-01`, `2026-11-01T10:00` or `2026-11-01T10:00+03:00`.

    An age is counted back from `now`, to 1970 at most; a day of it has 24 hours, whatever the clocks did. A date is its
    first moment. A time without an offset is meant in `zone`, by default the machine's; where clocks are put back the
    first of two equal times is meant, and a time that clocks leap over is the one after the leap. Raises ValueError.
    """
    text = text.strip()
    ago = _AGO.fullmatch(text)
    if ago is not None:
        return max(0.0, now - int(ago[1]) * _UNITS[ago[2]].total_seconds())
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=zone) if zone else moment.astimezone()
        if not _FIRST_YEAR <= moment.year <= _LAST_YEAR:
            raise ValueError(moment.year)
        return moment.timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError("not a time such as 7d, 2h, 2026-11-01 or 2026-11-01T10:00") from None


def iso_time(at: float, *, zone: tzinfo | None = None) -> str:
    """The moment in ISO 8601 with milliseconds and the offset of `zone`, by default of the machine's."""
    return datetime.fromtimestamp(at, UTC).astimezone(zone).isoformat(timespec="milliseconds")
