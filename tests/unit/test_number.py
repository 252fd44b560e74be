"""Caller numbers: every way a network writes one ends as the same number, and no text breaks anything."""

from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.domain.number import CallerNumber, NumberKind, display_number, mask, parse_number


@pytest.mark.parametrize(
    "text",
    [
        "+74950000150",
        "74950000150",
        "84950000150",
        "4950000150",
        "8 (495) 000-01-50",
        "+7 495 000-01-50",
        "8-495-000-01-50",
        "  +74950000150\r\n",
        "\u202a+7\u00a0495\u00a0000\u201101\u201150\u202c",
        "０４９５"[1:] + "0000150",
        "\uff0b7 495 000 01 50",
        "٤٩٥٠٠٠٠١٥٠",
        "tel:+7-495-000-01-50",
        "sip:+74950000150@pbx.example",
        "sips:84950000150;transport=tls@[::1]:5061",
        "SIP:%2B74950000150:secret@pbx.example;user=phone",
        "84950000150@10.0.0.1",
        '"Вера Ёлкина" <+74950000150>',
        "<sip:+74950000150@pbx.example>",
        "0074950000150",
        "00 7 (495) 000-01-50",
    ],
)
def test_one_number_however_it_is_written(text: str) -> None:
    number = parse_number(text, region="RU")
    assert (number.kind, number.e164, number.key) == (NumberKind.EXTERNAL, "+74950000150", "+74950000150")


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        pytest.param("+88000000150", "RU", "+78000000150", id="a trunk put + before the national 8"),
        pytest.param("+84950000150", "RU", "+84950000150", id="valid as it stands (Vietnam): never repaired"),
        pytest.param("+81355500150", "RU", "+81355500150", id="valid as it stands (Japan): never repaired"),
        pytest.param("12015550123", "RU", "+12015550123", id="foreign without plus"),
        pytest.param("0012015550123", "RU", "+12015550123", id="00 is understood where the region does not know it"),
        pytest.param("810 1 201 555 0123", "RU", "+12015550123", id="the region's own prefix for abroad"),
        pytest.param("(201) 555-0123", "US", "+12015550123", id="national in another region"),
        pytest.param("+77010000150", "RU", "+77010000150", id="Kazakhstan shares +7"),
    ],
)
def test_repairs_are_made_only_where_nothing_else_is_valid(text: str, region: str, e164: str) -> None:
    assert parse_number(text, region=region).e164 == e164


def test_a_plus_before_eight_is_repaired_only_where_eight_is_the_national_prefix() -> None:
    assert parse_number("+88000000150", region="DE").kind is NumberKind.UNPARSED


@pytest.mark.parametrize(
    ("text", "extension"),
    [("+7 495 000-01-50 доб. 12", "12"), ("+74950000150;ext=101", "101"), ("84950000150#7", "7")],
)
def test_an_extension_is_kept_apart(text: str, extension: str) -> None:
    number = parse_number(text, region="RU")
    assert (number.e164, number.extension) == ("+74950000150", extension)


@pytest.mark.parametrize(
    "text", ["101", "600", "02", "112", "0900", "8800", "1", "99999", "١٠١", "sip:101@pbx", "<101>"]
)
def test_a_few_digits_are_internal_and_never_looked_up(text: str) -> None:
    number = parse_number(text, region="RU")
    assert (number.kind, number.e164, number.key) == (NumberKind.INTERNAL, None, None)


def test_how_long_an_internal_number_may_be_is_a_setting() -> None:
    assert parse_number("4950001", region="RU", internal_max_length=7).kind is NumberKind.INTERNAL
    assert parse_number("101", region="RU", internal_max_length=2).kind is NumberKind.UNPARSED


@pytest.mark.parametrize(
    "text",
    ["", "  ", "\x00\u200b", "anonymous", "Anonymous", "UNKNOWN", "<unknown>", "unavailable", "Restricted", "private",
     "withheld", "asterisk", "s", "Anonymous <anonymous>", "sip:anonymous@anonymous.invalid", "sip:@pbx"],
)  # fmt: skip
def test_a_hidden_number_is_anonymous_under_any_name(text: str) -> None:
    assert parse_number(text, region="RU") == CallerNumber(NumberKind.ANONYMOUS, "anonymous")


def test_a_number_with_presentation_prohibited_is_not_kept_anywhere() -> None:
    number = parse_number("+74950000150", region="RU", presentation_allowed=False)
    assert number == CallerNumber(NumberKind.ANONYMOUS, "anonymous")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("*43", "43"),
        ("+74950", "74950"),
        ("+7 495 000-01-5", "7495000015"),
        ("849500001500000000", "849500001500000000"),
        ("ivanov", "ivanov"),
        ("sip:ivanov@pbx.example", "ivanov"),
    ],
)
def test_what_is_no_number_is_searched_for_exactly(text: str, key: str) -> None:
    number = parse_number(text, region="RU")
    assert (number.kind, number.e164, number.key) == (NumberKind.UNPARSED, None, key)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("+74950000150", "+7 495 000-01-50"),
        ("101", "101"),
        ("84950000150", "84950000150"),
        ("+74950", "+74950"),
        ("anonymous", ""),
        ("", ""),
        (None, ""),
        ("12\x1b[31m3", "12[31m3"),
    ],
)
def test_numbers_are_shown_as_people_read_them(text: str | None, shown: str) -> None:
    assert display_number(text) == shown


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("+74950000149", "+7495***0149"),
        ("8 (495) 000-01-49", "8495***0149"),
        ("4950000149", "495***0149"),
        ("495000014", "49***0014"),
        ("4950001", "4***01"),
        ("101", "101"),
        ("12345", "12345"),
        ("anonymous", "anonymous"),
        ("Anonymous <anonymous>", "anonymous"),
        ("sip:+74950000149@10.11.12.13:5060", "+7495***0149"),
        ("Вера Ёлкина", "***"),
        ("\x1b[2J", "2"),
        ("", ""),
    ],
)
def test_a_log_never_shows_a_whole_number_or_a_name(text: str, masked: str) -> None:
    assert mask(text) == masked


@given(st.one_of(st.text(), st.text(alphabet="+80074950 ()-;,#x*@<>:sipext%٤", max_size=40)))
def test_no_text_breaks_the_parser(text: str) -> None:
    number = parse_number(text, region="RU")
    assert (number.e164 is not None) == (number.kind is NumberKind.EXTERNAL)
    assert number.e164 is None or number.e164[1:].isdecimal()
    assert number.raw.isprintable()
    assert number.raw
    display_number(text)


@given(st.text(alphabet="+0123456789 -()", min_size=1, max_size=30))
def test_a_mask_leaves_out_three_digits_at_least(text: str) -> None:
    digits = sum(character.isdecimal() for character in text)
    if digits > 5:
        assert sum(character.isdecimal() for character in mask(text)) <= digits - 3


@given(st.text())
def test_a_mask_lets_only_digits_through(text: str) -> None:
    assert mask(text) == "anonymous" or set(mask(text)) <= set("+*0123456789")


@pytest.mark.parametrize("pattern", ["1", "+", "(", "1-", "ext 1 ", ";ext=", "٤", "<", "x1", "sip:", "\ud800", "%2B"])
def test_an_endless_text_takes_no_time(pattern: str) -> None:
    text = (pattern * 10_000)[:10_000]
    started = perf_counter()
    for _ in range(20):
        parse_number(text, region="RU")
        mask(text)
        display_number(text)
    assert perf_counter() - started < 2.0, "20 of them take a few milliseconds"
