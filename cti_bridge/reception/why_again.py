"""Why a call of before a restart is here: found out again from what the journal kept of its decision. Pure."""

from cti_bridge.calls.record import DecisionRecord
from cti_bridge.operators.directory import Directory
from cti_bridge.reception.first_rung import as_on_a_card
from cti_bridge.reception.why import NO_REASON, Why, why
from cti_bridge.routing.decide import decide
from cti_bridge.routing.explain import taken_up
from cti_bridge.routing.rules import RuleSet


def why_again(kept: DecisionRecord, rules: RuleSet, directory: Directory) -> Why:
    """The reason of a kept decision; none where it would be made otherwise now."""
    if kept.rules_hash != rules.hash:
        return NO_REASON
    try:
        gathered = taken_up(kept.facts, rules)
    except ValueError:  # the facts are not kept any more
        return NO_REASON
    decision, trace = decide(rules, gathered)
    if decision.rule != kept.rule:  # the release of before read these rules otherwise
        return NO_REASON
    return why(decision, trace, as_on_a_card(kept.operator, kept.skipped, directory))
