"""A real Tryton for the demo and the tests, run from a copy of a prepared database.

    with TrytonServer(install(cache, "8.0"), workdir) as tryton:
        print(tryton.url, tryton.office().rows("party.party", [], ["name"]))

A server listens on a free port of loopback and ends with the process, or more exactly the thread, that started it,
however that ends.
"""

import os
import shutil
import sqlite3
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from demo.ports import lasting_port
from demo.tryton_office import Office

DATABASE = "crm"
ADMIN, PASSWORD = "admin", "loopback-only"
USER = "cti"
"""The user whom the bridge is; its password is the same."""
_START_S = 30.0
_ATTEMPTS = 3
CONFIGURATION = """\
[database]
uri = sqlite://
path = {folder}/db
[web]
listen = 127.0.0.1:{port}
[attachment]
filestore = False
[queue]
worker = True
"""
"""With a worker, which nobody starts, a sale that was confirmed stays so until somebody presses "process"."""


class TrytonError(RuntimeError):
    """Tryton could not be installed or started; the text has its last words."""


@dataclass(frozen=True, slots=True)
class Installation:
    """One series of Tryton in the cache: where its programs are, and the prepared database."""

    series: str
    programs: Path
    template: Path
    without_numbers: Path
    """A folder that hides the package `phonenumbers` from a Python that has it in its path."""


class TrytonServer:
    """One running Tryton with a database of its own in `folder`, which is kept afterwards.

    `as_typed`: it runs without the package `phonenumbers`, so that it stores numbers as they are typed.
    `with_database`: it is told its database when it starts, as the newer series need it.
    `modules`: a folder whose modules its Python finds before all others.
    """

    def __init__(
        self,
        installation: Installation,
        folder: Path,
        *,
        as_typed: bool = False,
        with_database: bool = True,
        modules: Path | None = None,
    ) -> None:
        self.installation = installation
        self.port = 0
        self._folder = folder.resolve()
        before = (modules, installation.without_numbers if as_typed else None)
        self._modules = os.pathsep.join(str(folder) for folder in before if folder is not None)
        self._with_database = with_database
        self._process: subprocess.Popen[bytes] | None = None
        self._offices: dict[tuple[str, str], Office] = {}

    def __enter__(self) -> Self:
        """Start it with a fresh copy of the prepared database."""
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it."""
        self.stop()

    @property
    def url(self) -> str:
        """Where it listens, once it was started."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def file(self) -> Path:
        """The file of its database."""
        return self._folder / "db" / f"{DATABASE}.sqlite"

    def office(self, user: str = ADMIN) -> Office:
        """A line to it for its administrator, or for another user; the same one again, for a login costs its time."""
        if (self.url, user) not in self._offices:
            new_urls = not self.installation.series.startswith(("6", "7"))
            self._offices[self.url, user] = Office(self.url, DATABASE, user, PASSWORD, new_urls=new_urls)
        return self._offices[self.url, user]

    def start(self) -> None:
        """Start it and return when it answers, after a second or so. Raises TrytonError with its last words."""
        for attempt in range(_ATTEMPTS):
            self.spawn()
            try:
                self.wait_ready()
            except TrytonError:
                self.stop()
                self.port = 0  # somebody else may have taken it meanwhile
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return

    def spawn(self) -> None:
        """Start the process, on the port that it had or on a free one."""
        self.port = self.port or lasting_port()
        self.file.parent.mkdir(parents=True, exist_ok=True)
        if not self.file.exists():
            shutil.copy(self.installation.template, self.file)
        (self._folder / "trytond.conf").write_text(CONFIGURATION.format(folder=self._folder, port=self.port))
        environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
        if self._modules:
            environment["PYTHONPATH"] = self._modules
        command = [str(self.installation.programs / "trytond"), "-c", str(self._folder / "trytond.conf")]
        command += ["-d", DATABASE] if self._with_database else []
        with (self._folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", *command], cwd=self._folder, env=environment,
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    def wait_ready(self, within_s: float = _START_S) -> None:
        """Return when it answers. Raises TrytonError with its last words."""
        deadline = time.monotonic() + within_s
        while not self.office().is_there():
            if self._process is None or self._process.poll() is not None or time.monotonic() > deadline:
                raise TrytonError(f"Tryton does not start:\n{self.log[-2000:]}")
            time.sleep(0.05)

    def stop(self) -> None:
        """End it at once and wait until it is gone; may be called twice."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.wait()

    def settle(self) -> None:
        """Have everything in the one file of the database; only while it does not run."""
        database = sqlite3.connect(self.file)
        try:
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            database.close()

    @property
    def log(self) -> str:
        """What it has said so far."""
        file = self._folder / "log"
        return file.read_text("utf-8", "replace") if file.is_file() else ""
