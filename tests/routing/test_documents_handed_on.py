"""What the judge hands on of a good file is the file: the rules built from it are those of the text, places and all."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.reception.rule_judge import judge_apart
from cti_bridge.routing.document import Items, Node, Scalar, Table, parse_document
from cti_bridge.routing.document_json import document_from_json, document_json, faultless_document
from cti_bridge.routing.judgement import RuleText
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import Problems

SHIPPED = Path(__file__).parents[2] / "config" / "routing.yaml"

lines, columns = st.integers(1, 9_999), st.integers(1, 999)
scalars = st.builds(Scalar, lines, columns, st.text(), st.sampled_from(["", "'", "|"]))
nodes = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.builds(Items, lines, columns, st.lists(inner).map(tuple)),
        st.builds(Table, lines, columns, st.lists(st.tuples(scalars, inner)).map(tuple)),
    ),
    max_leaves=30,
)


@given(nodes)
def test_any_document_arrives_as_it_was(node: Node) -> None:
    document = Items(1, 1, (node,))
    assert document_from_json(json.loads(json.dumps(document_json(document)))) == document


async def test_the_shipped_rules_are_the_same_from_the_document_that_the_judge_hands_on() -> None:
    text = SHIPPED.read_text("utf-8")
    judged = await judge_apart(RuleText("r.yaml", text), None, SHIPPED_STAGES)
    whole = parse_document(text, Problems())

    assert isinstance(judged.document, Table)
    assert isinstance(whole, Table)
    assert judged.document.entries == tuple(entry for entry in whole.entries if entry[0].text != "tests")
    from_text = load_rules(text, stages=SHIPPED_STAGES)
    from_document = load_rules(text, stages=SHIPPED_STAGES, document=judged.document)
    assert from_text.tests and not from_document.tests
    assert (from_document.hash, from_document.lines, from_document.default) == (
        from_text.hash, from_text.lines, from_text.default,
    )  # fmt: skip
    assert [rule.path for rule in from_document.rules] == [rule.path for rule in from_text.rules]


async def test_of_a_bad_file_nothing_is_handed_on() -> None:
    for text in ("version: 1\n", "a: [", "version: 1\nversion: 1\n"):
        assert (await judge_apart(RuleText("r.yaml", text), None, None)).document is None
    assert faultless_document("a: 1\na: 2\n") is None, "a key that is given twice"


DEEP: list[Any] = [1, 1, "x", ""]
for _ in range(200):
    DEEP = [1, 1, [DEEP]]


@pytest.mark.parametrize("said", [[], {}, "x", [1, 1], [1, "1", "x", ""], [1, 1, {}, [["x", "y"]]], [1, 1, [2]], DEEP])
def test_what_is_no_document_is_refused(said: Any) -> None:
    with pytest.raises(ValueError, match="this is no document"):
        document_from_json(said)
