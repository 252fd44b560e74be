"""The part of the settings that is about an SQL database, and how the CRM that it describes is opened."""

from functools import partial
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, ValidationInfo, field_validator, model_validator

from cti_bridge.crm.links import Links
from cti_bridge.crm.port import Crm
from cti_bridge.crm.sql import mysql, postgresql
from cti_bridge.crm.sql.adapter import SqlCrm
from cti_bridge.crm.sql.connections import DatabasePlace, Pool
from cti_bridge.crm.sql.placeholders import Dialect, QueryUnreadable
from cti_bridge.crm.sql.queries import Queries, read_queries
from cti_bridge.crm.sql.words import REPORTS, Purpose
from cti_bridge.domain.customer import StageList
from cti_bridge.settings_model import (
    CrmPart,
    Misfit,
    SecretModel,
    StrictModel,
    is_loopback,
    read_secret,
    seconds,
    trusted_by,
)

_PORTS = {Dialect.POSTGRESQL: 5432, Dialect.MYSQL: 3306}
_WRITERS = 2
_WRITING_LIMIT_S = 5.0
_NAME = r"^[^\x00-\x1f]{1,120}$"

SETTINGS_EXAMPLE = """\
crm:
  kind: sql
  engine: postgresql                      # or mysql, which is MariaDB as well
  host: 127.0.0.1                         # elsewhere than on loopback it needs tls: true
  # port: 5432
  # socket: /run/postgresql               # instead of host; for mysql the file, /run/mysqld/mysqld.sock
  database: crm
  user: cti_bridge
  secret_file: crm.secret                 # its password
  # tls: true
  # tls_ca: crm-ca.pem                    # where the system does not know who signed its certificate
  timezone: Europe/Moscow                 # of times that the database has without an offset
  # timeout: 2s                           # how long the database may work on a look-up
  # connections: 4                        # for look-ups; reports have two of their own
  queries:
    # A row per deal and number; without a deal the columns of deals are NULL. :number and :e164 are +74950000149,
    # :digits is 74950000149, :last10 is 4950000149. Give `number` as it is stored: only exact ones count.
    find: |
      SELECT c.id AS customer_id, c.name, c.email, p.number, c.manager AS responsible,
             d.id AS deal_id, d.title AS deal_title, d.stage, d.amount, d.changed_at
      FROM phones p
      JOIN customers c ON c.id = p.customer_id
      LEFT JOIN deals d ON d.customer_id = c.id
      WHERE right(regexp_replace(p.number, '[^0-9]', '', 'g'), 10) = :last10
    # All others are optional; what there is no query for is not done.
    # stages: SELECT id, name, position, final FROM stages
    # notes: |
    #   SELECT made_at AS at, author, body AS text FROM notes
    #   WHERE customer_id = :customer_id ORDER BY made_at DESC LIMIT :limit
    # report: |                           # at each moment of a call; it may come again, and any of them first
    #   INSERT INTO calls (key, customer_id, started_at, ended_at, outcome, operator)
    #   SELECT :key, id, :started_at, :ended_at, :outcome, :user FROM customers WHERE id = :customer_id
    #   ON CONFLICT (key) DO UPDATE SET ended_at = coalesce(excluded.ended_at, calls.ended_at),
    #     outcome = coalesce(excluded.outcome, calls.outcome), operator = coalesce(excluded.operator, calls.operator)
"""


class QueriesModel(StrictModel):
    """The admin's queries; those that change something may be several statements for one transaction."""

    find: str
    stages: str | None = None
    notes: str | None = None
    calls: str | None = None
    create: str | tuple[str, ...] | None = None
    update: str | tuple[str, ...] | None = None
    add_note: str | tuple[str, ...] | None = None
    report: str | tuple[str, ...] | None = None
    report_started: str | tuple[str, ...] | None = None
    report_answered: str | tuple[str, ...] | None = None
    report_ended: str | tuple[str, ...] | None = None
    report_updated: str | tuple[str, ...] | None = None

    def texts(self) -> dict[Purpose, tuple[str, tuple[str, ...]]]:
        """Name and statements of each query that there is; `report` is for each moment that has none of its own."""
        texts = {}
        for purpose in Purpose:
            for name in (purpose.value, "report") if purpose in REPORTS.values() else (purpose.value,):
                query = getattr(self, name)
                if query is not None:
                    texts[purpose] = (name, (query,) if isinstance(query, str) else query)
                    break
        return texts


class SqlModel(CrmPart, SecretModel):
    """A database and the queries for it."""

    kind: Literal["sql"] = "sql"
    engine: Dialect
    host: str = Field(default="127.0.0.1", min_length=1, max_length=253)
    port: int | None = Field(default=None, ge=1, le=65535)
    socket: Path | None = None
    database: str = Field(pattern=_NAME)
    user: str = Field(pattern=_NAME)
    tls: bool = False
    tls_ca: Path | None = None
    timezone: str = "UTC"
    timeout: float = 2.0
    connections: int = Field(default=4, ge=1, le=32)
    report_strangers: bool = False
    queries: QueriesModel

    @field_validator("timeout", mode="before")
    @classmethod
    def _time_limit(cls, value: object) -> float:
        return seconds(str(value))

    @field_validator("timeout")
    @classmethod
    def _short(cls, value: float) -> float:
        if not 0.1 <= value <= 10:
            raise ValueError("must be from 100ms to 10s")
        return value

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            return str(ZoneInfo(value))
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("not a time zone such as Europe/Moscow") from None

    @field_validator("queries")
    @classmethod
    def _readable(cls, value: QueriesModel, rest: ValidationInfo) -> QueriesModel:
        if "engine" in rest.data:  # otherwise that is told
            try:
                read_queries(value.texts(), rest.data["engine"])
            except QueryUnreadable as error:
                raise ValueError(str(error)) from None
        return value

    @model_validator(mode="after")
    def _safe_line(self) -> "SqlModel":
        if self.socket is None and not self.secret and not self.secret_file:
            raise ValueError("secret_file or secret is missing")
        if self.socket is None and not is_loopback(self.host) and not self.tls:
            raise ValueError("a database elsewhere than on loopback needs tls: true")
        return self

    def ready(self) -> Queries:
        """The queries as the database takes them. Raises QueryUnreadable."""
        return read_queries(self.queries.texts(), self.engine)


def opened(
    model: SqlModel, *, region: str, stages: StageList | None, folder: Path, data_dir: Path, links: Links
) -> Crm:
    """The database that `model` describes; it needs no links, its own keys do. Raises Misfit."""
    tls = trusted_by(model.tls_ca, folder, ("crm", "tls_ca")) if model.tls else None
    zone = ZoneInfo(model.timezone)
    secret = read_secret(model, folder, ("crm",))
    if model.engine is Dialect.MYSQL and not secret.isascii():
        raise Misfit(("crm",), "for MySQL and MariaDB the password must be of ASCII characters only")
    connected = postgresql.connected if model.engine is Dialect.POSTGRESQL else mysql.connected

    def pool(*, for_reading: bool) -> Pool:
        limit_s = model.timeout if for_reading else _WRITING_LIMIT_S
        place = DatabasePlace(
            host=model.host,
            port=model.port or _PORTS[model.engine],
            socket=model.socket,
            database=model.database,
            user=model.user,
            secret=secret,
            tls=tls,
            zone=zone,
            limit_s=limit_s,
            for_reading=for_reading,
        )
        return Pool(partial(connected, place), size=model.connections if for_reading else _WRITERS, limit_s=limit_s)

    return SqlCrm(
        model.ready(),
        pool(for_reading=True),
        pool(for_reading=False),
        region=region,
        zone=zone,
        stages=stages,
        report_strangers=model.report_strangers,
    )
