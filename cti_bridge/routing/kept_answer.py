"""The condition that `degraded.cache` of a rule makes: what was kept of the CRM is not too old for this rule."""

from dataclasses import dataclass

from cti_bridge.domain.decision import CrmSource, Facts
from cti_bridge.routing.vocabulary import CRM_AGE


@dataclass(frozen=True, slots=True)
class KeptNotOlder:
    """A stale answer of the CRM is at most so many seconds old; an answer that is not stale passes whatever it is."""

    seconds: float

    @property
    def facts(self) -> tuple[str, ...]:
        """The facts that it asks for."""
        return ("call.crm",)

    def holds(self, facts: Facts) -> bool:
        """Whether the answer is young enough; where its age was not kept, the limit of the file has to do."""
        age = facts.get(CRM_AGE)
        stale = facts.get("call.crm") == CrmSource.STALE.value
        return not (stale and isinstance(age, int | float) and age > self.seconds)

    def why_not(self, facts: Facts) -> str:
        """In words why it does not hold."""
        return f"the kept answer of the CRM is {facts.get(CRM_AGE)} s old, this rule wants at most {self.seconds:g} s"
