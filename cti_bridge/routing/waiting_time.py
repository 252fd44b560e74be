"""How long a caller may have to wait in the steps of a rule, and steps that will not do what they look like."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise, product

from cti_bridge.routing.problems import Problem, quoted
from cti_bridge.routing.rules import Outputs, PlannedStep, Rule, RuleSet

MAX_SCHEDULES = 8
"""Of a rule whose steps ask for more than these only the steps count that are always taken."""


def too_long(rules: RuleSet) -> tuple[Problem, ...]:
    """A problem for each step with which the caller's wait is longer than the file's `patience`."""
    if not rules.patience_s:
        return ()
    found = (problem for outputs in _all(rules) if (problem := _too_long(outputs, rules.patience_s)))
    return tuple(dict.fromkeys(found))


def doubtful_steps(rules: RuleSet) -> tuple[Problem, ...]:
    """A warning for each step behind one without limit, and for each that is the queue of the one before it."""
    return tuple(dict.fromkeys(warning for outputs in _all(rules) for warning in _doubts(outputs.steps)))


def _all(rules: RuleSet) -> Iterator[Outputs]:
    def below(rule: Rule) -> Iterator[Outputs]:
        yield from (outputs for outputs in (rule.outputs, rule.degraded) if outputs is not None)
        for child in rule.children:
            yield from below(child)

    for rule in rules.rules:
        yield from below(rule)
    yield rules.default


def _too_long(outputs: Outputs, patience_s: int) -> Problem | None:
    before_s = outputs.operator_timeout_s if outputs.operators else 0
    for count in range(1, len(outputs.steps) + 1):
        longest_s = before_s + _longest_s(outputs.steps[:count])
        if longest_s > patience_s:
            step = outputs.steps[count - 1]
            rung = ", ringing the operator included," if before_s else ""
            message = f"with step {count}{rung} a caller waits {_words(longest_s)}, `patience` is {_words(patience_s)}"
            return Problem(step.place.line, step.place.column, message, "shorten a step or raise `patience`")
    return None


def _longest_s(steps: Sequence[PlannedStep]) -> int:
    """The sum of those that can be taken together; a step without limit is where a caller stays, and counts nothing."""
    names = sorted({schedule.name for step in steps for one in step.conditions for schedule in one.schedules})
    if len(names) > MAX_SCHEDULES:
        return sum(step.step.timeout_s for step in steps if not step.conditions)
    states = (dict(zip(names, state, strict=True)) for state in product((True, False), repeat=len(names)))
    return max(sum(step.step.timeout_s for step in steps if _is_taken(step, state)) for state in states)


def _is_taken(step: PlannedStep, is_open: Mapping[str, bool]) -> bool:
    return all(is_open[schedule.name] is one.wanted for one in step.conditions for schedule in one.schedules)


def _doubts(steps: Sequence[PlannedStep]) -> Iterator[Problem]:
    for first, second in pairwise(steps):
        line, column = second.place.line, second.place.column
        if _conditional(first):
            continue
        if not first.step.timeout_s:
            message = f"warning: {quoted(first.queue)} before it has no limit, so this step is hardly ever reached"
            yield Problem(line, column, message, "give that step a `timeout`")
        elif first.queue == second.queue and not _conditional(second):
            message = f"warning: {quoted(second.queue)} follows itself, so the caller loses his place in it"
            yield Problem(line, column, message, "one step with a longer `timeout` keeps it")


def _conditional(step: PlannedStep) -> bool:
    return bool(step.conditions) or step.step.max_waiting is not None


def _words(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds % 60 == 0 else f"{seconds} s"
