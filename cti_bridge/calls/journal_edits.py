"""What operators change in the CRM, kept until it is there: edits, notes, new customers, each written once.

Edits of one customer are carried out in the order in which they were made, so they have one chain. A person who is
still to be made has a chain of his own, which becomes his when the CRM has given him an id.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from sqlite_utils import Database

from cti_bridge.domain.ids import CallId, CustomerId, OperatorId

EDITS = """
    CREATE TABLE crm_edits (
        id INTEGER PRIMARY KEY,
        key TEXT NOT NULL UNIQUE,
        call_id TEXT NOT NULL,
        operator TEXT NOT NULL,
        account TEXT NOT NULL,
        chain TEXT NOT NULL,
        customer_id TEXT NOT NULL,
        number TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        content TEXT NOT NULL,
        seen TEXT NOT NULL,
        theirs TEXT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        begun INTEGER NOT NULL,
        created_at REAL NOT NULL,
        done_at REAL
    );
    CREATE INDEX crm_edits_by_call ON crm_edits (call_id);
    CREATE INDEX crm_edits_by_number ON crm_edits (number);
    CREATE INDEX crm_edits_by_age ON crm_edits (created_at);
    CREATE INDEX crm_edits_open ON crm_edits (state, chain, id) WHERE state <> 'saved';
    CREATE TRIGGER crm_edits_call_removed AFTER DELETE ON calls BEGIN
        DELETE FROM crm_edits WHERE call_id = OLD.id AND state <> 'waiting';
    END;
"""
"""The migration that makes the table; `content`, `seen` and `theirs` are JSON, times seconds since 1970."""

MOST_WAITING = 10_000
"""Edits that may wait for the CRM; more are not taken."""
GROUP = 200
NOT_MADE = "the customer was not made"
_NEW = "new:"
"""How the chain of somebody begins who is still to be made; the rest is the call in which he was written down."""


class EditKind(StrEnum):
    """What an edit does."""

    UPDATE = "update"
    CREATE = "create"
    NOTE = "note"
    DEAL = "deal"


class EditState(StrEnum):
    """How far an edit is."""

    WAITING = "waiting"
    SAVED = "saved"
    CONFLICT = "conflict"
    """The CRM has changed what it changes; whoever made it is to say what counts."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Edit:
    """One thing that an operator wants written into the CRM; texts by the names of the port.

    `key` is its id, and the one by which the CRM writes it once. `customer_id` is empty for somebody who is still to
    be made. `number` is the one by which the CRM finds him, `name` what he is called, `account` the account of the CRM
    that it is for. `begun`: the CRM may have heard of it already.
    """

    key: str
    call_id: CallId
    operator: OperatorId
    account: str
    customer_id: CustomerId
    number: str
    name: str
    kind: EditKind
    content: Mapping[str, str]
    created_at: float
    seen: Mapping[str, str] = field(default_factory=dict)
    """What the operator saw in the fields that he changes; for somebody new who was known to have the number."""
    theirs: Mapping[str, str] = field(default_factory=dict)
    """What the CRM has in those of them in which it is something else; for somebody new who else has the number."""
    state: EditState = EditState.WAITING
    reason: str = ""
    begun: bool = False

    @property
    def chain(self) -> str:
        """Whose edits it belongs to."""
        return self.customer_id or f"{_NEW}{self.call_id}"


class TooManyEdits(Exception):
    """So many edits wait for the CRM that no more are taken."""


class CallerForgotten(Exception):
    """The caller of the call was forgotten, so nothing is kept of him any more."""


def put_edits(connection: sqlite3.Connection, edits: Sequence[Edit]) -> tuple[Edit, ...]:
    """Keep edits that belong together; the same note, or person, of the same call again is the one that is there.

    On disk when this returns. Raises TooManyEdits and CallerForgotten.
    """
    kept: list[Edit] = []
    new: list[Edit] = []
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        for edit in edits:
            if connection.execute("SELECT 1 FROM forgotten WHERE call_id = ?", [edit.call_id]).fetchone():
                raise CallerForgotten
            twin = _twin(connection, edit)
            if twin is None:
                made_with_him = any(one.kind is EditKind.CREATE for one in new)
                new.append(edit if made_with_him else for_whom(connection, edit))
            kept.append(twin or new[-1])
        waiting = connection.execute("SELECT count(*) FROM crm_edits WHERE state = 'waiting'").fetchone()[0]
        if new and waiting + len(new) > MOST_WAITING:
            raise TooManyEdits
        connection.executemany(_PUT, [_row(edit) for edit in new])
    return tuple(kept)


def for_whom(connection: sqlite3.Connection, edit: Edit) -> Edit:
    """An edit for somebody who is still to be made, as it stands by what has become of him meanwhile.

    He is made: it is his. He is not, and nobody tries any more: it is refused, as nothing would ever carry it.
    """
    if edit.customer_id or edit.kind is EditKind.CREATE:
        return edit
    row = connection.execute(
        "SELECT customer_id, state FROM crm_edits WHERE call_id = ? AND account = ? AND kind = 'create'"
        " ORDER BY state = 'refused', id DESC LIMIT 1",
        [edit.call_id, edit.account],
    ).fetchone()
    if row is None or row[1] == EditState.REFUSED:
        return replace(edit, state=EditState.REFUSED, reason=NOT_MADE)
    return replace(edit, customer_id=CustomerId(row[0]))


def next_edits(connection: sqlite3.Connection, account: str, *, limit: int) -> list[Edit]:
    """The first that waits in each chain, the oldest first; of this account alone."""
    rows = connection.execute(
        f"SELECT {_NAMES} FROM crm_edits WHERE id IN"  # noqa: S608 - our own words
        " (SELECT min(id) FROM crm_edits WHERE state = 'waiting' AND (customer_id <> '' OR kind = 'create')"
        " GROUP BY chain) AND account = ? ORDER BY id LIMIT ?",
        [account, limit],
    )
    return [_edit(row) for row in rows]


def open_edits(connection: sqlite3.Connection, *, limit: int) -> list[Edit]:
    """The latest that are not in the CRM: they wait, are in conflict or were refused; in the order of their making."""
    rows = connection.execute(
        f"SELECT {_NAMES} FROM crm_edits WHERE state <> 'saved' ORDER BY id DESC LIMIT ?",  # noqa: S608
        [limit],
    ).fetchall()
    return [_edit(row) for row in reversed(rows)]


def begin_edit(connection: sqlite3.Connection, edit: Edit) -> bool:
    """Note that the CRM may hear of it from now on; False when it does not wait any more, or is not there."""
    with connection:
        changed = connection.execute("UPDATE crm_edits SET begun = 1 WHERE key = ? AND state = 'waiting'", [edit.key])
    return changed.rowcount > 0


def edit_on_disk(connection: sqlite3.Connection, key: str) -> Edit | None:
    """An edit as it stands; None when it is not there any more, because its caller was forgotten."""
    row = connection.execute(f"SELECT {_NAMES} FROM crm_edits WHERE key = ?", [key]).fetchone()  # noqa: S608
    return _edit(row) if row else None


def write_edit(connection: sqlite3.Connection, edit: Edit, *, now: float) -> bool:
    """Note how an edit stands; False when it is not there any more, because its caller was forgotten."""
    done_at = now if edit.state in (EditState.SAVED, EditState.REFUSED) else None
    with connection:
        changed = connection.execute(
            "UPDATE crm_edits SET customer_id = ?, chain = ?, content = ?, seen = ?, theirs = ?, state = ?,"
            " reason = ?, begun = ?, done_at = ? WHERE key = ?",
            [
                edit.customer_id, edit.chain, _text(edit.content), _text(edit.seen), _text(edit.theirs),
                edit.state.value, edit.reason, edit.begun, done_at, edit.key,
            ],
        )  # fmt: skip
    return changed.rowcount > 0


def write_made(connection: sqlite3.Connection, made: Edit, customer_id: CustomerId, *, now: float) -> list[Edit]:
    """Somebody new has this id now: his edit is done, and the others of his chain are for this customer."""
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute(
            "UPDATE crm_edits SET state = 'saved', reason = '', done_at = ? WHERE key = ?", [now, made.key]
        )
        connection.execute(
            "UPDATE crm_edits SET customer_id = ?, chain = ? WHERE chain = ?", [customer_id, customer_id, made.chain]
        )
        return _of_call(connection, made.call_id)


def write_found(
    connection: sqlite3.Connection, made: Edit, customer_id: CustomerId, reason: str, *, now: float
) -> list[Edit]:
    """Somebody new turned out to be this customer before the CRM heard of him: what was for him is the customer's.

    Nothing comes back, and nothing is changed, where the CRM may have made him already.
    """
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        changed = connection.execute(
            "UPDATE crm_edits SET state = 'saved', reason = ?, theirs = '{}', done_at = ?"
            " WHERE key = ? AND NOT begun AND state IN ('waiting', 'conflict')",
            [reason, now, made.key],
        )
        if not changed.rowcount:
            return []
        connection.execute(
            "UPDATE crm_edits SET customer_id = ?, chain = ? WHERE chain = ?", [customer_id, customer_id, made.chain]
        )
        return _of_call(connection, made.call_id)


def write_not_made(connection: sqlite3.Connection, call_id: CallId, reason: str, *, now: float) -> list[Edit]:
    """Somebody new was not made, so what waits for him is refused as well."""
    with connection:
        connection.execute(
            "UPDATE crm_edits SET state = 'refused', reason = ?, done_at = ? WHERE chain = ? AND state = 'waiting'",
            [reason, now, f"{_NEW}{call_id}"],
        )
        return _of_call(connection, call_id)


def refuse_others(connection: sqlite3.Connection, account: str, reason: str, *, now: float) -> int:
    """Refuse all that waits, or is in conflict, for another account than this one; how many there were."""
    with connection:
        return connection.execute(
            "UPDATE crm_edits SET state = 'refused', reason = ?, theirs = '{}', done_at = ?"
            " WHERE state IN ('waiting', 'conflict') AND account <> ?",
            [reason, now, account],
        ).rowcount


def drop_edit(connection: sqlite3.Connection, key: str) -> bool:
    """Forget a refused edit that nobody wants any more; False when it is tried again, or is gone."""
    with connection:
        return connection.execute("DELETE FROM crm_edits WHERE key = ? AND state = 'refused'", [key]).rowcount > 0


def remove_edits(database: Database, before: float) -> int:
    """Remove a group of edits that were made before then and do not wait for the CRM, the oldest first."""
    with database.conn:
        return database.conn.execute(
            "DELETE FROM crm_edits WHERE id IN (SELECT id FROM crm_edits"
            " WHERE created_at < ? AND state <> 'waiting' ORDER BY created_at LIMIT ?)",
            [before, GROUP],
        ).rowcount


def take_out_edits(connection: sqlite3.Connection, calls: Iterable[str]) -> set[str]:
    """Remove the edits of these calls; gives back the texts in them. Within a transaction."""
    texts: set[str] = set()
    for call_id in calls:
        rows = connection.execute("SELECT content, seen, theirs, name FROM crm_edits WHERE call_id = ?", [call_id])
        for *objects, name in rows:
            texts |= {str(text) for one in objects for text in json.loads(one).values()} | {name}
        connection.execute("DELETE FROM crm_edits WHERE call_id = ?", [call_id])
    return texts


def calls_with_edits(connection: sqlite3.Connection, *, number: str = "", customer: str = "") -> list[str]:
    """The calls in which something was written down of whoever has this number, or of this customer."""
    where, value = ("number = ?", number) if number else ("customer_id = ?", customer)
    return [
        row[0]
        for row in connection.execute(f"SELECT DISTINCT call_id FROM crm_edits WHERE {where}", [value])  # noqa: S608
    ]


_COLUMNS = (
    "key", "call_id", "operator", "account", "customer_id", "number", "name", "kind", "content", "seen", "theirs",
    "state", "reason", "begun", "created_at",
)  # fmt: skip
_NAMES = ", ".join(_COLUMNS)
_PUT = (
    f"INSERT INTO crm_edits ({_NAMES}, chain)"  # noqa: S608 - our own words
    f" VALUES ({', '.join(f':{name}' for name in (*_COLUMNS, 'chain'))})"
)


def _twin(connection: sqlite3.Connection, edit: Edit) -> Edit | None:
    """The same thing that was asked for before, by a page that did not hear the answer."""
    row = connection.execute(f"SELECT {_NAMES} FROM crm_edits WHERE key = ?", [edit.key]).fetchone()  # noqa: S608
    if row is None and edit.kind is not EditKind.UPDATE:  # which finds nothing to do when it is done again
        row = connection.execute(
            f"SELECT {_NAMES} FROM crm_edits WHERE call_id = ? AND operator = ? AND kind = ? AND content = ?"  # noqa: S608
            " AND state <> 'refused' AND ? IN ('', customer_id)",
            [edit.call_id, edit.operator, edit.kind.value, _text(edit.content), edit.customer_id],
        ).fetchone()
    return _edit(row) if row else None


def _of_call(connection: sqlite3.Connection, call_id: CallId) -> list[Edit]:
    rows = connection.execute(
        f"SELECT {_NAMES} FROM crm_edits WHERE call_id = ? ORDER BY id",  # noqa: S608 - our own words
        [call_id],
    )
    return [_edit(row) for row in rows]


def _row(edit: Edit) -> dict[str, Any]:
    return {
        "key": edit.key,
        "call_id": edit.call_id,
        "operator": edit.operator,
        "account": edit.account,
        "chain": edit.chain,
        "customer_id": edit.customer_id,
        "number": edit.number,
        "name": edit.name,
        "kind": edit.kind.value,
        "content": _text(edit.content),
        "seen": _text(edit.seen),
        "theirs": _text(edit.theirs),
        "state": edit.state.value,
        "reason": edit.reason,
        "begun": edit.begun,
        "created_at": edit.created_at,
    }


def _edit(row: Sequence[Any]) -> Edit:
    told = dict(zip(_COLUMNS, row, strict=True))
    return Edit(
        key=told["key"],
        call_id=CallId(told["call_id"]),
        operator=OperatorId(told["operator"]),
        account=told["account"],
        customer_id=CustomerId(told["customer_id"]),
        number=told["number"],
        name=told["name"],
        kind=EditKind(told["kind"]),
        content=json.loads(told["content"]),
        created_at=told["created_at"],
        seen=json.loads(told["seen"]),
        theirs=json.loads(told["theirs"]),
        state=EditState(told["state"]),
        reason=told["reason"],
        begun=bool(told["begun"]),
    )


def _text(values: Mapping[str, str]) -> str:
    return json.dumps(dict(sorted(values.items())), ensure_ascii=False)
