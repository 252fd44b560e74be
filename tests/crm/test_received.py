"""Values out of a CRM's answer: what can be used is used, all else is nothing, whatever its type."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.crm.received import amount_of, id_of, lines_of, text_of, texts_of, time_of

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(), max_size=300),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(ANYTHING)
def test_nothing_that_json_can_hold_is_too_strange(value: Any) -> None:
    for text in (text_of(value), lines_of(value), *texts_of(value), id_of(value) or ""):
        assert len(text.encode("utf-8")) <= 4 * 4_000
    at = time_of(value)
    assert at is None or at.tzinfo is UTC
    amount = amount_of(value)
    assert amount is None or abs(amount) < 10**15


@pytest.mark.parametrize(
    ("value", "expected"),
    [("  Вера\n Ёлкина\u202e ", "Вера Ёлкина"), (17, "17"), (2.5, "2.5"), (True, ""), (None, ""), (["a"], "")],
)
def test_a_text_is_on_one_line_and_has_nothing_that_turns_the_text_around_it(value: Any, expected: str) -> None:
    assert text_of(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a/7", "a/7"),
        (7, "7"),
        (2**63 - 1, "9223372036854775807"),
        (10**39, None),
        (True, None),
        (7.0, None),
        ("", None),
        (" 7", None),
        ("7\n", None),
        ("x" * 129, None),
    ],
)
def test_an_id_is_exactly_what_was_sent_or_none(value: Any, expected: str | None) -> None:
    assert id_of(value) == expected


NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-20T12:00:00Z",
        "2026-11-20T15:00:00+03:00",
        "2026-11-20 15:00:00",
        1_795_176_000,
        1_795_176_000_000,
        "1795176000",
        "1795176000000",
        "1795176000.0",
    ],
)
def test_a_time_is_known_in_each_of_the_usual_spellings(value: Any) -> None:
    assert time_of(value, ZoneInfo("Europe/Moscow")) == NOON


@pytest.mark.parametrize(
    "value", ["вчера", "", 0, -5, 10**400, float("inf"), float("nan"), True, "9" * 100, "0001-01-01"], ids=repr
)
def test_what_is_no_time_is_none(value: Any) -> None:
    assert time_of(value, ZoneInfo("Asia/Tokyo")) is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1250000.50", Decimal("1250000.5")),
        ("1 250 000,50 ₽", Decimal("1250000.5")),
        ("1\u00a0250\u00a0000 руб.", Decimal(1_250_000)),
        ("-5", Decimal(-5)),
        (1_250_000, Decimal(1_250_000)),
        (0.1, Decimal("0.1")),
        ("1e5", None),
        (float("inf"), None),
        (10**30, None),
        ("", None),
        (True, None),
    ],
)
def test_a_sum_is_exact_or_none(value: Any, expected: Decimal | None) -> None:
    assert amount_of(value) == expected


def test_a_list_of_texts_may_be_one_text() -> None:
    assert texts_of("+7495") == ("+7495",)
    assert texts_of(["+7495", None, 84950000150, ""]) == ("+7495", "84950000150")
