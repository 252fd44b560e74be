"""The project's own rules, held by reading its files: directions of imports, locks, paths, numbers, variables."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "cti_bridge"
LOCKS = (
    "requirements-build.txt", "requirements.txt", "requirements-test.txt", "requirements-node.txt",
    "requirements-tryton-7.txt", "requirements-tryton-8.txt",
)  # fmt: skip
PAGE_LOCK = "cti_bridge/web/ui/package-lock.json"
NOT_OURS = {"node_modules", "__pycache__", "static", "dist", "test-results"}
"""Folders of things that were made here; so are those that begin with a dot, except `.ci`."""
VAGUE_NAMES = {"utils", "helpers", "manager", "misc", "handler", "common", "data", "info"}

FLOOR = {"backoff", "database", "host_names", "http_peers", "log", "readiness", "settings_model"}
"""Modules at the top of the package that any part with input and output may stand on; they import nothing of ours."""
MAY_IMPORT: dict[str, set[str]] = {
    "domain": set(),
    "routing": {"domain"},
    "calls": {"domain"},
    "crm": {"domain", "calls.events"} | FLOOR,
    "asterisk": {"domain", "calls.events", "calls.desk_events"} | FLOOR,
    "operators": {"domain", "calls.events"} | FLOOR,
    "delivery": {"domain", "calls.events", "calls.record"} | FLOOR,
    "web": {"domain", "routing", "calls", "crm", "asterisk", "operators", "delivery"} | FLOOR,
    **{name: set() for name in FLOOR},
}
"""What each part may import besides itself. Everything that is not a key (daemon, settings, cli) wires the parts."""
STORES_IN_PURE_PARTS = {"calls/journal"}
"""The places below a pure part that hold its store, and so may use the floor and do input and output.

So may the files that are named after them: `calls/journal_file`.
"""
PURE = ("domain", "routing", "calls")
IMPURE_LIBRARIES = {"asyncio", "socket", "sqlite3", "sqlite_utils", "aiohttp", "threading", "subprocess", "time"}
ONLY_IN = {"panoramisk": {"asterisk"}, "aioari": {"asterisk"}, "asyncpg": {"crm"}, "aiomysql": {"crm"}}


def modules() -> Iterator[tuple[str, Path]]:
    """Every module of the package as dotted name below it, and its file."""
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        if not NOT_OURS & set(relative.parts):
            yield ".".join(relative.with_suffix("").parts).removesuffix(".__init__"), path


def imports_of(path: Path) -> set[str]:
    """Dotted names that a file imports, at its top or anywhere inside."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def is_store(path: Path) -> bool:
    relative = path.relative_to(PACKAGE).with_suffix("").as_posix()
    return any(relative == place or relative.startswith((f"{place}/", f"{place}_")) for place in STORES_IN_PURE_PARTS)


@pytest.mark.parametrize(("name", "path"), [pytest.param(n, p, id=n) for n, p in modules() if n != "__init__"])
def test_a_module_imports_nothing_to_its_right(name: str, path: Path) -> None:
    part = name.split(".", maxsplit=1)[0]
    if part not in MAY_IMPORT:
        return
    allowed = MAY_IMPORT[part] | {part, "__version__"} | (FLOOR if is_store(path) else set())
    for imported in imports_of(path):
        if not imported.startswith("cti_bridge."):
            continue
        target = imported.removeprefix("cti_bridge.")
        assert any(target == good or target.startswith(f"{good}.") for good in allowed), f"{name} imports {imported}"


@pytest.mark.parametrize(
    ("name", "path"), [pytest.param(n, p, id=n) for n, p in modules() if n.split(".")[0] in PURE and not is_store(p)]
)
def test_decisions_and_call_states_do_no_input_or_output(name: str, path: Path) -> None:
    libraries = {imported.split(".")[0] for imported in imports_of(path)}
    assert not libraries & IMPURE_LIBRARIES, name


def test_the_words_of_asterisk_stop_at_one_door() -> None:
    for name, path in modules():
        for imported in imports_of(path):
            places = ONLY_IN.get(imported.split(".")[0])
            assert places is None or name.split(".")[0] in places, f"{name} imports {imported}"


def test_no_module_has_a_name_that_says_nothing() -> None:
    files = [p for folder in ("cti_bridge", "demo", "scripts", "tests") for p in (ROOT / folder).rglob("*.py")]
    assert not [p for p in files if p.stem in VAGUE_NAMES]


def locked(file: str) -> dict[str, Version]:
    pins = re.findall(r"^([a-z0-9][a-z0-9._-]*)==([^ ;\\]+)", (ROOT / file).read_text(), re.MULTILINE)
    return {name.replace("_", "-").replace(".", "-"): Version(version) for name, version in pins}


def test_the_locks_hold_what_pyproject_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    groups = project["dependency-groups"]
    for file, wanted in {
        "requirements-build.txt": groups["build"],
        "requirements.txt": project["project"]["dependencies"],
        "requirements-test.txt": groups["test"],
        "requirements-node.txt": groups["node"],
        "requirements-tryton-7.txt": groups["tryton-7"],
        "requirements-tryton-8.txt": groups["tryton-8"],
    }.items():
        pins = locked(file)
        for requirement in map(Requirement, wanted):
            name = requirement.name.lower().replace(".", "-").replace("_", "-")
            assert name in pins, f"{file} lacks {requirement} (make lock)"
            assert pins[name] in requirement.specifier, f"{file} is older than {requirement} (make lock)"


def test_runtime_and_test_lock_agree() -> None:
    runtime, tests = locked("requirements.txt"), locked("requirements-test.txt")
    assert {name: runtime[name] for name in runtime.keys() & tests.keys()} == {
        name: tests[name] for name in runtime.keys() & tests.keys()
    }


def test_every_locked_package_has_a_hash_and_no_address() -> None:
    for file in LOCKS:
        text = (ROOT / file).read_text()
        assert "://" not in text and "--index" not in text and "--find-links" not in text, file
        for block in re.split(r"\n(?=[a-z0-9])", text)[1:]:
            assert "--hash=sha256:" in block, block.splitlines()[0]
    page = (ROOT / PAGE_LOCK).read_text()
    assert '"resolved"' not in page
    assert '"integrity"' in page


def text_files() -> Iterator[tuple[Path, str]]:
    """Every file that is ours and is text."""
    for path in sorted(ROOT.rglob("*")):
        parts = path.relative_to(ROOT).parts
        hidden = parts[0].startswith(".") and parts[0] not in {".ci", ".gitignore"}
        if path.is_file() and not hidden and not NOT_OURS & set(parts):
            try:
                yield path, path.read_text("utf-8")
            except UnicodeDecodeError:
                continue


def test_no_file_names_the_folder_it_happens_to_be_in() -> None:
    assert not [path for path, text in text_files() if f"{ROOT}/" in text]


def test_samples_use_numbers_that_nobody_has() -> None:
    number = re.compile(r"(?<![\w.+])(?:\+7|8)[ (\u00a0-]{0,2}\d{3}[) \u00a0-]{0,2}\d{3}[ -]?\d{2}[ -]?\d{2}(?![\w.])")
    for path, text in text_files():
        if path.relative_to(ROOT).parts[0] in {"demo", "config", "dialplan", "docs", "README.md"}:
            for found in number.findall(text):
                assert re.sub(r"\D", "", found)[1:].startswith("4950000"), f"{path}: {found}"


def test_every_dialplan_variable_is_described() -> None:
    used = set(re.findall(r"\bCTI_[A-Z_]+[A-Z]\b", (ROOT / "dialplan" / "cti-bridge.conf").read_text("utf-8")))
    page = (ROOT / "docs" / "dialplan.md").read_text("utf-8")
    steps = {name for name in used if name.startswith("CTI_STEP_")}
    assert used - steps - set(re.findall(r"\bCTI_[A-Z_]+[A-Z]\b", page)) == set()
    assert all(f"CTI_STEP_1_{value}" in page for value in ("QUEUE", "TIMEOUT", "MAX_WAITING"))
