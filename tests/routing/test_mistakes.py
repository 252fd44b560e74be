"""One file for each mistake, with what is said of it in its first lines: the exact place, the words and the advice.

A message of the loader that no test has ever seen is a mistake of ours.
"""

import ast
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import takewhile
from pathlib import Path

import pytest

import cti_bridge.routing
from cti_bridge.domain.customer import SHIPPED_STAGES
from cti_bridge.routing.judgement import Judgement, RuleText, judge

HERE = Path(__file__).parent
MISTAKES = HERE / "mistakes"
FILES = sorted(MISTAKES.rglob("*.yaml"))
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LOADER = Path(cti_bridge.routing.__file__).parent
ADDS = {"add", "_complain", "Complaint", "Problem"}
NEVER_SAID = {
    re.escape("the expression cannot be understood"),  # only if the tokens here and CEL's own ever disagree
    "schedule\\ [^\n]+?:\\ hours\\ and\\ exceptions\\ do\\ not\\ go\\ together",  # each was good by itself
}


def judged(file: Path) -> Judgement:
    return judge(RuleText("r.yaml", file.read_text("utf-8")), None, SHIPPED_STAGES, now=NOW)


def expected(file: Path) -> list[str]:
    """What the first lines of the file say that will be said of it."""
    first = takewhile(lambda line: line.startswith("# "), file.read_text("utf-8").splitlines())
    return [line.removeprefix("# ") for line in first]


def name(file: Path) -> str:
    return file.relative_to(MISTAKES).with_suffix("").as_posix()


def test_every_file_is_tried_and_says_what_is_wrong_with_it() -> None:
    assert FILES
    assert [file for file in MISTAKES.rglob("*") if file.is_file() and file not in FILES] == []
    assert [name(file) for file in FILES if not expected(file)] == []


@pytest.mark.parametrize("file", FILES, ids=name)
def test_each_mistake_is_named_where_it_stands(file: Path) -> None:
    judgement = judged(file)

    said = [line.removeprefix("r.yaml:") for line in (*judgement.complaints, *judgement.warnings)]
    assert said
    assert said == expected(file)


@pytest.mark.parametrize("file", FILES, ids=name)
def test_only_what_can_still_be_meant_may_go_live(file: Path) -> None:
    judgement = judged(file)

    assert bool(judgement.complaints) is not bool(judgement.warnings)
    assert all(": warning: " in line for line in judgement.warnings)


def test_stages_are_not_judged_without_a_stage_list() -> None:
    text = (MISTAKES / "conditions" / "unknown-stage.yaml").read_text("utf-8")

    assert judge(RuleText("r.yaml", text), None, None).complaints == ()


def test_every_message_of_the_loader_has_been_seen_by_a_test() -> None:
    tests = [path.read_text("utf-8") for path in HERE.parent.rglob("test_*.py") if path != Path(__file__)]
    seen = re.sub(r'"\n\s*f?"', "", "\n".join([*(line for file in FILES for line in expected(file)), *tests]))

    missing = [f"{place}: {pattern}" for place, pattern in messages() if not re.search(pattern, seen)]

    assert missing == []


def messages() -> Iterator[tuple[str, str]]:
    """Each message that the loader has, as a pattern, and where it is written."""
    for path in sorted(LOADER.glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            said: list[ast.expr] = []
            if isinstance(node, ast.Call) and _name(node.func) in ADDS:
                said = [] if any(_name(argument) == "message" for argument in node.args) else node.args
            elif isinstance(node, ast.Assign) and _name(node.targets[0]) == "message":
                said = [node.value]
            pattern = next((pattern for argument in said if (pattern := _pattern(argument))), "")
            if pattern and pattern not in NEVER_SAID:
                yield f"{path.name}:{getattr(node, 'lineno', 0)}", pattern


def _name(called: ast.expr) -> str:
    return called.attr if isinstance(called, ast.Attribute) else called.id if isinstance(called, ast.Name) else ""


def _pattern(argument: ast.expr) -> str:
    """A message as a regular expression; empty when the argument is none."""
    if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
        return re.escape(argument.value)
    if not isinstance(argument, ast.JoinedStr):
        return ""
    parts = [re.escape(str(part.value)) if isinstance(part, ast.Constant) else "[^\n]+?" for part in argument.values]
    said = any(isinstance(part, ast.Constant) for part in argument.values)
    return "".join(parts).removeprefix("[^\n]+?").removesuffix("[^\n]+?").removesuffix("\\ ") if said else ""
