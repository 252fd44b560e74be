"""Whatever a CRM answers: customers, deals, stages and notes of bounded size, or that it cannot be asked."""

import json
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.crm.generic.expressions import Expression
from cti_bridge.crm.generic.words import Reading, Translation
from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.domain.number import parse_number

KEYS = st.sampled_from(["items", "id", "name", "numbers", "stage", "amount", "at", "text", "order", "final", "deals"])
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=20,
)
FIELDS = (
    "id",
    "name",
    "numbers",
    "deal_ids",
    "stage",
    "amount",
    "changed_at",
    "at",
    "text",
    "author",
    "order",
    "final",
)
READING = Reading("items", Expression("items || deals || @"), {name: Expression(name) for name in FIELDS})
JOINING = Reading("items", READING.items, {**READING.fields, "name": Expression("join('', [name, text])")})
WORDS = Translation({"stage": {"PAID": "paid"}})
VERA = parse_number("+74950000150", region="RU")


@given(JSON, st.sampled_from([READING, JOINING]))
def test_any_answer_is_read_or_cannot_be(answer: Any, reading: Reading) -> None:
    try:
        items = reading.all(answer, 3)
        assert len(items) <= 3
        for item in items:
            deal, note = WORDS.deal(item), WORDS.note(item)
            for found in WORDS.people([item], VERA, reading):
                assert found.customer.id
                assert len(found.customer.name) <= 200
                assert VERA.e164 in found.customer.numbers
                json.dumps([found.customer.name, found.deal_ids], ensure_ascii=False).encode()
            assert len(deal.stage) <= 200
            assert note is None or note.text
            json.dumps([deal.title, deal.stage], ensure_ascii=False).encode()
        stages = WORDS.stages(items).stages
        assert [stage.order for stage in stages] == sorted(stage.order for stage in stages)
    except CrmUnavailable as error:
        assert str(error).isprintable()


def test_a_number_field_that_somebody_filled_with_a_thousand_numbers_costs_no_more_than_fifty() -> None:
    """It is text that a stranger may have typed into a form, and reading a number takes time."""
    reading = Reading("items", Expression("@"), {"id": Expression("id"), "numbers": Expression("phones")})
    phones = [";".join(["+4930123456"] * 15)] * 40
    (item,) = reading.all({"id": 1, "phones": [*phones, "+74950000150"]}, 1)
    assert not WORDS.people([item], VERA, None), "his is the 601st"
    (item,) = reading.all({"id": 1, "phones": ["+74950000150", *phones]}, 1)
    (found,) = WORDS.people([item], VERA, None)
    assert found.customer.numbers == ("+4930123456", "+74950000150")


@pytest.mark.parametrize(
    ("said", "final"),
    [(True, True), (1, True), ("1", True), ("Y", True), ("true", True), ("да", True), (False, False), (0, False),
     ("0", False), ("N", False), ("false", False), (None, False), ([1], False), ({}, False)],
)  # fmt: skip
def test_a_stage_is_over_however_the_crm_says_yes(said: Any, final: bool) -> None:
    (stage,) = WORDS.stages(READING.all([{"id": "won", "final": said}], 1)).stages
    assert stage.final is final


def test_times_are_read_as_the_settings_say_that_they_are_written() -> None:
    words = Translation({}, ZoneInfo("Europe/Moscow"), time_format="%d.%m.%Y %H:%M")
    reading = Reading("notes", Expression("@"), {"at": Expression("at"), "text": Expression("text")})
    (item,) = reading.all({"at": "20.11.2026 15:00", "text": "Просил перезвонить"}, 1)
    note = words.note(item)
    assert note is not None
    assert note.at == datetime(2026, 11, 20, 12, 0, tzinfo=UTC)


def test_a_stage_is_what_the_settings_call_it_in_the_list_and_in_the_deal() -> None:
    items = READING.all([{"id": "PAID", "name": "Оплачено", "stage": "PAID"}, {"id": "new", "stage": "other"}], 5)
    assert [stage.id for stage in WORDS.stages(items).stages] == ["paid", "new"]
    assert [WORDS.deal(item).stage for item in items] == ["paid", "other"]
