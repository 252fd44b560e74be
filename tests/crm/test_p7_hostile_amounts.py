"""What stands in a deal, whoever's database it is: bounded text, and sums that fit into memory, a card and a rule."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest

from cti_bridge.crm.amocrm.sign_in import _granted
from cti_bridge.crm.sql.rows import note_list, records
from cti_bridge.crm.tryton.wire import plain
from cti_bridge.crm.tryton.words import _amount as of_tryton
from cti_bridge.domain.customer import Deal
from cti_bridge.domain.ids import DealId
from cti_bridge.domain.number import parse_number
from cti_bridge.reception.card import _amount as on_the_card

NUMBER = parse_number("+74950000150", region="RU")
BOMB = "1E+999999999"
"""A whole number of a billion digits, in twelve characters."""
LONG = "Ы" * 100_000 + "\u202e\r\n\x1b[2J<script>"


@pytest.mark.parametrize(
    "amount", [BOMB, "-" + BOMB, "9" * 5_000, "1e16", Decimal(BOMB), Decimal("NaN"), 1e300, 10**400]
)
def test_a_sum_that_nobody_has_is_none(amount: object) -> None:
    row = {"customer_id": 7, "name": "Вера", "deal_id": 1, "stage": "paid", "amount": amount}
    ((record,)) = records([row], NUMBER, region="RU", zone=UTC)
    assert record.deals[0].amount is None
    typed = plain({"__class__": "Decimal", "decimal": str(amount) if not isinstance(amount, int) else BOMB})
    assert of_tryton(typed) is None


def test_sums_that_people_have_stay_what_they_are() -> None:
    for amount in ("1250000.50", "-300", "0", "999999999999999"):
        row = {"customer_id": 7, "name": "Вера", "deal_id": 1, "stage": "paid", "amount": amount}
        ((record,)) = records([row], NUMBER, region="RU", zone=UTC)
        assert record.deals[0].amount == Decimal(amount)
        assert of_tryton(Decimal(amount)) == Decimal(amount)
        assert on_the_card(Decimal(amount)) == float(amount)


def test_the_card_shows_no_sum_that_does_not_fit_into_memory() -> None:
    """As a whole number it would be a gigabyte, and a minute in which no other call gets on."""
    deal = Deal(DealId("1"), "Кухня", "paid", Decimal(BOMB))
    assert on_the_card(deal.amount) is None
    assert on_the_card(Decimal("12.5")) == 12.5


def test_texts_of_a_database_are_one_line_of_a_bounded_length() -> None:
    row = {
        "customer_id": 7, "name": LONG, "email": LONG, "city": LONG, "segment": LONG, "responsible": LONG,
        "deal_id": 1, "deal_title": LONG, "stage": "Ждём\nоплаты",
    }  # fmt: skip
    ((record,)) = records([row], NUMBER, region="RU", zone=UTC)
    one, (deal,) = record.customer, record.deals
    for text in (one.name, one.email, one.city, one.segment, one.responsible, deal.title):
        assert len(text) == 200
        assert text.isprintable()
    assert deal.stage == "Ждём оплаты"
    (note,) = note_list([{"at": datetime(2026, 11, 20, tzinfo=UTC), "text": "да\r\nнет\x00" + LONG}], UTC)
    assert note.text.startswith("да\nнет")
    assert len(note.text) <= 4_000


def test_a_customer_with_thousands_of_numbers_has_some_of_them() -> None:
    rows = [{"customer_id": 7, "name": "АТС", "number": f"+7495000{tail:04}"} for tail in range(150, 4_000)]
    ((record,)) = records(rows, NUMBER, region="RU", zone=UTC)
    assert len(record.customer.numbers) == 200


def test_an_access_token_that_lasts_longer_than_any_number_does_not_cost_the_refresh_token() -> None:
    said = json.loads('{"access_token": "a", "refresh_token": "r", "expires_in": 1' + "0" * 400 + "}")
    assert _granted(said).refresh == "r"
