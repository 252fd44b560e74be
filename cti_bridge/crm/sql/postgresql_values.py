"""Our values as the types of PostgreSQL, which takes no number written as text. Pure."""

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from cti_bridge.crm.sql.connections import Unfit
from cti_bridge.crm.sql.words import Value

_INTEGERS = {"int2": 15, "int4": 31, "int8": 63, "oid": 31}
"""Whole numbers by the bits that they may have."""
_MADE_FROM_TEXT: Mapping[str, Callable[[str], Any]] = {
    "numeric": Decimal,
    "float4": float,
    "float8": float,
    "uuid": UUID,
}


def fitting(value: Value, type_name: str, name: str, zone: tzinfo) -> Any:
    """The value as one of this type. Raises Unfit when it cannot be one."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return _fitting_time(value, type_name, zone)
    if value == "" and type_name in (*_INTEGERS, *_MADE_FROM_TEXT):
        return None
    try:
        if type_name in _INTEGERS:
            return _whole(int(value), _INTEGERS[type_name])
        return _MADE_FROM_TEXT.get(type_name, str)(str(value))
    except (ValueError, InvalidOperation):
        raise Unfit(f":{name} is no {type_name}") from None


def _whole(number: int, bits: int) -> int:
    if not -(1 << bits) <= number < 1 << bits:
        raise ValueError
    return number


def _fitting_time(value: datetime, type_name: str, zone: tzinfo) -> Any:
    match type_name:
        case "timestamptz":
            return value
        case "timestamp":
            return value.astimezone(zone).replace(tzinfo=None)
        case "date":
            return value.astimezone(zone).date()
        case "int8" | "int4" | "numeric" | "float8":
            return int(value.timestamp())
        case _:
            return value.isoformat()
