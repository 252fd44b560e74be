"""What an expression compares is what CEL compares: nobody is told of a mistake that is none."""

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.load import load_rules

HEAD = "version: 1\nqueues: {desk: {timeout: 5s}}\ndefault: {queue: desk}\nrules:\n"
GOOD = (
    "1 < deal.amount == true",
    '"vip" == customer.segment == true',
    "deal.amount == 5 == customer.known",
    "deal.amount > 5 != customer.known",
    'customer.segment == "vip" == call.verified',
    '"stage:" + deal.stage in ["stage:paid"]',
    'call.caller >= "+7495"',
    'deal.stage > "o"',
    "1 - deal.amount == 0",
    'string(deal.amount) == "5"',
)
BAD = {
    '(deal.amount == "1") || customer.known': "deal.amount is a number, not a text (write 1 without quotes)",
    "call.verified == 1 == true": "call.verified is true or false, not a number",
    '(deal.stage == "payd")': "stage `payd` is not in the stage list (did you mean `paid`?)",
    'deal.amount < "1"': "deal.amount is a number, not a text (write 1 without quotes)",
}


def said(expression: str) -> tuple[str, ...]:
    text = f"{HEAD}  - name: a\n    queue: desk\n    when: |\n      {expression}\n"
    return judge(RuleText("r", text), None, SHIPPED_STAGES).complaints


@pytest.mark.parametrize("expression", GOOD)
def test_what_only_looks_like_a_wrong_comparison_is_let_pass(expression: str) -> None:
    assert said(expression) == ()


@pytest.mark.parametrize(("expression", "message"), BAD.items(), ids=BAD)
def test_a_wrong_comparison_is_named_wherever_it_stands(expression: str, message: str) -> None:
    assert [line.split(": ", 1)[1] for line in said(expression)] == [message]


@pytest.mark.parametrize("expression", [*BAD, '(call.kind == "nobody")', '(call.did == "84950000149")'])
def test_a_file_that_was_accepted_when_less_was_looked_at_can_still_be_read(expression: str) -> None:
    text = f"{HEAD}  - name: a\n    queue: desk\n    when: |\n      {expression}\n"

    assert len(load_rules(text).rules) == 1
