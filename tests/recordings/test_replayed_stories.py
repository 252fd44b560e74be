"""`record --replay` of call stories recorded from a real Asterisk, one of each family."""

import json
from pathlib import Path

import pytest

from cti_bridge.asterisk.recording.lines import Header, Kind, header_line, line
from cti_bridge.cli.main import main

STORIES = Path(__file__).parent.parent / "calls" / "stories"
PHONES = {"PJSIP/101": "olga", "PJSIP/102": "timur", "PJSIP/103": "zoya"}


@pytest.mark.parametrize(
    ("story", "came_to"),
    [
        ("abandoned_ringing_three", [("abandoned", "service", None, ["olga", "timur", "zoya"])]),
        ("next_member_after_no_answer", [("answered", "delivery", "timur", ["olga", "timur"])]),
        ("missed_with_callback", [("missed", "delivery", None, ["olga"])]),
        ("overflowed_elsewhere", [("overflowed", "delivery", None, ["olga"])]),
        ("preferred_operator_refuses", [("answered", "sales", "timur", ["olga", "timur"])]),
        ("direct_picked_up", [("answered", "", "zoya", ["olga"])]),
        ("attended", [("answered", "sales", "olga", ["olga", "timur"])]),
        ("parked_and_taken", [("answered", "sales", "olga", ["olga"])]),
        ("second_tier", [("answered", "sales", "olga", ["olga"]), ("answered", "sales", "timur", ["timur"])]),
        ("asterisk_stopped", [("answered", "sales", "olga", ["olga"]), ("abandoned", "sales", None, [])]),
    ],
)
def test_a_story_that_is_replayed_says_who_was_called_and_who_answered(
    story: str,
    came_to: list[tuple[str, str, str | None, list[str]]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    blocks = (STORIES / f"{story}.ami").read_text("utf-8").strip().split("\n\n")
    said = [dict(row.partition(": ")[::2] for row in block.splitlines()) for block in blocks]
    began = float(said[0]["Timestamp"])
    file = tmp_path / "calls.jsonl"
    rows = (line(float(message["Timestamp"]) - began, Kind.AMI, message) for message in said)
    file.write_text(header_line(Header("main", "main", "22", "0", began, "RU", PHONES)) + "".join(rows), "utf-8")

    assert main(["record", "--replay", str(file), "--json"]) == 0
    calls = [json.loads(row) for row in capsys.readouterr().out.splitlines()]
    assert [(call["outcome"], call["queue"], call["operator"], call["rang"]) for call in calls] == came_to
    for call in calls:
        talked = [leg for leg in call["legs"] if leg["talked_s"]]
        assert bool(talked) == (call["outcome"] == "answered")
