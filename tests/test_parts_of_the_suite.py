"""Every test is run by exactly one part of `make test`, wherever it lies and however it is marked."""

import subprocess
import sys
from collections import Counter
from dataclasses import astuple
from pathlib import Path

import pytest

from scripts.checks import ALONE, NEEDS_A_PBX, UNHURRIED, in_one_part, parts

FOLDERS = (*NEEDS_A_PBX, "unit", "crm/contract")
MARKS = {"plain": (), "alone": (ALONE,), "unhurried": (UNHURRIED,), "both": (ALONE, UNHURRIED)}
ASTRAY = {"unit": ("alone", "unhurried", "both"), **dict.fromkeys(NEEDS_A_PBX, ("both",))}
ASTRAY["crm"] = ASTRAY["unit"]


def is_run(folder: str, name: str) -> bool:
    return name not in ASTRAY[folder.partition("/")[0]]


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("name", MARKS)
def test_a_test_that_no_part_or_more_than_one_would_run_is_noticed(folder: str, name: str) -> None:
    assert in_one_part(Path(folder) / "test_something.py", ("asyncio", *MARKS[name])) is is_run(folder, name)


@pytest.mark.slow
def test_the_parts_together_are_all_tests_and_none_is_in_two(tmp_path: Path) -> None:
    (tmp_path / "pytest.ini").write_text(f"[pytest]\nmarkers =\n    {ALONE}\n    {UNHURRIED}\n", "utf-8")
    wanted: set[str] = set()
    for folder in FOLDERS:
        place = tmp_path / "tests" / folder
        place.mkdir(parents=True)
        text = "import pytest\n"
        for name in filter(lambda name: is_run(folder, name), MARKS):
            marks = "".join(f"@pytest.mark.{mark}\n" for mark in MARKS[name])
            text += f"\n\n{marks}def test_{name}() -> None: ...\n"
            wanted.add(f"tests/{folder}/test_it.py::test_{name}")
        (place / "test_it.py").write_text(text, "utf-8")
        (place / "__init__.py").touch()

    found = Counter(test for part in astuple(parts(tmp_path)) for test in collected(tmp_path, part))
    assert found == dict.fromkeys(wanted, 1)


def collected(folder: Path, arguments: tuple[str, ...]) -> list[str]:
    """The tests that pytest would run with these arguments."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True, timeout=100)
    return [line for line in done.stdout.splitlines() if "::" in line]
