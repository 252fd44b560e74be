"""The time by which the journal measures age, so that a wrong clock removes nothing.

It never runs ahead of the machine's clock. It follows at most twice as fast as time passes, and by three days at most
while the bridge is away; so a clock that jumps to 2040 leaves weeks to notice, and the log says it every hour. A clock
that is set back is followed at once, because that removes less; if it comes back within three days to where it had
been, so does the trusted time, and a boot with an empty clock battery costs nothing. The first time it is no later than
the oldest call, and later it never lies before that one: nothing is older than it can be said to be for sure. After a
long time out of service it catches up.
"""

from dataclasses import dataclass

from sqlite_utils import Database

DAY_S = 86400.0
LEAP_S = 3 * DAY_S
"""How far it may go on while the bridge is away, and how far ahead a clock is before the log says so."""
PACE = 2.0
"""How much faster than time it may run, to catch up."""

TRUSTED_CLOCK = """
    ALTER TABLE journal_clock ADD COLUMN highest_at REAL NOT NULL DEFAULT 0;
    ALTER TABLE journal_clock ADD COLUMN behind_s REAL NOT NULL DEFAULT 0;
"""
"""The migration that adds what is needed to come back after a clock was set back."""


@dataclass(frozen=True, slots=True)
class Trusted:
    """The trusted time; the latest that it ever was, and for how many seconds it has been before that one."""

    at: float
    highest: float
    behind_s: float = 0.0


def trusted_time(before: Trusted | None, *, now: float, passed_s: float | None, oldest: float | None) -> Trusted:
    """The time by which age is measured.

    `before` is what it was last, None at the very first; `passed_s` what has passed since, by a clock that cannot be
    set, None after a start; `oldest` is when the oldest call arrived.
    """
    if before is None:
        at = now if oldest is None else min(now, oldest)
        return Trusted(at, at)
    reach = before.at + (LEAP_S if passed_s is None else passed_s * PACE)
    if before.at < before.highest and abs(now - before.highest) <= LEAP_S:
        reach = max(reach, now)
    if oldest is not None:
        reach = max(reach, oldest)
    at = min(now, reach)
    if at >= before.highest:
        return Trusted(at, at)
    behind_s = before.behind_s + (passed_s or 0.0)
    return Trusted(at, before.highest, behind_s) if behind_s <= LEAP_S else Trusted(at, at)


def advance(database: Database, now: float, passed_s: float | None) -> float:
    """Move the trusted time on and keep it; in a transaction of its own."""
    row = database.conn.execute("SELECT trusted_at, highest_at, behind_s FROM journal_clock").fetchone()
    before = Trusted(row[0], max(row[0], row[1]), row[2]) if row else None
    oldest = database.conn.execute("SELECT min(offered_at) FROM calls").fetchone()[0]
    trusted = trusted_time(before, now=now, passed_s=passed_s, oldest=oldest)
    with database.conn:
        database.conn.execute(
            "INSERT OR REPLACE INTO journal_clock (id, trusted_at, highest_at, behind_s) VALUES (1, ?, ?, ?)",
            [trusted.at, trusted.highest, trusted.behind_s],
        )
    return trusted.at
