"""What becomes of an edit when the CRM is asked once more before it is written; what the card shows meanwhile. Pure.

An operator changes what he saw. What the CRM has now may be that, or what he wants, or something else; only in the last
case, and only in a field that he changes, is there anything to decide.
"""

import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from cti_bridge.calls.journal_edits import Edit, EditKind, EditState
from cti_bridge.domain.customer import Customer, CustomerChanges, with_fields
from cti_bridge.domain.ids import CustomerId
from cti_bridge.operators.protocol import Json

FIELDS = ("name", "email", "city", "segment", "preferred_channel")
"""What an operator can change of a customer, by the names of the port."""


@dataclass(frozen=True, slots=True)
class Apply:
    """Write these fields; the others have what he wants already."""

    changes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class NothingToDo:
    """The CRM has all of it."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """The CRM was changed to something else meanwhile: what it has, by field."""

    theirs: Mapping[str, str]


def compared(now: Customer, changes: Mapping[str, str], seen: Mapping[str, str]) -> Apply | NothingToDo | Conflict:
    """What is to be done about changes to a customer who is `now` so, by somebody who has `seen` him so.

    Blanks do not count, nor how the CRM spells what it was given (small letters in an e-mail address): it puts them in
    order. One field in conflict keeps all of the edit back, so that a change is made as a whole or not at all.
    """
    open_: dict[str, str] = {}
    theirs: dict[str, str] = {}
    for name, text in changes.items():
        value = _value(now, name)
        if _same(value, text):
            continue
        if _alike(value, seen.get(name, "")):
            open_[name] = text
        elif not _alike(value, text):
            theirs[name] = value
    if theirs:
        return Conflict(theirs)
    return Apply(open_) if open_ else NothingToDo()


def settled(edit: Edit, keep_mine: bool) -> Edit:
    """An edit in conflict after its operator has decided: it waits again, as far as something is left of it."""
    if edit.kind is EditKind.CREATE and not keep_mine:
        return replace(edit, state=EditState.SAVED, theirs={}, reason="somebody else has the number in the CRM")
    if keep_mine:
        known = {**edit.seen, **edit.theirs}
        if edit.kind is EditKind.CREATE:
            # Whoever has the number is known now, and is no reason any more.
            known = {**edit.seen, edit.theirs.get("customer", ""): edit.theirs.get("name", "")}
        return replace(edit, state=EditState.WAITING, seen=known, theirs={}, reason="")
    left = {name: text for name, text in edit.content.items() if name not in edit.theirs}
    state = EditState.WAITING if left else EditState.SAVED
    return replace(edit, state=state, content=left, theirs={}, reason="")


def as_shown(customer: Customer, edits: Iterable[Edit]) -> Customer:
    """The customer as the card has him: with what still waits to be written, in the order of its making."""
    for edit in edits:
        if edit.kind is EditKind.UPDATE and edit.state is EditState.WAITING and edit.customer_id == customer.id:
            customer = with_fields(customer, edit.content)
    return customer


def changes_of(changes: Mapping[str, str]) -> CustomerChanges:
    """The same in the words of the port."""
    return CustomerChanges(**{name: text for name, text in changes.items() if name in FIELDS})


def edit_view(edit: Edit) -> Json:
    """An edit as those see it who have a part in its call."""
    return {
        "id": edit.key,
        "kind": edit.kind.value,
        "state": edit.state.value,
        "changes": dict(edit.content),
        "theirs": dict(edit.theirs),
        "reason": edit.reason,
    }


def own_edit_view(edit: Edit, display: str) -> Json:
    """An edit as its operator sees it after the call as well; `display` is the number for people."""
    return {
        **edit_view(edit),
        "call": edit.call_id,
        "customer": edit.customer_id or None,
        "name": edit.name,
        "number": edit.number,
        "display": display,
    }


def strangers(found: Iterable[Customer], edit: Edit) -> Customer | None:
    """Who has the number of somebody new by now, and was not known to when he was written down."""
    return next((one for one in found if one.id not in edit.seen), None)


def theirs_of(stranger: Customer) -> Mapping[str, str]:
    """How that is shown: whose id and name."""
    return {"customer": stranger.id, "name": stranger.name}


def customer_of(edit: Edit, customer_id: CustomerId) -> Customer:
    """Somebody new as the CRM has him, as far as the edit says."""
    return with_fields(Customer(id=customer_id, name="", numbers=(edit.number,)), edit.content)


def _value(customer: Customer, name: str) -> str:
    return str(getattr(customer, name))


def _same(one: str, other: str) -> bool:
    return " ".join(one.split()) == " ".join(other.split())


def _alike(one: str, other: str) -> bool:
    return _spelled(one) == _spelled(other)


def _spelled(text: str) -> str:
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())
