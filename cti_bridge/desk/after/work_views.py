"""Who sees which item of the work list, in which colour and order, and when that changes by itself. Pure."""

from collections.abc import Iterable, Mapping, Set
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Literal

from cti_bridge.calls.work import CLAIM_S, Claim, WorkItem, WorkKind
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.number import display_number
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.directory import NOBODY, Directory
from cti_bridge.operators.wire import ByView, WorkItemView

MOST_SHOWN = 100
"""Items that one page is told of, the most pressing ones."""
LATE_S = 3600.0
"""A missed caller who has waited for so long is overdue."""
Colour = Literal["red", "amber", "green"]
_RANK: tuple[Colour, ...] = ("red", "amber", "green")
_KINDS: Mapping[WorkKind, Literal["missed", "callback", "task"]] = {
    WorkKind.MISSED: "missed", WorkKind.CALLBACK: "callback", WorkKind.TASK: "task",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Today:
    """A moment, and the end of its day; seconds since 1970."""

    now: float
    ends_at: float

    @classmethod
    def at(cls, now: float, zone: tzinfo) -> "Today":
        """The moment `now`, on the day that it is in `zone`."""
        day = datetime.fromtimestamp(now, UTC).astimezone(zone).date()
        return cls(now, datetime.combine(day + timedelta(days=1), datetime.min.time(), zone).timestamp())


def colour_of(item: WorkItem, today: Today) -> Colour:
    """Red: overdue, or promised to a caller; amber: today, or a caller who waits; green: later."""
    if item.due_at is None:
        return "red" if item.promised or today.now >= item.since + LATE_S else "amber"
    if today.now >= item.due_at:
        return "red"
    return "amber" if item.due_at < today.ends_at else "green"


def changes_at(item: WorkItem, today: Today) -> float | None:
    """When the colour of an item becomes another one without anybody's doing; None: it stays."""
    if item.due_at is None:
        return item.since + LATE_S if colour_of(item, today) == "amber" else None
    return None if today.now >= item.due_at else min(item.due_at, today.ends_at)


def item_view(item: WorkItem, holder: OperatorId | None, directory: Directory, today: Today) -> WorkItemView:
    """An item as pages and programs get it."""
    return {
        "id": item.id,
        "kind": _KINDS[item.kind],
        "number": item.number or None,
        "display": display_number(item.number),
        "name": item.name[:200],
        "text": item.text,
        "due_at": _time(item.due_at) if item.due_at is not None else None,
        "since": _time(item.since),
        "colour": colour_of(item, today),
        "promised": item.promised,
        "taken_by": _who(holder, directory) if holder else None,
        "calls": item.calls,
        "queue": item.queue or None,
        "call": item.call,
    }


@dataclass(frozen=True, slots=True)
class Board:
    """All items at one moment, in order, with everybody who sees them; made once for all pages."""

    views: tuple[WorkItemView, ...] = ()
    items: Mapping[str, WorkItem] = field(default_factory=dict)
    holders: Mapping[str, OperatorId] = field(default_factory=dict)
    directory: Directory = NOBODY
    places: Mapping[str, int] = field(default_factory=dict)
    everybody: tuple[int, ...] = ()
    """Places in `views` of what every operator sees."""
    by_operator: Mapping[OperatorId, tuple[int, ...]] = field(default_factory=dict)
    by_queue: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    audience: Mapping[OperatorId, frozenset[str]] = field(default_factory=dict)
    """The queues in which the phones of each operator are."""
    old_at: float | None = None
    """When a colour or a claim changes by itself; None: never."""

    def seen_by(self, operator: Operator, queues: frozenset[str]) -> list[WorkItemView]:
        """What this operator, whose phones are in these queues, sees; the most pressing first."""
        if operator.role is not Role.OPERATOR:
            return list(self.views)
        his = {*self.everybody, *self.by_operator.get(operator.id, ())}
        for queue in queues:
            his.update(self.by_queue.get(queue, ()))
        return [self.views[place] for place in sorted(his)]

    def is_seen_by(self, operator: Operator, queues: frozenset[str], item: str) -> bool:
        """Whether this operator sees the item with this id."""
        place = self.places.get(item)
        if place is None or operator.role is not Role.OPERATOR:
            return place is not None
        his = (self.by_operator.get(operator.id, ()), *(self.by_queue.get(queue, ()) for queue in queues))
        return place in self.everybody or any(place in places for places in his)

    def shows_the_same_as(self, other: "Board") -> bool:
        """Whether everybody sees the same on both."""
        mine = (self.views, self.everybody, self.by_operator, self.by_queue, self.audience)
        return mine == (other.views, other.everybody, other.by_operator, other.by_queue, other.audience)


def board_of(
    items: Iterable[WorkItem],
    claims: Mapping[str, Claim],
    directory: Directory,
    audience: Mapping[OperatorId, frozenset[str]],
    *,
    today: Today,
    before: Board,
    queues_known: bool = True,
) -> Board:
    """The list as it is at this time; what is as it was on the board `before` is the very same object.

    Unless the `queues_known` are those that the PBX has told of, a queue without anybody is no reason to show all
    what is meant for some.
    """
    ordered = sorted(items, key=lambda item: _pressing(item, today))
    held = {item.id: claims[item.id] for item in ordered if item.id in claims and claims[item.id].holder(today.now)}
    holders = {item: claim.operator for item, claim in held.items() if claim.operator is not None}
    staffed = frozenset[str]().union(*audience.values())
    everybody: list[int] = []
    by_operator: dict[OperatorId, list[int]] = {}
    by_queue: dict[str, list[int]] = {}
    views: list[WorkItemView] = []
    for place, item in enumerate(ordered):
        views.append(_view(item, holders.get(item.id), directory, today, before))
        concerned = _whose(item, directory)
        for whose in concerned:
            by_operator.setdefault(whose, []).append(place)
        if _for_all(item, concerned, staffed if queues_known else {*staffed, item.queue} - {""}):
            everybody.append(place)
        elif item.kind is WorkKind.MISSED and not concerned:
            by_queue.setdefault(item.queue, []).append(place)
    return Board(
        views=tuple(views),
        items={item.id: item for item in ordered},
        holders=holders,
        directory=directory,
        places={item.id: place for place, item in enumerate(ordered)},
        everybody=tuple(everybody),
        by_operator={whose: tuple(places) for whose, places in by_operator.items()},
        by_queue={queue: tuple(places) for queue, places in by_queue.items()},
        audience=audience,
        old_at=_old_at(ordered, held.values(), today),
    )


def _view(item: WorkItem, holder: OperatorId | None, directory: Directory, today: Today, before: Board) -> WorkItemView:
    """How it is told; the very object of before where that says the same: making and comparing them takes long."""
    place = before.places.get(item.id)
    if place is not None and before.items[item.id] == item and before.holders.get(item.id) == holder:
        known = before.views[place]
        if known["colour"] == colour_of(item, today) and (holder is None or before.directory is directory):
            return known
    return item_view(item, holder, directory, today)


def _pressing(item: WorkItem, today: Today) -> tuple[int, float, str]:
    return _RANK.index(colour_of(item, today)), item.due_at if item.due_at is not None else item.since, item.id


def _whose(item: WorkItem, directory: Directory) -> list[OperatorId]:
    """The operators whom an item concerns more than others: whose phone rang in vain, who wrote it down."""
    concerned = item.rang if item.owner is None else {item.owner}
    return [operator for operator in sorted(concerned) if directory.get(operator) is not None]


def _for_all(item: WorkItem, concerned: list[OperatorId], staffed: Set[str]) -> bool:
    """Whether everybody sees it: somebody was promised a call, or nobody in particular could have answered."""
    if item.kind is not WorkKind.MISSED:
        return item.kind is WorkKind.CALLBACK
    return item.promised or (not concerned and item.queue not in staffed)


def _old_at(items: Iterable[WorkItem], held: Iterable[Claim], today: Today) -> float | None:
    moments = [changes_at(item, today) for item in items]
    moments += [claim.taken_at + CLAIM_S for claim in held if claim.taken_at is not None]
    return min((moment for moment in moments if moment is not None), default=None)


def _who(operator: OperatorId, directory: Directory) -> ByView:
    known = directory.get(operator)
    return {"operator": operator, "name": known.name if known else operator}


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
