"""What gets into a question to vtiger stays what it is, and what vtiger says is read for what it means."""

from datetime import UTC
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.vtiger.envelope import VtigerSays, result_of, rows_of
from cti_bridge.crm.vtiger.numbers import national, searched_digits
from cti_bridge.crm.vtiger.vtql import in_this_order, literal, one_of, select
from cti_bridge.crm.vtiger.words import (
    CONTACTS,
    Flavour,
    Module,
    OwnFields,
    Users,
    changes_of,
    customer_of,
    deal_of,
    element_of,
    has_number,
    module_of,
    note_of,
    stage_list,
    users_of,
)
from cti_bridge.crm.web_client import Answer
from cti_bridge.domain.customer import CustomerChanges, NewCustomer
from cti_bridge.domain.number import parse_number
from fakes.vtiger_vtql import Refused, Shape, understood

PEOPLE = Shape({"phone": "phone", "mobile": "phone", "lastname": "text", "account_id": "reference"})
HOSTILE = [
    "ivanov",
    "o'brien",
    "'",
    "''",
    "\\",
    "\\'",
    "x' OR lastname LIKE '%",
    "x\\' OR lastname LIKE \\'%",
    "x'; DROP TABLE contacts; --",
    "Ёлка «%_%»",
    "a\nb",
]
MODULE = Module(CONTACTS, "12", ("phone", "mobile"))
USERS = Users({"19x5": "101"}, {"19x5": "Ольга Сова"})


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_finds_itself_and_nothing_else(text: str) -> None:
    question = understood(select("Contacts", [f"lastname = {literal(text)}"]), PEOPLE)

    assert question.holds({"lastname": text})
    assert not any(question.holds({"lastname": other}) for other in [*HOSTILE, "somebody"] if other != text)


@given(st.text(min_size=1, max_size=40), st.text(min_size=1, max_size=40))
def test_whatever_a_text_is_it_is_one_value(text: str, other: str) -> None:
    question = understood(select("Contacts", [f"lastname = {literal(text)}"]), PEOPLE)

    assert question.holds({"lastname": text})
    assert question.holds({"lastname": other}) == (text.casefold() == other.casefold())


@pytest.mark.parametrize("text", ["12x5", "12x5','12x6", "12x5\\"])
def test_a_reference_is_one_value_of_a_list(text: str) -> None:
    question = understood(select("Contacts", [one_of("account_id", [text, "11x9"])]), PEOPLE)

    assert question.holds({"account_id": "11x9"})
    assert not question.holds({"account_id": "12x6"})


def test_the_language_has_no_empty_text() -> None:
    with pytest.raises(ValueError, match="empty"):
        literal("")
    with pytest.raises(Refused):
        understood("SELECT * FROM Contacts WHERE lastname = '' LIMIT 100;", PEOPLE)


@pytest.mark.parametrize("digits", ["", "%", "49_", "4950000150' OR", "٤٩٥", "49 5"])
def test_a_pattern_is_made_of_digits_only(digits: str) -> None:
    with pytest.raises(ValueError, match="digits"):
        in_this_order(digits)


@pytest.mark.parametrize(
    "typed", ["+74950000150", "8 (495) 000-01-50", "8-495-000-01-50 доб. 12", "495 000 0150", "7(495)0000150"]
)
def test_digits_are_found_however_they_were_typed(typed: str) -> None:
    question = understood(select("Contacts", [f"phone LIKE {in_this_order('4950000150')}"]), PEOPLE)

    assert question.holds({"phone": typed})
    assert not question.holds({"phone": "+7 495 000-01-05"})


def test_a_question_is_one_that_vtiger_reads() -> None:
    asked = select("Contacts", ["phone = 'a'", "mobile = 'b'"], newest_by="lastname", skipping=100, most=50)

    question = understood(asked, PEOPLE)
    assert (question.module, question.newest_by, question.skipping, question.most) == ("Contacts", "lastname", 100, 50)
    assert question.holds({"mobile": "b"})


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("+74950000150", "4950000150"),
        ("+4930123456", "30123456"),
        ("+35312345", "35312345"),
    ],
)
def test_a_number_is_searched_by_its_national_digits(text: str, digits: str) -> None:
    assert national(text) == digits


def test_a_text_that_is_no_number_is_searched_as_it_stands() -> None:
    assert searched_digits(parse_number("sip:ivanov@pbx.example", region="RU")) == ""
    assert searched_digits(parse_number("8 (495) 000-01-50", region="RU")) == "4950000150"


# What vtiger says --------------------------------------------------------------------------------------------------


def answer(body: str, status: int = 200) -> Answer:
    return Answer(status, {}, body.encode())


def test_an_error_comes_with_http_200() -> None:
    said = '{"success":false,"error":{"code":"ACCESS_DENIED","message":"Жанна +74950000160"}}'
    with pytest.raises(VtigerSays) as caught:
        result_of(answer(said))
    judged = caught.value.judged()
    assert isinstance(judged, CrmRefuses)
    assert str(judged) == "vtiger refuses: ACCESS_DENIED"


def test_an_error_of_the_moment_may_be_asked_again() -> None:
    with pytest.raises(VtigerSays) as caught:
        result_of(answer('{"success":false,"error":{"code":"DATABASE_QUERY_ERROR"}}'))
    assert isinstance(caught.value.judged(), CrmUnavailable)


@pytest.mark.parametrize(
    "body",
    [
        '{"success":false}',
        '{"success":false,"error":"Жанна"}',
        '{"success":false,"error":{"code":"Жанна\\u001b"}}',
    ],
)
def test_an_error_without_a_code_shows_nothing_of_it(body: str) -> None:
    with pytest.raises(VtigerSays) as caught:
        result_of(answer(body))
    assert str(caught.value.judged()) == "vtiger fails: an error without a code"


@pytest.mark.parametrize("body", ["[]", "null", '"ok"', '{"success":"true","result":[]}', '{"success":true}', "{"])
def test_what_is_not_vtigers_is_no_answer(body: str) -> None:
    with pytest.raises(CrmUnavailable):
        result_of(answer(body))


@pytest.mark.parametrize("result", [None, {}, "text", [1], [[]]])
def test_records_are_a_list_of_objects(result: object) -> None:
    with pytest.raises(CrmUnavailable):
        rows_of(result)


# Records -----------------------------------------------------------------------------------------------------------


def test_a_contact_is_read_with_what_the_admin_added() -> None:
    module = Module(CONTACTS, "12", ("phone", "mobile"), OwnFields(segment="cf_851"))
    row = {
        "id": "12x7", "firstname": "Анна", "lastname": "Рощина", "phone": "8 (495) 000-01-50", "mobile": None,
        "email": "anna@example.test", "mailingcity": "Тверь", "assigned_user_id": "19x5", "cf_851": "vip",
    }  # fmt: skip

    anna = customer_of(row, module, USERS, region="RU")
    assert (anna.id, anna.name, anna.numbers) == ("12x7", "Анна Рощина", ("+74950000150",))
    assert (anna.city, anna.segment, anna.responsible) == ("Тверь", "vip", "101")


def test_only_the_same_number_is_the_same() -> None:
    number = parse_number("+74950000150", region="RU")
    assert has_number({"phone": "", "mobile": "8-495-000-01-50"}, MODULE, number, region="RU")
    assert not has_number({"phone": "+494950000150", "mobile": 7}, MODULE, number, region="RU")


def test_a_deal_of_a_group_is_nobodys_and_its_time_is_that_of_the_server() -> None:
    row = {
        "id": "13x1", "potentialname": "Кухня", "sales_stage": "Prospecting", "amount": "125000.50",
        "assigned_user_id": "20x2", "modifiedtime": "2026-11-20 15:00:00",
    }  # fmt: skip

    deal = deal_of(row, USERS, ZoneInfo("Europe/Moscow"))
    assert (deal.responsible, str(deal.amount)) == ("", "125000.5")
    assert deal.changed_at is not None
    assert deal.changed_at.astimezone(UTC).hour == 12


def test_a_comment_has_its_author() -> None:
    row = {"commentcontent": "Ждёт замер", "createdtime": "2026-11-20 12:00:00", "assigned_user_id": "19x5"}
    note = note_of(row, USERS, UTC)
    assert note is not None
    assert (note.author, note.text) == ("Ольга Сова", "Ждёт замер")
    assert note_of({"commentcontent": "без времени"}, USERS, UTC) is None


@pytest.mark.parametrize(
    ("name", "first", "last"),
    [
        ("Злата Ужова", "Злата", "Ужова"),
        ("Ужова", "", "Ужова"),
        ("  Анна  Мария Ким ", "Анна", "Мария Ким"),
        ("Олег 🙂 Ёж", "Олег", "Ёж"),
        (f"{'А' * 41} Б", "", f"{'А' * 41} Б"),
    ],
)
def test_a_name_fits_into_two_fields(name: str, first: str, last: str) -> None:
    element = element_of(NewCustomer(name, "+74950000150"), MODULE, "19x1")
    assert (element.get("firstname", ""), element["lastname"]) == (first, last)


def test_changes_name_only_what_is_changed() -> None:
    assert changes_of(CustomerChanges(city="", responsible="101"), MODULE, USERS) == {
        "mailingcity": "",
        "assigned_user_id": "19x5",
    }


@pytest.mark.parametrize(
    "changes", [CustomerChanges(segment="vip"), CustomerChanges(responsible="555"), CustomerChanges(name=" 🙂 ")]
)
def test_what_vtiger_has_no_place_for_is_refused(changes: CustomerChanges) -> None:
    with pytest.raises(CrmRefuses):
        changes_of(changes, MODULE, USERS)


def test_the_funnel_is_the_list_of_the_sales_stage() -> None:
    values = [{"label": "Начато", "value": "Prospecting"}, {"label": "Успех", "value": "Closed Won"}]
    described = {"fields": [{"name": "sales_stage", "type": {"name": "picklist", "picklistValues": values}}]}

    stages = stage_list(described, frozenset({"Closed Won"}))
    assert [(one.id, one.name, one.order, one.final) for one in stages.stages] == [
        ("Prospecting", "Начато", 10, False),
        ("Closed Won", "Успех", 20, True),
    ]


@pytest.mark.parametrize(
    "described",
    [
        {},
        {"fields": "x"},
        {"fields": [], "idPrefix": "12"},
        {"fields": [{"name": "phone; DROP", "type": {"name": "phone"}}], "idPrefix": "12"},
        {"fields": [{"name": "phone", "type": {"name": "phone"}}], "idPrefix": "x"},
    ],
)
def test_a_module_that_cannot_be_searched_is_said_so(described: dict[str, object]) -> None:
    with pytest.raises(CrmUnavailable):
        module_of(described, CONTACTS, OwnFields())


def test_operators_are_known_by_their_extensions() -> None:
    rows = [
        {"id": "19x5", "user_name": "olga", "first_name": "Ольга", "last_name": "Сова", "phone_crm_extension": "101"},
        {"id": "19x6", "user_name": "admin", "phone_work": "102"},
    ]
    users = users_of(rows, Flavour.SALESPLATFORM)
    assert (users.with_extension("101"), users.with_extension("102")) == ("19x5", None)
    assert users.with_extension("") is None
    assert users.names["19x6"] == "admin"
    assert users_of(rows, Flavour.CLOUD).with_extension("102") == "19x6"
