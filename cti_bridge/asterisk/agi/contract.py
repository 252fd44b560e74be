"""FastAGI's way of saying it: the question is read from an AGI environment, the answer becomes AGI commands."""

from collections.abc import Iterator, Mapping

from cti_bridge.asterisk.dialplan import (
    CUSTOMER_NAME,
    DECISION,
    RouteAnswer,
    RouteRequest,
    attestation,
    bounded,
    dialled_number,
)

MAX_LINE = 900
"""Bytes of one AGI command; Asterisk reads lines of up to 1,023."""


def read_request(environment: Mapping[str, str]) -> RouteRequest:
    """The request in an AGI environment. Raises ValueError where even the channel's id is missing."""

    def value(name: str) -> str:
        return bounded(environment.get(name, ""))

    uniqueid = value("agi_uniqueid")
    if not uniqueid:
        raise ValueError("agi_uniqueid is missing")
    did, linkedid, call_id, cti_did, trunk, attested = (value(f"agi_arg_{n}").strip() for n in range(1, 7))
    return RouteRequest(
        channel_name=value("agi_channel"),
        uniqueid=uniqueid,
        linkedid=linkedid or uniqueid,
        caller_number=_known(value("agi_callerid")),
        caller_name=_known(value("agi_calleridname")),
        presentation_allowed=_presentation_allowed(value("agi_callingpres")),
        did=dialled_number(did, cti_did, _known(value("agi_dnid"))),
        trunk=trunk,
        attestation=attestation(attested),
        language=value("agi_language"),
        call_id=call_id,
    )


def _known(value: str) -> str:
    return "" if value in ("unknown", "<unknown>") else value


def _presentation_allowed(value: str) -> bool:
    """Bits 5 and 6 of the presentation octet (ITU-T Q.931, 4.5.10): 0 allowed, 1 restricted, 2 not available."""
    return not value.isdecimal() or (int(value) >> 5) & 0b11 == 0


def commands(answer: RouteAnswer) -> Iterator[str]:
    """The AGI commands that carry an answer over; the decision comes last and alone, and makes it count.

    Each is a round trip, so the name travels with the others unless it has brackets: MSet does not split at a comma
    behind an open one.
    """
    if not answer.decision:
        return
    pairs = [f"{name}={value}" for name, value in answer.variables.items()]
    name = answer.customer_name
    alone = "(" in name or ")" in name
    if name and not alone:
        pairs.append(f"{CUSTOMER_NAME}={name}")
    for line in _packed(pairs):
        yield f'EXEC MSet "{line}"'
    if alone:
        yield f'SET VARIABLE {CUSTOMER_NAME} "{name}"'
    yield f'SET VARIABLE {DECISION} "{answer.decision}"'


def _packed(pairs: list[str]) -> Iterator[str]:
    line = ""
    for pair in pairs:
        longer = f"{line},{pair}" if line else pair
        if len(longer.encode()) > MAX_LINE:
            yield line
            longer = pair
        line = longer
    if line:
        yield line
