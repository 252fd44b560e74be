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

    queues |= {"slaes"}
    file.queues_changed()
    assert warned() == []
