"""What a database says is passed on where it speaks of the query, and never with a value of a customer in it."""

import asyncpg
import pymysql
import pytest

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.sql import mysql_errors, postgresql_errors
from cti_bridge.crm.sql.connections import ConnectionBroken, QueryFault, TakesNoChanges
from cti_bridge.crm.sql.placeholders import Statement

ASKED = Statement("SELECT ?", ("number",))


def by_mysql(code: int, said: str, *, writing: bool = True) -> Exception:
    with pytest.raises((CrmUnavailable, CrmRefuses)) as told, mysql_errors.in_our_words(ASKED, writing=writing):
        raise pymysql.OperationalError(code, said)
    return told.value


@pytest.mark.parametrize(
    ("code", "said", "told"),
    [
        (1062, "Duplicate entry 'Вера Ёлкина' for key 'PRIMARY'", "OperationalError 1062 at PRIMARY"),
        (1062, "Duplicate entry 'x' for key 'Вера' for key 'odd ' key'", "OperationalError 1062 at odd ' key"),
        (1366, r"Incorrect string value: '\xF0\x9F' for column `crm`.`a`.`m` at row 1",
         "OperationalError 1366 at `crm`.`a`.`m`"),
        (1292, "Incorrect datetime value: 'Вера' for column 'd' at row 3", "OperationalError 1292 at 'd'"),
        (1292, "Truncated incorrect DOUBLE value: 'Вера'", "OperationalError 1292"),
        (1644, "Вера Ёлкина is blocked", "OperationalError 1644"),
        (1048, "Column 'title' cannot be null", "Column 'title' cannot be null"),
        (4025, "CONSTRAINT `sm` failed for `crm`.`a`", "CONSTRAINT `sm` failed for `crm`.`a`"),
    ],
)  # fmt: skip
def test_values_that_mysql_will_not_take_are_refused_by_their_place(code: int, said: str, told: str) -> None:
    error = by_mysql(code, said)
    assert isinstance(error, CrmRefuses)
    assert str(error) == told


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1054, QueryFault),
        (1205, QueryFault),
        (1969, QueryFault),
        (1290, TakesNoChanges),
        (1836, TakesNoChanges),
        (1047, ConnectionBroken),
        (2013, ConnectionBroken),
        (4031, ConnectionBroken),
        (99_999, QueryFault),
    ],
)
def test_what_mysql_may_take_later_is_told_again(code: int, kind: type[Exception]) -> None:
    assert type(by_mysql(code, "x")) is kind


def test_an_unknown_error_of_mysql_is_a_number() -> None:
    assert str(by_mysql(99_999, "Вера Ёлкина")) == "OperationalError 99999"


def by_postgresql(error: Exception, *, writing: bool = True) -> Exception:
    asked = Statement("SELECT $1, $2", ("number", "key"))
    with pytest.raises((CrmUnavailable, CrmRefuses)) as told, postgresql_errors.in_our_words(asked, writing=writing):
        raise error
    return told.value


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (asyncpg.UniqueViolationError("Key (name)=(Вера) already exists"), CrmRefuses),
        (asyncpg.RaiseError("Вера Ёлкина is blocked"), CrmRefuses),
        (asyncpg.InvalidTextRepresentationError('invalid input: "Вера"'), CrmRefuses),
        (asyncpg.DataError("invalid input for query argument $2: 'Вера $1'"), QueryFault),
        (asyncpg.ReadOnlySQLTransactionError("cannot execute INSERT"), TakesNoChanges),
        (asyncpg.AdminShutdownError("terminating connection"), ConnectionBroken),
        (asyncpg.InternalServerError("Вера"), QueryFault),
        (asyncpg.DeadlockDetectedError("Вера"), QueryFault),
        (ConnectionResetError(104, "reset"), ConnectionBroken),
    ],
)
def test_postgresql_is_understood_without_values(error: Exception, kind: type[Exception]) -> None:
    told = by_postgresql(error)
    assert type(told) is kind
    assert "Вера" not in str(told)


def test_a_parameter_that_does_not_fit_is_named() -> None:
    told = by_postgresql(asyncpg.DataError("invalid input for query argument $2: 'Вера $1'"))
    assert str(told).startswith(":key does not fit")
