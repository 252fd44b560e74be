"""What an answer means for a report, and how long until the next attempt."""

import pytest

from cti_bridge.delivery.verdict import Delivered, Refused, TryAgain, judge, wait_s
from cti_bridge.http_peers import LONGEST_ASKED_S

NOW = 1_795_288_011.0  # Sat, 21 Nov 2026 19:06:51 GMT


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_a_report_that_is_taken_is_delivered(status: int) -> None:
    assert judge(status, "", now=NOW) == Delivered()


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 422, 451])
def test_a_permanent_refusal_is_not_tried_again(status: int) -> None:
    assert judge(status, "60", now=NOW) == Refused(f"HTTP {status}")


@pytest.mark.parametrize("status", [408, 425, 429, 500, 502, 503, 504, 599])
def test_what_can_pass_is_tried_again(status: int) -> None:
    may_be_the_report = status in {500, 502, 504, 599}
    assert judge(status, "", now=NOW) == TryAgain(f"HTTP {status}", may_be_the_report=may_be_the_report)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    assert judge(status, "", now=NOW) == TryAgain(f"HTTP {status}, redirects are not followed")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("0", 0.0),
        ("999999999", LONGEST_ASKED_S),
        ("Sat, 21 Nov 2026 19:08:51 GMT", 120.0),
        ("Sat, 21 Nov 2026 18:00:00 GMT", 0.0),
        ("Sat, 21 Nov 2999 18:00:00 GMT", LONGEST_ASKED_S),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1e9", None),
        ("9" * 5000, None),
        ("²", None),
        ("Sat, 99 Nov 2026 18:28:51 GMT", None),
    ],
)
def test_the_receivers_wish_is_honoured_where_it_makes_sense(header: str, seconds: float | None) -> None:
    assert judge(503, header, now=NOW) == TryAgain("HTTP 503", seconds)


def test_waiting_times_double_up_to_five_minutes() -> None:
    assert [wait_s(attempts, None, draw=lambda: 1.0) for attempts in (1, 2, 3, 9, 10, 5000)] == [1, 2, 4, 256, 300, 300]
    assert wait_s(3, None, draw=lambda: 0.0) == 2.0


def test_a_wish_makes_the_wait_longer_never_shorter() -> None:
    assert wait_s(1, 60.0, draw=lambda: 1.0) == 60.0
    assert wait_s(9, 1.0, draw=lambda: 1.0) == 256.0
