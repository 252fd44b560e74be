"""What the journal can count: shares of classes, queues and lines, waiting times, what was missed, who answered.

All of that is about inbound calls; of the others it is told how many there were.

SQLite counts, on the narrow side table; what reaches us is bounded, however many calls and names there are. Calls
that were removed for their age are still in the counts, by whole days, but not in waiting times and hours.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from math import ceil
from typing import Any

from sqlite_utils import Database

MOST_NAMES = 100
"""So many names of a kind are counted by themselves, those with most calls; the rest together as `other`."""
OTHER = "other"
QUARTER_S = 900
_TENTHS_A_DAY = 864_000

_COUNTED = f"""
    CREATE TEMP TABLE counted AS
    SELECT class_name, queue, line, outcome, missed, wait_s IS NOT NULL AS answered,
        CAST(min(round(wait_s * 10), {_TENTHS_A_DAY}) AS INTEGER) AS tenth, count(*) AS calls
    FROM call_figures WHERE direction = 'inbound' AND offered_at >= :since AND offered_at < :until
    GROUP BY 1, 2, 3, 4, 5, 6, 7
    UNION ALL
    SELECT class_name, queue, line, outcome, external AND outcome <> 'answered', outcome = 'answered', NULL, sum(calls)
    FROM call_totals WHERE direction = 'inbound' AND day >= :first_day AND day < :last_day GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - a number of ours
"""Everything that is alike, once and with its count: the large table is read once for all shares and waits."""
_SUMS = "coalesce(sum(calls), 0), coalesce(sum(calls * answered), 0), coalesce(sum(calls * missed), 0)"
_BY_TIME = "FROM call_figures WHERE direction = 'inbound' AND offered_at >= :since AND offered_at < :until"
_DIRECTIONS = """
    SELECT direction, sum(calls) FROM (
        SELECT direction, count(*) AS calls FROM call_figures
        WHERE offered_at >= :since AND offered_at < :until GROUP BY 1
        UNION ALL
        SELECT direction, sum(calls) FROM call_totals WHERE day >= :first_day AND day < :last_day GROUP BY 1
    ) GROUP BY 1 ORDER BY 2 DESC, 1
"""


@dataclass(frozen=True, slots=True)
class Waiting:
    """How long answered callers waited, in seconds to a tenth (nearest rank); None where nobody was answered."""

    p50_s: float | None
    p95_s: float | None


@dataclass(frozen=True, slots=True)
class Share:
    """The calls of one class, queue or line."""

    name: str
    calls: int
    answered: int
    missed: int
    """From outside, over, and answered by nobody."""
    waiting: Waiting | None
    """None for the rest that is counted together."""


@dataclass(frozen=True, slots=True)
class Figures:
    """All counts of a time, of inbound calls but for `directions`.

    `quarters` are calls by quarter of an hour (its beginning, seconds since 1970).

    `removed_days` are calls by day of UTC of which nothing but the count is left. Outcome `""` is going on.
    """

    directions: tuple[tuple[str, int], ...]
    calls: int
    answered: int
    missed: int
    waiting: Waiting
    outcomes: tuple[tuple[str, int], ...]
    classes: tuple[Share, ...]
    queues: tuple[Share, ...]
    lines: tuple[Share, ...]
    operators: tuple[tuple[str, int], ...]
    """Who answered first, and how many."""
    quarters: tuple[tuple[float, int], ...]
    removed_days: tuple[tuple[str, int], ...]


def figures(database: Database, *, since: float, until: float) -> Figures:
    """Count the calls that arrived at `since` or later and before `until` (seconds since 1970).

    Needs a temporary table, which goes with the connection.
    """
    values = {"since": since, "until": until, "first_day": _day(since, up=True), "last_day": _day(until, up=False)}
    database.conn.execute("DROP TABLE IF EXISTS temp.counted")
    database.conn.execute(_COUNTED, values)
    calls, answered, missed = _rows(database, f"SELECT {_SUMS} FROM counted")[0]  # noqa: S608 - constant texts
    tenths = _rows(database, "SELECT tenth, sum(calls) FROM counted WHERE tenth IS NOT NULL GROUP BY 1 ORDER BY 1")
    return Figures(
        directions=tuple(_rows(database, _DIRECTIONS, values)),
        calls=calls,
        answered=answered,
        missed=missed,
        waiting=_waiting(tenths),
        outcomes=_outcomes(database),
        classes=_shares(database, "class_name"),
        queues=_shares(database, "queue"),
        lines=_shares(database, "line"),
        operators=_answered_by(database, values),
        quarters=tuple(
            (quarter * float(QUARTER_S), count)
            for quarter, count in _rows(
                database,
                f"SELECT CAST(offered_at / {QUARTER_S} AS INTEGER), count(*) {_BY_TIME} GROUP BY 1 ORDER BY 1",
                values,
            )
        ),
        removed_days=tuple(
            _rows(
                database,
                "SELECT day, sum(calls) FROM call_totals WHERE direction = 'inbound'"
                " AND day >= :first_day AND day < :last_day GROUP BY 1 ORDER BY 1",
                values,
            )
        ),
    )


def _shares(database: Database, column: str) -> tuple[Share, ...]:
    rows = _rows(
        database,
        f"SELECT {column}, {_SUMS} FROM counted GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_NAMES}",  # noqa: S608
    )
    named = {row[0] for row in rows}
    waited = _iterate(
        database,
        f"SELECT {column}, tenth, sum(calls) FROM counted WHERE tenth IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2",  # noqa: S608
    )
    waiting = {
        name: _waiting([(tenth, count) for _, tenth, count in group])
        for name, group in groupby(waited, key=lambda row: row[0])
        if name in named
    }
    shares = [
        Share(name, calls, answered, missed, waiting.get(name, Waiting(None, None)))
        for name, calls, answered, missed in rows
    ]
    if len(rows) == MOST_NAMES:
        whole = _rows(database, f"SELECT {_SUMS} FROM counted")[0]  # noqa: S608
        calls, answered, missed = (
            total - sum(row[index] for row in rows) for index, total in enumerate(whole, start=1)
        )
        if calls:
            shares.append(Share(OTHER, calls, answered, missed, None))
    return tuple(shares)


def _outcomes(database: Database) -> tuple[tuple[str, int], ...]:
    query = f"SELECT outcome, sum(calls) FROM counted GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_NAMES}"  # noqa: S608
    return tuple(_rows(database, query))


def _answered_by(database: Database, values: dict[str, object]) -> tuple[tuple[str, int], ...]:
    rows = _rows(
        database,
        f"SELECT operator, count(*) {_BY_TIME} AND wait_s IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT {MOST_NAMES}",
        values,
    )
    if len(rows) < MOST_NAMES:
        return tuple(rows)
    whole = _rows(database, f"SELECT count(*) {_BY_TIME} AND wait_s IS NOT NULL", values)[0][0]
    rest = whole - sum(count for _, count in rows)
    return (*rows, (OTHER, rest)) if rest else tuple(rows)


def _waiting(tenths: Iterable[tuple[int, int]]) -> Waiting:
    """The percentiles of waits given as tenths of a second in ascending order, each with how often it was seen."""
    seen = list(tenths)
    whole = sum(count for _, count in seen)
    return Waiting(_percentile(seen, whole, 50), _percentile(seen, whole, 95))


def _percentile(seen: list[tuple[int, int]], whole: int, percent: int) -> float | None:
    rank = ceil(whole * percent / 100)
    for tenth, count in seen:
        rank -= count
        if rank <= 0:
            return tenth / 10
    return None


def _day(at: float, *, up: bool) -> str:
    """The day of UTC that holds this moment; `up`: the first whole day from it on."""
    whole_days = ceil(at / 86400) if up else int(at // 86400)
    return datetime.fromtimestamp(min(max(whole_days, 0), 2_900_000) * 86400, UTC).date().isoformat()


def _iterate(database: Database, query: str, values: dict[str, object] | None = None) -> Iterator[tuple[Any, ...]]:
    return iter(database.conn.execute(query, values or {}))


def _rows(database: Database, query: str, values: dict[str, object] | None = None) -> list[tuple[Any, ...]]:
    return list(_iterate(database, query, values))
