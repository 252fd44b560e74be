"""The language of the rules, one row per key: for this call, under these rules, that decision.

The tables must have each key that there is. A row is a file whose own test passes, and fails as soon as the key is left
out.
"""

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from small_house import DEAL, FILE, RADIO, SITE, Given

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.load import KEYS
from cti_bridge.routing.outputs import STEP_KEYS
from cti_bridge.routing.tree import RULE_KEYS

PAGE = (Path(__file__).parents[2] / "docs" / "rules-reference.md").read_text("utf-8")
MONDAY, SUNDAY = "2026-11-23 11:00", "2026-11-22 11:00"

# Keys of a rule -------------------------------------------------------------------------------------------------------

RULE_ROWS: dict[str, tuple[dict[str, Any], Given, dict[str, Any]]] = {
    # key: (a rule that has it, a call, what is expected only because of it)
    "name": ({}, {}, {"rule": "it"}),
    "when": ({"when": {"class": "sales"}}, {}, {"rule": "default"}),
    "open": ({"open": "office"}, {"at": SUNDAY}, {"rule": "default"}),
    "unless_open": ({"unless_open": "office"}, {"at": MONDAY}, {"rule": "default"}),
    "verified_number": ({"verified_number": "required"}, {"trunk": "trunk-b"}, {"rule": "default"}),
    "queue": ({"queue": "sales"}, {}, {"queue": "sales", "steps": [{"queue": "sales", "timeout": "30s"}]}),
    "then": (
        {"then": ["sales", {"queue": "desk", "timeout": "5s"}]},
        {},
        {
            "steps": [
                {"queue": "works", "timeout": 0},
                {"queue": "sales", "timeout": 30},
                {"queue": "desk", "timeout": 5},
            ]
        },
    ),
    "priority": ({"priority": 10}, {}, {"priority": 10}),
    "operator": ({"operator": "responsible"}, {**DEAL, "deal.responsible": "op2"}, {"operator": "op2"}),
    "final": ({"final": "queue:sales"}, {}, {"final": "queue:sales"}),
    "penalties": ({"penalties": {"max": 4}}, {}, {"penalties": {"max": 4}}),
    "language": ({"language": "en_GB"}, {"did": RADIO}, {"language": "en_GB"}),
    "announcement": ({"announcement": "hello"}, {}, {"announcement": "hello"}),
    "degraded": (
        {"when": {"class": "sales"}, "degraded": "sales"},
        {"crm": "down"},
        {"decision": "degraded", "queue": "sales"},
    ),
    "rules": (
        {"priority": 3, "rules": [{"name": "in", "when": {"class": "new"}, "queue": "sales"}]},
        {},
        {"rule": "it/in", "queue": "sales", "priority": 3},
    ),
}
NOT_SEEN_IN_A_DECISION = {"operator_timeout"}
"""For how long he is rung does not stand in `expect`."""


def complaints(file: dict[str, Any]) -> tuple[str, ...]:
    return judge(RuleText("r.yaml", json.dumps(file)), None, SHIPPED_STAGES).complaints


def with_test(file: dict[str, Any], given: Given, expect: dict[str, Any]) -> dict[str, Any]:
    return {**copy.deepcopy(file), "tests": [{"name": "row", "given": given, "expect": expect}]}


def test_the_table_has_every_key_of_a_rule() -> None:
    assert RULE_ROWS.keys() | NOT_SEEN_IN_A_DECISION == set(RULE_KEYS)


@pytest.mark.parametrize("key", RULE_ROWS)
def test_a_key_of_a_rule_does_what_its_row_says_and_nothing_does_without_it(key: str) -> None:
    rule, given, expect = RULE_ROWS[key]
    file = with_test({**FILE, "rules": [{"name": "it", "queue": "works", **rule}]}, given, expect)

    assert complaints(file) == ()
    del file["rules"][0][key]
    assert complaints(file)


STEP_ROWS: dict[str, tuple[dict[str, Any], Given, dict[str, Any]]] = {
    # key: (a second step that has it, a call, what is expected only because of it)
    "queue": ({}, {}, {"steps": ["works", "sales"]}),
    "timeout": ({"timeout": "5s"}, {}, {"steps": ["works", {"queue": "sales", "timeout": 5}]}),
    "max_waiting": ({"max_waiting": 3}, {}, {"steps": ["works", {"queue": "sales", "max_waiting": 3}]}),
    "open": ({"open": "office"}, {"at": SUNDAY}, {"steps": ["works"]}),
    "unless_open": ({"unless_open": "office"}, {"at": MONDAY}, {"steps": ["works"]}),
}


def test_the_table_has_every_key_of_a_step() -> None:
    assert STEP_ROWS.keys() == set(STEP_KEYS)


@pytest.mark.parametrize("key", STEP_ROWS)
def test_a_key_of_a_step_does_what_its_row_says_and_nothing_does_without_it(key: str) -> None:
    step, given, expect = STEP_ROWS[key]
    rule = {"name": "it", "queue": "works", "then": [{"queue": "sales", **step}]}
    file = with_test({**FILE, "rules": [rule]}, given, expect)

    assert complaints(file) == ()
    del file["rules"][0]["then"][0][key]
    assert complaints(file)


# Keys of the file -----------------------------------------------------------------------------------------------------

TO_SALES = [{"name": "it", "when": {"class": "sales"}, "queue": "sales"}]
FILE_ROWS: dict[str, tuple[dict[str, Any], Given, dict[str, Any]]] = {
    "version": ({}, {}, {"rule": "default"}),
    "region": (
        {"region": "DE", "rules": [{"name": "it", "when": {"call.did": "8 (495) 000-01-49"}, "queue": "sales"}]},
        {"did": RADIO},
        {"rule": "default"},
    ),
    "timezone": (
        {"timezone": "America/New_York", "rules": [{"name": "it", "open": "office", "queue": "sales"}]},
        {"at": "2026-11-23T20:00+00:00"},
        {"rule": "it"},
    ),
    "lines": (
        {"rules": [{"name": "it", "when": {"line.known": True}, "queue": "sales"}]},
        {"did": RADIO},
        {"rule": "it", "language": "ru"},
    ),
    "schedules": ({"rules": [{"name": "it", "open": "office", "queue": "sales"}]}, {"at": MONDAY}, {"rule": "it"}),
    "classes": ({"rules": TO_SALES}, {"deal.stage": "offer_sent"}, {"class": "sales", "rule": "it"}),
    "queues": ({}, {}, {"steps": [{"queue": "desk", "timeout": "60s"}]}),
    "rules": ({"rules": TO_SALES}, {"deal.stage": "offer_sent"}, {"rule": "it"}),
    "default": ({"default": {"queue": "sales", "then": ["desk"]}}, {}, {"steps": ["sales", "desk"]}),
    "trusted_trunks": (
        {"rules": [{"name": "it", "verified_number": "required", "queue": "sales"}]},
        {"trunk": "trunk-a"},
        {"rule": "it"},
    ),
    "degraded": (
        {"degraded": {"queue": "sales", "by_did": {RADIO: "works"}}},
        {"crm": "down", "did": RADIO},
        {"decision": "degraded", "queue": "works"},
    ),
}
ELSEWHERE = {"ambiguous", "max_overtake", "patience", "tests"}
"""Several customers cannot be given, who waits for how long is no decision, and this is all about tests."""


def test_the_table_has_every_key_of_the_file() -> None:
    assert FILE_ROWS.keys() | ELSEWHERE == set(KEYS)


@pytest.mark.parametrize("key", FILE_ROWS)
def test_a_key_of_the_file_does_what_its_row_says_and_nothing_does_without_it(key: str) -> None:
    more, given, expect = FILE_ROWS[key]
    file = with_test({**FILE, **more}, given, expect)

    assert complaints(file) == ()
    del file[key]
    assert complaints(file)


# The page's table of decisions ----------------------------------------------------------------------------------------

OF_RADIO = {"name": "radio", "when": {"line.channel": "radio", "class": "new"}, "queue": "desk", "degraded": "sales"}
NIGHT = {"rules": [{"name": "night", "when": {"call.did": SITE}, "queue": "works"}, *TO_SALES, OF_RADIO]}
OFFER = {"deal.stage": "offer_sent"}
DECISIONS: dict[str, list[tuple[Given, dict[str, Any]]]] = {
    "a rule matched": [
        (OFFER, {"decision": "matched", "crm": "fresh", "class": "sales"}),
        ({"did": SITE}, {"decision": "matched", "crm": "none", "class": "new"}),
    ],
    "nobody has this number, or the CRM was not asked (anonymous, internal)": [
        ({}, {"decision": "default", "crm": "none", "class": "new"}),
        ({"caller": "anonymous"}, {"decision": "default", "crm": "skipped", "class": "new"}),
        ({"caller": "101", "did": SITE}, {"decision": "matched", "crm": "skipped", "class": "new"}),
    ],
    "the CRM failed, a kept answer was used": [
        ({"crm": "stale", **OFFER}, {"decision": "matched", "crm": "stale", "class": "sales"}),
        ({"crm": "stale", **DEAL}, {"decision": "default", "crm": "stale", "class": "production"}),
    ],
    "the CRM failed, a rule matched without it": [
        ({"crm": "down", "did": SITE}, {"decision": "matched", "crm": "failed", "class": ""}),
        ({"crm": "slow", "did": SITE}, {"decision": "matched", "crm": "failed", "class": ""}),
    ],
    "the CRM failed, no rule matched, one with a `degraded` of its own could have": [
        ({"crm": "down", "did": RADIO}, {"decision": "degraded", "rule": "radio", "queue": "sales", "class": ""}),
    ],
    "the CRM failed, no rule matched": [({"crm": "down"}, {"decision": "degraded", "crm": "failed", "class": ""})],
    "otherwise no rule matched": [(DEAL, {"decision": "default", "crm": "fresh", "class": "production"})],
}


def decisions_on_the_page() -> set[str]:
    table = PAGE.split("| | decision | `call.crm` | class |\n|---|---|---|---|\n")[1].split("\n\n")[0]
    return {row.split("|")[1].strip() for row in table.splitlines()}


def test_the_table_of_decisions_is_that_of_the_page() -> None:
    assert DECISIONS.keys() == decisions_on_the_page()


@pytest.mark.parametrize(
    ("given", "expect"),
    [pytest.param(*row, id=f"{name} {number}") for name, rows in DECISIONS.items() for number, row in enumerate(rows)],
)
def test_a_call_is_decided_as_the_page_says(given: Given, expect: dict[str, Any]) -> None:
    assert complaints(with_test({**FILE, **NIGHT}, given, expect)) == ()
