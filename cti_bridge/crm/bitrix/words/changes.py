"""Bitrix24's words for what changed since a moment, page by page, for a mirror. Pure.

At first everything comes in the order of its id, which costs the portal little. From then on what changed comes in the
order of its change, and within one second in the order of its id. At the end of the changes the last minute is asked
for again: something may be written down there later than its time of change says.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from cti_bridge.crm.bitrix.words.people import DEAL_FIELDS, Fields, customer, deal, items, owners
from cti_bridge.crm.bitrix.words.plain import (
    DEAL,
    ENTITY_TYPES,
    PAGE,
    Command,
    Kind,
    customer_id,
    item_list,
    owner_of,
    whole,
)
from cti_bridge.crm.mirror.source import MirroredDeal, MirrorPage, copy_for, original_of
from cti_bridge.crm.received import text_of, time_of
from cti_bridge.domain.customer import Customer
from cti_bridge.domain.ids import CustomerId, DealId

_DEALS = "deal"
_TYPES: Mapping[str, int] = {
    Kind.CONTACT.value: ENTITY_TYPES[Kind.CONTACT],
    Kind.COMPANY.value: ENTITY_TYPES[Kind.COMPANY],
    _DEALS: DEAL,
}
"""What is mirrored. A lead is not: who is one and a contact as well would be two people there."""
_CLOCKS_APART = timedelta(minutes=10)
"""So much our clock and the portal's may differ."""
_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Place:
    """Where we are in one kind: behind `id` of those changed at `time`, or of all as long as there is no time."""

    time: str
    id: int


@dataclass(frozen=True, slots=True)
class Position:
    """Where we are in all kinds, and the moment at which going through everything began (empty once it is done)."""

    places: Mapping[str, Place]
    began: str

    def written(self) -> str:
        """As text, to be kept by whoever asks."""
        return json.dumps({"began": self.began, **{name: [one.time, one.id] for name, one in self.places.items()}})


def position_of(written: str, *, now: float) -> Position:
    """The position that was written; an empty text is the beginning. Raises ValueError for what is none of ours."""
    if not written:
        began = datetime.fromtimestamp(now, UTC) - _CLOCKS_APART
        return Position({name: Place("", 0) for name in _TYPES}, began.isoformat(timespec="seconds"))
    try:
        read = json.loads(written)
        began = read.pop("began")
        places = {name: Place(str(place[0]), int(place[1])) for name, place in read.items()}
    except (ValueError, TypeError, AttributeError, KeyError, IndexError):
        raise ValueError("not a position in Bitrix24") from None
    if set(places) != set(_TYPES) or not isinstance(began, str):
        raise ValueError("not a position in Bitrix24")
    return Position(places, began)


def following(position: Position) -> dict[str, Command]:
    """Ask for the next page of each kind: first the rest of the same second, then what changed later."""
    commands = {}
    for name, place in position.places.items():
        if position.began:
            commands[name] = _listed(name, {">id": place.id}, {"id": "ASC"})
        else:
            commands[f"{name}_same"] = _listed(name, {"updatedTime": place.time, ">id": place.id}, {"id": "ASC"})
            commands[name] = _listed(name, {">updatedTime": place.time}, {"updatedTime": "ASC", "id": "ASC"})
    return commands


def page(answers: Mapping[str, Any], position: Position, *, region: str, fields: Fields) -> MirrorPage:
    """What the answers hold, and where the next page begins."""
    customers: list[Customer] = []
    deals: list[MirroredDeal] = []
    places, full = {}, False
    for name, place in position.places.items():
        shown, more = _shown(answers, name)
        full = full or more
        if shown:
            time = "" if position.began else text_of(shown[-1].get("updatedTime")) or place.time
            place = Place(time, whole(shown[-1].get("id")))  # noqa: PLW2901 - the place has moved on
        places[name] = place
        if name == _DEALS:
            deals += [mirrored for item in shown for mirrored in _of_each_owner(item)]
        else:
            people = (customer(Kind(name), item, region=region, fields=fields) for item in shown)
            customers += [person for person in people if person is not None]
    there = Position(places, position.began) if full else _at_the_end(places, position.began)
    # Having gone through everything, what changed meanwhile is due at once.
    more_now = full or bool(position.began)
    return MirrorPage(there.written(), more=more_now, customers=tuple(customers), deals=tuple(deals))


def _shown(answers: Mapping[str, Any], name: str) -> tuple[list[Mapping[str, Any]], bool]:
    """The entries of one kind in order, and whether there may be more; a full page of one second goes alone."""
    same = items(answers.get(f"{name}_same"))
    if len(same) >= PAGE:
        return same, True
    later = items(answers.get(name))
    return same + sorted(later, key=_order) if f"{name}_same" in answers else later, len(later) >= PAGE


def _order(item: Mapping[str, Any]) -> tuple[float, int]:
    at = time_of(item.get("updatedTime"))
    return (at.timestamp() if at else 0.0, whole(item.get("id")))


def _at_the_end(places: Mapping[str, Place], began: str) -> Position:
    if began:
        return Position({name: Place(began, 0) for name in places}, "")
    return Position({name: _a_little_back(place) for name, place in places.items()}, "")


def _a_little_back(place: Place) -> Place:
    """The minute before a place once more; one that was not moved since is where it was put back to."""
    at = time_of(place.time)
    if at is None or not place.id:
        return place
    return Place((at - _AGAIN).isoformat(timespec="seconds"), 0)


def _listed(name: str, wanted: Mapping[str, Any], order: Mapping[str, str]) -> Command:
    return item_list(_TYPES[name], wanted, select=DEAL_FIELDS if name == _DEALS else ("*",), order=order)


def _of_each_owner(item: Mapping[str, Any]) -> list[MirroredDeal]:
    """A deal for its main customer, and a copy of it for each of the others: whoever of them calls is to have it."""
    told, ids = deal(item), [customer_id(*owner) for owner in owners(item)]
    copies = [MirroredDeal(replace(told, id=copy_for(told.id, other)), other) for other in ids[1:]]
    return [MirroredDeal(told, ids[0] if ids else None), *copies]


def still_there(ids: Sequence[CustomerId]) -> dict[str, Command]:
    """Ask which of these people there still are."""
    owners = [owner for id_ in ids if (owner := owner_of(id_)) is not None]
    return {
        kind.value: _ids(ENTITY_TYPES[kind], [number for one, number in owners if one is kind])
        for kind in Kind
        if kind.value in _TYPES and any(one is kind for one, _ in owners)
    }


def people_there(answers: Mapping[str, Any]) -> frozenset[CustomerId]:
    """Those who are."""
    return frozenset(
        customer_id(Kind(name), whole(item.get("id"))) for name, answer in answers.items() for item in items(answer)
    )


def deals_still_there(ids: Sequence[DealId]) -> Command:
    """Ask which of these deals there still are, and whose."""
    numbers = dict.fromkeys(whole(original_of(id_)) for id_ in ids)
    return item_list(DEAL, {"@id": list(numbers)}, select=("id", "contactId", "contactIds", "companyId"))


def deals_there(answer: Any) -> frozenset[DealId]:
    """Those that there are, and the copies of them for their other customers."""
    return frozenset(mirrored.deal.id for item in items(answer) for mirrored in _of_each_owner(item))


def _ids(entity: int, ids: Sequence[int]) -> Command:
    return item_list(entity, {"@id": list(ids)}, select=("id",))
