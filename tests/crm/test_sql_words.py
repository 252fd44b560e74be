"""Rows of somebody's database become customers, deals, notes and calls; ours become parameters."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from hostile_texts import TEXTS

from cti_bridge.crm.sql import cells, parameters, rows, words
from cti_bridge.crm.sql.words import PARAMETERS, Purpose
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, Note
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number

MOSCOW = ZoneInfo("Europe/Moscow")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
CALLER = parse_number("+74950000150", region="RU")


def found(*given: dict[str, Any]) -> list[tuple[str, tuple[str, ...], list[str]]]:
    records = rows.records(given, CALLER, region="RU", zone=MOSCOW)
    return [(one.customer.id, one.customer.numbers, [deal.id for deal in one.deals]) for one in records]


def test_rows_of_one_customer_are_one_customer_with_all_his_numbers_and_deals() -> None:
    row = {"customer_id": 7, "name": "Ольга"}
    assert found(
        {**row, "number": "8 (495) 000-01-50", "deal_id": 1, "stage": "paid"},
        {**row, "number": "+74950000151", "deal_id": 1, "stage": "paid"},
        {**row, "number": "8 (495) 000-01-50", "deal_id": 2, "stage": "offer"},
    ) == [("7", ("+74950000150", "+74950000151"), ["1", "2"])]


def test_a_customer_whose_number_only_ends_alike_is_left_out() -> None:
    assert found(
        {"customer_id": 1, "name": "Анна", "number": "+49 4950000150"},
        {"customer_id": 2, "name": "Вера", "number": None, "number2": "4950000150"},
    ) == [("2", ("+74950000150",), [])]


@pytest.mark.parametrize(
    "typed",
    [
        "8(495)000-01-50 доб. 12",
        "8(495)000-01-50, доб. 12",
        "(495) 000-01-51; 8 495 000 01 50",
        "8 495 000-01-51, 8 495 000-01-50",
        "8 495 000-01-51\n8 495 000-01-50",
    ],
)
def test_several_numbers_that_somebody_typed_into_one_cell_are_each_his(typed: str) -> None:
    ((_, numbers, _),) = found({"customer_id": 1, "name": "Вера", "number": "", "number2": None, "number3": typed})
    assert "+74950000150" in numbers


def test_without_a_column_for_numbers_the_query_is_believed() -> None:
    assert found({"customer_id": "a1", "name": "Анна"}) == [("a1", ("+74950000150",), [])]


def test_letters_are_nobodys_number_unless_the_query_says_whose() -> None:
    named = parse_number("ivanov", region="RU")
    row = {"customer_id": 1, "name": "Анна"}
    assert rows.records([row], named, region="RU", zone=MOSCOW) == ()
    (record,) = rows.records([{**row, "number": "ivanov"}], named, region="RU", zone=MOSCOW)
    assert record.customer.numbers == ("ivanov",)


def test_a_row_without_customer_or_deal_is_none() -> None:
    assert found({"customer_id": None, "name": None}) == []
    assert found({"customer_id": 1, "name": "Анна", "deal_id": None, "stage": None}) == [("1", ("+74950000150",), [])]


def test_the_columns_of_a_customer_and_a_deal_are_his() -> None:
    row: dict[str, Any] = {
        "customer_id": UUID(int=5), "name": "Анна", "email": "a@example.test", "city": "Тверь", "segment": "vip",
        "timezone": "Asia/Omsk", "preferred_channel": "phone", "responsible": "olga", "last_contact_at": "2026-11-20",
        "deal_id": 9, "deal_title": "Кухня", "stage": "paid", "amount": Decimal("1250.50"),
        "changed_at": datetime(2026, 11, 20, 15, 0),  # noqa: DTZ001
    }  # fmt: skip
    (record,) = rows.records([row], CALLER, region="RU", zone=MOSCOW)
    customer, (deal,) = record.customer, record.deals
    assert customer.id == "00000000-0000-0000-0000-000000000005"
    assert (customer.email, customer.city, customer.segment) == ("a@example.test", "Тверь", "vip")
    assert (customer.timezone, customer.preferred_channel, customer.responsible) == ("Asia/Omsk", "phone", "olga")
    assert customer.last_contact_at == datetime(2026, 11, 19, 21, 0, tzinfo=UTC)
    assert (deal.title, deal.stage, deal.amount, deal.responsible) == ("Кухня", "paid", Decimal("1250.50"), "olga")
    assert deal.changed_at == NOON


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""), (7, "7"), (True, "true"), (7.0, "7"), (Decimal("7.000"), "7"), (Decimal("1E+3"), "1000"),
        (b"\xd0\x96", "Ж"), (b"\xff", "\ufffd"), ("a\x00b", "ab"), ("x" * 20_000, "x" * 10_000),
    ],
)  # fmt: skip
def test_any_cell_has_a_text(cell: Any, text: str) -> None:
    assert cells.text(cell) == text


@pytest.mark.parametrize(
    ("cell", "at"),
    [
        (datetime(2026, 11, 20, 15, 0), NOON),  # noqa: DTZ001
        (datetime(2026, 11, 20, 12, 0, tzinfo=UTC), NOON),
        ("2026-11-20 15:00", NOON),
        ("2026-11-20T12:00:00Z", NOON),
        (date(2026, 11, 20), datetime(2026, 11, 19, 21, 0, tzinfo=UTC)),
        (datetime.max, datetime.max.replace(tzinfo=UTC) - timedelta(hours=3)),  # noqa: DTZ901
        (datetime.min, None),  # noqa: DTZ901
        (None, None), ("вчера", None), (1_795_176_000, NOON), (Decimal(1_795_176_000), NOON), (0, None), (True, None),
        (1e300, None), ("0000-00-00 00:00:00", None),
    ],
)  # fmt: skip
def test_a_time_without_an_offset_is_one_of_the_zone(cell: Any, at: datetime | None) -> None:
    assert cells.instant(cell, MOSCOW) == at


@pytest.mark.parametrize(
    ("cell", "amount"),
    [("1250.50", Decimal("1250.50")), (7, Decimal(7)), (0.1, Decimal("0.1")), (Decimal("NaN"), None), ("$1", None),
     (None, None), (float("inf"), None)],
)  # fmt: skip
def test_a_sum_is_a_finite_decimal_or_none(cell: Any, amount: Decimal | None) -> None:
    assert cells.amount(cell) == amount


def test_stages_come_in_order_and_final_ones_are_those_that_say_so() -> None:
    stages = rows.stage_list(
        [
            {"id": "paid", "name": "оплачено", "position": "20", "final": "f"},
            {"id": "new", "name": "новая", "position": 10, "final": None},
            {"id": 3, "name": "закрыта", "position": 30, "final": 1},
            {"id": "lost", "name": "потеряна", "position": 40, "final": b"\x01"},
            {"id": "sent", "name": "отправлено", "position": 15, "final": b"\x00"},
        ]
    ).stages
    assert [(stage.id, stage.final) for stage in stages] == [
        ("new", False), ("sent", False), ("paid", False), ("3", True), ("lost", True),
    ]  # fmt: skip


@pytest.mark.parametrize(("cell", "final"), [("Да", True), ("Д", True), ("нет", False), ("Н", False)])
def test_a_stage_may_say_it_in_russian(cell: str, final: bool) -> None:
    (stage,) = rows.stage_list([{"id": 1, "name": "Монтаж", "position": 1, "final": cell}]).stages
    assert stage.final is final


def test_a_stage_that_does_not_say_whether_it_is_final_is_a_mistake_and_no_open_one() -> None:
    with pytest.raises(ValueError, match="the column final says neither yes nor no"):
        rows.stage_list([{"id": "lost", "name": "потеряна", "position": 1, "final": "закрыта"}])


@pytest.mark.parametrize(
    ("purpose", "columns", "fault"),
    [
        (Purpose.FIND, "customer_id name", ""),
        (Purpose.FIND, "CUSTOMER_ID Name deal_id stage whatever", ""),
        (Purpose.FIND, "id name", "it gives no column customer_id"),
        (Purpose.FIND, "customer_id name deal_id", "it gives no column stage"),
        (Purpose.FIND, "customer_id name name", "it gives the column name twice"),
        (Purpose.FIND, "customer_id name id id", ""),
        (Purpose.NOTES, "at body", "it gives no column text"),
    ],
)
def test_columns_that_are_missing_are_named(purpose: Purpose, columns: str, fault: str) -> None:
    assert words.misread(purpose, columns.split()) == fault


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("+74950000150", ("+74950000150", "+74950000150", "74950000150", "4950000150")),
        ("+4930123456", ("+4930123456", "+4930123456", "4930123456", "4930123456")),
        ("*4321#", ("4321", None, "4321", "4321")),
        ("ivanov", ("ivanov", None, None, None)),
    ],
)
def test_a_number_is_given_in_the_ways_that_tables_have_it(text: str, values: tuple[str | None, ...]) -> None:
    given = parameters.of_caller(parse_number(text, region="RU", internal_max_length=3))
    assert tuple(given[name] for name in ("number", "e164", "digits", "last10")) == values


REPORT = CallReport(
    id="main-1/3", key="main-1", moment=CallMoment.ENDED, direction="inbound", number="", did="", customer_id=None,
    user="", queue="sales", outcome="answered", started_at=NOON, answered_at=NOON, ended_at=NOON + timedelta(seconds=9),
    recordings=(ReportedRecording("запись.wav", NOON),),
)  # fmt: skip


def test_what_a_report_does_not_know_is_null_and_the_rest_is_given() -> None:
    given = parameters.of_report(REPORT)
    unknown = {name for name, value in given.items() if value is None}
    assert unknown == {"number", "e164", "digits", "last10", "did", "customer_id", "user"}
    assert (given["moment"], given["talked_s"], given["recording"]) == ("ended", 9, "запись.wav")
    assert given["recordings"] == (
        '[{"file": "запись.wav", "started_at": "2026-11-20T12:00:00+00:00", "ended_at": null}]'
    )


def test_every_query_is_given_all_of_its_parameters_and_no_other() -> None:
    customer = CustomerId("7")
    given = {
        Purpose.FIND: parameters.of_caller(CALLER),
        Purpose.STAGES: {},
        Purpose.NOTES: parameters.of_customer(customer, 5),
        Purpose.CALLS: parameters.of_customer(customer, 5),
        Purpose.CREATE: parameters.of_new(NewCustomer("Анна", "+74950000150"), "k"),
        Purpose.UPDATE: parameters.of_changes(customer, CustomerChanges()),
        Purpose.ADD_NOTE: parameters.of_note(customer, Note(NOON, "", "x"), "k"),
        **dict.fromkeys(words.REPORTS.values(), parameters.of_report(REPORT)),
    }
    assert {purpose: values.keys() for purpose, values in given.items()} == PARAMETERS
    assert {purpose: words.sample(purpose).keys() for purpose in Purpose} == PARAMETERS


def test_what_stays_is_null_and_what_is_emptied_is_empty() -> None:
    given = parameters.of_changes(CustomerId("7"), CustomerChanges(name="Анна", email=""))
    assert (given["name"], given["email"], given["city"]) == ("Анна", "", None)


@pytest.mark.parametrize("text", [*TEXTS.values(), "\ud800 half", "\x00"])
def test_no_text_has_what_a_database_cannot_store(text: str) -> None:
    stored = cells.storable(text)
    assert "\x00" not in stored
    assert stored.encode("utf-8").decode("utf-8") == stored
