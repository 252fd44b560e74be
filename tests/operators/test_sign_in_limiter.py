"""Whoever guesses passwords is held back, whoever mistypes his own is not."""

import pytest

from cti_bridge.operators.limiter import Attempt, Refused, SignInLimiter


def fail(limiter: SignInLimiter, login: str, address: str, now: float) -> None:
    attempt = limiter.begin(login, address, now)
    assert isinstance(attempt, Attempt)
    limiter.failed(attempt, now)


def test_five_failures_hold_one_login_back_until_the_first_is_five_minutes_old() -> None:
    limiter = SignInLimiter()
    for second in range(5):
        fail(limiter, "op1", "192.0.2.1", 100.0 + second)
    refused = limiter.begin("op1", "192.0.2.1", 110.0)
    assert refused == Refused(retry_after_s=291)
    assert isinstance(limiter.begin("op1", "192.0.2.1", 399.9), Refused)
    assert isinstance(limiter.begin("op1", "192.0.2.1", 400.0), Attempt)


def test_another_login_and_another_address_are_not_held_back() -> None:
    limiter = SignInLimiter()
    for _ in range(5):
        fail(limiter, "op1", "192.0.2.1", 0.0)
    assert isinstance(limiter.begin("op2", "192.0.2.1", 0.0), Attempt)
    assert isinstance(limiter.begin("op1", "192.0.2.2", 0.0), Attempt)


def test_a_hundred_failures_hold_the_whole_address_back() -> None:
    limiter = SignInLimiter()
    for number in range(100):
        fail(limiter, f"op{number}", "192.0.2.1", 0.0)
    assert isinstance(limiter.begin("op-new", "192.0.2.1", 1.0), Refused)
    assert isinstance(limiter.begin("op-new", "192.0.2.2", 1.0), Attempt)


def test_a_success_forgets_the_mistakes_of_this_login_but_not_of_the_address() -> None:
    limiter = SignInLimiter(per_address=6)
    for _ in range(4):
        fail(limiter, "op1", "192.0.2.1", 0.0)
    attempt = limiter.begin("op1", "192.0.2.1", 0.0)
    assert isinstance(attempt, Attempt)
    limiter.succeeded(attempt)
    fail(limiter, "op1", "192.0.2.1", 0.0)
    fail(limiter, "op1", "192.0.2.1", 0.0)
    assert isinstance(limiter.begin("op1", "192.0.2.1", 0.0), Refused)


def test_attempts_at_the_same_moment_count_before_they_are_judged() -> None:
    limiter = SignInLimiter()
    attempts = [limiter.begin("op1", "192.0.2.1", 0.0) for _ in range(6)]
    assert [type(attempt) for attempt in attempts] == [Attempt] * 5 + [Refused]
    first = attempts[0]
    assert isinstance(first, Attempt)
    limiter.abandoned(first)
    assert isinstance(limiter.begin("op1", "192.0.2.1", 0.0), Attempt)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("2001:db8::1", "2001:db8::ffff", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("fe80::1%eth0", "fe80::2%eth0", True),
    ],
)
def test_one_subscriber_is_one_address(one: str, other: str, same: bool) -> None:
    limiter = SignInLimiter(per_pair=1)
    fail(limiter, "op1", one, 0.0)
    assert isinstance(limiter.begin("op1", other, 0.0), Refused) is same


def test_only_so_many_failures_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cti_bridge.operators.limiter.KEYS_KEPT", 10)
    limiter = SignInLimiter(per_pair=1)
    for number in range(20):
        fail(limiter, "op1", f"192.0.2.{number}", 0.0)
    assert isinstance(limiter.begin("op1", "192.0.2.0", 0.0), Attempt)
    assert isinstance(limiter.begin("op1", "192.0.2.19", 0.0), Refused)
