"""A rule file after reading: frozen, complete, every reference resolved."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from cti_bridge.domain.decision import OperatorSource, Penalties, Step
from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.line import Line
from cti_bridge.routing.conditions import Condition, Opening
from cti_bridge.routing.problems import Place
from cti_bridge.routing.rule_tests import RuleTest
from cti_bridge.routing.schedule import Schedule


class Ambiguous(StrEnum):
    """What to do when one number belongs to several customers."""

    LATEST_CONTACT = "latest_contact"
    MOST_ADVANCED_DEAL = "most_advanced_deal"
    DEFAULT = "default"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """A step of a rule; it is left out of a decision at whose moment one of its conditions does not hold."""

    step: Step
    conditions: tuple[Opening, ...] = ()
    place: Place = field(default=Place(1, 1), compare=False, repr=False)

    @property
    def queue(self) -> str:
        """The queue to wait in."""
        return self.step.queue


@dataclass(frozen=True, slots=True)
class Treatment:
    """How a caller is treated while he waits; empty texts and None: as ever, and in the language of the line."""

    penalties: Penalties | None = None
    language: str = ""
    announcement: str = ""


AS_EVER = Treatment()


@dataclass(frozen=True, slots=True)
class OperatorWish:
    """An operator whom a rule wants rung first; `operator` is his id where the rule names him. Knows its place."""

    source: OperatorSource
    operator: OperatorId | None = None
    line: int = field(default=1, compare=False, repr=False)
    column: int = field(default=1, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Outputs:
    """Where a call goes: one to nine steps, what follows them, and how it is treated.

    The first step has no conditions, so that every call has one. `final` is what follows the last step, as the file
    has it. `operator_timeout_s` in whole
    seconds; None means that no operator is rung first.
    """

    steps: tuple[PlannedStep, ...]
    final: str
    priority: int | None = None
    operators: tuple[OperatorWish, ...] = ()
    operator_timeout_s: int = 15
    treatment: Treatment = AS_EVER


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule; `path` is its name with those of its parents, `outputs` is None for a group without a queue.

    `degraded` is where its callers go while the CRM cannot say who they are, None for wherever the file says.
    """

    path: str
    conditions: tuple[Condition, ...]
    outputs: Outputs | None
    children: tuple["Rule", ...] = ()
    degraded: Outputs | None = None
    place: Place = field(default=Place(1, 1), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class ClassEntry:
    """One class; the first whose conditions all hold is the call's class."""

    name: str
    conditions: tuple[Condition, ...]
    place: Place = field(default=Place(1, 1), compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class Degraded:
    """What happens when the CRM does not answer.

    `deadline_s` is how long it is waited for, `cache_s` how old a kept answer may be, both in seconds; `by_did` maps a
    dialled number in E.164 to a queue, other dialled numbers go to `queue`.
    """

    deadline_s: float
    cache_s: float
    queue: str
    by_did: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A whole rule file; `hash` is the SHA-256 of its text in hex.

    `queues` maps a queue's name to its time-out in whole seconds (0 = without limit), `expression_facts` are all facts
    that expressions refer to, `lines` has the line of each dialled number that is described, `schedules` every schedule
    by its name. `patience_s` is how many whole seconds the steps of a rule may take together, 0: any number.
    `queue_places` has where in the file each queue stands. `max_overtake_s` is for how many whole seconds a caller may
    be overtaken in queues, None: for ever.
    """

    hash: str
    region: str
    timezone: str
    classes: tuple[ClassEntry, ...]
    queues: Mapping[str, int]
    rules: tuple[Rule, ...]
    default: Outputs
    ambiguous: Ambiguous
    trusted_trunks: frozenset[str]
    degraded: Degraded
    patience_s: int = 600
    lines: Mapping[str, Line] = field(default_factory=dict)
    schedules: Mapping[str, Schedule] = field(default_factory=dict)
    max_overtake_s: int | None = None
    asks_history: bool = False
    """Whether anything in it asks what the journal knows of the caller's number."""
    tests: tuple[RuleTest, ...] = field(default=(), repr=False)
    expression_facts: tuple[str, ...] = field(default=(), repr=False)
    queue_places: Mapping[str, Place] = field(default_factory=dict, compare=False, repr=False)
