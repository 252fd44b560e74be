"""The tables of the operators' accounts and every statement on them. Runs on the database's own thread."""

import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlite_utils import Database

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator, Role

MIGRATIONS = (
    """
    CREATE TABLE operators (
        id TEXT PRIMARY KEY, name TEXT NOT NULL, role TEXT NOT NULL, crm_user TEXT NOT NULL, language TEXT NOT NULL,
        password TEXT NOT NULL, credential TEXT NOT NULL
    ) STRICT;
    CREATE UNIQUE INDEX operators_by_crm_user ON operators (crm_user) WHERE crm_user <> '';
    CREATE TABLE phones (
        interface TEXT PRIMARY KEY, operator TEXT NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
        position INTEGER NOT NULL
    ) STRICT;
    CREATE INDEX phones_by_operator ON phones (operator);
    CREATE TABLE sessions (
        token_hash TEXT PRIMARY KEY, operator TEXT NOT NULL REFERENCES operators (id) ON DELETE CASCADE,
        last_used REAL NOT NULL
    ) STRICT;
    CREATE INDEX sessions_by_operator ON sessions (operator);
    CREATE TABLE keys (name TEXT PRIMARY KEY, key_hash TEXT NOT NULL UNIQUE, created_at REAL NOT NULL) STRICT;
    """,
    "ALTER TABLE keys ADD COLUMN purpose TEXT NOT NULL DEFAULT 'tickets'",
    """
    CREATE TABLE asked_states (
        operator TEXT PRIMARY KEY REFERENCES operators (id) ON DELETE CASCADE, state TEXT NOT NULL, at REAL NOT NULL
    ) STRICT;
    """,
)


class AccountConflict(Exception):
    """The account or key cannot be made, because something else has its name, phone or CRM user; says who."""


class NoSuchAccount(Exception):
    """There is no operator or key with this name."""


@dataclass(frozen=True, slots=True)
class StoredSession:
    """One signed-in browser; `last_used` in seconds since 1970."""

    token_hash: str
    operator: OperatorId
    last_used: float


class KeyPurpose(StrEnum):
    """What a key is for; whoever has it may do this and nothing else."""

    TICKETS = "tickets"
    """ask for tickets, by which pages of others connect"""
    RELOAD = "reload"
    """have the rule file loaded again"""


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key of a program; `created_at` in seconds since 1970.

    `purpose` is a `KeyPurpose`; any other word in the file makes the key good for nothing, and nothing else unreadable.
    """

    name: str
    key_hash: str
    created_at: float
    purpose: str


@dataclass(frozen=True, slots=True)
class Contents:
    """Everything in the file but the passwords; `credentials` has a text per operator that a new password changes."""

    operators: tuple[Operator, ...]
    credentials: dict[OperatorId, str]
    sessions: tuple[StoredSession, ...]
    keys: tuple[StoredKey, ...]


def data_version(database: Database) -> int:
    """A number that changes when another process has written to the file (SQLite's `data_version`)."""
    return int(database.conn.execute("PRAGMA data_version").fetchone()[0])


def load(database: Database) -> Contents:
    """Read all accounts at one moment."""
    connection = database.conn
    with connection:
        connection.execute("BEGIN")
        phones: dict[str, list[str]] = {}
        for interface, owner in connection.execute("SELECT interface, operator FROM phones ORDER BY position"):
            phones.setdefault(owner, []).append(interface)
        operators, credentials = [], {}
        for id_, name, role, crm_user, language, credential in connection.execute(
            "SELECT id, name, role, crm_user, language, credential FROM operators"
        ):
            operators.append(
                Operator(OperatorId(id_), name, tuple(phones.get(id_, ())), Role(role), crm_user, language)
            )
            credentials[OperatorId(id_)] = credential
        sessions = connection.execute("SELECT token_hash, operator, last_used FROM sessions").fetchall()
        keys = connection.execute("SELECT name, key_hash, created_at, purpose FROM keys ORDER BY name").fetchall()
    return Contents(
        tuple(operators),
        credentials,
        tuple(StoredSession(token_hash, OperatorId(owner), used) for token_hash, owner, used in sessions),
        tuple(StoredKey(*row) for row in keys),
    )


def insert_operator(database: Database, operator: Operator, password: str) -> None:
    """Add an operator with his phones. Raises AccountConflict when the id, a phone or the CRM user is taken."""
    connection = database.conn
    with connection:
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT 1 FROM operators WHERE id = ?", (operator.id,)).fetchone():
            raise AccountConflict(f"operator {operator.id} exists already")
        for phone in operator.phones:
            row = connection.execute("SELECT operator FROM phones WHERE interface = ?", (phone,)).fetchone()
            if row:
                raise AccountConflict(f"phone {phone} belongs to operator {row[0]}")
        if operator.crm_user:
            row = connection.execute("SELECT id FROM operators WHERE crm_user = ?", (operator.crm_user,)).fetchone()
            if row:
                raise AccountConflict(f"CRM user {operator.crm_user} belongs to operator {row[0]}")
        connection.execute(
            "INSERT INTO operators (id, name, role, crm_user, language, password, credential) VALUES (?,?,?,?,?,?,?)",
            (
                operator.id,
                operator.name,
                operator.role.value,
                operator.crm_user,
                operator.language,
                password,
                secrets.token_hex(8),
            ),
        )
        connection.executemany(
            "INSERT INTO phones (interface, operator, position) VALUES (?, ?, ?)",
            [(phone, operator.id, position) for position, phone in enumerate(operator.phones)],
        )


def change_password(database: Database, operator: str, password: str) -> None:
    """Store a new password and end the operator's sessions. Raises NoSuchAccount."""
    with database.conn as connection:
        changed = connection.execute(
            "UPDATE operators SET password = ?, credential = ? WHERE id = ?",
            (password, secrets.token_hex(8), operator),
        ).rowcount
        if not changed:
            raise NoSuchAccount(f"there is no operator {operator}")
        connection.execute("DELETE FROM sessions WHERE operator = ?", (operator,))


def delete_operator(database: Database, operator: str) -> None:
    """Remove an operator, his phones and his sessions. Raises NoSuchAccount."""
    with database.conn as connection:
        if not connection.execute("DELETE FROM operators WHERE id = ?", (operator,)).rowcount:
            raise NoSuchAccount(f"there is no operator {operator}")


def password_of(database: Database, operator: str) -> tuple[str, str] | None:
    """The stored password and credential of an operator, or None when there is no such operator."""
    row = database.conn.execute("SELECT password, credential FROM operators WHERE id = ?", (operator,)).fetchone()
    return (row[0], row[1]) if row else None


def insert_session(
    database: Database, session: StoredSession, credential: str, *, expired_before: float, per_operator: int
) -> bool:
    """Add a session; sessions last used before `expired_before` and the operator's oldest beyond `per_operator` go.

    False, and nothing is added, when the operator's password is no longer the one that belongs to `credential`.
    """
    with database.conn as connection:
        added = connection.execute(
            "INSERT INTO sessions (token_hash, operator, last_used) "
            "SELECT ?, id, ? FROM operators WHERE id = ? AND credential = ?",
            (session.token_hash, session.last_used, session.operator, credential),
        ).rowcount
        if not added:
            return False
        connection.execute("DELETE FROM sessions WHERE last_used < ?", (expired_before,))
        connection.execute(
            "DELETE FROM sessions WHERE operator = ?1 AND token_hash NOT IN "
            "(SELECT token_hash FROM sessions WHERE operator = ?1 ORDER BY last_used DESC, rowid DESC LIMIT ?2)",
            (session.operator, per_operator),
        )
    return True


def delete_session(database: Database, token_hash: str) -> None:
    """End one session; it is no error when it has ended already."""
    with database.conn as connection:
        connection.execute("DELETE FROM sessions WHERE token_hash = ?", (token_hash,))


def write_last_used(database: Database, used: dict[str, float]) -> None:
    """Store when these sessions, by token hash, were last used."""
    with database.conn as connection:
        connection.executemany(
            "UPDATE sessions SET last_used = ? WHERE token_hash = ?", [(at, token) for token, at in used.items()]
        )


def insert_key(database: Database, key: StoredKey) -> None:
    """Add an integration key. Raises AccountConflict when the name is taken."""
    with database.conn as connection:
        if connection.execute("SELECT 1 FROM keys WHERE name = ?", (key.name,)).fetchone():
            raise AccountConflict(f"key {key.name} exists already")
        connection.execute(
            "INSERT INTO keys (name, key_hash, created_at, purpose) VALUES (?, ?, ?, ?)",
            (key.name, key.key_hash, key.created_at, str(key.purpose)),
        )


def delete_key(database: Database, name: str) -> None:
    """Remove an integration key. Raises NoSuchAccount."""
    with database.conn as connection:
        if not connection.execute("DELETE FROM keys WHERE name = ?", (name,)).rowcount:
            raise NoSuchAccount(f"there is no key {name}")
