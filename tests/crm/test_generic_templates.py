"""Placeholders of the generic CRM: a value stays in the place that it is put into, whoever chose it."""

import json
import string
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.crm.generic.expressions import Expression, Unreadable
from cti_bridge.crm.generic.placeholders import spelled
from cti_bridge.crm.generic.templates import Template, Unfit, filled_tree, names_in, parse_template, parse_tree

KNOWN = frozenset({"e164", "customer_id", "talked_s", "files", "name"})
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def template(text: str) -> Template:
    return parse_template(text, KNOWN)


@given(ANY_TEXT)
def test_in_a_path_a_value_is_part_of_one_segment(value: str) -> None:
    try:
        path = template("/customers/x{customer_id}/deals").in_path({"customer_id": value})
    except Unfit:
        dots = {".", ".."} & set(value.replace("\\", "/").split("/"))
        assert not value or len(value) > 200 or not value.isprintable() or dots
        return
    before, after = "/customers/x", "/deals"
    assert path.isascii()
    assert path.startswith(before)
    assert path.endswith(after)
    inside = path.removeprefix(before).removesuffix(after)
    assert not set("/?#&\r\n ") & set(inside)
    assert unquote(inside) == value
    assert urlsplit(f"https://crm.example{path}").path == path


@pytest.mark.parametrize(
    "value", [".", "..", "", None, "x" * 201, "7/../8", "..\\..\\8", "7/.", "7\r\nX: y", "7\0", "\u202e7", "\ud800"]
)
def test_in_a_path_a_value_never_leads_elsewhere(value: str | None) -> None:
    with pytest.raises(Unfit) as caught:
        template("/customers/{customer_id}/deals").in_path({"customer_id": value})
    assert "xxx" not in str(caught.value)


@given(ANY_TEXT)
def test_in_json_a_value_is_one_text(value: str) -> None:
    tree = parse_tree({"who": "Herr {name}!", "exactly": "{name}"}, KNOWN)
    filled = json.loads(json.dumps(filled_tree(tree, {"name": value})))
    assert filled == {"who": f"Herr {value}!", "exactly": value}


@given(ANY_TEXT)
def test_in_a_header_a_value_is_one_line_or_refused(value: str) -> None:
    try:
        text = template("id={name}").in_header({"name": value})
    except Unfit:
        assert not set(value) <= set(string.printable) - set("\t\n\r\x0b\x0c")
        return
    assert text == f"id={value}"
    assert not set("\r\n\0") & set(value)


def test_a_number_can_be_spelled_in_each_of_the_usual_ways() -> None:
    assert spelled("+74950000150") == {
        "e164": "+74950000150",
        "digits": "74950000150",
        "national10": "4950000150",
        "national": "84950000150",
        "display": "+7 495 000-01-50",
    }
    assert spelled("+4930123456")["national10"] == "30123456"
    assert set(spelled("ivanov").values()) == {"ivanov"}
    assert set(spelled("").values()) == {None}
    assert set(spelled("+not a number").values()) == {"+not a number"}


def test_alone_in_json_a_value_keeps_its_type_and_none_is_left_out() -> None:
    tree = parse_tree(
        {
            "customer": "{customer_id:number}",
            "text": "{talked_s:text}",
            "talked": "{talked_s}",
            "files": ["{files}", "{name}", "x"],
            "list": "{files}",
            "name": "{name}",
            "mixed": "({name})",
            "true": True,
            "half": 0.5,
            "nothing": None,
            "brace": "{{{talked_s}}}",
        },
        KNOWN,
    )
    assert names_in(tree) == {"customer_id", "talked_s", "files", "name"}
    assert filled_tree(tree, {"customer_id": "0017", "talked_s": 0, "files": ["a"]}) == {
        "customer": 17,
        "text": "0",
        "talked": 0,
        "files": [["a"], "x"],
        "list": ["a"],
        "mixed": "()",
        "true": True,
        "half": 0.5,
        "nothing": None,
        "brace": "{0}",
    }


def test_what_is_to_be_a_number_and_is_none_is_refused_without_showing_it() -> None:
    with pytest.raises(Unfit) as caught:
        filled_tree(parse_tree("{customer_id:number}", KNOWN), {"customer_id": "geheim"})
    assert str(caught.value) == "{customer_id} is not a whole number"


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("/a/{e146}", "at character 4: unknown placeholder {e146} (did you mean {e164}?)"),
        ("{customer_id:int}", "at character 1: unknown placeholder {customer_id:int} (did you mean {customer_id}?)"),
        ("{}", "at character 1: unknown placeholder {} (there are customer_id, e164, files, name, talked_s)"),
        ("ab{", "at character 3: a lone { (write {{ for a brace)"),
        ("a}b", "at character 2: a lone } (write }} for a brace)"),
    ],
)
def test_a_mistake_is_named_with_its_place_and_what_may_be_meant(text: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        template(text)
    assert str(caught.value) == mistake


@given(st.text(max_size=40))
def test_a_template_is_read_or_named_as_a_mistake_whatever_it_is(text: str) -> None:
    try:
        read = parse_template(text, KNOWN)
    except ValueError as error:
        assert "at character" in str(error)
        return
    assert read.text({}) is None or "{" not in text or "{{" in text or read.names


def test_query_values_come_out_as_they_went_in() -> None:
    from urllib.parse import quote, urlencode

    value = "+7 495&phone=1#ё"
    query = urlencode([("phone", template("{e164}").text({"e164": value}) or "")], quote_via=quote, safe="")
    assert parse_qsl(query) == [("phone", value)]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("items[", "at character 7: the JMESPath expression is not finished"),
        ("items..id", "at character 7: '.' cannot stand there in JMESPath"),
        ("items[?a=1]", "at character 9: '=' cannot stand there in JMESPath (equal is ==)"),
        ("a[?b > 5]", "at character 8: '5' cannot stand there in JMESPath (a number is written `5` in backticks)"),
        ("a[?b=='x]", 'at character 7: "\'x]" cannot stand there in JMESPath (a quote is not closed)'),
        ("a[?b or c]", "at character 6: 'or' cannot stand there in JMESPath (or is ||)"),
        ('a[?b=="x"]', "at character 7: \"x\" is a field's name here; a text is 'x'"),
        ('join(", ", a)', "at character 6: \", \" is a field's name here; a text is ', '"),
        ("a[?ok != true]", "at character 10: true is a field's name here; the value is `true` in backticks"),
        ("a | lenght(@)", "at character 5: unknown function lenght() (did you mean length()?)"),
        ("join(',')", "at character 1: join() takes 2 argument(s), not 1"),
        ("", "is empty"),
        ("a" * 2_001, "longer than 2000 characters"),
    ],
)
def test_a_mistake_in_an_expression_is_named_with_its_place(text: str, mistake: str) -> None:
    with pytest.raises(ValueError, match=r"\S") as caught:
        Expression(text)
    assert str(caught.value) == mistake


@pytest.mark.parametrize(
    "text",
    [
        "not_null(a, b, c)",
        "merge(@)",
        "phones[?kind=='work'] | [0].value",
        "a || `[]`",
        'length("first-name")',
        'not_null("Имя", name)',
        "a[?!true]",
    ],
)
def test_good_expressions_are_let_through(text: str) -> None:
    assert Expression(text).text == text


@pytest.mark.parametrize(
    ("text", "answer"),
    [("length(name)", {"name": 7}), ("sort(names)", {"names": ["a", 1]}), ("sum(a)", {"a": ["geheim"]})],
)
def test_an_expression_that_cannot_be_worked_out_says_nothing_of_the_answer(text: str, answer: Any) -> None:
    with pytest.raises(Unreadable) as caught:
        Expression(text).of(answer)
    assert "geheim" not in str(caught.value)
