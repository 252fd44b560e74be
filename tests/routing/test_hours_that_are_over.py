"""A schedule that is never open again keeps no rules from going live, but it is said: dates pass by themselves."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog

from cti_bridge.calls.journal import Journal
from cti_bridge.reception import rule_file
from cti_bridge.reception.rule_file import RuleFile
from cti_bridge.routing.judgement import RuleText, as_json, from_json, judge

RULES = """\
version: 1
schedules:
  spring: {hours: "2024 Mar-May Mo-Fr 09:00-18:00"}
  office: {hours: "Mo-Fr 09:00-18:00"}
queues: {desk: }
default: {queue: desk}
"""


def test_the_judgement_of_a_file_has_a_warning_and_no_mistake() -> None:
    judgement = judge(RuleText("r.yaml", RULES), None, None, datetime(2026, 11, 23, tzinfo=UTC))

    assert judgement.warnings == (
        "r.yaml:3:3: warning: schedule `spring` is never open within a year (are its dates over?)",
    )
    assert judgement.complaints == ()
    assert from_json(as_json(judgement)) == judgement


def test_before_its_dates_are_over_nothing_is_said() -> None:
    assert judge(RuleText("r.yaml", RULES), None, None, datetime(2023, 11, 23, tzinfo=UTC)).warnings == ()
    assert judge(RuleText("r.yaml", RULES), None, None).warnings == ()


async def test_rules_go_live_all_the_same_and_the_log_says_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = structlog.testing.LogCapture()
    # a logger of its own: what other tests configured must not count
    everything = structlog.make_filtering_bound_logger(0)
    monkeypatch.setattr(rule_file, "log", structlog.wrap_logger(None, [said], everything))
    (tmp_path / "r.yaml").write_text(RULES, "utf-8")
    journal = Journal(tmp_path / "calls.sqlite", on_state=lambda state, reason: None)
    await journal.open()
    file = RuleFile(tmp_path / "r.yaml", journal, stages=None, on_state=lambda state, reason: None)

    await file.start()
    await journal.close(within_s=5)

    warnings = [line["warning"] for line in said.entries if line["event"] == "rules.warning"]
    assert warnings == [
        f"{tmp_path}/r.yaml:3:3: warning: schedule `spring` is never open within a year (are its dates over?)"
    ]
    assert set(file.current.schedules) == {"spring", "office"}
