"""All that crosses the border between the dialplan and the bridge, spelled in this file only."""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from cti_bridge.domain.decision import Decision, OperatorDial
from cti_bridge.domain.ids import CallId

MAX_VALUE = 128
"""Characters of a channel variable, except the customer's name."""
_SAFE = re.compile(rf"[A-Za-z0-9_.:/@+&-]{{0,{MAX_VALUE}}}")
_FORBIDDEN_IN_NAME = frozenset('"\\${}[],;')
_MAX_NAME = 80
MAX_LINE = 900
"""Bytes of one AGI command; Asterisk reads lines of up to 1,023."""
_MAX_IN = 256


class UnsafeValue(ValueError):
    """A value that may not be put into a channel variable."""


@dataclass(frozen=True, slots=True)
class RouteRequest:
    """What the dialplan says when it asks; every text was chosen outside and is only cut to a bounded length."""

    channel_name: str
    uniqueid: str
    linkedid: str
    caller_number: str
    caller_name: str
    presentation_allowed: bool
    did: str
    trunk: str
    attestation: str
    language: str
    call_id: str
    """Set when the subroutine runs a second time for the same call, else empty."""


def read_request(environment: Mapping[str, str]) -> RouteRequest:
    """The request in an AGI environment. Raises ValueError where even the channel's id is missing."""

    def value(name: str) -> str:
        return environment.get(name, "")[:_MAX_IN]

    uniqueid = value("agi_uniqueid")
    if not uniqueid:
        raise ValueError("agi_uniqueid is missing")
    arguments = [value(f"agi_arg_{number}").strip() for number in range(1, 7)]
    number, name = value("agi_callerid"), value("agi_calleridname")
    did = arguments[0] or arguments[3] or _known(value("agi_dnid"))
    return RouteRequest(
        channel_name=value("agi_channel"),
        uniqueid=uniqueid,
        linkedid=arguments[1] or uniqueid,
        caller_number=_known(number),
        caller_name=_known(name),
        presentation_allowed=_presentation_allowed(value("agi_callingpres")),
        did="" if did == "s" else did,
        trunk=arguments[4],
        attestation=arguments[5].upper() if arguments[5].upper() in ("A", "B", "C") else "",
        language=value("agi_language"),
        call_id=arguments[2],
    )


def _known(value: str) -> str:
    return "" if value in ("unknown", "<unknown>") else value


def _presentation_allowed(value: str) -> bool:
    """Bits 5 and 6 of the presentation octet (ITU-T Q.931, 4.5.10): 0 allowed, 1 restricted, 2 not available."""
    return not value.isdecimal() or (int(value) >> 5) & 0b11 == 0


def safe(value: str) -> str:
    """The value unchanged, if it may stand in a channel variable. Raises UnsafeValue."""
    if _SAFE.fullmatch(value) is None:
        raise UnsafeValue(f"not allowed in a channel variable: {value[:40]!a}")
    return value


def safe_name(name: str) -> str:
    """A customer's name without control characters and everything that the dialplan could take for syntax."""
    kept = (
        letter if letter not in _FORBIDDEN_IN_NAME and unicodedata.category(letter)[0] != "C" else " "
        for letter in name
    )
    return " ".join("".join(kept).split())[:_MAX_NAME].rstrip()


def variables(decision: Decision, call_id: CallId, operator: OperatorDial | None) -> dict[str, str]:
    """Every Out variable that has a value, except the name and CTI_DECISION, which are sent by themselves.

    The subroutine cleared all of them before it asked, so an empty one need not be sent. Raises UnsafeValue.
    """
    values = {
        "CTI_CALL_ID": call_id,
        "CTI_CRM": decision.crm.value if decision.crm else "",
        "CTI_RULE": decision.rule,
        "CTI_CLASS": decision.class_name,
        "CTI_CUSTOMER_ID": decision.customer_id or "",
        "CTI_STEPS": str(len(decision.steps)),
        "CTI_QUEUE": decision.steps[0].queue,
        "CTI_QUEUE_TIMEOUT": str(decision.steps[0].timeout_s),
        "CTI_PRIORITY": "" if decision.priority is None else str(decision.priority),
        "CTI_FINAL": decision.final,
    }
    for number, step in enumerate(decision.steps, start=1):
        values[f"CTI_STEP_{number}_QUEUE"] = step.queue
        values[f"CTI_STEP_{number}_TIMEOUT"] = str(step.timeout_s)
    if operator is not None:
        values["CTI_OPERATOR"] = operator.id
        values["CTI_OPERATOR_DIAL"] = operator.dial
        values["CTI_OPERATOR_TIMEOUT"] = str(operator.timeout_s)
    if _SAFE.fullmatch(values["CTI_CUSTOMER_ID"]) is None:
        values["CTI_CUSTOMER_ID"] = ""  # the CRM's business; the caller is routed all the same
    return {name: safe(value) for name, value in values.items() if value}


def commands(decision: Decision, call_id: CallId, operator: OperatorDial | None) -> Iterator[str]:
    """The AGI commands that carry a decision over; CTI_DECISION comes last and alone, and makes it count."""
    pairs = [f"{name}={value}" for name, value in variables(decision, call_id, operator).items()]
    for line in _packed(pairs):
        yield f'EXEC MSet "{line}"'
    name = safe_name(decision.record.customer.name) if decision.record else ""
    if name:
        yield f'SET VARIABLE CTI_CUSTOMER_NAME "{name}"'
    yield f'SET VARIABLE CTI_DECISION "{decision.kind.value}"'


def _packed(pairs: list[str]) -> Iterator[str]:
    line = ""
    for pair in pairs:
        longer = f"{line},{pair}" if line else pair
        if len(longer) > MAX_LINE:
            yield line
            longer = pair
        line = longer
    if line:
        yield line
