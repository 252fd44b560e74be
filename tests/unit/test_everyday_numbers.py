"""The short way to read an everyday number says exactly what the parser says, or leaves the number to it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.domain import number as numbers
from cti_bridge.domain.number import CallerNumber, display_number, parse_number
from cti_bridge.domain.plain_number import everyday_e164

SPELLINGS = (
    "{0}{1}{2}{3}",
    " ({0}) {1}-{2}-{3}",
    "-{0}-{1}-{2}{3}",
    "({0}){1}{2}{3}",
    " {0} {1} {2} {3}",
    "({0} {1}-{2}{3}",
)


def by_the_parser(text: str, region: str) -> CallerNumber:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "everyday_e164", lambda text, region: None)
        return parse_number(text, region=region)


@pytest.mark.parametrize("prefix", ["+7", "8", "7", ""])
def test_every_area_code(prefix: str) -> None:
    for code in range(1000):
        text = (prefix + SPELLINGS[code % len(SPELLINGS)].format(f"{code:03}", "000", "01", "49")).strip()
        region = ("RU", "RU", "KZ", "DE")[code % 4]
        assert parse_number(text, region=region) == by_the_parser(text, region), (text, region)


@given(
    prefix=st.sampled_from(["+7", "8", "7", "", "+8", "007", "+"]),
    national=st.text("0123456789", min_size=9, max_size=11),
    spelling=st.sampled_from(SPELLINGS),
    behind=st.sampled_from(["", "", "", " доб. 12", "#101", "\n", "1"]),
    region=st.sampled_from(["RU", "KZ", "BY", "US"]),
)
def test_any_number_in_any_spelling(prefix: str, national: str, spelling: str, behind: str, region: str) -> None:
    text = prefix + spelling.format(national[:3], national[3:6], national[6:8], national[8:]) + behind
    assert parse_number(text, region=region) == by_the_parser(text, region)


def displayed_by_the_library(text: str) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(numbers, "everyday_display", lambda text: None)
        return display_number(text)


def test_every_area_code_is_shown_as_the_library_writes_it() -> None:
    for code in range(1000):
        text = f"+7{code:03}0000149"
        assert display_number(text) == displayed_by_the_library(text), text


@given(text=st.text("+78 495()-0123456789", max_size=20), national=st.from_regex(r"\A[0-9]{9,11}\Z"))
def test_any_number_is_shown_as_the_library_writes_it(text: str, national: str) -> None:
    for shown in (text, f"+7{national}", f"+7 {text}"):
        assert display_number(shown) == displayed_by_the_library(shown)


@given(text=st.text("+78 495()-0123456789", max_size=20))
def test_any_text_of_digits_and_signs(text: str) -> None:
    assert parse_number(text, region="RU") == by_the_parser(text, "RU")


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("+7 (495) 000-01-50", "DE", "+74950000150"),
        ("8 (495) 000-01-50", "RU", "+74950000150"),
        ("84950000150", "RU", "+74950000150"),
        ("4950000150", "RU", "+74950000150"),
        ("84950000150", "KZ", None),
        ("+7 800 000-01-50", "RU", None),
        ("+7 (700) 000-01-50", "RU", None),
        ("+7 (495) 000-01-5", "RU", None),
        ("+7 (400) 000-01-50", "RU", None),
        ("4950000150\n", "RU", None),
    ],
)
def test_what_the_short_way_takes_on_itself(text: str, region: str, e164: str | None) -> None:
    assert everyday_e164(text, region) == e164
