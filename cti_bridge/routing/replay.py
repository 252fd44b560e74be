"""Past calls decided again under two versions of the rules: how many would go elsewhere, and which calls those are.

Pure. A call is anything that can say what a version of the rules would have known of it. Counts of parts of the calls
can be added up, so that several processes may do the work.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Protocol

from cti_bridge.domain.customer import StageList
from cti_bridge.domain.decision import CrmAnswer, Decision, DecisionKind
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import taken_up
from cti_bridge.routing.facts import CallFacts, Gathered, gather
from cti_bridge.routing.moment import in_zone, moment_text
from cti_bridge.routing.rules import RuleSet
from cti_bridge.routing.vocabulary import FIRST_TIME, MOMENT

FACTS_GONE = "the facts are not kept any more"
NOT_DECIDED = "the dialplan decided alone"
UNREADABLE = "the facts cannot be read"


class CannotReplay(ValueError):
    """A call that cannot be decided again; the message is one of the few reasons above."""


@dataclass(frozen=True, slots=True)
class CallRef:
    """Which call: its id, when it arrived (seconds since 1970), and the caller's number in full."""

    id: str
    at: float
    caller: str


class PastCall(Protocol):
    """A call that happened."""

    @property
    def ref(self) -> CallRef:
        """Which one it is."""
        ...

    def gathered(self, rules: RuleSet) -> Gathered:
        """What these rules would have known of it. Raises CannotReplay."""
        ...


@dataclass(frozen=True, slots=True)
class KeptCall:
    """A call of the journal; `facts` is what it kept of the decision as JSON, None where nothing was decided.

    Where the facts do not say when it arrived, `ref` does.
    """

    ref: CallRef
    facts: str | None

    def gathered(self, rules: RuleSet) -> Gathered:
        """The facts as they were, with what these rules say of the number dialled. Raises CannotReplay."""
        if self.facts is None:
            raise CannotReplay(NOT_DECIDED)
        try:
            facts = json.loads(self.facts)
            if "call.crm" not in facts:
                raise CannotReplay(FACTS_GONE)
            arrived = datetime.fromtimestamp(self.ref.at, UTC)
            return taken_up({MOMENT: moment_text(in_zone(arrived, rules.timezone)), **facts}, rules)
        except CannotReplay:
            raise
        except (ValueError, TypeError, AttributeError, RecursionError, OverflowError, OSError):
            raise CannotReplay(UNREADABLE) from None


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call that Asterisk wrote down itself, with what the CRM says of the caller today."""

    ref: CallRef
    call: CallFacts
    answer: CrmAnswer
    stages: StageList

    def gathered(self, rules: RuleSet) -> Gathered:
        """The facts as an arriving call would have them."""
        return gather(self.call, self.answer, rules, self.stages)


@dataclass(slots=True)
class Group:
    """Calls with something in common: how many, and the first of them."""

    calls: int = 0
    first: list[CallRef] = field(default_factory=list)

    def add(self, ref: CallRef, most: int | None) -> None:
        """One more; only `most` are remembered, None for all."""
        self.calls += 1
        if most is None or len(self.first) < most:
            self.first.append(ref)

    def take(self, other: "Group", most: int | None) -> None:
        """All of another group, which come behind those that are here."""
        self.calls += other.calls
        left = None if most is None else most - len(self.first)
        self.first += other.first[:left]


@dataclass(slots=True)
class Shares:
    """Where calls go under one version: how many by queue of step 1, class, rule, and class with queue."""

    queues: Counter[str] = field(default_factory=Counter)
    classes: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    class_queues: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, decision: Decision) -> None:
        """One more call."""
        self.queues[decision.queue] += 1
        self.classes[decision.class_name] += 1
        self.rules[decision.rule] += 1
        self.class_queues[decision.class_name, decision.queue] += 1

    def take(self, other: "Shares") -> None:
        """All calls of another count."""
        self.queues.update(other.queues)
        self.classes.update(other.classes)
        self.rules.update(other.rules)
        self.class_queues.update(other.class_queues)


@dataclass(slots=True)
class Tally:
    """What became of a number of calls; `most` is how many calls are remembered behind each number, None for all."""

    most: int | None
    calls: int = 0
    """Calls that were decided under both versions."""
    skipped: Counter[str] = field(default_factory=Counter)
    """Calls that could not be, by reason."""
    moved: dict[tuple[str, str], Group] = field(default_factory=dict)
    """Those that would get into another queue first, by the two queues."""
    otherwise: Group = field(default_factory=Group)
    """Those that keep their first queue, but not what comes then, or with what priority, or who rings before."""
    before: Shares = field(default_factory=Shares)
    after: Shares = field(default_factory=Shares)
    without_history: int = 0
    """Calls of which the new version wants what the journal knew of the number, and nobody knows it any more."""
    errors: Counter[str] = field(default_factory=Counter)
    """How often an expression of the new version could not be computed, by the class or rule that it stands in."""

    @property
    def moved_calls(self) -> int:
        """How many would get into another queue first."""
        return sum(group.calls for group in self.moved.values())

    @property
    def moved_share(self) -> float:
        """The same as a part of all, 0 to 1."""
        return self.moved_calls / self.calls if self.calls else 0.0

    def take(self, other: "Tally") -> None:
        """Add the tally of the calls that come behind these."""
        self.calls += other.calls
        self.skipped.update(other.skipped)
        for queues, group in other.moved.items():
            self.moved.setdefault(queues, Group()).take(group, self.most)
        self.otherwise.take(other.otherwise, self.most)
        self.before.take(other.before)
        self.after.take(other.after)
        self.without_history += other.without_history
        self.errors.update(other.errors)


def without_rules(rules: RuleSet) -> RuleSet:
    """The world before there are rules: everybody lands where the default says, the CRM's silence changes nothing."""
    outputs = rules.default
    return replace(rules, rules=(), degraded=replace(rules.degraded, queue=outputs.steps[0].queue, by_did={}))


@dataclass(frozen=True, slots=True)
class Comparer:
    """Decides calls under two versions and counts; `most` calls are remembered behind each number, None for all."""

    before: RuleSet
    after: RuleSet
    most: int | None

    def __call__(self, calls: Iterable[PastCall]) -> Tally:
        """The tally of these calls."""
        tally = Tally(self.most)
        for call in calls:
            self._add(call, tally)
        return tally

    def _add(self, call: PastCall, tally: Tally) -> None:
        try:
            old, _ = decide(self.before, call.gathered(self.before))
            new, trace = decide(self.after, call.gathered(self.after))
        except CannotReplay as error:
            tally.skipped[str(error)] += 1
            return
        tally.calls += 1
        tally.before.add(old)
        tally.after.add(new)
        tally.without_history += self.after.asks_history and FIRST_TIME not in trace.facts
        tally.errors.update(tried.name for tried in trace.cel_errors)
        if old.queue != new.queue:
            tally.moved.setdefault((old.queue, new.queue), Group()).add(call.ref, self.most)
        elif _carried_out(old) != _carried_out(new):
            tally.otherwise.add(call.ref, self.most)


def _carried_out(decision: Decision) -> Decision:
    """Of a decision what the caller notices, and not why it is so."""
    return replace(decision, kind=DecisionKind.MATCHED, rule="", class_name="", record=None, deal_id=None)
