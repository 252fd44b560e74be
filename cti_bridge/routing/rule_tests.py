"""The tests of a rule file after reading: what is given, and what the decision is expected to be."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from cti_bridge.domain.decision import FactValue, Penalties
from cti_bridge.domain.number import CallerNumber


class GivenCrm(StrEnum):
    """How the CRM takes part in a test."""

    ANSWER = "answer"
    """It answers with what the test gives; when that is nothing about a customer, nobody has the number."""
    NONE = "none"
    """It answers that nobody has the number."""
    DOWN = "down"
    """It cannot be asked, and nothing is kept."""
    SLOW = "slow"
    """It answers too late, and nothing is kept."""
    STALE = "stale"
    """It does not answer, but has done so earlier with what the test gives."""


@dataclass(frozen=True, slots=True)
class Given:
    """The call of a test; whatever was not given is empty or absent.

    `caller` is None where it was not given: somebody from outside whose number does not matter. `at` is aware.
    `crm_age_s` is how old a stale answer is, in seconds.
    `facts` has single facts by name, `deals` the fields of each deal, the first one given first.
    """

    caller: CallerNumber | None = None
    did: str = ""
    trunk: str = ""
    at: datetime | None = None
    crm: GivenCrm = GivenCrm.ANSWER
    crm_age_s: float | None = None
    facts: Mapping[str, FactValue] = field(default_factory=dict)
    deals: tuple[Mapping[str, FactValue], ...] = ()


@dataclass(frozen=True, slots=True)
class ExpectedStep:
    """A step that is expected; `timeout_s` in whole seconds; None where the test does not say.

    `max_waiting` is 0 where the step is expected to have none.
    """

    queue: str
    timeout_s: int | None = None
    max_waiting: int | None = None


Expected = str | int | tuple[ExpectedStep, ...] | Penalties | None
"""What one key of `expect` asks for; None: there is none."""


@dataclass(frozen=True, slots=True)
class RuleTest:
    """One test, and where in its file it stands."""

    name: str
    line: int
    column: int
    given: Given
    expect: Mapping[str, Expected]
