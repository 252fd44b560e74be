"""Run the tests or the linters in the order in which they tell most, and add up the result.

    python -m scripts.checks test|check|lint [ARGUMENT ...]
    python -m scripts.checks soak [--minutes N] [--seed N] [--only PART]

`test` goes through five parts: the page's unit tests; unit tests and call stories, two at a time, and beside them what
needs a browser, and what needs a real Asterisk, with the promises that are marked unhurried; the other promises alone,
because they assert time limits. What fails there is tried once more; few may need that, and they are named
(`tests/second_chance.py`); the slowest are named as well. `check` does the first two, but for what is marked slow, and
briefly (`tests/brief.py`), so that it answers soon: three at a time, for many of these tests wait more than they
compute. All parts run even when one failed; the closing line adds up pytest's.
Arguments go to one plain pytest run instead of the parts, and to ruff and mypy as the files to look at. Exit code: 0
all well, 1 something failed or no test was run.

`soak` is not part of `test`: calls with faults for so many minutes, lines cut and dead for a minute, reports under load
while everything fails, an older series of Tryton, a hundred thousand simulated calls, and every property with thousands
of examples. The seed of the faults is printed; with the same one the same faults come again.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from scripts.steps import PAGE, ROOT, npm_command

NEEDS_A_PBX = ("browser", "asterisk", "demo", "promises")
"""Folders of tests that need a real Asterisk; the first needs a browser as well, and takes as long as the others."""
ALONE, UNHURRIED = "promise", "unhurried"
"""Marks of promises, which are in those folders: it asserts time limits and runs alone; it does not, and need not."""
OF_PARTS = frozenset((ALONE, UNHURRIED))
NO_TESTS_COLLECTED = 5
PATIENTLY = ("--reruns", "1", "--durations", "25")
"""A failed test is tried twice, and the slowest are named."""
TRYTONS = [str(path) for path in sorted((ROOT / "tests" / "crm").rglob("test_*tryton*.py"))]
LINTED = [name for name in ("cti_bridge", "demo", "scripts", "tests", "benchmarks") if (ROOT / name).is_dir()]


def main(argv: list[str]) -> int:
    """Run the part named ``argv[0]``."""
    if argv[0] == "lint":
        return lint(argv[1:])
    if argv[0] == "soak":
        return soak(argv[1:])
    return Tests().run_all(everything=argv[0] == "test", arguments=argv[1:])


@dataclass(frozen=True, slots=True)
class Parts:
    """What pytest is given for each part of `make test`; every test is in exactly one of them."""

    units: tuple[str, ...]
    browser: tuple[str, ...]
    asterisk: tuple[str, ...]
    alone: tuple[str, ...]


def parts(root: Path = ROOT) -> Parts:
    """The parts of the tests below ``root``; they are all of them if `in_one_part` says yes to each."""
    browser, *others = folders = [str(root / "tests" / name) for name in NEEDS_A_PBX]
    return Parts(
        units=(str(root / "tests"), *(f"--ignore={folder}" for folder in folders)),
        browser=("-m", f"not {ALONE}", browser),
        asterisk=("-m", f"not {ALONE}", *others),
        alone=("-m", ALONE, *folders),
    )


def in_one_part(below_tests: Path, marks: Collection[str]) -> bool:
    """Whether a test in this file, whose path is relative to `tests`, with these marks is in exactly one part."""
    ours = OF_PARTS & set(marks)
    return not ours or (len(ours) == 1 and below_tests.parts[0] in NEEDS_A_PBX)


class Tests:
    """One run of the tests: its parts, its results, its time."""

    def __init__(self) -> None:
        self.started = time.monotonic()
        self.failed: list[str] = []
        self.passed_tests = self.failed_tests = self.skipped_tests = 0

    def run_all(self, *, everything: bool, arguments: list[str]) -> int:
        """Run all parts, or one pytest with ``arguments``, and print the closing lines."""
        if arguments:
            self.pytest("tests", *arguments)
        else:
            if not npm("test"):
                self.failed.append("page")
            tests = parts()
            if everything:
                with (
                    self.beside("units and stories", *PATIENTLY, "-n", "2", *tests.units, nice=5),
                    self.beside("browser", *PATIENTLY, *tests.browser),
                ):
                    self.pytest("real Asterisk", *PATIENTLY, *tests.asterisk)
                self.pytest("promises", *PATIENTLY, *tests.alone)
            else:
                brief = {"CTI_TESTS_BRIEF": "1"}
                self.pytest("units and stories", "-n", "3", "-m", "not slow", *tests.units, environment=brief)
        return self.summed_up()

    def summed_up(self) -> int:
        """Print the closing lines and give back the exit code."""
        if not self.passed_tests + self.failed_tests:
            self.failed.append("no test was run")
        print(f"\n{time.monotonic() - self.started:.0f} s; failed: {', '.join(self.failed) or 'nothing'}")
        print(f"{self.passed_tests} passed, {self.failed_tests} failed, {self.skipped_tests} skipped", flush=True)
        return 1 if self.failed else 0

    def pytest(self, what: str, *arguments: str, environment: dict[str, str] | None = None) -> None:
        """Run pytest once, with these variables added to the environment, and add its result to the others."""
        print(f"\n--- {what} ---", flush=True)
        with tempfile.TemporaryDirectory(prefix="cti-tests-") as folder:
            report = Path(folder) / "report.xml"
            command = [sys.executable, "-m", "pytest", *arguments, f"--junitxml={report}"]
            code = subprocess.run(command, cwd=ROOT, env={**os.environ, **(environment or {})}, check=False).returncode
            self._count(what, code, report)

    @contextmanager
    def beside(self, what: str, *arguments: str, nice: int = 0) -> Iterator[None]:
        """Run pytest beside whatever the block does; what it prints is shown when both are over.

        What only computes is to be nice to what waits for telephones and should not wait for the machine as well.
        """
        with tempfile.TemporaryDirectory(prefix="cti-tests-") as folder:
            report, printed = Path(folder) / "report.xml", Path(folder) / "printed"
            command = ["nice", "-n", str(nice), sys.executable, "-m", "pytest", *arguments, f"--junitxml={report}"]
            print(f"\n--- {what}: run beside the next, shown behind it ---", flush=True)
            with printed.open("wb") as output:
                process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT)
            try:
                yield
            except BaseException:
                process.terminate()
                raise
            finally:
                code = process.wait()
                print(f"\n--- {what} ---\n{printed.read_text('utf-8', 'replace')}", flush=True)
            self._count(what, code, report)

    def _count(self, what: str, code: int, report: Path) -> None:
        """Add the result of one pytest run to the others."""
        if code not in {0, NO_TESTS_COLLECTED}:
            self.failed.append(what)
        if not report.is_file():
            return
        for suite in ElementTree.parse(report).getroot().iter("testsuite"):
            bad = int(suite.get("failures", 0)) + int(suite.get("errors", 0))
            skipped = int(suite.get("skipped", 0))
            self.failed_tests += bad
            self.skipped_tests += skipped
            self.passed_tests += int(suite.get("tests", 0)) - bad - skipped


def soak(arguments: list[str]) -> int:
    """The long runs; each part once, and the others also when one failed."""
    parser = argparse.ArgumentParser(prog="make soak", description="Long runs, not part of make test.")
    parser.add_argument("--minutes", type=float, default=30.0, help="how long calls are played (30)")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="repeats the faults of another run")
    runs = ("calls", "line", "reports", "tryton", "simulation", "properties")
    parser.add_argument("--only", choices=runs, help="one part of it")
    asked = parser.parse_args(arguments)
    told = {"CTI_SOAK_MINUTES": str(asked.minutes), "CTI_SOAK_SEED": str(asked.seed)}
    tests = Tests()
    for part in ("line", "reports", "calls"):
        if asked.only in {None, part}:
            tests.pytest(
                f"soak: {part}, seed {asked.seed}", "-s", "-m", "soak", f"tests/soak/test_{part}.py", environment=told
            )
    if asked.only in {None, "tryton"}:
        tests.pytest("soak: the older Tryton", "-m", "soak", *TRYTONS)
    if asked.only in {None, "simulation"}:
        tests.pytest(
            f"soak: simulation, seed {asked.seed}", "-n", "2", "tests/simulation",
            environment={"CTI_SIMULATION_SEED": str(asked.seed), "CTI_SIMULATION_CALLS": "100000"},
        )  # fmt: skip
    if asked.only in {None, "properties"}:
        tests.pytest(
            "soak: properties", "-n", "2", "-m", "hypothesis", "--timeout", "3600", *parts().units,
            environment={"CTI_HYPOTHESIS": "soak"},
        )  # fmt: skip
    return tests.summed_up()


def lint(arguments: list[str]) -> int:
    """Check style and types of everything, or of the files in ``arguments``."""
    files = arguments or LINTED
    commands = [
        [sys.executable, "-m", "ruff", "check", *files],
        [sys.executable, "-m", "ruff", "format", "--check", *files],
        [sys.executable, "-m", "mypy", *files],
    ]
    failed = []
    for command in commands:
        print(f"--- {' '.join(command[2:4])} ---", flush=True)
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            failed.append(command[2])
    if not arguments and not npm("run", "check"):
        failed.append("the page's types")
    print(f"lint: {'failed: ' + ', '.join(failed) if failed else 'nothing to complain about'}", flush=True)
    return 1 if failed else 0


def npm(*arguments: str) -> bool:
    """Run npm in the page's folder and say whether it succeeded."""
    print(f"--- npm {' '.join(arguments)} ---", flush=True)
    command = npm_command()
    if command is None:
        print("npm is not here")
        return False
    return not subprocess.run([*command[0], *arguments], cwd=PAGE, env=command[1], check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
