"""The page for the admin tells all keys and facts, and its examples load."""

import re
import textwrap
from pathlib import Path

import pytest

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.number import NumberKind
from cti_bridge.routing.hours_text import faults
from cti_bridge.routing.load import KEYS, load_rules
from cti_bridge.routing.rules import Ambiguous
from cti_bridge.routing.schedules import EXCEPTION_KEYS, SCHEDULE_KEYS
from cti_bridge.routing.tree import RULE_KEYS
from cti_bridge.routing.vocabulary import FACTS

PAGE = (Path(__file__).parents[2] / "docs" / "rules.md").read_text("utf-8")
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE)]
LINES = next(block for block in BLOCKS if block.strip().startswith("lines:")).strip("\n")
HOURS = PAGE.split("| `hours` | |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
SCHEDULES = next(block for block in BLOCKS if block.strip().startswith("schedules:")).strip("\n")
BASE = (
    "version: 1\nqueues: {sales: , evening: , primary-consult: }\ndefault: {queue: sales}\n"
    "classes: [{name: production}, {name: sales}]\n"
)


@pytest.mark.parametrize(
    "word", [*KEYS, *RULE_KEYS, *SCHEDULE_KEYS, *EXCEPTION_KEYS, *FACTS, *CrmSource, *NumberKind, *Ambiguous]
)
def test_every_word_of_the_file_is_on_the_page(word: str) -> None:
    assert re.search(rf"`{re.escape(word)}[`:]", PAGE)


def test_the_example_file_loads() -> None:
    (example,) = [block for block in BLOCKS if "version: 1" in block]

    assert load_rules(example, stages=SHIPPED_STAGES).rules


def test_the_example_rules_load() -> None:
    examples = [block.strip("\n") for block in BLOCKS if block.strip().startswith("rules:")]
    scheduled, nested = (load_rules(BASE + LINES + "\n" + SCHEDULES + "\n" + example) for example in examples)

    assert nested.rules[0].children
    assert scheduled.rules[0].conditions


def test_the_example_schedules_load() -> None:
    assert set(load_rules(f"{BASE}{SCHEDULES}\n").schedules) == {"office", "evening-shift"}


@pytest.mark.parametrize("hours", re.findall(r"`([^`]+)`", "\n".join(row.split(" | ")[0] for row in HOURS)))
def test_the_example_hours_are_hours(hours: str) -> None:
    assert not faults(hours, "RU")


def test_the_example_lines_load() -> None:
    described = load_rules(BASE + LINES).lines

    assert set(described) == {"+74950000149", "+74950000148", "100"}


def test_the_example_conditions_load() -> None:
    examples = [line for block in BLOCKS for line in block.splitlines() if line.startswith("when: '")]
    maps = [block.strip("\n") for block in BLOCKS if block.strip().startswith("when:\n")]

    assert len(examples) == 3
    assert len(maps) == 1
    for example in examples + maps:
        rule = textwrap.indent(f"name: it\nqueue: sales\n{example}", "    ")
        assert load_rules(f"{BASE}{LINES}\nrules:\n  -\n{rule}\n", stages=SHIPPED_STAGES).rules[0].conditions
