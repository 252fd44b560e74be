"""The page for the admin tells all keys and facts, and its examples load."""

import re
import textwrap
from pathlib import Path

import pytest
from guide_page import put_in

from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.number import NumberKind
from cti_bridge.routing.hours_text import faults
from cti_bridge.routing.judgement import RuleText, judge
from cti_bridge.routing.load import KEYS, load_rules
from cti_bridge.routing.read_tests import TEST_KEYS
from cti_bridge.routing.rules import Ambiguous
from cti_bridge.routing.schedules import EXCEPTION_KEYS, SCHEDULE_KEYS
from cti_bridge.routing.tree import RULE_KEYS
from cti_bridge.routing.vocabulary import FACTS

PAGE = (Path(__file__).parents[2] / "docs" / "rules-reference.md").read_text("utf-8")
BLOCKS = [textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n|^\n(?=    ))+", PAGE, re.MULTILINE)]
LINES = next(block for block in BLOCKS if block.strip().startswith("lines:")).strip("\n")
HOURS = PAGE.split("| `hours` | |\n|---|---|\n")[1].split("\n\n")[0].splitlines()
SCHEDULES = next(block for block in BLOCKS if block.strip().startswith("schedules:")).strip("\n")
BASE = (
    "version: 1\nqueues: {sales: , evening: , primary-consult: , production: }\ndefault: {queue: sales}\n"
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
    read = [load_rules(BASE + LINES + "\n" + SCHEDULES + "\n" + example) for example in examples]

    assert any(one.rules[0].children for one in read)
    assert any(one.rules[0].conditions for one in read)
    assert any(one.asks_history for one in read)


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block[1:40])
def test_every_example_is_one_that_is_tried(block: str) -> None:
    lines = block.strip("\n").splitlines()
    if (key := lines[0].partition(":")[0]) in KEYS:
        file = next(one for one in BLOCKS if "version: 1" in one) if key == "tests" else BASE
        ground = file if "version: 1" not in block else ""
        ground += "".join(f"{one}\n" for one in (LINES, SCHEDULES) if key in {"rules", "max_overtake"})
        load_rules(put_in(ground, block.strip("\n") + "\n"), stages=SHIPPED_STAGES)
        return
    commands = [line for line in lines if re.match(r"(?:\$ )?(?:cti-bridge|systemctl) ", line)]
    printed = re.match(r"\S+\.yaml:\d+:\d+: |office  ", lines[0])
    assert commands or printed or lines[0].startswith("when:")


def test_the_example_schedules_load() -> None:
    assert set(load_rules(f"{BASE}{SCHEDULES}\n").schedules) == {"office", "evening-shift"}


@pytest.mark.parametrize("hours", re.findall(r"`([^`]+)`", "\n".join(row.split(" | ")[0] for row in HOURS)))
def test_the_example_hours_are_hours(hours: str) -> None:
    assert not faults(hours, "RU")


def test_the_example_of_waiting_loads() -> None:
    (example,) = [block.strip("\n") for block in BLOCKS if block.strip().startswith("max_overtake:")]
    read = load_rules(f"{BASE}{LINES}\n{example}\n")

    assert read.max_overtake_s == 120
    assert [rule.outputs.steps[0].step.max_waiting for rule in read.rules if rule.outputs] == [None, 10]


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


def test_every_example_that_is_commented_out_in_the_shipped_file_is_a_good_one() -> None:
    shipped = (Path(__file__).parents[2] / "config" / "routing.yaml").read_text("utf-8")
    keys = {*KEYS, *RULE_KEYS, *TEST_KEYS}
    taken_off = re.sub(
        r"^( *)# ((?:- |  )?(\w+):(?: .*)?)$",
        lambda found: f"{found[1]}{found[2]}" if found[3] in keys else found[0],
        shipped,
        flags=re.MULTILINE,
    )
    judgement = judge(RuleText("routing.yaml", taken_off), None, SHIPPED_STAGES)

    assert taken_off != shipped
    assert (judgement.complaints, judgement.not_reached) == ((), ())
