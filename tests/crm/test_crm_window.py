"""A limit of so many requests in any so many seconds holds whatever comes, and keeps room for callers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.crm.window import Window


def test_all_that_a_window_allows_goes_at_once_and_the_next_when_the_first_is_over() -> None:
    window = Window(6, 1.1, 2)
    for at in (0.0, 0.0, 0.0, 0.1, 0.2, 0.3):
        assert window.wait_s(at, urgent=True) == 0
        window.take()
    assert window.wait_s(0.4, urgent=True) == pytest.approx(0.7)
    assert window.wait_s(0.4, urgent=True, ahead=3) == pytest.approx(0.8)
    assert window.wait_s(1.1, urgent=True) == 0


def test_the_rest_leaves_room_for_callers() -> None:
    window = Window(6, 1.1, 2)
    for _ in range(4):
        assert window.wait_s(0.0, urgent=False) == 0
        window.take()
    assert window.wait_s(0.0, urgent=False) == pytest.approx(1.1)
    assert window.wait_s(0.0, urgent=True, ahead=1) == 0


def test_who_has_had_enough_is_left_alone_and_then_asked_little() -> None:
    window = Window(6, 1.1, 2)
    window.hold(0.0, 5.0)
    assert window.wait_s(1.0, urgent=True) == pytest.approx(4.0)
    assert window.wait_s(5.0, urgent=False) == 0
    window.take()
    assert window.wait_s(5.0, urgent=False) == pytest.approx(1.1)
    assert window.wait_s(5.0, urgent=True) == 0


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.booleans()), max_size=60),
    st.integers(2, 8),
    st.integers(0, 1),
)
def test_no_window_ever_holds_more_than_it_may(asked: list[tuple[float, bool]], most: int, kept: int) -> None:
    window, now, sent = Window(most, 1.0, kept), 0.0, list[float]()
    for later, urgent in asked:
        now += later
        while (wait_s := window.wait_s(now, urgent=urgent)) > 0:
            now += max(wait_s, 1e-6)
        window.take()
        sent.append(now)
    for index, at in enumerate(sent):
        assert len([one for one in sent[index:] if one < at + 1.0 - 1e-9]) <= most


@pytest.mark.parametrize(("most", "within_s", "kept"), [(0, 1.0, 0), (1, 0.0, 0), (2, 1.0, 2), (2, 1.0, -1)])
def test_limits_that_let_nobody_through_are_refused(most: int, within_s: float, kept: int) -> None:
    with pytest.raises(ValueError, match="above 0"):
        Window(most, within_s, kept)
