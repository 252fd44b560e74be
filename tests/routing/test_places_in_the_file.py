"""A mistake inside an expression is told where the editor shows it, however YAML let the expression be written."""

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.routing.judgement import RuleText, judge

RULE = "version: 1\nqueues: {desk: {timeout: 5s}}\ndefault: {queue: desk}\nrules:\n  - name: a\n    queue: desk\n"
WRITTEN = {
    "block": (RULE + "    when: |\n      customer.name == 'Ж😀' &&\n      bogus == 1\n", "9:7"),
    "block after an empty line": (RULE + "    when: |\n\n      customer.known &&\n      bogus == 1\n", "10:7"),
    "block with its depth": (RULE + "    when: |2\n        customer.known &&\n      bogus == 1\n", "9:7"),
    "block with a deeper line": (RULE + "    when: |-\n      customer.known &&\n        bogus == 1\n", "9:9"),
    "block with a remark": (RULE + "    when: | # почему\n      customer.known &&\n      bogus == 1\n", "9:7"),
    "block, lines of Windows": (
        (RULE + "    when: |\n      customer.known &&\n      bogus == 1\n").replace("\n", "\r\n"),
        "9:7",
    ),
    "block, lines of an old Mac": (
        (RULE + "    when: |\n      customer.known &&\n      bogus == 1\n").replace("\n", "\r"),
        "9:7",
    ),
    "old Mac's remarks in front": ("# а\r# б\r# в\n" + RULE + "    when: bogus == 1\n", "10:11"),
    "folded": (RULE + "    when: >-\n      customer.known &&\n      bogus == 1\n", "7:11"),
    "without quotes": (RULE + "    when: customer.name == 'Ж😀' && bogus == 1\n", "7:36"),
    "in quotes": (RULE + "    when: \"customer.name == 'Ж😀' && bogus == 1\"\n", "7:37"),
    "in quotes that YAML rewrote": (RULE + '    when: "customer.name == \\"Ж\\" && bogus == 1"\n', "7:11"),
    "behind the mark that Windows writes": (
        '\ufeff{"version": 1, "queues": {"desk": {}}, "default": {"queue": "desk"},'
        ' "rules": [{"name": "a", "queue": "desk", "when": "bogus == 1"}]}',
        "1:120",
    ),
}


@pytest.mark.parametrize(("text", "place"), WRITTEN.values(), ids=WRITTEN)
def test_a_mistake_in_an_expression_is_told_where_it_stands(text: str, place: str) -> None:
    assert judge(RuleText("r", text), None, SHIPPED_STAGES).complaints == (f"r:{place}: unknown fact `bogus`",)
