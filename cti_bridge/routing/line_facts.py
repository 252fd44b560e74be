"""The line of a call as facts, and back."""

from cti_bridge.domain.decision import Facts, FactValue
from cti_bridge.domain.line import Line
from cti_bridge.routing.vocabulary import LINE_TEXTS


def line_facts(line: Line | None) -> dict[str, FactValue]:
    """The facts `line.*` of a call; without a line all are absent, never unknown."""
    facts: dict[str, FactValue] = {"line.known": line is not None}
    facts |= {f"line.{name}": getattr(line, name) or None if line else None for name in LINE_TEXTS}
    return facts


def line_of(facts: Facts) -> Line | None:
    """The line in the facts of a call, as it was described at its decision; None where it had none."""
    if facts.get("line.known") is not True:
        return None
    return Line(str(facts.get("call.did") or ""), **{name: str(facts.get(f"line.{name}") or "") for name in LINE_TEXTS})
