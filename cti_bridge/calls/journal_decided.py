"""Of past calls what they were decided from: the facts alone, page by page, for rules that are tried on them."""

from dataclasses import dataclass

from sqlite_utils import Database

_IN_TIME = "f.direction = 'inbound' AND f.offered_at >= :since AND f.offered_at < :until"


@dataclass(frozen=True, slots=True)
class DecidedCall:
    """One inbound call: when it arrived (seconds since 1970), who called, and the facts as JSON.

    `facts` is None where the dialplan decided alone, and no JSON where the row cannot be read.
    """

    id: str
    at: float
    caller: str
    facts: str | None


@dataclass(frozen=True, slots=True)
class Span:
    """Calls that arrived at `since` or later and before `until`, in seconds since 1970."""

    since: float
    until: float


def count_decided(database: Database, span: Span) -> int:
    """How many calls `decided_page` will have in all."""
    query = f"SELECT count(*) FROM call_figures f WHERE {_IN_TIME}"  # noqa: S608 - our own words
    return int(database.conn.execute(query, {"since": span.since, "until": span.until}).fetchone()[0])


def decided_page(database: Database, span: Span, behind: DecidedCall | None, *, page: int) -> list[DecidedCall]:
    """The next calls behind that one, newest first; fewer than `page` are the last."""
    query = f"""
        SELECT c.id, f.offered_at, c.caller,
            CASE WHEN c.decision IS NULL THEN NULL
                 WHEN json_valid(c.decision) THEN coalesce(json_extract(c.decision, '$.facts'), '')
                 ELSE '' END
        FROM call_figures f CROSS JOIN calls c ON c.id = f.id
        WHERE {_IN_TIME} AND (f.offered_at, f.id) < (:last_at, :last_id)
        ORDER BY f.offered_at DESC, f.id DESC LIMIT :page
    """  # noqa: S608 - our own words; what was asked for goes by parameters
    last_at, last_id = (behind.at, behind.id) if behind else (float("inf"), "")
    asked = {"since": span.since, "until": span.until, "last_at": last_at, "last_id": last_id, "page": page}
    rows = database.conn.execute(query, asked).fetchall()
    return [
        DecidedCall(call_id, at, caller, None if facts is None else str(facts)) for call_id, at, caller, facts in rows
    ]
