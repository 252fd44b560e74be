"""What Bitrix24 says and is asked, word by word: odd answers mean nothing, and nothing in them makes us stumble."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.crm.bitrix.words import calls, changes, envelope, funnels, notes, people, search, writing
from cti_bridge.crm.bitrix.words.plain import Command, Kind, owner_of, whole
from cti_bridge.crm.spellings import spellings
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number
from fakes.bitrix_params import php

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                [
                    "items",
                    "item",
                    "id",
                    "fm",
                    "typeId",
                    "value",
                    "CONTACT",
                    "categories",
                    "sort",
                    "result",
                    "error",
                    "0",
                ]
            )
            | st.text(max_size=5),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@given(ANYTHING)
def test_no_answer_makes_us_stumble(answer: Any) -> None:
    found = search.found({kind.value: answer for kind in Kind})
    search.about(found)
    search.about_the_only_one(found, {"one": answer, "one_N": answer, "one_Y": answer})
    people.owners(answer if isinstance(answer, dict) else {})
    named = {name: answer for kind in Kind for name in (kind.value, f"{kind}_deals_N", f"{kind}_deals_Y")}
    search.records(named, key="+74950000150", region="RU", fields=people.Fields(city="id"))
    funnels.stages(dict.fromkeys(funnels.stages_of(answer), answer))
    list(notes.notes(answer))
    notes.texts(answer)
    calls.registered(answer)
    writing.made(answer)
    writing.made_before(answer)
    writing.emails_of(answer)
    envelope.problem(200, answer)
    envelope.running(answer)
    for part in envelope.unpacked(["a", "0"], answer).values():
        str(part.problem)
    changes.deals_there(answer)
    at = changes.position_of("", now=1_700_000_000.0)
    changes.page({"contact": answer, "company": answer, "deal": answer}, at, region="RU", fields=people.Fields())


@given(st.dictionaries(st.text("abcz@>=+ ", min_size=1, max_size=6), st.text(max_size=12), max_size=4))
def test_what_is_packed_into_a_batch_comes_out_of_it_again(params: dict[str, str]) -> None:
    good = {name: value for name, value in params.items() if not name.isdecimal()}
    assert php(envelope.query({"filter": good}) or "filter=") == {"filter": good or ""}


def test_a_plus_is_no_blank_and_lists_stay_lists() -> None:
    query = envelope.query({"values": ["+74950000150", "8 & 1=2"], "filter": {"@id": [7, 8]}})
    assert " " not in query
    assert "+" not in query
    assert php(query) == {"values": ["+74950000150", "8 & 1=2"], "filter": {"@id": ["7", "8"]}}


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        ("8 (495) 000-01-50", ("+74950000150", "74950000150", "84950000150", "4950000150")),
        ("+4930123456", ("+4930123456", "4930123456")),
        ("101", ()),
        ("anonymous", ()),
        ("ivanov", ()),
        ("*43", ()),
    ],
)
def test_a_number_is_searched_for_as_people_write_it(number: str, expected: tuple[str, ...]) -> None:
    assert spellings(parse_number(number, region="RU"), region="RU") == expected
    assert len(expected) <= search.MOST_SPELLINGS


@pytest.mark.parametrize(
    ("value", "expected"),
    [(7, 7), ("7", 7), (True, 0), ("", 0), (None, 0), ("٧", 0), (-1, 0), ({}, 0), (10**300, 0)],
)
def test_ids_come_as_numbers_and_as_texts(value: Any, expected: int) -> None:
    assert whole(value) == expected


@pytest.mark.parametrize("id_", ["", "contact-", "contact-x", "deal-7", "CONTACT-7", "contact-7-8", "lead-" + "9" * 13])
def test_what_is_no_id_of_ours_is_nobody(id_: str) -> None:
    assert owner_of(CustomerId(id_)) is None


@pytest.mark.parametrize(
    ("status", "said", "passes"),
    [
        (503, {"error": "QUERY_LIMIT_EXCEEDED"}, True),
        (429, {"error": "OPERATION_TIME_LIMIT"}, True),
        (401, {"error": "expired_token"}, True),
        (403, {"error": "insufficient_scope"}, True),
        (200, {"error": "INTERNAL_SERVER_ERROR"}, True),
        (200, {}, True),
        (200, None, True),
        (502, {}, True),
        (400, {"error": "", "error_description": "Not found"}, False),
        (400, {"error": "ERROR_CORE", "error_description": "Unknown TYPE"}, False),
    ],
)
def test_an_error_passes_or_it_does_not(status: int, said: Any, passes: bool) -> None:
    wrong = envelope.problem(status, said)
    assert wrong is not None
    assert wrong.may_pass is passes


def test_an_error_never_repeats_what_could_name_somebody() -> None:
    wrong = envelope.problem(400, {"error": "Контакт Вера Ёлкина +74950000150", "error_description": "Вера"})
    assert str(wrong) == "an error without a name (HTTP 400)"
    assert calls.known_saying("Вера Ёлкина не найдена") == ""
    assert calls.known_saying("User is not found or is not active") == "User is not found"


@pytest.mark.parametrize("written", ["x", "{}", "[]", '{"began": ""}', '{"began": 1, "contact": ["", 0]}', "null"])
def test_a_position_that_is_none_of_ours_is_refused(written: str) -> None:
    with pytest.raises(ValueError, match="not a position"):
        changes.position_of(written, now=0.0)


def test_more_than_fifty_commands_are_never_one_request() -> None:
    commands = search.who_has(("1",), Kind) | search.about(search.Found(dict.fromkeys(Kind, (1, 2))))
    assert len(commands | search.the_likely_one(Kind)) <= envelope.MOST_COMMANDS
    assert set(envelope.packed({"a": Command("scope")})) == {"halt", "cmd"}


@pytest.mark.parametrize(
    ("means", "final"),
    [
        ({"SEMANTICS": "S"}, True),
        ({"SEMANTICS": "F"}, True),
        ({"SEMANTICS": None, "EXTRA": {"SEMANTICS": "success"}}, True),
        ({"SEMANTICS": None, "EXTRA": {"SEMANTICS": "apology"}}, True),
        ({"SEMANTICS": None, "EXTRA": {"SEMANTICS": "process"}}, False),
        ({"SEMANTICS": None, "EXTRA": []}, False),
        ({}, False),
    ],
)
def test_a_stage_says_in_one_place_or_another_that_it_is_an_end(means: dict[str, Any], final: bool) -> None:
    (stage,) = funnels.stages({"funnel_2": [{"STATUS_ID": "C2:X", "NAME": "Х", "SORT": "10", **means}]})
    assert (stage.id, stage.final) == ("C2:X", final)
