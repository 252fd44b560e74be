"""How the comparison of two rule files looks on a terminal and to a program."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from cti_bridge.domain.moments import iso_time
from cti_bridge.domain.number import mask
from cti_bridge.operators.protocol import Json
from cti_bridge.routing.replay import CallRef, Group, Tally
from cti_bridge.routing.rules import RuleSet

K = TypeVar("K", str, tuple[str, str])

_WIDTH = 24


@dataclass(frozen=True, slots=True)
class Compared:
    """What came out: the tally, records that are no calls by reason, and both versions; no old one is no rules."""

    tally: Tally
    left_out: Counter[str]
    before: RuleSet | None
    after: RuleSet

    @property
    def first_line(self) -> str:
        """Where everybody lands of whom nothing is known: the queue of the new file's default."""
        return self.after.default.steps[0].queue

    def past_first_line(self, queues: Counter[str]) -> int:
        """How many calls get into another queue than that."""
        return queues.total() - queues[self.first_line]

    @property
    def pairs(self) -> list[tuple[tuple[str, str], Group]]:
        """The moved calls by their two queues, most first."""
        return sorted(self.tally.moved.items(), key=lambda pair: (-pair[1].calls, pair[0]))


def diff_json(compared: Compared) -> Json:
    """The comparison for a program; shares are parts of `calls`."""
    tally, before, after = compared.tally, compared.tally.before, compared.tally.after
    return {
        "before": compared.before.hash if compared.before else None,
        "after": compared.after.hash,
        "calls": tally.calls,
        "skipped": _by_reason(tally.skipped),
        "left_out": _by_reason(compared.left_out),
        "moved": tally.moved_calls,
        "moved_share": round(tally.moved_share, 4),
        "otherwise": _group(tally.otherwise),
        "first_line": {
            "queue": compared.first_line,
            "skipped_before": compared.past_first_line(before.queues),
            "skipped_after": compared.past_first_line(after.queues),
        },
        "pairs": [{"from": old, "to": new, **_group(group)} for (old, new), group in compared.pairs],
        "queues": _shares("queue", before.queues, after.queues),
        "classes": _shares("class", before.classes, after.classes),
        "rules": _shares("rule", before.rules, after.rules),
        "class_queues": [
            {"class": class_name, "queue": queue, "calls": calls}
            for (class_name, queue), calls in _most_first(after.class_queues)
        ],
        "without_history": tally.without_history,
        "expression_errors": [{"name": name, "calls": calls} for name, calls in _most_first(tally.errors)],
    }


def diff_lines(compared: Compared) -> Iterator[str]:
    """The comparison for a person; numbers are masked."""
    tally, whole = compared.tally, compared.tally.calls
    yield f"{whole} calls decided under {_version(compared.before)} and {_version(compared.after)}"
    yield from (f"not compared: {count} calls, {reason}" for reason, count in _most_first(tally.skipped))
    yield from (f"left out: {count} {reason}" for reason, count in _most_first(compared.left_out))
    if not whole:
        return
    yield f"{tally.moved_calls} ({_percent(tally.moved_calls, whole)}) would get into another queue"
    past = compared.past_first_line(tally.after.queues)
    before = _percent(compared.past_first_line(tally.before.queues), whole)
    yield f"{_percent(past, whole)} of calls would skip the first line ({compared.first_line}), before {before}"
    if kept := tally.otherwise.calls:
        yield f"{kept} ({_percent(kept, whole)}) keep their queue, but are treated otherwise"
    if tally.without_history:
        unknown = "what the journal knew of the caller is not kept, so no rule matched by it"
        yield f"{tally.without_history} calls: {unknown}"
    yield from (
        f"{calls} expressions in `{name}` could not be computed and so did not match"
        for name, calls in _most_first(tally.errors)
    )
    yield from _moved_lines(compared)
    for heading, old, new in (
        ("queue", tally.before.queues, tally.after.queues),
        ("class", tally.before.classes, tally.after.classes),
        ("rule", tally.before.rules, tally.after.rules),
    ):
        yield from _share_lines(heading, old, new, whole)
    yield from _class_queue_lines(tally.after.class_queues, whole)


def _version(rules: RuleSet | None) -> str:
    return f"rules {rules.hash[:12]}" if rules else "no rules"


def _moved_lines(compared: Compared) -> Iterator[str]:
    whole = compared.tally.calls
    for (old, new), group in compared.pairs:
        yield ""
        yield f"{old} → {new}: {group.calls} ({_percent(group.calls, whole)})"
        yield from _call_lines(group)
    if compared.tally.otherwise.first:
        yield ""
        yield f"the same queue, but otherwise: {compared.tally.otherwise.calls}"
        yield from _call_lines(compared.tally.otherwise)


def _call_lines(group: Group) -> Iterator[str]:
    yield from (f"  {iso_time(call.at)}  {mask(call.caller):<14}  {call.id}" for call in group.first)
    if more := group.calls - len(group.first):
        yield f"  … and {more} more (--limit)"


def _share_lines(heading: str, old: Counter[str], new: Counter[str], whole: int) -> Iterator[str]:
    yield ""
    yield f"{heading:<{_WIDTH}} {'before':>8} {'share':>7} {'after':>8} {'share':>7}"
    for name in _names(old, new):
        shares = (f"{count[name]:>8} {_percent(count[name], whole):>7}" for count in (old, new))
        yield f"{name or '-':<{_WIDTH}} {' '.join(shares)}"


def _class_queue_lines(calls: Counter[tuple[str, str]], whole: int) -> Iterator[str]:
    yield ""
    yield f"{'class after':<{_WIDTH}} {'queue':<{_WIDTH}} {'calls':>8} {'share':>7}"
    for (class_name, queue), count in _most_first(calls):
        yield f"{class_name or '-':<{_WIDTH}} {queue:<{_WIDTH}} {count:>8} {_percent(count, whole):>7}"


def _names(old: Counter[str], new: Counter[str]) -> Sequence[str]:
    """All names of both, those with the most calls under the new version first."""
    return sorted({*old, *new}, key=lambda name: (-new[name], -old[name], name))


def _most_first(counts: Mapping[K, int]) -> list[tuple[K, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _shares(name: str, old: Counter[str], new: Counter[str]) -> list[Json]:
    return [{name: one, "before": old[one], "after": new[one]} for one in _names(old, new)]


def _by_reason(counts: Counter[str]) -> list[Json]:
    return [{"reason": reason, "calls": count} for reason, count in _most_first(counts)]


def _group(group: Group) -> Json:
    return {"calls": group.calls, "first": [_call(call) for call in group.first]}


def _call(call: CallRef) -> Json:
    return {"id": call.id, "at": iso_time(call.at), "caller": mask(call.caller)}


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
