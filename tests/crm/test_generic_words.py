"""Whatever a CRM answers: customers, deals, stages and notes of bounded size, or that it cannot be asked."""

import json
from typing import Any

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
FIELDS = ("id", "name", "numbers", "stage", "amount", "changed_at", "at", "text", "author", "order", "final")
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
            WORDS.has_number(item, VERA)
            customer, deal, note = WORDS.customer(item), WORDS.deal(item), WORDS.note(item)
            assert customer.id
            assert len(customer.name) <= 200
            assert all(number.startswith("+") for number in customer.numbers)
            assert len(deal.stage) <= 200
            assert note is None or note.text
            json.dumps([customer.name, deal.title, customer.numbers], ensure_ascii=False).encode()
        stages = WORDS.stages(items).stages
        assert [stage.order for stage in stages] == sorted(stage.order for stage in stages)
    except CrmUnavailable as error:
        assert str(error).isprintable()


def test_a_stage_is_what_the_settings_call_it_in_the_list_and_in_the_deal() -> None:
    items = READING.all([{"id": "PAID", "name": "Оплачено", "stage": "PAID"}, {"id": "new", "stage": "other"}], 5)
    assert [stage.id for stage in WORDS.stages(items).stages] == ["paid", "new"]
    assert [WORDS.deal(item).stage for item in items] == ["paid", "other"]
