"""A good file goes live even if Asterisk lacks one of its queues, and the log says so; stages are as they are then."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import structlog

from cti_bridge.calls.journal import Journal
from cti_bridge.domain.customer import Stage, StageList
from cti_bridge.reception import rule_file
from cti_bridge.reception.rule_file import RuleFile
from cti_bridge.routing.load import load_rules
from cti_bridge.routing.preferred import unknown_operators
from cti_bridge.routing.problems import MAX_WARNED
from cti_bridge.routing.unknown_queues import unknown_queues

RULES = """\
version: 1
classes: [{name: paid, when: {deal.stage: bezahlt}}]
queues: {sales: {timeout: 60s}, slaes: {timeout: 60s}}
default: {queue: sales}
"""
WARNING = "r.yaml:3:33: warning: Asterisk `main` has no queue `slaes` (did you mean `sales`?)"


@pytest_asyncio.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    opened = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await opened.open()
    yield opened
    await opened.close(within_s=5)


async def test_missing_queues_are_told_at_a_reload_and_when_asterisks_queues_change(
    journal: Journal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = structlog.testing.LogCapture()
    monkeypatch.setattr(rule_file, "log", structlog.wrap_logger(None, [said], structlog.make_filtering_bound_logger(0)))
    stages, queues = StageList((Stage("paid", "Paid", 1, final=False),)), set[str]()
    (tmp_path / "r.yaml").write_text(RULES, "utf-8")
    file = RuleFile(
        tmp_path / "r.yaml",
        journal,
        stages=lambda: stages,
        on_state=lambda state, reason: None,
        missing_queues=lambda rules: unknown_queues(rules, queues, "main"),
    )

    def warned() -> list[str]:
        lines = [line["warning"] for line in said.entries if line["event"] == "rules.warning"]
        said.entries.clear()
        return lines

    assert "stage `bezahlt` is not in the stage list" in (await file.reload()).problems[0]
    stages = StageList((Stage("bezahlt", "Bezahlt", 1, final=False),))
    assert (await file.reload()).accepted
    assert warned() == []

    queues |= {"sales", "reception"}
    file.queues_changed()
    assert warned() == [f"{tmp_path}/{WARNING}"]
    assert (await file.reload()).warnings == (f"{tmp_path}/{WARNING}",)
    assert warned() == [f"{tmp_path}/{WARNING}"]

    queues |= {"works"}
    file.queues_changed()
    assert warned() == [], "what the log has said of these rules is not said again with every change"

    queues |= {"slaes"}
    file.queues_changed()
    assert warned() == []

    queues.remove("slaes")
    file.queues_changed()
    assert len(warned()) == 1, "it was there and is gone"


def test_where_calls_must_not_wait_few_missing_names_are_told_and_the_rest_counted() -> None:
    queues = "".join(f"  q{n}:\n" for n in range(5_000))
    wishes = "".join(f"  - {{name: r{n}, queue: q1, operator: {{id: o{n}}}}}\n" for n in range(2_000))
    rules = load_rules(f"version: 1\nqueues:\n{queues}default: {{queue: q1}}\nrules:\n{wishes}")

    missing = unknown_queues(rules, [f"p{n}" for n in range(300)], "main", at_most=MAX_WARNED)
    nobody = unknown_operators(rules.rules, [f"p{n}" for n in range(300)])

    assert len(missing) == len(nobody) == MAX_WARNED + 1
    assert missing[-1].format("r") == "r:13:3: Asterisk `main` has no queues of 4990 more names in the file"
    assert nobody[-1].message == "warning: 1990 more operators are named who are not there"
