"""`pbxes[].records` in the settings, and what `check` says of files that are out of reach."""

from pathlib import Path

import pytest

from cti_bridge.cli.main import main
from cti_bridge.settings import load_settings

RULES = Path(__file__).parents[2] / "config" / "routing.yaml"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "ami.secret").write_text("geheim-geheim-geheim")
    (tmp_path / "queue_log").write_text("")
    return tmp_path


def settings(folder: Path, records: str) -> Path:
    file = folder / "cti-bridge.yaml"
    file.write_text(
        f"rules: {RULES}\npbxes:\n  - name: main\n    ami: {{secret_file: ami.secret}}\n    records: {records}\n"
    )
    return file


def test_paths_are_meant_from_the_folder_of_the_settings_and_both_may_be_left_out(folder: Path) -> None:
    records = load_settings(settings(folder, "{queue_log: queue_log}")).pbx.records
    assert (records.queue_log, records.cel, records.unreadable()) == (folder / "queue_log", None, {})
    assert load_settings(settings(folder, "{}")).pbx.records.queue_log is None


def test_check_says_which_file_is_out_of_reach(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = settings(folder, "{queue_log: queue_log, cel: log/cti-cel.csv}")
    assert main(["check", "--config", str(file)]) == 1
    assert capsys.readouterr().out == f"{file}:5:37: `cel`: {folder}/log/cti-cel.csv: No such file or directory\n"
    assert main(["check", "--config", str(settings(folder, "{queue_log: queue_log}"))]) == 0


def test_a_folder_or_a_device_is_no_record_and_the_rules_are_judged_all_the_same(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = settings(folder, "{queue_log: /dev/null, cel: .}")
    (folder / "rules.yaml").write_text("version: 2\n")
    file.write_text(file.read_text().replace(str(RULES), "rules.yaml"))
    assert main(["check", "--config", str(file)]) == 1
    said = capsys.readouterr().out.splitlines()
    assert said[0].startswith(f"{folder}/rules.yaml:1:")
    assert said[-2:] == [f"{file}:5:15: `queue_log`: /dev/null: no file", f"{file}:5:37: `cel`: {folder}: no file"]
