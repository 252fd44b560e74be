"""A rule's own `degraded`: where its callers go while the CRM is silent, and which kept answer is too old for it."""

from collections.abc import Callable, Sequence

from cti_bridge.routing.conditions import Condition
from cti_bridge.routing.document import Node, Scalar, Table
from cti_bridge.routing.kept_answer import KeptNotOlder
from cti_bridge.routing.outputs import Draft, OutputReader
from cti_bridge.routing.problems import Problems
from cti_bridge.routing.rules import Outputs, Rule
from cti_bridge.routing.scalars import Fields, read_milliseconds

DEGRADED_KEYS = ("queue", "then", "final", "cache")


class RuleDegradedReader:
    """Reads `degraded` of a rule; `final` is what follows its steps where it does not say so itself."""

    def __init__(self, outputs: OutputReader, final: str, problems: Problems) -> None:
        self._outputs = outputs
        self._final = final
        self._problems = problems

    def read(self, node: Node) -> tuple[Outputs | None, tuple[KeptNotOlder, ...]]:
        """Where the callers go, None where only `cache` is named, and the condition that `cache` makes."""
        if isinstance(node, Scalar):  # the name of a queue is short for `{queue: NAME}`
            node = Table(node.line, node.column, ((Scalar(node.line, node.column, "queue"), node),))
        fields = Fields(node, "`degraded` of a rule", DEGRADED_KEYS, self._problems)
        draft = self._outputs.read(fields)
        if isinstance(node, Table) and draft.queue is None and (draft.then is not None or draft.final is not None):
            self._problems.add(node, "`degraded` of a rule needs `queue`", "`then` and `final` are what follows it")
        cache = fields.get("cache")
        if isinstance(node, Table) and draft == Draft() and cache is None:
            self._problems.add(node, "`degraded` of a rule is empty", f"known keys: {', '.join(DEGRADED_KEYS)}")
        age_ms = read_milliseconds(cache, "`cache`", self._problems) if cache is not None else None
        kept = (KeptNotOlder(age_ms / 1000),) if age_ms is not None else ()
        return self._outputs.finish(draft, self._final), kept


def first_that_may(rules: Sequence[Rule], may_hold: Callable[[Condition], bool]) -> Rule | None:
    """The first rule, depth first, with a `degraded` of its own that nothing speaks against.

    `may_hold` says whether a condition holds or could, if more were known.
    """
    for rule in rules:
        if not all(may_hold(condition) for condition in rule.conditions):
            continue
        found = first_that_may(rule.children, may_hold)
        if found is not None:
            return found
        if rule.degraded is not None:
            return rule
    return None
