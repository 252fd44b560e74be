"""All that crosses the border between the dialplan and the bridge, whichever door it takes; spelled in this file only.

The question is a `RouteRequest`, the answer a `RouteAnswer`. How each is put on the wire is a door's own business:
`agi.contract` for FastAGI, `ari.contract` for Stasis.
"""

import re
import unicodedata
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from cti_bridge.calls.events import Final
from cti_bridge.domain.decision import Decision, OperatorDial, Penalties
from cti_bridge.domain.ids import CallId

MAX_VALUE = 128
"""Characters of a channel variable, except the customer's name."""
DECISION = "CTI_DECISION"
"""The variable that makes all others count; it is set last and alone."""
CUSTOMER_NAME = "CTI_CUSTOMER_NAME"
"""The only variable that may hold any letters."""
REFUSED = "CTI_REFUSED_"
"""With a phone's interface behind it the variable that holds until when (seconds since 1970) it is not to be called."""
HOLD, JOIN, DESK, CONSULT = "cti-hold", "cti-join", "cti-desk", "cti-consult"
"""The contexts in which a caller whom an operator has set aside waits, and from which he is connected again; in which
the operator waits, and from which he asks somebody."""
TRANSFER, BACK, WAIT = "cti-transfer", "cti-back", "cti-wait"
"""The contexts in which a caller is sent on, comes back from wherever he was sent, and waits in a queue."""
_STEPS = 9
CLEARED = (
    *("CTI_CRM", "CTI_RULE", "CTI_CLASS", "CTI_CUSTOMER_ID", CUSTOMER_NAME, "CTI_STEPS", "CTI_QUEUE"),
    *("CTI_QUEUE_TIMEOUT", "CTI_OPERATOR", "CTI_OPERATOR_DIAL", "CTI_OPERATOR_TIMEOUT", "CTI_PRIORITY"),
    *("CTI_MIN_PENALTY", "CTI_MAX_PENALTY", "CTI_LANGUAGE", "CTI_ANNOUNCE", "CTI_RECORD", "CTI_FINAL"),
    *(f"CTI_STEP_{n}_QUEUE" for n in range(1, _STEPS + 1)),
    *(f"CTI_STEP_{n}_TIMEOUT" for n in range(1, _STEPS + 1)),
    *(f"CTI_STEP_{n}_MAX_WAITING" for n in range(1, _STEPS + 1)),
)
"""Every variable that the subroutine empties before it asks, except `DECISION`."""
_SAFE = re.compile(rf"[A-Za-z0-9_.:/@+&-]{{0,{MAX_VALUE}}}")
_FORBIDDEN_IN_NAME = frozenset('"\\${}[],;')
_MAX_NAME = 80
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


@dataclass(frozen=True, slots=True)
class RouteAnswer:
    """What the dialplan is told: the variables to set, all of them safe, and what to do once they are."""

    variables: Mapping[str, str]
    """Those that have a value, except the two below. The subroutine emptied all before it asked."""
    customer_name: str
    """The value of `CUSTOMER_NAME`, or empty."""
    decision: str
    """The value of `DECISION`; empty: nothing is set at all, and the dialplan goes its own way."""
    sent: Callable[[bool], None]
    """Called once: True when Asterisk took every variable, False when the caller or Asterisk was gone."""


Decide = Callable[[RouteRequest, float], Awaitable[RouteAnswer]]
"""Answers a request; the second argument is the monotonic time at which the dialplan was heard."""


_FINALS = {"goto": Final.ELSEWHERE, "voicemail": Final.MESSAGE, "callback": Final.CALLBACK}


def final_of(value: str) -> Final:
    """What a value of CTI_FINAL means; everything that is not known ends in a queue."""
    return _FINALS.get(value.partition(":")[0], Final.QUEUE)


def bounded(value: str) -> str:
    """A text from outside, cut to the length that is looked at."""
    return value[:_MAX_IN]


def dialled_number(argument: str, cti_did: str, dnid: str) -> str:
    """The called number: the subroutine's argument, else CTI_DID, else what the network says; empty when unknown."""
    did = argument or cti_did or dnid
    return "" if did == "s" else did


def attestation(value: str) -> str:
    """How far the caller's number is attested, A, B or C; empty for everything else."""
    return value.upper() if value.upper() in ("A", "B", "C") else ""


def is_safe(value: str) -> bool:
    """Whether the value may stand in a channel variable."""
    return _SAFE.fullmatch(value) is not None


def safe(value: str) -> str:
    """The value unchanged, if it may stand in a channel variable. Raises UnsafeValue."""
    if not is_safe(value):
        raise UnsafeValue(f"not allowed in a channel variable: {value[:40]!a}")
    return value


def safe_name(name: str) -> str:
    """A customer's name without control characters and everything that the dialplan could take for syntax."""
    kept = (
        letter if letter not in _FORBIDDEN_IN_NAME and unicodedata.category(letter)[0] != "C" else " "
        for letter in name
    )
    return " ".join("".join(kept).split())[:_MAX_NAME].rstrip()


def route_answer(
    decision: Decision, call_id: CallId, operator: OperatorDial | None, sent: Callable[[bool], None]
) -> RouteAnswer:
    """What the dialplan is told of a decision. Raises UnsafeValue."""
    return RouteAnswer(
        variables=variables(decision, call_id, operator),
        customer_name=safe_name(decision.record.customer.name) if decision.record else "",
        decision=safe(decision.kind.value),
        sent=sent,
    )


def withheld(answer: RouteAnswer) -> RouteAnswer:
    """The answer with nothing in it: the dialplan goes on at once, as if there were no bridge."""
    return replace(answer, variables={}, customer_name="", decision="")


def variables(decision: Decision, call_id: CallId, operator: OperatorDial | None) -> dict[str, str]:
    """Every variable of a decision that has a value, except `CUSTOMER_NAME` and `DECISION`. Raises UnsafeValue."""
    penalties = decision.penalties or Penalties()
    values = {
        "CTI_CALL_ID": call_id,
        "CTI_CRM": decision.crm.value if decision.crm else "",
        "CTI_RULE": decision.rule,
        "CTI_CLASS": decision.class_name,
        "CTI_CUSTOMER_ID": decision.customer_id or "",
        "CTI_STEPS": str(len(decision.steps)),
        "CTI_QUEUE": decision.steps[0].queue,
        "CTI_QUEUE_TIMEOUT": str(decision.steps[0].timeout_s),
        "CTI_PRIORITY": _number(decision.priority),
        "CTI_MIN_PENALTY": _number(penalties.min),
        "CTI_MAX_PENALTY": _number(penalties.max),
        "CTI_LANGUAGE": decision.language,
        "CTI_ANNOUNCE": decision.announcement,
        "CTI_FINAL": decision.final,
    }
    for number, step in enumerate(decision.steps, start=1):
        values[f"CTI_STEP_{number}_QUEUE"] = step.queue
        values[f"CTI_STEP_{number}_TIMEOUT"] = str(step.timeout_s)
        values[f"CTI_STEP_{number}_MAX_WAITING"] = _number(step.max_waiting)
    if operator is not None:
        values["CTI_OPERATOR"] = operator.id
        values["CTI_OPERATOR_DIAL"] = operator.dial
        values["CTI_OPERATOR_TIMEOUT"] = str(operator.timeout_s)
    if _SAFE.fullmatch(values["CTI_CUSTOMER_ID"]) is None:
        values["CTI_CUSTOMER_ID"] = ""  # the CRM's business; the caller is routed all the same
    return {name: safe(value) for name, value in values.items() if value}


def _number(value: int | None) -> str:
    return "" if value is None else str(value)
