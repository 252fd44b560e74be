"""Queues of a rule file that the PBX does not have: a call that gets there falls through to its next step."""

from collections.abc import Collection

from cti_bridge.routing.problems import Problem, quoted, suggestion
from cti_bridge.routing.rules import RuleSet

MAX_NAMED = 10


def unknown_queues(rules: RuleSet, known: Collection[str], pbx: str) -> tuple[Problem, ...]:
    """A problem for each queue of the file that is not among those known; none while nothing is known.

    To Asterisk letters are the same in any case.
    """
    there = {name.casefold() for name in known}
    named = ", ".join(sorted(known)[:MAX_NAMED])
    return tuple(
        Problem(
            place.line,
            place.column,
            f"Asterisk {quoted(pbx)} has no queue {quoted(queue)}",
            suggestion(queue, known, f"it has {named}{', …' if len(known) > MAX_NAMED else ''}"),
        )
        for queue, place in rules.queue_places.items()
        if known and queue.casefold() not in there
    )
