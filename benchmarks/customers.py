"""A customer file of the embedded CRM with a million invented customers, made by SQL in a few seconds and kept.

Customer number N has the number +7495 followed by N in seven digits: no subscriber's number begins with 0. A third
have an offer, a third a paid order, the others only a finished one.
"""

import hashlib
import sys
from pathlib import Path

from cti_bridge.crm.embedded import schema
from demo.asterisk import REPOSITORY

CUSTOMERS = 1_000_000
FOLDER = REPOSITORY / ".cache" / "benchmarks"
_FILL = """
PRAGMA synchronous = OFF;
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {customers})
INSERT INTO customers (id, name, city, segment, responsible, last_contact_at)
SELECT printf('c%0{width}d', i), printf('Ласточкина Ия %d', i), 'Тверь', '', printf('op%d', i % 1000),
       '2026-11-02T09:30:00+00:00'
FROM n;
INSERT INTO numbers (key, customer_id, raw)
SELECT '+7495' || substr(id, 2), id, '8 (495) ' || substr(id, 2) FROM customers;
INSERT INTO deals (id, customer_id, title, stage, amount, responsible, changed_at)
SELECT 'd' || substr(id, 2), id, 'Шкаф-купе в прихожую',
       CASE CAST(substr(id, 2) AS INTEGER) % 3 WHEN 0 THEN 'offer_sent' WHEN 1 THEN 'in_production' ELSE 'closed' END,
       '148000.00', responsible, '2026-11-18T12:00:00+00:00'
FROM customers;
COMMIT;
ANALYZE;
PRAGMA wal_checkpoint(TRUNCATE);
"""


def number(customer: int, *, of: int = CUSTOMERS) -> str:
    """The telephone number of a customer; where there are more than a million, one that nobody can have."""
    return f"+7495{customer:0{_width(of)}d}"


def _width(customers: int) -> int:
    return 7 if customers <= CUSTOMERS else 8


def customer_file(customers: int = CUSTOMERS) -> Path:
    """The file with that many customers, made where it is not there yet."""
    fill = _FILL.format(customers=customers, width=_width(customers))
    key = hashlib.sha256("".join([*schema.MIGRATIONS, fill]).encode()).hexdigest()[:12]
    path = FOLDER / f"customers-{customers}-{key}.sqlite"
    if not path.exists():
        print(f"making a CRM with {customers:,} customers", file=sys.stderr)
        FOLDER.mkdir(parents=True, exist_ok=True)
        for outdated in FOLDER.glob(f"customers-{customers}-*"):
            outdated.unlink()
        made = path.with_suffix(".new")
        made.unlink(missing_ok=True)
        database = schema.open_for_import(made)
        try:
            schema.set_stages(database, None)
            database.conn.executescript(fill)
        finally:
            database.conn.close()
        made.rename(path)
    return path
