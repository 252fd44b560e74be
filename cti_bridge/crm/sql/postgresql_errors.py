"""What goes wrong with PostgreSQL in our words, without any values.

Texts of the server are passed on only where they speak of the query and not of what is in the tables.
"""

import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql.connections import (
    STOPPED,
    TAKES_NO_CHANGES,
    ConnectionBroken,
    QueryFault,
    TakesNoChanges,
    unreachable,
)
from cti_bridge.crm.sql.placeholders import Statement

_SPEAKS_OF_THE_QUERY = ("0A", "25", "26", "28", "3D", "3F", "42", "53", "54", "55", "57", "58")
"""Classes of SQLSTATE whose messages name tables, columns and users, but no values."""
_NEVER_TAKEN = ("21", "22", "23", "44", "P0")
"""Classes that mean: these values will not be taken, however often they come."""
_GONE = ("08", "57P01", "57P02", "57P03", "57P05", "25P03")
_READ_ONLY = "25006"
_STOPPED = "57014"
_ARGUMENT = re.compile(r"\$(\d+)")


@contextmanager
def in_our_words(statement: Statement | None = None, *, connecting: str = "", writing: bool = False) -> Iterator[None]:
    """Raise what went wrong as CrmUnavailable, ConnectionBroken, QueryFault or CrmRefuses, without values.

    `connecting` is the address that is called.
    """
    broken = CrmUnavailable if connecting else ConnectionBroken
    try:
        yield
    except (asyncpg.InvalidCachedStatementError, asyncpg.OutdatedSchemaCacheError) as error:
        raise ConnectionBroken("a table was changed since its query was prepared") from error
    except asyncpg.PostgresError as error:
        if type(error) is asyncpg.DataError:  # the driver's own word; those of the server are kinds of it
            raise QueryFault(_misfit(error, statement)) from error
        state = error.sqlstate or ""
        words = _message(error, state, statement, connecting=bool(connecting))
        if state.startswith(_GONE):
            raise broken(words) from error
        if writing and state == _READ_ONLY:
            raise TakesNoChanges(TAKES_NO_CHANGES) from error
        if writing and state.startswith(_NEVER_TAKEN):
            raise CrmRefuses(words) from error
        raise (QueryFault if statement else CrmUnavailable)(words) from error
    except ssl.SSLCertVerificationError as error:
        raise CrmUnavailable("the database's certificate is not valid") from error
    except OSError as error:
        raise broken(unreachable(connecting, error)) from error
    except (asyncpg.InterfaceError, asyncpg.InternalClientError, ValueError, TypeError, LookupError) as error:
        raise broken(f"the database's answer is not understood ({type(error).__name__})") from error


def _message(error: asyncpg.PostgresError, state: str, statement: Statement | None, *, connecting: bool) -> str:
    """What the server said, one printable line of it, where it can be no customer data; else its code."""
    if state == _STOPPED:
        return STOPPED
    if state.startswith("08") and not getattr(error, "message", None):  # the driver's own word, without the server's
        return "the database broke off the connection, or is none"
    if not connecting and not state.startswith(_SPEAKS_OF_THE_QUERY):
        where = getattr(error, "constraint_name", None) or getattr(error, "column_name", None)
        return f"{type(error).__name__} (SQLSTATE {state})" + (f" at {where}" if where else "")
    said = str(getattr(error, "message", None) or type(error).__name__)[:300]
    for index, name in reversed(list(enumerate(statement.names if statement else (), start=1))):
        said = said.replace(f"${index}", f":{name}")
    return "".join(character if character.isprintable() else " " for character in said)


def _misfit(error: asyncpg.DataError, statement: Statement | None) -> str:
    """Which parameter cannot be of the type that the server wants there; the driver names its place, and its value."""
    found = _ARGUMENT.search(str(error))
    names = statement.names if statement else ()
    name = names[int(found[1]) - 1] if found and 0 < int(found[1]) <= len(names) else "…"
    return f":{name} does not fit the type that it has there: add a cast, as in :{name}::text"
