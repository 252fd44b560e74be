"""Installs real Trytons from PyPI into a cache, each once: `install(cache, "8.0")`.

An installation is a virtual environment of its own and a database with a company and its employees. What is done is
said on stderr. Its folder is named after all that it was made from, so a new recipe leaves alone what is in use.
"""

import fcntl
import hashlib
import os
import shutil
import sys
from pathlib import Path

from demo.tryton import CONFIGURATION, DATABASE, PASSWORD, USER, Installation, TrytonError, TrytonServer
from demo.tryton_company import found_company
from demo.tryton_office import OfficeError
from scripts.progress import SetupError, run

SERIES = "8.0"
"""The series that is taken unless another one is asked for."""
HERE = Path(__file__).resolve().parent
_MODULES = "sale_opportunity"
_VENV_S, _PACKAGES_S, _DATABASE_S = 120.0, 600.0, 300.0
"""An installation that takes longer hangs."""
_RECIPE = "2"
"""Counts up when this file makes the installation differently."""


def installed(cache: Path, series: str) -> bool:
    """Whether this series is there."""
    return (_folder(cache, series) / "made").is_file()


def install(cache: Path, series: str = SERIES) -> Installation:
    """Install a series if it is not there yet. Two at once wait for each other. Raises TrytonError."""
    folder = _folder(cache, series)
    installation = Installation(series, folder / "venv" / "bin", folder / "crm.sqlite", folder / "without-numbers")
    cache.mkdir(parents=True, exist_ok=True)
    if installed(cache, series):
        return installation
    with (cache / f"tryton-{series}.lock").open("w") as waiting:
        fcntl.flock(waiting, fcntl.LOCK_EX)
        if not installed(cache, series):
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            try:
                _make(installation, folder)
            except SetupError as error:
                raise TrytonError(str(error)) from error
            (folder / "made").touch()
    return installation


def _folder(cache: Path, series: str) -> Path:
    parts = [_RECIPE.encode(), sys.version.encode(), _lock(series).read_bytes()]
    parts += [(HERE / name).read_bytes() for name in ("staff.py", "tryton_company.py")]
    return cache.resolve() / f"tryton-{series}-{hashlib.sha256(bytes(1).join(parts)).hexdigest()[:12]}"


def _lock(series: str) -> Path:
    return HERE.parent / f"requirements-tryton-{series.partition('.')[0]}.txt"


def _make(installation: Installation, folder: Path) -> None:
    what, lock = f"Tryton {installation.series}", _lock(installation.series)
    log = folder / "log"
    _run(f"{what}: making its virtual environment", [sys.executable, "-m", "venv", str(folder / "venv")], log, _VENV_S)
    count = sum(line[:1].isalnum() for line in lock.read_text().splitlines())
    pip = [
        str(installation.programs / "python"), "-m", "pip", "install", "--disable-pip-version-check", "--no-input",
        "--progress-bar=off", "--no-deps", "--require-hashes", "-r", str(lock),
    ]  # fmt: skip
    _run(f"{what}: installing the {count} packages of {lock.name}", pip, log, _PACKAGES_S)
    installation.without_numbers.mkdir()
    (installation.without_numbers / "phonenumbers.py").write_text('raise ImportError("left out on purpose")\n')
    _make_database(installation, folder / "making", what)


def _make_database(installation: Installation, making: Path, what: str) -> None:
    (making / "db").mkdir(parents=True)
    file = making / "db" / f"{DATABASE}.sqlite"
    file.touch()  # without a file, even an empty one, there is no such database
    (making / "trytond.conf").write_text(CONFIGURATION.format(folder=making, port=0))
    (making / "password").write_text(PASSWORD)
    command = [
        str(installation.programs / "trytond-admin"), "-c", str(making / "trytond.conf"), "-d", DATABASE,
        "-u", _MODULES, "--activate-dependencies", "--email", "admin@example.test", "-v",
    ]  # fmt: skip
    secret = {"TRYTONPASSFILE": str(making / "password"), "PYTHONWARNINGS": "ignore"}
    _run(f"{what}: making a database with a company in it", command, making.parent / "log", _DATABASE_S, **secret)
    shutil.copy(file, installation.template)
    with TrytonServer(installation, making) as tryton:
        try:
            found_company(tryton.office(), user=USER, password=PASSWORD)
        except OfficeError as error:
            raise TrytonError(f"{what}: {error}") from error
    tryton.settle()
    shutil.copy(file, installation.template)
    shutil.rmtree(making)


def _run(what: str, command: list[str], log: Path, limit_s: float, **environment: str) -> None:
    tied = ["setpriv", "--pdeathsig", "KILL", *command]
    run(what, tied, log, env={**os.environ, **environment}, limit_s=limit_s)
