"""What `make` does before it does what it was asked for: it says so, and gives up what hangs."""

import sys
import time
from pathlib import Path

import pytest

from demo.tryton_install import installed
from scripts.prepare import OLDER_TRYTON, PROFILES, TRYTON
from scripts.progress import SetupError, run

HANGS = [sys.executable, "-c", "import time; print('began', flush=True); time.sleep(600)"]


def test_what_hangs_is_given_up_and_what_it_said_is_kept(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(SetupError, match="waiting: given up after 2 s"):
        run("waiting", HANGS, tmp_path / "log", limit_s=2.0)
    assert time.monotonic() - began < 300
    assert (tmp_path / "log").read_text() in ("began\n", "")


def test_what_ends_in_time_is_not_given_up(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("speaking", [sys.executable, "-c", "print('done')"], tmp_path / "log", limit_s=300.0) == "done\n"
    assert "speaking: done in" in capsys.readouterr().err


def test_no_test_has_to_install_a_tryton_by_itself(tmp_path: Path) -> None:
    assert set(TRYTON) <= set(PROFILES["test"])
    assert {*TRYTON, *OLDER_TRYTON} <= set(PROFILES["soak"])
    assert not installed(tmp_path, "8.0")
