"""The two memories around a CRM: what it said, and how often it failed."""

import pytest

from cti_bridge.crm.breaker import Breaker
from cti_bridge.crm.kept import KeptAnswers


def test_a_kept_answer_has_an_age() -> None:
    kept = KeptAnswers(size=2)
    kept.keep("+74950000150", (), now=100.0)
    answer = kept.get("+74950000150")
    assert answer is not None
    assert answer.age_s(160.0) == 60.0
    assert answer.age_s(99.0) == 0.0
    assert kept.get("+74950000151") is None


def test_the_longest_unused_answer_is_forgotten_first() -> None:
    kept = KeptAnswers(size=2)
    kept.keep("a", (), now=1.0)
    kept.keep("b", (), now=2.0)
    kept.get("a")
    kept.keep("c", (), now=3.0)
    assert [key for key in "abc" if kept.get(key)] == ["a", "c"]
    assert len(kept) == 2


@pytest.mark.parametrize(
    ("story", "answers"),
    [
        ([("fail", 0), ("fail", 0), ("ask", 0)], [True]),
        ([("fail", 0), ("fail", 0), ("fail", 0), ("ask", 0.9), ("ask", 1.0), ("ask", 1.1)], [False, True, False]),
        ([("fail", 0), ("fail", 0), ("ok", 0), ("fail", 0), ("ask", 0)], [True]),
        ([("fail", 0), ("fail", 0), ("fail", 0), ("ask", 1), ("ok", 1), ("ask", 1), ("ask", 1)], [True, True, True]),
        ([("fail", 0), ("fail", 0), ("fail", 0), ("ask", 1), ("fail", 1.5), ("ask", 2.4), ("ask", 2.5)],
         [True, False, True]),
        ([("fail", 0), ("fail", 0), ("fail", 0), ("ask", 1), ("ask", 2)], [True, True]),
    ],
    ids=[
        "a failure or two are borne",
        "open after three, then one try a second",
        "a success in between starts the count anew",
        "a try that goes well closes it",
        "a try that goes wrong keeps it open for another period",
        "a try that is never heard of again does not keep it open for ever",
    ],
)  # fmt: skip
def test_the_breaker(story: list[tuple[str, float]], answers: list[bool]) -> None:
    breaker = Breaker(failures=3, open_for_s=1.0)
    given = []
    for what, now in story:
        if what == "fail":
            breaker.failed(now)
        elif what == "ok":
            breaker.succeeded()
        else:
            given.append(breaker.allows(now))
    assert given == answers
