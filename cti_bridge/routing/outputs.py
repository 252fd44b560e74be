"""Reads what a rule gives out: steps, final, priority, operator."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from cti_bridge.domain.decision import Step
from cti_bridge.routing.conditions import Opening
from cti_bridge.routing.document import Node, Scalar, Table
from cti_bridge.routing.finals import read_final
from cti_bridge.routing.preferred import read_wishes
from cti_bridge.routing.problems import Place, Problems, quoted, suggestion
from cti_bridge.routing.rules import AS_EVER, OperatorWish, Outputs, PlannedStep, Treatment
from cti_bridge.routing.scalars import Fields, read_integer, read_items, read_seconds, read_text
from cti_bridge.routing.schedule import Schedule
from cti_bridge.routing.schedules import OPENING_KEYS, read_openings
from cti_bridge.routing.treatment import TREATMENT_KEYS, read_max_waiting, read_treatment

MAX_STEPS = 9
MAX_PRIORITY = 1000
MAX_TIMEOUT_S = 86_400
MAX_OPERATOR_TIMEOUT_S = 300
DEFAULT_OPERATOR_TIMEOUT_S = 15
FIRST_STEP_KEYS = ("queue", "timeout", "max_waiting")
STEP_KEYS = (*FIRST_STEP_KEYS, *OPENING_KEYS)
OUTPUT_KEYS = ("queue", "then", "priority", "operator", "operator_timeout", "final", *TREATMENT_KEYS)


@dataclass(frozen=True, slots=True)
class Draft:
    """The outputs of a rule as far as it and its parents name them; None where nobody has yet.

    `first` is the first step; it is None, although a queue is named, when there is no such queue.
    """

    queue: str | None = None
    first: PlannedStep | None = None
    then: tuple[PlannedStep, ...] | None = None
    final: str | None = None
    priority: int | None = None
    operators: tuple[OperatorWish, ...] | None = None
    operator_timeout_s: int | None = None
    treatment: Treatment = AS_EVER


def read_queue(node: Node, what: str, queues: Mapping[str, int], problems: Problems) -> str | None:
    """The name of a queue that the file defines."""
    name = read_text(node, what, problems)
    if name is None or name in queues:
        return name
    problems.add(node, f"queue {quoted(name)} is not in `queues`", suggestion(name, queues, "add it to `queues`"))
    return None


class OutputReader:
    """Reads the output keys of rules and of `default` against the file's queues and schedules."""

    def __init__(
        self, queues: Mapping[str, int], problems: Problems, schedules: Mapping[str, Schedule] | None = None
    ) -> None:
        self._queues = queues
        self._schedules = schedules or {}
        self._problems = problems

    def read(self, fields: Fields, inherited: Draft | None = None) -> Draft:
        """What these keys name, upon what the parents named; a named key replaces the whole value."""
        draft = inherited or Draft()
        if (node := fields.get("queue")) is not None:
            # a queue that does not exist is one mistake, not another one in each child: empty, but named
            first = self._first_step(node)
            draft = replace(draft, queue=first.queue if first else "", first=first)
        if (node := fields.get("then")) is not None:
            draft = replace(draft, then=self._then(node))
        if (node := fields.get("final")) is not None:
            draft = replace(draft, final=read_final(node, self._queues, self._problems))
        if (node := fields.get("priority")) is not None:
            draft = replace(draft, priority=read_integer(node, "`priority`", 0, MAX_PRIORITY, self._problems))
        draft = replace(draft, treatment=read_treatment(fields, draft.treatment, self._problems))
        return self._operator(fields, draft)

    def finish(self, draft: Draft, default_final: str) -> Outputs | None:
        """The complete outputs, or None when no queue is named."""
        if draft.first is None:
            return None
        return Outputs(
            steps=(draft.first, *(draft.then or ())),
            final=draft.final or default_final,
            priority=draft.priority,
            operators=draft.operators or (),
            operator_timeout_s=draft.operator_timeout_s or DEFAULT_OPERATOR_TIMEOUT_S,
            treatment=draft.treatment,
        )

    def openings(self, fields: Fields) -> tuple[Opening, ...]:
        """The conditions `open` and `unless_open` of a rule or a step."""
        return read_openings(fields, self._schedules, self._problems)

    def _operator(self, fields: Fields, draft: Draft) -> Draft:
        if (node := fields.get("operator")) is not None:
            draft = replace(draft, operators=read_wishes(node, self._problems))
        if (node := fields.get("operator_timeout")) is not None:
            if draft.operators is None:
                self._problems.add(node, "`operator_timeout` without `operator`", "add `operator: responsible`")
            seconds = read_seconds(node, "`operator_timeout`", 1, MAX_OPERATOR_TIMEOUT_S, self._problems)
            draft = replace(draft, operator_timeout_s=seconds)
        return draft

    def _then(self, node: Node) -> tuple[PlannedStep, ...]:
        items = read_items(node, "`then`", self._problems)
        if len(items) > MAX_STEPS - 1:
            self._problems.add(node, f"{len(items) + 1} steps, at most {MAX_STEPS} are possible")
        return tuple(step for item in items if (step := self._step(item)))

    def _step(self, node: Node) -> PlannedStep | None:
        if isinstance(node, Scalar):
            queue = read_queue(node, "a step", self._queues, self._problems)
            return PlannedStep(Step(queue, self._queues[queue]), place=_place(node)) if queue else None
        fields = Fields(node, "a step", STEP_KEYS, self._problems)
        step = self._with_limits(fields)
        openings = self.openings(fields)
        return PlannedStep(step, openings, _place(node)) if step else None

    def _first_step(self, node: Node) -> PlannedStep | None:
        if isinstance(node, Table):
            step = self._with_limits(Fields(node, "the first step", FIRST_STEP_KEYS, self._problems))
            return PlannedStep(step, place=_place(node)) if step else None
        queue = read_queue(node, "`queue`", self._queues, self._problems)
        return PlannedStep(Step(queue, self._queues[queue]), place=_place(node)) if queue else None

    def _with_limits(self, fields: Fields) -> Step | None:
        """A step in a mapping; the time-out of its queue holds unless it has its own."""
        name = fields.required("queue")
        queue = read_queue(name, "`queue`", self._queues, self._problems) if name is not None else None
        timeout, most = fields.get("timeout"), fields.get("max_waiting")
        seconds = None
        if timeout is not None:
            seconds = read_seconds(timeout, "`timeout`", 0, MAX_TIMEOUT_S, self._problems)
        max_waiting = read_max_waiting(most, self._problems) if most is not None else None
        if queue is None:
            return None
        return Step(queue, self._queues[queue] if seconds is None else seconds, max_waiting)


def _place(node: Node) -> Place:
    return Place(node.line, node.column)
