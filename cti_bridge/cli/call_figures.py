"""How the journal's counts and its missed calls look on a terminal and to a program."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime

from cti_bridge.calls.journal_missed import MissedCaller, Rang
from cti_bridge.calls.journal_stats import Figures, Share
from cti_bridge.domain.direction import Direction
from cti_bridge.domain.moments import iso_time
from cti_bridge.operators.protocol import Json

_DAYS_SHOWN = 31


def figures_json(figures: Figures, since: float) -> Json:
    """The counts for a program; days and hours in the machine's zone. An outcome of null is going on."""
    return {
        "since": iso_time(since),
        "directions": [{"direction": name, "calls": count} for name, count in figures.directions],
        "calls": figures.calls,
        "answered": figures.answered,
        "missed": figures.missed,
        "wait_s": _waiting(figures.waiting.p50_s, figures.waiting.p95_s),
        "outcomes": [{"outcome": name or None, "calls": count} for name, count in figures.outcomes],
        "classes": [_share(share, figures.calls) for share in figures.classes],
        "queues": [_share(share, figures.calls) for share in figures.queues],
        "lines": [_share(share, figures.calls) for share in figures.lines],
        "operators": [{"operator": name or None, "answered": count} for name, count in figures.operators],
        "days": [{"day": day, "calls": count} for day, count in _by_day(figures)],
        "hours": [{"hour": hour, "calls": count} for hour, count in _by_hour(figures)],
    }


def figures_lines(figures: Figures, since: float) -> Iterator[str]:
    """The counts for a person."""
    waiting = _seconds(figures.waiting.p50_s, figures.waiting.p95_s)
    yield f"since {iso_time(since)}: {figures.calls} inbound calls"
    if others := [f"{count} {name}" for name, count in figures.directions if name != Direction.INBOUND]:
        yield f"and {', '.join(others)}, which are not counted below"
    yield f"answered {_of(figures.answered, figures.calls)}, waited for (p50, p95) {waiting}"
    yield f"missed {_of(figures.missed, figures.calls)}: from outside, and nobody answered"
    yield "outcome: " + ", ".join(f"{name or 'going on'} {count}" for name, count in figures.outcomes)
    for heading, shares in (("class", figures.classes), ("queue", figures.queues), ("line", figures.lines)):
        yield ""
        yield f"{heading:<24} {'calls':>8} {'share':>7} {'answered':>9} {'missed':>8}  wait p50, p95"
        for share in shares:
            yield _row(share, figures.calls)
    yield ""
    yield f"{'answered by':<24} {'calls':>8}"
    yield from (f"{name or '(a phone of nobody)':<24} {count:>8}" for name, count in figures.operators)
    yield from _times("day", _by_day(figures)[-_DAYS_SHOWN:])
    yield from _times("hour", [(f"{hour:02}:00", count) for hour, count in _by_hour(figures)])


def missed_line(item: MissedCaller) -> str:
    """An open item in one line: when last, who, how often since when, and what became of the last try."""
    last = item.tries[0]
    rang = ", ".join(_rang(rang) for rang in last.rang) or "nobody"
    times = f"{item.calls} times since {iso_time(item.first_at)}" if item.calls > 1 else "once"
    return "  ".join(
        (
            iso_time(item.last_at),
            f"{item.caller:<14}",
            f"{item.name or '-':<20}",
            f"{last.queue or '-':<16}",
            f"{last.outcome} after {last.waited_s:.0f} s, rang {rang}",
            times,
            *(["was promised a call"] if item.promised else []),
        )
    )


def _rang(rang: Rang) -> str:
    refused = " (refused)" if rang.why == "refused" else ""
    return rang.operator if rang.seconds is None else f"{rang.operator} for {rang.seconds:.0f} s{refused}"


def _times(heading: str, counts: Sequence[tuple[str, int]]) -> Iterator[str]:
    if counts:
        yield ""
        yield f"{heading:<24} {'calls':>8}"
        yield from (f"{name:<24} {count:>8}" for name, count in counts)


def _row(share: Share, whole: int) -> str:
    waiting = _seconds(share.waiting.p50_s, share.waiting.p95_s) if share.waiting else ""
    percent = f"{100 * share.calls / whole:.1f} %"
    return f"{share.name or '-':<24} {share.calls:>8} {percent:>7} {share.answered:>9} {share.missed:>8}  {waiting}"


def _share(share: Share, whole: int) -> Json:
    waiting = share.waiting
    return {
        **{name: value for name, value in asdict(share).items() if name != "waiting"},
        "share": round(share.calls / whole, 4),
        "wait_s": _waiting(waiting.p50_s, waiting.p95_s) if waiting else None,
    }


def _waiting(p50_s: float | None, p95_s: float | None) -> Json:
    return {"p50": p50_s, "p95": p95_s}


def _seconds(p50_s: float | None, p95_s: float | None) -> str:
    return "-" if p50_s is None or p95_s is None else f"{p50_s:.1f} s, {p95_s:.1f} s"


def _of(count: int, whole: int) -> str:
    return f"{count} ({100 * count / whole:.1f} %)" if whole else str(count)


def _by_day(figures: Figures) -> list[tuple[str, int]]:
    days = Counter(dict(figures.removed_days))
    for quarter, count in figures.quarters:
        days[_local(quarter).date().isoformat()] += count
    return sorted(days.items())


def _by_hour(figures: Figures) -> list[tuple[int, int]]:
    hours: Counter[int] = Counter()
    for quarter, count in figures.quarters:
        hours[_local(quarter).hour] += count
    return sorted(hours.items())


def _local(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).astimezone()
