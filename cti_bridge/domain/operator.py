"""Operators: the people whose phones ring and who look at the page."""

import re
from dataclasses import dataclass
from enum import StrEnum

from cti_bridge.domain.ids import OperatorId

OPERATOR_ID = re.compile(r"[a-z0-9._-]{1,32}")
INTERFACE = re.compile(r"[A-Za-z0-9]+/[A-Za-z0-9_.@+-]{1,80}")


class Role(StrEnum):
    """What somebody may see and do; each role has the rights of the one before it."""

    OPERATOR = "operator"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


@dataclass(frozen=True, slots=True)
class Operator:
    """One operator; `phones` are Asterisk interfaces such as `PJSIP/101`, `crm_user` his id in the CRM."""

    id: OperatorId
    name: str
    phones: tuple[str, ...]
    role: Role = Role.OPERATOR
    crm_user: str = ""
    language: str = "ru"
