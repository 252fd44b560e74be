"""When a third one joins an operator and his caller, or leaves them, what can be done is another thing."""

from three_operators import FIRST, A, C, Line, T

from cti_bridge.calls.call import Call
from cti_bridge.calls.company import company_is_another, others_with
from cti_bridge.calls.events import CallEvent


def after(line: Line, event: CallEvent) -> tuple[Call, Call]:
    """The call before this happened, and after."""
    before = line.call
    line.hears(event)
    return before, line.call


def test_a_third_one_who_comes_and_goes_is_company_and_the_two_alone_are_none() -> None:
    line = Line()
    line.talks()
    assert not others_with(line.call, line.leg(A))
    before, now = after(line, line.enters(C, FIRST))
    assert company_is_another(before, now)
    assert others_with(now, line.leg(A))
    before, now = after(line, line.leaves(C, FIRST))
    assert company_is_another(before, now)
    assert not others_with(now, line.leg(A))


def test_the_beginning_and_the_end_of_a_talk_are_no_news_of_that_kind() -> None:
    line = Line()
    events: list[tuple[Call, Call]] = []
    line.talks()
    events.append(after(line, line.leaves(A, FIRST)))
    events.append(after(line, line.leaves(T, FIRST)))
    assert not any(company_is_another(before, now) for before, now in events)


def test_who_is_with_his_caller_again_after_a_moment_is_shown_anew() -> None:
    line = Line()
    line.talks()
    line.hears(line.leaves(A, FIRST))
    before, now = after(line, line.enters(A, FIRST))
    assert company_is_another(before, now)
