"""A repeated command is answered with its first result, and remembering that costs a bounded amount."""

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.commands import CommandResults

ANNA = OperatorId("anna")
BORIS = OperatorId("boris")


def test_a_result_is_remembered_for_five_minutes_and_for_its_operator() -> None:
    results = CommandResults()
    results.remember(ANNA, "k1", b"first", 0.0)
    assert results.first(ANNA, "k1", 299.9) == b"first"
    assert results.first(ANNA, "k1", 300.0) is None
    assert results.first(BORIS, "k1", 0.0) is None
    results.remember(ANNA, "k1", b"second", 300.0)
    assert results.first(ANNA, "k1", 599.9) == b"second"


def test_whoever_sends_too_many_loses_his_own_oldest_results() -> None:
    results = CommandResults(each=3)
    results.remember(BORIS, "k1", b"his", 0.0)
    for number in range(5):
        results.remember(ANNA, f"k{number}", b"hers", 0.0)
    assert [results.first(ANNA, f"k{number}", 0.0) for number in range(5)] == [None, None, b"hers", b"hers", b"hers"]
    assert results.first(BORIS, "k1", 0.0) == b"his"


def test_all_together_are_bounded_and_old_ones_go_by_themselves() -> None:
    results = CommandResults(limit=3)
    for number in range(5):
        results.remember(OperatorId(f"op{number}"), "k", b"r", 0.0)
    assert [results.first(OperatorId(f"op{number}"), "k", 0.0) is None for number in range(5)] == [True] * 2 + [
        False
    ] * 3
    results.remember(ANNA, "k", b"r", 300.0)
    assert len(results._results) == len(results._ids) == 1


def test_a_few_long_lists_do_not_take_all_the_memory() -> None:
    results = CommandResults(each_bytes=250, limit_bytes=600)
    results.remember(ANNA, "set", b"s", 0.0)
    for number in range(4):
        results.remember(ANNA, f"list{number}", b"x" * 100, 0.0)
    assert [bool(results.first(ANNA, id_, 0.0)) for id_ in ("set", "list1", "list2", "list3")] == [
        False, False, True, True,
    ]  # fmt: skip
    results.remember(ANNA, "more than all", b"x" * 251, 0.0)
    assert results.first(ANNA, "more than all", 0.0) is None
    for number in range(7):
        results.remember(OperatorId(f"op{number}"), "list", b"x" * 100, 0.0)
    assert sum(results.first(OperatorId(f"op{number}"), "list", 0.0) is not None for number in range(7)) == 6
    results.remember(BORIS, "set", b"s", 400.0)
    assert (len(results._results), results._all_bytes, dict(results._bytes)) == (1, 1, {BORIS: 1})
