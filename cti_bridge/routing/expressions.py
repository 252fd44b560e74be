"""CEL expressions of `when`: compiled once, their facts known beforehand, evaluated within bounds.

What an expression refers to is found in its tokens and not while it runs, because an expression about an unknown fact
must fail whatever it makes of it: `!has(customer.segment)` must not become true when the CRM did not answer. Bounds:
the length; the macros (`exists`, `all` …) run over `deals` only, which is short, and not inside one another; regular
expressions take linear time and stand outside macros.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from cti_bridge.domain.decision import FactValue
from cti_bridge.routing.cel_engine import cel
from cti_bridge.routing.vocabulary import DEALS, ROOTS


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled expression; `facts` are the facts it refers to, `call.class` spelled as in the expression."""

    source: str
    facts: tuple[str, ...]
    program: cel.Program = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Evaluated:
    """How an expression came out: whether it holds, and the error it ended with, else empty."""

    holds: bool
    error: str = ""


_HOLDS = Evaluated(True)
_HOLDS_NOT = Evaluated(False)


class Workspace:
    """The facts of one call in the form that CEL wants; built when the first expression asks, then kept."""

    def __init__(self, wanted: Iterable[str], facts: Mapping[str, FactValue | list[dict[str, FactValue]]]) -> None:
        self._wanted = wanted
        self._facts = facts
        self._context: cel.Context | None = None

    def evaluate(self, expression: Expression) -> Evaluated:
        """Evaluates one expression; never raises for what an expression or a fact contains."""
        if not all(name in self._facts for name in expression.facts):
            return _HOLDS_NOT
        try:
            if self._context is None:
                self._context = self._build()
            value = expression.program.execute(self._context)
        except Exception as error:
            return Evaluated(False, self._in_words(error, expression))
        except BaseException as error:
            # a panic of the Rust part is no Exception, but must not end the call either
            if type(error).__name__ != "PanicException":
                raise
            return Evaluated(False, "the expression crashed")
        if value is True:
            return _HOLDS
        if value is False:
            return _HOLDS_NOT
        return Evaluated(False, f"the result is {type(value).__name__}, not true or false")

    def _build(self) -> cel.Context:
        variables: dict[str, Any] = {root: {} for root in ROOTS}
        for name in self._wanted:
            value = self._facts.get(name)
            if value is None:
                continue  # absent: has() is false
            if name == DEALS and isinstance(value, list):
                variables[DEALS] = [{k: v for k, v in deal.items() if v is not None} for deal in value]
            else:
                root, _, leaf = name.partition(".")
                variables[root][leaf] = value
        return cel.Context(variables)

    def _in_words(self, error: Exception, expression: Expression) -> str:
        if not isinstance(error, KeyError):
            return (" ".join(str(error).split()) or type(error).__name__)[:200]
        for name in expression.facts:
            if name.endswith(f".{error.args[0]}") and self._facts.get(name) is None:
                return f"{name} is absent; ask has({name}) first"
        return f"there is no {error.args[0]}; ask has(…) first"
