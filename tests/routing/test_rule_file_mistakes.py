"""Each mistake in a rule file is named with its place, what is wrong and what to do; all of them at once."""

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.problems import MAX_PROBLEMS, RulesError

GOOD = """\
version: 1
classes:
  - {name: sales, when: {deal.stage: offer_sent}}
  - {name: new}
queues:
  desk: {timeout: 60s}
  sales: {timeout: 60s}
default: {queue: desk}
"""


def mistakes(text: str) -> list[str]:
    with pytest.raises(RulesError) as caught:
        load_rules(text, stages=SHIPPED_STAGES)
    return [problem.format("r.yaml") for problem in caught.value.problems]


def test_the_good_file_that_the_mistakes_are_added_to_loads() -> None:
    load_rules(GOOD, stages=SHIPPED_STAGES)


APPENDED = {
    "unknown key at the top": (
        "ambigous: default",
        "r.yaml:9:1: unknown key `ambigous` (did you mean `ambiguous`?)",
    ),
    "key that there is not": (
        "weather: {}",
        "r.yaml:9:1: unknown key `weather` (known keys: version, region, timezone, lines, schedules, classes, queues, "
        "rules, default, ambiguous, trusted_trunks, degraded, max_overtake, patience, tests)",
    ),
    "unknown key of a rule": (
        "rules:\n  - {name: night, max_penalty: 3, queue: desk}",
        "r.yaml:10:19: unknown key `max_penalty` (did you mean `penalties`?)",
    ),
    "misspelled key in a rule": (
        "rules:\n  - name: vip\n    quue: desk\n    queue: desk",
        "r.yaml:11:5: unknown key `quue` (did you mean `queue`?)",
    ),
    "unknown key of a step": (
        "rules:\n  - {name: a, queue: desk, then: [{queue: sales, weather: 3}]}",
        "r.yaml:10:50: unknown key `weather` (known keys: queue, timeout, max_waiting, open, unless_open)",
    ),
    "duplicate key": (
        "rules:\n  - name: vip\n    queue: desk\n    queue: sales",
        "r.yaml:12:5: key `queue` is given twice (first in line 11)",
    ),
    "undefined queue in a rule": (
        "rules:\n  - name: vip\n    queue: slaes",
        "r.yaml:11:12: queue `slaes` is not in `queues` (did you mean `sales`?)",
    ),
    "undefined queue in a rule with children": (
        "rules:\n  - {name: a, queue: nowhere, rules: [{name: b, when: {deal.known: true}}]}",
        "r.yaml:10:22: queue `nowhere` is not in `queues` (add it to `queues`)",
    ),
    "undefined queue in a step": (
        "rules:\n  - {name: vip, queue: desk, then: [warehouse]}",
        "r.yaml:10:37: queue `warehouse` is not in `queues` (add it to `queues`)",
    ),
    "undefined queue in final": (
        "rules:\n  - {name: vip, queue: desk, final: queue:desc}",
        "r.yaml:10:37: queue `desc` is not in `queues` (did you mean `desk`?)",
    ),
    "undefined queue in degraded": (
        "degraded: {queue: dsk}",
        "r.yaml:9:19: queue `dsk` is not in `queues` (did you mean `desk`?)",
    ),
    "undefined queue by number": (
        'degraded:\n  by_did: {"+74950000149": slaes}',
        "r.yaml:10:28: queue `slaes` is not in `queues` (did you mean `sales`?)",
    ),
    "number given twice in two spellings": (
        'degraded:\n  by_did: {"+74950000149": sales, 84950000149: desk}',
        "r.yaml:10:35: number `84950000149` is there twice (both mean +74950000149)",
    ),
    "by_did without a number": (
        "degraded:\n  by_did: {warehouse: sales}",
        "r.yaml:10:12: `warehouse` is not a number that can be dialled",
    ),
    "deadline beyond the time of the decision": (
        "degraded: {deadline: 5s}",
        "r.yaml:9:22: `deadline` must be 1ms to 900ms",
    ),
    "unknown class": (
        "rules:\n  - {name: a, queue: desk, when: {class: slaes}}",
        "r.yaml:10:42: class `slaes` is not in `classes` (did you mean `sales`?)",
    ),
    "unknown class in CEL": (
        "rules:\n  - {name: a, queue: desk, when: 'call.class == \"slaes\"'}",
        "r.yaml:10:49: class `slaes` is not in `classes` (did you mean `sales`?)",
    ),
    "class spelled as in CEL": (
        "rules:\n  - {name: a, queue: desk, when: {call.class: sales}}",
        "r.yaml:10:35: unknown fact `call.class` (in a map the class is `class`)",
    ),
    "class spelled as in a map": (
        "rules:\n  - {name: a, queue: desk, when: 'class == \"sales\"'}",
        "r.yaml:10:35: `class` is a reserved word in CEL (write `call.class`)",
    ),
    "unknown fact": (
        "rules:\n  - {name: a, queue: desk, when: {customer.segmant: vip}}",
        "r.yaml:10:35: unknown fact `customer.segmant` (did you mean `customer.segment`?)",
    ),
    "unknown fact in CEL": (
        "rules:\n  - {name: a, queue: desk, when: 'customer.segmant == \"vip\"'}",
        "r.yaml:10:35: unknown fact `customer.segmant` (did you mean `segment`?)",
    ),
    "unknown stage": (
        "rules:\n  - {name: a, queue: desk, when: {deal.stage: [paid, delivry]}}",
        "r.yaml:10:54: stage `delivry` is not in the stage list (did you mean `delivery`?)",
    ),
    "unknown stage in CEL": (
        "rules:\n  - {name: a, queue: desk, when: 'deals.exists(d, d.stage == \"payd\")'}",
        "r.yaml:10:62: stage `payd` is not in the stage list (did you mean `paid`?)",
    ),
    "value that a fact never has": (
        "rules:\n  - {name: a, queue: desk, when: {call.kind: external, call.crm: down}}",
        "r.yaml:10:66: call.crm is never `down` (known: fresh, cached, stale, none, skipped, failed)",
    ),
    "number in CEL that would never match": (
        "rules:\n  - {name: a, queue: desk, when: 'call.did == \"84950000149\"'}",
        "r.yaml:10:47: call.did is never `84950000149` (write `+74950000149`)",
    ),
    "text for a number": (
        "rules:\n  - {name: a, queue: desk, when: {deal.amount: much}}",
        "r.yaml:10:48: deal.amount is a number, not `much`",
    ),
    "text for yes or no": (
        "rules:\n  - {name: a, queue: desk, when: {customer.known: yes}}",
        "r.yaml:10:51: customer.known is true or false, not `yes`",
    ),
    "limits on a text": (
        "rules:\n  - {name: a, queue: desk, when: {customer.city: {min: 3}}}",
        "r.yaml:10:51: `min` is for numbers, customer.city is a text",
    ),
    "limits the wrong way round": (
        "rules:\n  - {name: a, queue: desk, when: {deal.amount: {min: 9, max: 3}}}",
        "r.yaml:10:48: deal.amount can never be at least 9 and at most 3",
    ),
    "prefix of a number": (
        "rules:\n  - {name: a, queue: desk, when: {deals: {prefix: 3}}}",
        "r.yaml:10:43: `prefix` is for texts, deals is a number",
    ),
    "unknown test": (
        "rules:\n  - {name: a, queue: desk, when: {customer.city: {nott: x}}}",
        "r.yaml:10:51: unknown key `nott` (did you mean `not`?)",
    ),
    "nothing to compare with": (
        "rules:\n  - {name: a, queue: desk, when: {customer.city: }}",
        "r.yaml:10:35: customer.city has no value to compare with (to ask whether it is there use CEL: has(…))",
    ),
    "empty when": (
        "rules:\n  - {name: a, queue: desk, when: {}}",
        "r.yaml:10:34: `when` is empty (leave it out: then it always holds)",
    ),
    "when as a list": (
        "rules:\n  - {name: a, queue: desk, when: [vip]}",
        "r.yaml:10:34: `when` must be a map of facts or a CEL expression",
    ),
    "CEL syntax error": (
        "rules:\n  - {name: a, queue: desk, when: 'customer.segment = \"vip\"'}",
        "r.yaml:10:52: this is not CEL: token recognition error at: '= '",
    ),
    "CEL syntax error in a block": (
        'rules:\n  - name: a\n    queue: desk\n    when: |\n      customer.segment\n        == == "vip"',
        "r.yaml:14:12: this is not CEL: extraneous input '=='",
    ),
    "CEL function that is not there": (
        "rules:\n  - {name: a, queue: desk, when: 'now() > 5'}",
        "r.yaml:10:35: unknown function `now`",
    ),
    "CEL about a whole customer": (
        'rules:\n  - {name: a, queue: desk, when: \'customer["segment"] == "vip"\'}',
        "r.yaml:10:35: `customer` needs a field (such as `customer.known`)",
    ),
    "CEL over something else than deals": (
        "rules:\n  - {name: a, queue: desk, when: '[1, 2].exists(x, x > 1)'}",
        "r.yaml:10:42: `exists` works on `deals` only",
    ),
    "CEL loops inside one another": (
        "rules:\n  - {name: a, queue: desk, when: 'deals.exists(d, deals.exists(e, e.id != d.id))'}",
        "r.yaml:10:57: `exists` inside another macro",
    ),
    "CEL about an unknown field of a deal": (
        "rules:\n  - {name: a, queue: desk, when: 'deals.exists(d, d.sum > 5)'}",
        "r.yaml:10:53: a deal has no `sum` (known: id, title, stage, amount, responsible)",
    ),
    "CEL that is too long": (
        f"rules:\n  - {{name: a, queue: desk, when: '{'true && ' * 143}true'}}",
        "r.yaml:10:35: the expression is longer than 1000 characters",
    ),
    "name with a capital": (
        "rules:\n  - {name: VIP, queue: desk}",
        "r.yaml:10:12: rule `VIP` is not a name (allowed: [a-z0-9][a-z0-9_-]{0,39})",
    ),
    "name twice among neighbours": (
        "rules:\n  - {name: a, queue: desk}\n  - {name: a, queue: sales}",
        "r.yaml:11:12: rule `a` is there twice (names are unique among neighbours)",
    ),
    "name that means something else": (
        "rules:\n  - {name: default, queue: desk}",
        "r.yaml:10:12: a rule cannot be called `default` (the word has a meaning of its own)",
    ),
    "rule without a name": (
        "rules:\n  - {queue: desk}",
        "r.yaml:10:5: a rule needs `name`",
    ),
    "rule that goes nowhere": (
        "rules:\n  - name: night\n    rules:\n      - {name: vip, priority: 3}",
        "r.yaml:12:9: rule `night/vip` has neither a queue nor rules of its own (add `queue`)",
    ),
    "ten steps": (
        f"rules:\n  - {{name: a, queue: desk, then: [{', '.join(['sales'] * 9)}]}}",
        "r.yaml:10:34: 10 steps, at most 9 are possible",
    ),
    "priority that is no number": (
        "rules:\n  - {name: a, queue: desk, priority: high}",
        "r.yaml:10:38: `priority` must be a whole number from 0 to 1000, not `high`",
    ),
    "operator by name": (
        "rules:\n  - {name: a, queue: desk, operator: ivan}",
        "r.yaml:10:38: `operator` must be one of responsible, last, not `ivan` (somebody by name is `{id: ivan}`)",
    ),
    "operator misspelled": (
        "rules:\n  - {name: a, queue: desk, operator: [lats]}",
        "r.yaml:10:39: `operator` must be one of responsible, last, not `lats` (did you mean `last`?)",
    ),
    "operator twice": (
        "rules:\n  - {name: a, queue: desk, operator: [last, {id: op1}, last]}",
        "r.yaml:10:56: `last` is there twice in `operator`",
    ),
    "nobody in a list of operators": (
        "rules:\n  - {name: a, queue: desk, operator: []}",
        "r.yaml:10:38: `operator` names 1 to 5 operators, not 0",
    ),
    "operator without an id": (
        "rules:\n  - {name: a, queue: desk, operator: {}}",
        "r.yaml:10:38: `operator` needs `id`",
    ),
    "id that no operator can have": (
        "rules:\n  - {name: a, queue: desk, operator: {id: Анна}}",
        "r.yaml:10:43: `Анна` is no id of an operator (allowed: [a-z0-9._-]{1,32})",
    ),
    "whether it is the first time in words": (
        "rules:\n  - {name: a, queue: desk, when: {call.first_time: often}}",
        "r.yaml:10:52: call.first_time is true or false, not `often`",
    ),
    "time for an operator that is not rung": (
        "rules:\n  - {name: a, queue: desk, operator_timeout: 5s}",
        "r.yaml:10:46: `operator_timeout` without `operator` (add `operator: responsible`)",
    ),
    "operator rung without limit": (
        "rules:\n  - {name: a, queue: desk, operator: responsible, operator_timeout: 0}",
        "r.yaml:10:69: `operator_timeout` must be 1 to 300 whole seconds",
    ),
    "half a second in a queue": (
        "rules:\n  - {name: a, queue: desk, then: [{queue: sales, timeout: 500ms}]}",
        "r.yaml:10:59: `timeout` must be 0 to 86400 whole seconds",
    ),
    "duration in another unit": (
        "rules:\n  - {name: a, queue: desk, then: [{queue: sales, timeout: 2 weeks}]}",
        "r.yaml:10:59: `timeout` must be a duration, not `2 weeks` (such as 60s, 2m or a number of seconds)",
    ),
    "verified number optional": (
        "rules:\n  - {name: a, queue: desk, verified_number: optional}",
        "r.yaml:10:45: `verified_number` must be one of required, not `optional`",
    ),
    "unknown policy": (
        "ambiguous: first",
        "r.yaml:9:12: `ambiguous` must be one of latest_contact, most_advanced_deal, default, not `first`",
    ),
    "unknown region": (
        "region: Russia",
        "r.yaml:9:9: region `Russia` is not known (two capital letters, such as RU)",
    ),
    "unknown timezone": (
        "timezone: Europe/Moskow",
        "r.yaml:9:11: timezone `Europe/Moskow` is not known (such as Europe/Moscow)",
    ),
    "rules as a map": ("rules: {vip: {queue: desk}}", "r.yaml:9:8: `rules` must be a list"),
    "anchor": (
        "trusted_trunks: &t [a]",
        "r.yaml:9:17: anchors (`&name`) are not allowed (write the value out each time)",
    ),
    "alias": ("trusted_trunks: *t", "r.yaml:9:17: aliases (`*name`) are not allowed (write the value out)"),
    "tag": (
        "trusted_trunks: !!python/object:os.system [a]",
        "r.yaml:9:17: tags (`tag:yaml.org,2002:python/object:os.system`) are not allowed",
    ),
    "second document": ("---\nversion: 1", "r.yaml:10:1: a second document in the file (one file has one document)"),
    "too deep": (f"rules: {'[' * 40}{']' * 40}", "r.yaml:9:40: nested deeper than 32 levels"),
    "YAML syntax": ("rules: [", "r.yaml:10:1: this is not YAML: expected the node content, but found '<stream end>'"),
    "character that text must not have": (
        "region: R\x00U",
        "r.yaml:9:10: this is not YAML: a character that text must not have",
    ),
}


@pytest.mark.parametrize(("added", "expected"), APPENDED.values(), ids=APPENDED.keys())
def test_a_mistake_is_named_where_it_stands(added: str, expected: str) -> None:
    assert mistakes(f"{GOOD}{added}\n") == [expected]


REPLACED = {
    "no version": ("version: 1\n", "", "r.yaml:1:1: the rule file needs `version`"),
    "other version": ("version: 1", "version: 2", "r.yaml:1:10: `version` must be 1"),
    "version as text": ("version: 1", 'version: "1"', "r.yaml:1:10: `version` must be 1"),
    "no default": ("default: {queue: desk}\n", "", "r.yaml:1:1: the rule file needs `default`"),
    "default without a queue": ("{queue: desk}", "{priority: 1}", "r.yaml:8:10: `default` needs `queue`"),
    "default goes nowhere": (
        "{queue: desk}",
        "{queue: front}",
        "r.yaml:8:18: queue `front` is not in `queues` (add it to `queues`)",
    ),
    "default has conditions": (
        "{queue: desk}",
        "{queue: desk, when: {deal.known: true}}",
        "r.yaml:8:24: unknown key `when` (did you mean `then`?)",
    ),
    "queue with a bad name": (
        "  desk: {timeout: 60s}\n",
        "  desk: {timeout: 60s}\n  a desk: {}\n",
        "r.yaml:7:3: queue `a desk` is not a name (allowed: [A-Za-z0-9][A-Za-z0-9_.-]{0,63})",
    ),
    "key of later work in a queue": (
        "desk: {timeout: 60s}",
        "desk: {timeout: 60s, penalties: 3}",
        "r.yaml:6:24: unknown key `penalties` (known keys: timeout)",
    ),
    "class depends on the class": (
        "{name: new}",
        "{name: new, when: {class: sales}}",
        "r.yaml:4:24: a class cannot depend on the class",
    ),
    "class depends on the class in CEL": (
        "{name: new}",
        "{name: new, when: call.class == 'sales'}",
        "r.yaml:4:23: a class cannot depend on the class",
    ),
    "class twice": ("{name: new}", "{name: sales}", "r.yaml:4:12: class `sales` is there twice"),
    "class without a name": ("{name: new}", "{when: {deal.known: true}}", "r.yaml:4:5: a class needs `name`"),
}


@pytest.mark.parametrize(("old", "new", "expected"), REPLACED.values(), ids=REPLACED.keys())
def test_a_mistake_in_the_main_parts_is_named_where_it_stands(old: str, new: str, expected: str) -> None:
    assert old in GOOD
    assert mistakes(GOOD.replace(old, new, 1)) == [expected]


WHOLE = {
    "empty": ("", "r.yaml:1:1: the file is empty"),
    "only a comment": ("# later\n", "r.yaml:1:1: the file is empty"),
    "a list": ("- 1\n", "r.yaml:1:1: the rule file must be a mapping of keys to values (known keys: version, region, "
               "timezone, lines, schedules, classes, queues, rules, default, ambiguous, trusted_trunks, degraded, "
               "max_overtake, patience, tests)"),
    "larger than a megabyte": ("#" * 1_000_001, "r.yaml:1:1: the file is larger than 1 MB"),
    "tab": ("\tversion: 1", "r.yaml:1:1: this is not YAML: found character '\\t' that cannot start any token"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), WHOLE.values(), ids=WHOLE.keys())
def test_a_file_that_is_no_rule_file_says_so(text: str, expected: str) -> None:
    assert mistakes(text) == [expected]


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file() -> None:
    text = GOOD.replace("offer_sent", "offer_lost") + "rules:\n  - {name: A, queue: here, when: '1 +'}\nambiguous: x\n"

    places = [line.split(" ")[0] for line in mistakes(text)]

    assert places == ["r.yaml:3:38:", "r.yaml:10:12:", "r.yaml:10:22:", "r.yaml:10:38:", "r.yaml:11:12:"]


def test_a_file_of_nothing_but_mistakes_is_answered_in_bounds() -> None:
    lines = mistakes(GOOD + "".join(f"wrong{number}: 1\n" for number in range(5000)))

    assert len(lines) == MAX_PROBLEMS + 1
    assert lines[-1].endswith("and 4900 more problems")


def test_stages_are_not_judged_without_a_stage_list() -> None:
    load_rules(GOOD.replace("offer_sent", "whatever"))


def test_two_queues_that_are_one_to_asterisk_and_one_that_it_cannot_have() -> None:
    assert mistakes(GOOD.replace("  sales: {timeout: 60s}", "  sales: {}\n  Sales: {}\n  general: {}")) == [
        "r.yaml:8:3: queue `Sales` is the same as `sales` for Asterisk",
        "r.yaml:9:3: queue `general`: Asterisk has no queue of this name (it is reserved)",
    ]
