"""Single changes of the embedded CRM beside the imports: somebody new, what is known of him, his deal, a note."""

import sqlite3
from datetime import UTC, datetime

from cti_bridge.crm.embedded.staging import DERIVED, digest
from cti_bridge.crm.port import CrmRefuses
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, NewDeal, Note, StageList
from cti_bridge.domain.ids import CustomerId, DealId

_NEW = "INSERT OR IGNORE INTO customers (id, name, email, city, responsible) VALUES (?, ?, ?, ?, ?)"
_NUMBER = "INSERT OR IGNORE INTO numbers (key, customer_id, raw) VALUES (?, ?, ?)"
_CHANGE = """
UPDATE customers SET
    name = coalesce(:name, name), email = coalesce(:email, email), city = coalesce(:city, city),
    segment = coalesce(:segment, segment), preferred_channel = coalesce(:preferred_channel, preferred_channel),
    responsible = coalesce(:responsible, responsible)
WHERE id = :id
"""
_NOTE = """
INSERT OR IGNORE INTO notes (id, customer_id, at, author, text) SELECT ?, id, ?, ?, ? FROM customers WHERE id = ?
"""
_DEAL = """
INSERT OR IGNORE INTO deals (id, customer_id, title, stage, responsible, changed_at) VALUES (?, ?, ?, ?, ?, ?)
"""
_KNOWN = "SELECT 1 FROM customers WHERE id = ?"


def add_customer(connection: sqlite3.Connection, new: NewCustomer) -> CustomerId:
    """Somebody new. His id follows from name and number, as for a row of a file without an id: a file knows him again.

    Raises CrmRefuses where there is no name or no number, and sqlite3.Error.
    """
    if not new.name.strip() or not new.number:
        raise CrmRefuses("a customer needs a name and a number")
    customer_id = DERIVED + digest(new.name, new.number)
    with connection:
        connection.execute(_NEW, (customer_id, new.name, new.email, new.city, new.responsible))
        connection.execute(_NUMBER, (new.number, customer_id, new.number))
    return CustomerId(customer_id)


def change_customer(connection: sqlite3.Connection, customer_id: CustomerId, changes: CustomerChanges) -> None:
    """What is known of him from now on. Raises CrmRefuses when he is gone or would lose his name, and sqlite3.Error."""
    if changes.name is not None and not changes.name.strip():
        raise CrmRefuses("a customer needs a name")
    values = {
        "id": customer_id,
        "name": changes.name,
        "email": changes.email,
        "city": changes.city,
        "segment": changes.segment,
        "preferred_channel": changes.preferred_channel,
        "responsible": changes.responsible,
    }
    with connection:
        if connection.execute(_CHANGE, values).rowcount == 0:
            raise CrmRefuses("there is no such customer")


def add_deal(
    connection: sqlite3.Connection, customer_id: CustomerId, new: NewDeal, key: str, stages: StageList
) -> DealId:
    """A new deal, once for each key, in the first open stage where none is named.

    Raises CrmRefuses when the customer is gone or there is no such stage, and sqlite3.Error.
    """
    first = next((stage.id for stage in sorted(stages.stages, key=lambda one: one.order) if not stage.final), "")
    stage = new.stage or first
    if stages.get(stage) is None:
        raise CrmRefuses("there is no such stage")
    deal_id = digest("deal", key)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    with connection:
        if connection.execute(_KNOWN, (customer_id,)).fetchone() is None:
            raise CrmRefuses("there is no such customer")
        connection.execute(_DEAL, (deal_id, customer_id, new.title, stage, new.responsible, now))
    return DealId(deal_id)


def write_note(connection: sqlite3.Connection, customer_id: CustomerId, note: Note, key: str) -> None:
    """A note, once for each key. Raises CrmRefuses when the customer is gone, and sqlite3.Error."""
    at = note.at.astimezone(UTC).isoformat(timespec="seconds")
    with connection:
        if connection.execute(_KNOWN, (customer_id,)).fetchone() is None:
            raise CrmRefuses("there is no such customer")
        connection.execute(_NOTE, (digest("note", key), at, note.author, note.text, customer_id))
