"""What is said first on a connection to MySQL or MariaDB, by what the server is. Pure."""

from datetime import datetime, timedelta, tzinfo

from cti_bridge.crm.sql.connections import DatabasePlace

_OTHER_RULES = frozenset(
    {"ANSI", "ANSI_QUOTES", "NO_BACKSLASH_ESCAPES", "DB2", "MAXDB", "MSSQL", "ORACLE", "POSTGRESQL"}
)
"""SQL modes under which strings and quoted names end elsewhere than we take it for."""


def session_statements(place: DatabasePlace, server: tuple[str, str]) -> tuple[str, ...]:
    """The statements, for a server with this version and SQL mode; they hold constants, numbers, words of its own."""
    version, mode = server
    modes = [word for word in mode.upper().split(",") if word.replace("_", "").isalpha() and word not in _OTHER_RULES]
    waiting_s = max(1, round(place.limit_s))
    limit_s = place.statement_limit_s
    limit = (
        f"SET SESSION max_statement_time = {limit_s:.3f}"
        if "MARIADB" in version.upper()
        else f"SET SESSION max_execution_time = {int(limit_s * 1000)}"
    )
    return (
        f"SET SESSION sql_mode = '{','.join(modes)}'",
        limit,
        f"SET SESSION innodb_lock_wait_timeout = {waiting_s}, lock_wait_timeout = {waiting_s}",
        f"SET SESSION TRANSACTION READ {'ONLY' if place.for_reading else 'WRITE'}",
    )


def offset(zone: tzinfo, now: datetime) -> str:
    """The zone's offset from UTC as the server wants it: `+03:00`."""
    minutes = (now.astimezone(zone).utcoffset() or timedelta()) // timedelta(minutes=1)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
