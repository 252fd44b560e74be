"""What follows from a condition: whether another one must hold, too, or cannot. Whoever is not sure says no.

So nothing that builds on this ever cries wolf; what it finds is true of every call.
"""

from collections.abc import Collection

from cti_bridge.routing.conditions import (
    AllOf,
    AnyOf,
    Between,
    Condition,
    FactCondition,
    Not,
    NumberVerified,
    OneOf,
    Opening,
    StartsWith,
    Test,
)
from cti_bridge.routing.kept_answer import KeptNotOlder

_VERIFIED = FactCondition("call.verified", OneOf(frozenset({True}), (True,)))


def follows(wanted: Collection[Condition], given: Collection[Condition]) -> bool:
    """Whether all of the wanted conditions hold wherever all of the given ones do."""
    return all(any(_implies(plain(have), plain(want)) for have in given) for want in wanted)


def excluded(one: Condition, other: Condition) -> bool:
    """Whether these two conditions never hold together."""
    one, other = plain(one), plain(other)
    if isinstance(one, FactCondition) and isinstance(other, FactCondition):
        return one.fact == other.fact and _apart(one.test, other.test)
    if isinstance(one, Opening) and isinstance(other, Opening):
        return one.wanted is not other.wanted and bool({*_names(one)} & {*_names(other)})
    return False


def weight(conditions: Collection[Condition]) -> int:
    """How much there is to look at in these conditions: lists of values, ranges, prefixes and schedules."""
    return sum(_weight(condition.test) if isinstance(condition, FactCondition) else 1 for condition in conditions)


def _weight(test: Test) -> int:
    if isinstance(test, AllOf | AnyOf):
        return sum(map(_weight, test.tests))
    if isinstance(test, Not):
        return _weight(test.test)
    if isinstance(test, StartsWith):
        return len(test.prefixes)
    return 1 + len(test.values) // 100 if isinstance(test, OneOf) else 1  # values are looked up


def plain(condition: Condition) -> Condition:
    """The same condition as one about a fact, where it is about a fact."""
    return _VERIFIED if isinstance(condition, NumberVerified) else condition


def _names(opening: Opening) -> list[str]:
    return [schedule.name for schedule in opening.schedules]


def _implies(have: Condition, want: Condition) -> bool:
    if isinstance(have, FactCondition) and isinstance(want, FactCondition):
        return have.fact == want.fact and _passes(have.test, want.test)
    if isinstance(have, Opening) and isinstance(want, Opening):
        return have.wanted is want.wanted and {*_names(want)} <= {*_names(have)}
    if isinstance(have, KeptNotOlder) and isinstance(want, KeptNotOlder):
        return have.seconds <= want.seconds
    return have == want


def _passes(have: Test, want: Test) -> bool:
    """Whether every value, and an absent one, that passes the one test passes the other."""
    if isinstance(have, AnyOf | OneOf):
        return _each_passes(have, want)
    if isinstance(want, AllOf):
        return all(_passes(have, test) for test in want.tests)
    if isinstance(have, AllOf) and any(_passes(test, want) for test in have.tests):
        return True
    if isinstance(want, AnyOf):
        return any(_passes(have, test) for test in want.tests)
    if isinstance(want, Not):
        return _passes(want.test, have.test) if isinstance(have, Not) else _apart(have, want.test)
    return _leaf_passes(have, want)


def _each_passes(have: AnyOf | OneOf, want: Test) -> bool:
    if isinstance(have, OneOf):
        return all(want.holds(value) for value in have.values)
    return all(_passes(test, want) for test in have.tests)


def _leaf_passes(have: Test, want: Test) -> bool:
    if isinstance(have, Between) and isinstance(want, Between):
        return _at_least(have.low, want.low) and _at_most(have.high, want.high)
    if isinstance(have, StartsWith) and isinstance(want, StartsWith):
        return all(prefix.startswith(want.prefixes) for prefix in have.prefixes)
    return have == want


def _apart(one: Test, other: Test) -> bool:
    """Whether no value, and not an absent one either, passes both tests."""
    for have, want in ((one, other), (other, one)):
        if isinstance(have, OneOf):
            return not any(want.holds(value) for value in have.values)
        if isinstance(have, AnyOf):
            return all(_apart(test, want) for test in have.tests)
    for have, want in ((one, other), (other, one)):
        if isinstance(have, AllOf) and any(_apart(test, want) for test in have.tests):
            return True
        if isinstance(have, Not) and not isinstance(want, Not) and _passes(want, have.test):
            return True
    return _leaves_apart(one, other)


def _leaves_apart(one: Test, other: Test) -> bool:
    if isinstance(one, Between) and isinstance(other, Between):
        return _below(one.high, other.low) or _below(other.high, one.low)
    if isinstance(one, StartsWith) and isinstance(other, StartsWith):
        return not any(a.startswith(b) or b.startswith(a) for a in one.prefixes for b in other.prefixes)
    return False


def _at_least(low: float | None, limit: float | None) -> bool:
    return limit is None or (low is not None and low >= limit)


def _at_most(high: float | None, limit: float | None) -> bool:
    return limit is None or (high is not None and high <= limit)


def _below(high: float | None, low: float | None) -> bool:
    return high is not None and low is not None and high < low
