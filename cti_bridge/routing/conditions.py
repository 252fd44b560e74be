"""Conditions of a rule: what is asked about which fact, whether it holds, and in words what was wanted.

A fact is *known* (a value), *absent* (`None`: the CRM answered and there is none) or *unknown* (not in the mapping: not
answered). An unknown fact fails every condition, its negation too; an absent one fails a test and passes its negation.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from cti_bridge.domain.decision import FactValue
from cti_bridge.routing.expressions import Expression
from cti_bridge.routing.kept_answer import KeptNotOlder
from cti_bridge.routing.schedule import Clock, Schedule

FactMap = Mapping[str, FactValue | list[dict[str, FactValue]]]


@dataclass(frozen=True, slots=True)
class OneOf:
    """The fact has one of these values."""

    values: frozenset[str | int | float | bool]
    order: tuple[str | int | float | bool, ...]

    def holds(self, value: FactValue) -> bool:
        """Whether this value passes."""
        return value in self.values

    def wanted(self) -> str:
        """What was asked for, in words."""
        return " or ".join(in_words(value) for value in self.order)


@dataclass(frozen=True, slots=True)
class Between:
    """The fact is a number within these limits, both included; None is no limit."""

    low: float | None
    high: float | None

    def holds(self, value: FactValue) -> bool:
        """Whether this value passes."""
        if isinstance(value, bool) or not isinstance(value, int | float):
            return False
        return (self.low is None or value >= self.low) and (self.high is None or value <= self.high)

    def wanted(self) -> str:
        """What was asked for, in words."""
        limits = [f"at least {self.low:g}"] if self.low is not None else []
        limits += [f"at most {self.high:g}"] if self.high is not None else []
        return " and ".join(limits)


@dataclass(frozen=True, slots=True)
class StartsWith:
    """The fact is a text that starts with one of these."""

    prefixes: tuple[str, ...]

    def holds(self, value: FactValue) -> bool:
        """Whether this value passes."""
        return isinstance(value, str) and value.startswith(self.prefixes)

    def wanted(self) -> str:
        """What was asked for, in words."""
        return " or ".join(f"{prefix}…" for prefix in self.prefixes)


@dataclass(frozen=True, slots=True)
class Not:
    """The inner test does not hold; true for an absent fact."""

    test: "Test"

    def holds(self, value: FactValue) -> bool:
        """Whether this value passes."""
        return not self.test.holds(value)

    def wanted(self) -> str:
        """What was asked for, in words."""
        return f"not {self.test.wanted()}"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every one of the tests holds."""

    tests: tuple["Test", ...]

    def holds(self, value: FactValue) -> bool:
        """Whether this value passes."""
        return all(test.holds(value) for test in self.tests)

    def wanted(self) -> str:
        """What was asked for, in words."""
        return " and ".join(test.wanted() for test in self.tests)


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one of the tests holds."""

    tests: tuple["Test", ...]

    def holds(self, value: FactValue) -> bool:
        """Whether this value passes."""
        return any(test.holds(value) for test in self.tests)

    def wanted(self) -> str:
        """What was asked for, in words."""
        return " or ".join(test.wanted() for test in self.tests)


Test = OneOf | Between | StartsWith | Not | AllOf | AnyOf


@dataclass(frozen=True, slots=True)
class FactCondition:
    """One entry of a `when` map: this fact passes this test."""

    fact: str
    test: Test

    def holds(self, facts: FactMap) -> bool:
        """Whether the fact is not unknown and passes; of the list of deals the number counts."""
        if self.fact not in facts:
            return False
        value = facts[self.fact]
        return self.test.holds(len(value) if isinstance(value, list) else value)

    def why_not(self, facts: FactMap) -> str:
        """In words why it does not hold, such as ``deal.stage is `paid`, wanted awaiting_payment``."""
        if self.fact not in facts:
            return f"{self.fact} is unknown"
        value = facts[self.fact]
        if value is None:
            return f"{self.fact} is absent, wanted {self.test.wanted()}"
        shown = str(len(value)) if isinstance(value, list) else f"`{in_words(value)}`"
        return f"{self.fact} is {shown}, wanted {self.test.wanted()}"


@dataclass(frozen=True, slots=True)
class NumberVerified:
    """`verified_number: required`: the number comes from a trusted trunk or was attested in full."""

    def holds(self, facts: FactMap) -> bool:
        """Whether the caller's number is verified."""
        return facts.get("call.verified") is True

    def why_not(self, facts: FactMap) -> str:
        """In words why it does not hold."""
        trunk = facts.get("call.trunk")
        trusted = f"trunk `{trunk}` is not trusted" if trunk else "the trunk is not known"
        return f"the number is not verified: {trusted}, attestation is not A"


@dataclass(frozen=True, slots=True)
class Opening:
    """`open` and `unless_open`: all of these schedules are open at the moment of the call, or all of them closed.

    Like a condition on an unknown fact it fails either way where the moment is not known.
    """

    schedules: tuple[Schedule, ...]
    wanted: bool

    def holds(self, clock: Clock) -> bool:
        """Whether every schedule is as wanted."""
        return all(clock.is_open(schedule) is self.wanted for schedule in self.schedules)

    def why_not(self, facts: FactMap) -> str:
        """In words why it does not hold, such as ``schedule `office` is closed: Sa 16:00-Mo 09:00``."""
        clock = Clock(facts)
        if clock.at is None:
            return "the moment of the call is unknown"
        failing = next(schedule for schedule in self.schedules if clock.is_open(schedule) is not self.wanted)
        return f"schedule `{failing.name}` is {failing.in_words(clock.at)}"


Condition = FactCondition | NumberVerified | Opening | KeptNotOlder | Expression


def in_words(value: FactValue) -> str:
    """A value as the rule file would spell it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value)
