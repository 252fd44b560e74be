"""Numbers of one's own people: a caller with one is internal, whatever the CRM may say about it."""

import re

import pytest

from cti_bridge.domain.number import CallerNumber, NumberKind, parse_number
from cti_bridge.domain.staff import StaffNumbers, staff_numbers


@pytest.mark.parametrize(
    ("listed", "caller", "is_staff"),
    [
        ("8 (495) 000-01-50", "+74950000150", True),
        ("+74950000150", "84950000150", True),
        ("+74950000150", "84950000151", False),
        ("+7495000015*", "84950000150", True),
        ("8 (495) 000-01*", "+74950000150", True),
        ("8 (495) 000-01*", "+74950000250", False),
        ("+7495000015*", "anonymous", False),
        ("+7495000015*", "12345678", False),
    ],
)
def test_a_number_or_a_whole_range(listed: str, caller: str, is_staff: bool) -> None:
    number = parse_number(caller, region="RU")
    staff = staff_numbers([listed], region="RU")
    assert staff.has(number) == is_staff
    seen = staff.seen(number)
    assert (seen == number) == (not is_staff)
    if is_staff:
        assert seen == CallerNumber(NumberKind.INTERNAL, number.e164 or "")
        assert seen.key is None


def test_without_a_list_everybody_is_who_he_is() -> None:
    number = parse_number("84950000150", region="RU")
    assert StaffNumbers().seen(number) is number


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("101", "101 is internal anyway"),
        ("12345678", "12345678 is no telephone number of RU"),
        ("Вера", "Вера is no telephone number of RU"),
        ("*", "* is no beginning of a number such as +7495000*"),
        ("495000*", "495000* is no beginning of a number"),
        ("+7495*", "+7495* is too short"),
        ("+7495000**", "is no beginning of a number"),
    ],
)
def test_what_is_no_number_is_named(text: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=re.escape(complaint)):
        staff_numbers(["+74950000150", text], region="RU")
