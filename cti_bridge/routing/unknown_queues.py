"""Queues of a rule file that the PBX does not have: a call that gets there falls through to its next step."""

from collections.abc import Collection

from cti_bridge.routing.problems import MAX_PROBLEMS, Problem, quoted, suggestion
from cti_bridge.routing.rules import RuleSet

MAX_NAMED = 10


def unknown_queues(
    rules: RuleSet, known: Collection[str], pbx: str, *, at_most: int = MAX_PROBLEMS
) -> tuple[Problem, ...]:
    """A problem for each queue of the file that is not among those known; none while nothing is known.

    To Asterisk letters are the same in any case. Of more than `at_most` the rest is counted: to look for a name that
    is close takes milliseconds.
    """
    there = {name.casefold() for name in known}
    named = ", ".join(sorted(known)[:MAX_NAMED])
    missing = [(queue, place) for queue, place in rules.queue_places.items() if queue.casefold() not in there]
    if not known or not missing:
        return ()
    has = f"Asterisk {quoted(pbx)} has no"
    found = [
        Problem(
            place.line,
            place.column,
            f"{has} queue {quoted(queue)}",
            suggestion(queue, known, f"it has {named}{', …' if len(known) > MAX_NAMED else ''}"),
        )
        for queue, place in missing[:at_most]
    ]
    if rest := len(missing) - len(found):
        _, last = missing[at_most]
        found.append(Problem(last.line, last.column, f"{has} queues of {rest} more names in the file"))
    return tuple(found)
