"""The good rows of one file, kept aside until it is known who is who.

They lie in a private SQLite file that nobody sees and that vanishes with the process, so neither the number of rows
nor a kill matters; the customer file is attached to the same connection as `crm`.

Who is who: rows with a customer_id are the customer of that id. Rows without one belong to who has, after this
import, the same name and one of the numbers; where the same name and number has several ids, to the smallest. Rows
without an id that share name and number are one customer, also by way of others.
"""

import hashlib
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby, islice
from pathlib import Path
from typing import Any

from cti_bridge.crm.embedded.customers_csv import CustomerRow, Reason, Rejected

DERIVED = "auto-"
"""What the ids begin with that no file gave."""
MAX_ROWS_OF_ONE = 2_000
"""Rows of one customer; nobody has that many, and a file that says so must not fill the memory."""
CELL_END = "\x1f"
"""Between cells that are kept in one text; no checked text has it."""
_AT_ONCE = 1_000

_TABLES = """
PRAGMA journal_mode = OFF;
PRAGMA synchronous = OFF;
PRAGMA temp_store = FILE;
PRAGMA cache_size = -8192;
CREATE TABLE rows (
    line INTEGER PRIMARY KEY, owner TEXT NOT NULL, given INTEGER NOT NULL, name TEXT NOT NULL, numbers TEXT NOT NULL,
    cells TEXT NOT NULL, deal_id TEXT NOT NULL, deal TEXT, changed_at TEXT, note TEXT NOT NULL
);
CREATE TABLE pairs (key TEXT NOT NULL, line INTEGER NOT NULL);
CREATE TABLE rejects (line INTEGER PRIMARY KEY, reason TEXT NOT NULL, message TEXT NOT NULL);
CREATE TABLE owners (id TEXT PRIMARY KEY, given INTEGER NOT NULL, name TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE claims (
    key TEXT NOT NULL, name TEXT NOT NULL, id TEXT NOT NULL, given INTEGER NOT NULL, PRIMARY KEY (key, name, id)
) WITHOUT ROWID;
CREATE TABLE aliases (id TEXT PRIMARY KEY, becomes TEXT NOT NULL) WITHOUT ROWID;
"""
_CLAIMS_OF_THE_FILE = """
INSERT OR IGNORE INTO claims
SELECT p.key, o.name, o.id, o.given FROM pairs p JOIN rows r ON r.line = p.line JOIN owners o ON o.id = r.owner
"""
_CLAIMS_OF_THE_CRM = """
INSERT OR IGNORE INTO claims
SELECT n.key, c.name, c.id, c.id NOT GLOB 'auto-*'
FROM (SELECT DISTINCT key, name FROM claims) k
JOIN crm.numbers n ON n.key = k.key JOIN crm.customers c ON c.id = n.customer_id AND c.name = k.name
WHERE NOT EXISTS (SELECT 1 FROM owners o WHERE o.id = c.id AND o.name <> c.name)
"""
_LINKED = """
SELECT c.key, c.name, c.id, c.given FROM claims c
JOIN (SELECT key, name FROM claims GROUP BY key, name HAVING count(*) > 1 AND min(given) = 0) USING (key, name)
ORDER BY c.key, c.name, c.id
"""
_FOREIGN_DEALS = """
WITH disputed AS (
    SELECT deal_id, owner AS first_owner, min(line) FROM rows WHERE deal_id IN
        (SELECT deal_id FROM rows WHERE deal_id <> '' GROUP BY deal_id HAVING min(owner) <> max(owner))
    GROUP BY deal_id
)
SELECT r.line FROM rows r JOIN disputed d ON d.deal_id = r.deal_id WHERE r.owner <> d.first_owner ORDER BY r.line
"""
_AMBIGUOUS = """
SELECT count(*) FROM (
    SELECT key FROM (
        SELECT p.key AS key, r.owner AS id FROM pairs p JOIN rows r ON r.line = p.line
        UNION ALL
        SELECT n.key, n.customer_id FROM (SELECT DISTINCT key FROM pairs) k JOIN crm.numbers n ON n.key = k.key
        WHERE NOT EXISTS (SELECT 1 FROM rows r WHERE r.owner = n.customer_id)
          AND NOT EXISTS (SELECT 1 FROM aliases a WHERE a.id = n.customer_id)
    ) GROUP BY key HAVING min(id) <> max(id)
)
"""


class Staging:
    """The rows of one file on their way into the customer file. Not for several threads."""

    def __init__(self) -> None:
        self.connection = sqlite3.connect("", isolation_level=None, uri=True)
        self.connection.executescript(_TABLES)

    def __enter__(self) -> "Staging":
        return self

    def __exit__(self, *exc: object) -> None:
        self.connection.close()

    def keep(self, rows: Iterable[CustomerRow | Rejected]) -> Iterator[int]:
        """Keep all rows; after each thousand says how many there were so far."""
        self.connection.execute("BEGIN")
        kept, rest = 0, iter(rows)
        while chunk := list(islice(rest, _AT_ONCE)):
            good = [row for row in chunk if isinstance(row, CustomerRow)]
            self.connection.executemany("INSERT INTO rows VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", map(_values, good))
            self.connection.executemany(
                "INSERT INTO pairs VALUES (?, ?)", ((key, row.line) for row in good for key, _ in row.numbers)
            )
            self._reject((row.line, row.reason, row.message) for row in chunk if isinstance(row, Rejected))
            kept += len(chunk)
            yield kept
        self.connection.execute("COMMIT")

    def attach(self, path: Path, *, writable: bool) -> None:
        """Attach the customer file as `crm`."""
        mode = "rw" if writable else "ro"
        self.connection.execute("ATTACH ? AS crm", (f"{path.absolute().as_uri()}?mode={mode}",))
        self.connection.execute("PRAGMA crm.cache_size = -16384")

    def settle(self) -> None:
        """Find out who is who, and reject the rows that only now turn out to be impossible."""
        run = self.connection.execute
        run("BEGIN")
        run("CREATE INDEX rows_by_owner ON rows (owner)")
        run("INSERT INTO owners SELECT owner, given, name FROM (SELECT owner, given, name, max(line) FROM rows"
            " GROUP BY owner)")  # fmt: skip
        if self._some_without_id():
            run(_CLAIMS_OF_THE_FILE)
            run(_CLAIMS_OF_THE_CRM)
            self._join()
        self._reject_too_many()
        run("CREATE INDEX rows_by_deal ON rows (deal_id, owner) WHERE deal_id <> ''")
        lines = [line for (line,) in run(_FOREIGN_DEALS)]
        self._reject((line, Reason.DEAL, "its deal_id belongs to another customer in this file") for line in lines)
        run("DELETE FROM rows WHERE line IN (SELECT line FROM rejects)")
        run("COMMIT")

    def count(self, what: str) -> int:
        """How many `rows`, `rejects` or customers (`DISTINCT owner`) there are."""
        sql = {
            "rows": "SELECT count(*) FROM rows",
            "rejects": "SELECT count(*) FROM rejects",
            "customers": "SELECT count(DISTINCT owner) FROM rows",
            "ambiguous": _AMBIGUOUS,
        }[what]
        return int(self.connection.execute(sql).fetchone()[0])

    def customers(self) -> Iterator[tuple[str, list[tuple[Any, ...]]]]:
        """Each customer by id with his rows, in the order of the file."""
        rows = self.connection.execute(
            "SELECT owner, name, numbers, cells, deal_id, deal, changed_at, note FROM rows ORDER BY owner, line"
        )
        for owner, group in groupby(rows, key=lambda row: row[0]):
            yield owner, list(group)

    def rejects(self) -> Iterator[Rejected]:
        """The rows that were not taken, in the order of the file."""
        for line, reason, message in self.connection.execute("SELECT line, reason, message FROM rejects ORDER BY line"):
            yield Rejected(line, Reason(reason), message)

    def _reject(self, rows: Iterable[tuple[int, Reason, str]]) -> None:
        self.connection.executemany("INSERT OR IGNORE INTO rejects VALUES (?, ?, ?)", rows)

    def _some_without_id(self) -> bool:
        in_file = self.connection.execute("SELECT 1 FROM rows WHERE NOT given LIMIT 1").fetchone()
        # `.` follows `-`: all ids that begin with `auto-`, by the index
        in_crm = "SELECT 1 FROM crm.customers WHERE id >= 'auto-' AND id < 'auto.' LIMIT 1"
        return bool(in_file or self.connection.execute(in_crm).fetchone())

    def _join(self) -> None:
        """Make one customer of those without an id of their own who share name and number with others."""
        groups = _Groups()
        for _, claims in groupby(self.connection.execute(_LINKED), key=lambda row: row[:2]):
            ids = [(row[2], bool(row[3])) for row in claims]
            groups.link([id_ for id_, given in ids if not given], min((id_ for id_, given in ids if given), default=""))
        known = "SELECT 1 FROM crm.customers WHERE id = ?"
        aliases = groups.aliases(lambda id_: self.connection.execute(known, (id_,)).fetchone() is not None)
        self.connection.executemany("INSERT INTO aliases VALUES (?, ?)", aliases)
        self.connection.execute("CREATE INDEX aliases_by_target ON aliases (becomes)")
        self.connection.execute(
            "UPDATE rows SET owner = (SELECT becomes FROM aliases WHERE id = owner)"
            " WHERE owner IN (SELECT id FROM aliases)"
        )

    def _reject_too_many(self) -> None:
        crowded = self.connection.execute(
            "SELECT owner FROM rows GROUP BY owner HAVING count(*) > ?", (MAX_ROWS_OF_ONE,)
        ).fetchall()
        for (owner,) in crowded:
            self.connection.execute(
                "INSERT INTO rejects SELECT line, ?, ? FROM rows WHERE owner = ? ORDER BY line LIMIT -1 OFFSET ?",
                (Reason.TOO_MANY, f"more than {MAX_ROWS_OF_ONE} rows of one customer", owner, MAX_ROWS_OF_ONE),
            )
        self.connection.execute("DELETE FROM rows WHERE line IN (SELECT line FROM rejects)")


def digest(*parts: str) -> str:
    """The part of an id that follows from what it stands for."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16]


def _values(row: CustomerRow) -> tuple[object, ...]:
    deal = row.deal
    return (
        row.line,
        row.customer_id or DERIVED + digest(row.name, row.numbers[0][0]),
        bool(row.customer_id),
        row.name,
        CELL_END.join(text for number in row.numbers for text in number),
        CELL_END.join(row.cells),
        deal.id if deal else "",
        CELL_END.join((deal.title, deal.stage, deal.amount or "", deal.responsible, deal.changed_at or ""))
        if deal else None,
        row.changed_at,
        row.note,
    )  # fmt: skip


class _Groups:
    """Derived ids that are one customer, and the given id that some of them belong to. Only linked ones are here."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}
        self._given: dict[str, str] = {}

    def link(self, derived: list[str], given: str) -> None:
        """These are one, and `given`, unless empty, is the id that the file or the CRM has for them."""
        roots = sorted({self._root(id_) for id_ in derived})
        candidates = [self._given[root] for root in roots if root in self._given] + [given] * bool(given)
        for root in roots[1:]:
            self._parent[root] = roots[0]
        if candidates:
            self._given[roots[0]] = min(candidates)

    def aliases(self, known: Callable[[str], bool]) -> Iterator[tuple[str, str]]:
        """Each derived id that gives way, and to which: a given one, else one `known` to the CRM, else the smallest."""
        members: dict[str, list[str]] = {}
        for id_ in sorted(self._parent):
            members.setdefault(self._root(id_), []).append(id_)
        for root, ids in members.items():
            target = self._given.get(root) or next(filter(known, ids), ids[0])
            yield from ((id_, target) for id_ in ids if id_ != target)

    def _root(self, id_: str) -> str:
        parent = self._parent.setdefault(id_, id_)
        while parent != self._parent[parent]:
            self._parent[id_] = parent = self._parent[parent]
        return parent
