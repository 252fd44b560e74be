"""A pop that no page confirms is sent once more, and never brings an older state back."""

from cti_bridge.domain.ids import OperatorId
from cti_bridge.operators.connection import Frame
from cti_bridge.operators.pops import Overdue, WaitingPops

ANNA = OperatorId("anna")
BORIS = OperatorId("boris")


def frame(seq: int, call: str, type_: str = "call.ringing") -> Frame:
    return Frame(b"{}", b"", seq, call, type_)


def test_an_unconfirmed_pop_is_overdue_once_with_its_frame_and_once_without() -> None:
    pops = WaitingPops(within_s=2.0)
    pop = frame(1, "c1")
    pops.shown(ANNA, pop, 10.0)
    assert pops.next_due() == 12.0
    assert pops.overdue(11.9) == []
    assert pops.overdue(12.0) == [Overdue(ANNA, "c1", (pop,))]
    assert pops.overdue(12.5) == []
    assert pops.overdue(14.0) == [Overdue(ANNA, "c1", ())]
    assert pops.next_due() is None


def test_a_confirmed_pop_is_not_waited_for() -> None:
    pops = WaitingPops(within_s=2.0)
    pops.shown(ANNA, frame(1, "c1"), 0.0)
    assert not pops.acknowledged(BORIS, 1)
    assert not pops.acknowledged(ANNA, 2)
    assert pops.acknowledged(ANNA, 1)
    assert not pops.acknowledged(ANNA, 1)
    assert pops.overdue(99.0) == []


def test_an_update_is_repeated_behind_its_pop_and_confirms_it_too() -> None:
    pops = WaitingPops(within_s=2.0)
    pop, update = frame(1, "c1"), frame(3, "c1", "call.updated")
    pops.shown(ANNA, pop, 0.0)
    pops.updated(ANNA, frame(2, "c1", "call.updated"))
    pops.updated(ANNA, update)
    assert pops.overdue(2.0) == [Overdue(ANNA, "c1", (pop, update))]
    assert pops.acknowledged(ANNA, 2)


def test_a_pop_that_rings_anew_waits_anew() -> None:
    pops = WaitingPops(within_s=2.0)
    pops.shown(ANNA, frame(1, "c1"), 0.0)
    assert pops.over(ANNA, "c1")
    again = frame(3, "c1")
    pops.shown(ANNA, again, 1.5)
    assert pops.overdue(2.0) == []
    assert pops.overdue(3.5) == [Overdue(ANNA, "c1", (again,))]


def test_nothing_is_kept_of_an_operator_who_is_gone() -> None:
    pops = WaitingPops(within_s=2.0)
    pops.shown(ANNA, frame(1, "c1"), 0.0)
    pops.forget(ANNA)
    assert pops.next_due() is None
