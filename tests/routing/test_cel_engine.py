"""The CEL library is loaded without what only its command line needs, and as a whole where it cannot do without."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASK = "import sys; from cti_bridge.routing.cel_engine import cel; print(*(m in sys.modules for m in {modules}))"


def loaded(*modules: str, before: Path | None = None) -> list[str]:
    """Whether each module is there after the library was imported by a new process."""
    path = f"{before}:{ROOT}" if before else str(ROOT)
    command = [sys.executable, "-s", "-P", "-c", ASK.format(modules=modules)]
    done = subprocess.run(command, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_the_command_line_of_the_library_is_not_loaded() -> None:
    assert loaded("cel", "cel.cli", "prompt_toolkit", "typer") == ["True", "False", "False", "False"]


@pytest.mark.parametrize("use", ["from .cli import app", "from . import cli; app = cli.app"])
def test_another_version_of_the_library_may_use_its_command_line(tmp_path: Path, use: str) -> None:
    package = tmp_path / "cel"
    package.mkdir()
    (package / "__init__.py").write_text(f"{use}\n", "utf-8")
    (package / "cli.py").write_text("app = 1\n", "utf-8")
    assert loaded("cel.cli", before=tmp_path) == ["True"]
