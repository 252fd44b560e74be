"""What goes wrong with MySQL and MariaDB in our words, without any values.

Texts of the server are passed on only where they speak of the query and not of what is in the tables; of the others
the number is told, and the column or key that they name at their end.
"""

import re
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager

import pymysql

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

_SPEAKS_OF_THE_QUERY = frozenset(
    {
        *(1040, 1044, 1045, 1046, 1047, 1049, 1052, 1054, 1055, 1056, 1060, 1064, 1065, 1066, 1099, 1109, 1110, 1111),
        *(1115, 1129, 1130, 1136, 1140, 1141, 1142, 1143, 1146, 1147, 1153, 1203, 1205, 1210, 1213, 1221, 1222, 1226),
        *(1227, 1235, 1241, 1242, 1243, 1247, 1248, 1267, 1290, 1295, 1305, 1318, 1327, 1356, 1370, 1449, 1461, 1615),
        *(1698, 1792, 1820, 1836, 1862, 2026, 2059, 3118, 3159, 4151),
        *(1048, 1216, 1217, 1264, 1265, 1364, 1406, 1451, 1452, 3819, 4025),
    }
)
"""Errors whose messages name tables, columns, constraints, users and pieces of the query, but no values."""
_NEVER_TAKEN = frozenset(
    {
        *(1022, 1048, 1062, 1169, 1216, 1217, 1264, 1265, 1292, 1364, 1366, 1406, 1411, 1451, 1452, 1557, 1586),
        *(1267, 1644, 3140, 3819, 4025),
    }
)
"""Errors that mean: these values will not be taken, however often they come."""
_GONE = frozenset(
    {*(1047, 1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927), *(2006, 2013, 2014, 2027, 2055, 4031)}
)
_READ_ONLY = frozenset({1290, 1792, 1836})
_NOBODY_THERE = 2003
_STOPPED = frozenset({1317, 1969, 3024})
_ENCRYPTING = "caching_sha2_password"
"""What the driver speaks of when it would have to encrypt a password by itself."""
_PLACE_AT_THE_END = re.compile(r".* for (?:key '([^\x00-\x1f]{1,64})'|column (\S{1,200}) at row \d+)", re.DOTALL)
"""What stands behind the value in messages that have one; the last of its kind, as a value may look like one."""


@contextmanager
def in_our_words(statement: Statement | None = None, *, connecting: str = "", writing: bool = False) -> Iterator[None]:
    """Raise what went wrong as CrmUnavailable, ConnectionBroken, QueryFault or CrmRefuses, without values.

    `connecting` is the address that is called.
    """
    broken = CrmUnavailable if connecting else ConnectionBroken
    try:
        yield
    except (pymysql.InternalError, pymysql.InterfaceError) as error:
        raise broken(f"the database's answer is not understood ({type(error).__name__})") from error
    except pymysql.MySQLError as error:
        code = error.args[0] if error.args and isinstance(error.args[0], int) else 0
        words = _message(error, code, connecting)
        if code in _GONE:
            raise broken(words) from error
        if writing and code in _READ_ONLY:
            raise TakesNoChanges(TAKES_NO_CHANGES) from error
        if writing and code in _NEVER_TAKEN:
            raise CrmRefuses(words) from error
        raise (QueryFault if statement else CrmUnavailable)(words) from error
    except OSError as error:
        raise broken(unreachable(connecting, error)) from error
    except (EOFError, struct.error, ValueError, TypeError, LookupError, AttributeError, RuntimeError) as error:
        if connecting and _ENCRYPTING in str(error):
            raise CrmUnavailable("its user signs in in a way that needs tls: true, or a socket") from error
        raise broken(f"the database's answer is not understood ({type(error).__name__})") from error


def _message(error: pymysql.MySQLError, code: int, connecting: str) -> str:
    """What the server said, one printable line of it, where it can be no customer data; else its number."""
    if isinstance(error.__cause__, ssl.SSLCertVerificationError):
        return "the database's certificate is not valid"
    if code == _NOBODY_THERE:
        return unreachable(connecting, error.__cause__ or error)
    if code in _STOPPED:
        return STOPPED
    said = str(error.args[1] if len(error.args) > 1 else code)
    if code in _SPEAKS_OF_THE_QUERY:
        return "".join(character if character.isprintable() else " " for character in said[:300])
    place = _PLACE_AT_THE_END.fullmatch(said)
    return f"{type(error).__name__} {code}" + (f" at {place[1] or place[2]}" if place else "")
