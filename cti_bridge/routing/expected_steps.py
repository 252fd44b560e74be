"""The steps that a test expects: reads them, and compares as much of a decision's steps as the test speaks of."""

from collections.abc import Iterable, Mapping, Sequence

from cti_bridge.domain.decision import Step
from cti_bridge.routing.document import Node, Scalar, Table
from cti_bridge.routing.outputs import FIRST_STEP_KEYS, MAX_STEPS, MAX_TIMEOUT_S, read_queue
from cti_bridge.routing.problems import Problems
from cti_bridge.routing.rule_tests import Expected, ExpectedStep
from cti_bridge.routing.scalars import Fields, read_items, read_seconds
from cti_bridge.routing.treatment import is_empty, read_max_waiting

_NO_LIMIT = 0
"""How `max_waiting: ""` is noted."""


def read_expected_steps(node: Node, queues: Mapping[str, int], problems: Problems) -> tuple[ExpectedStep, ...]:
    """All steps that are expected, in their order."""
    items = read_items(node, "`steps`", problems)
    if len(items) > MAX_STEPS:
        problems.add(node, f"{len(items)} steps, at most {MAX_STEPS} are possible")
    return tuple(step for item in items if (step := _step(item, queues, problems)))


def _step(node: Node, queues: Mapping[str, int], problems: Problems) -> ExpectedStep | None:
    if isinstance(node, Scalar):
        queue = read_queue(node, "a step", queues, problems)
        return ExpectedStep(queue) if queue else None
    fields = Fields(node, "a step", FIRST_STEP_KEYS, problems)
    name = fields.required("queue") if isinstance(node, Table) else None
    queue = read_queue(name, "`queue`", queues, problems) if name is not None else None
    timeout, most = fields.get("timeout"), fields.get("max_waiting")
    timeout_s = read_seconds(timeout, "`timeout`", 0, MAX_TIMEOUT_S, problems) if timeout is not None else None
    max_waiting = None
    if most is not None:
        max_waiting = _NO_LIMIT if is_empty(most) else read_max_waiting(most, problems)
    return ExpectedStep(queue, timeout_s, max_waiting) if queue else None


def steps_seen(expected: Expected, steps: Sequence[Step]) -> tuple[ExpectedStep, ...]:
    """The decision's steps as exactly as the test speaks of them: with a limit only where it names one."""
    wanted = expected if isinstance(expected, tuple) else ()
    # of a step that the test does not have, everything is told that it names of any other
    other = ExpectedStep("", _any(step.timeout_s for step in wanted), _any(step.max_waiting for step in wanted))
    return tuple(_as_asked(step, wanted[n] if n < len(wanted) else other) for n, step in enumerate(steps))


def _any(values: Iterable[int | None]) -> int | None:
    return next((value for value in values if value is not None), None)


def _as_asked(step: Step, asked: ExpectedStep) -> ExpectedStep:
    timeout_s = None if asked.timeout_s is None else step.timeout_s
    return ExpectedStep(step.queue, timeout_s, None if asked.max_waiting is None else step.max_waiting or _NO_LIMIT)


def steps_in_words(steps: Sequence[ExpectedStep]) -> str:
    """For a failed test: the queues with what was asked of each."""
    return ", ".join(_in_words(step) for step in steps)


def _in_words(step: ExpectedStep) -> str:
    limits = [] if step.timeout_s is None else [f"{step.timeout_s} s"]
    if step.max_waiting is not None:
        limits.append(f"max_waiting {step.max_waiting or 'none'}")
    return f"{step.queue} ({', '.join(limits)})" if limits else step.queue
