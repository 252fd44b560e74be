"""Real PostgreSQL and MariaDB servers of the tests' own: on a free loopback port, as an ordinary user, gone afterwards.

Nothing of a server that the machine may run is touched: the programs come from Debian's packages, everything else is in
a folder that goes with the server.
"""

import contextlib
import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path

from demo.ports import lasting_port

CERTIFICATE = Path(__file__).parent.parent / "ari" / "loopback.pem"
"""Key and certificate for 127.0.0.1; whoever connects with encryption is to trust it."""
SECRET = "geheim'x\\"
"""The password of every user; one that would show careless quoting."""
_STARTS_WITHIN_S = 60.0
_STOPS_WITHIN_S = 30.0
_NOBODY = "nobody"
_SYSTEM_TABLES = ("mysql_system_tables.sql", "mysql_performance_tables.sql", "mysql_system_tables_data.sql")
"""What `mariadb-install-db` carries out, too; it is not used because it wants programs of another package."""
_FOLDERS = "cti-sql-"
_YOUNG_S = 60.0
"""A folder is not locked in the moment after it was made."""


class Server(ABC):
    """A database server. `start` and `stop` may be repeated, what is in it stays; `remove` ends it for good."""

    engine: str
    """The word of the settings."""

    def __init__(self) -> None:
        remove_what_was_left()
        self.folder = Path(tempfile.mkdtemp(prefix=_FOLDERS))
        self._ours = os.open(self.folder, os.O_RDONLY)
        fcntl.flock(self._ours, fcntl.LOCK_EX)
        self.port = lasting_port()
        self._process: subprocess.Popen[bytes] | None = None
        for source in ("cert.pem", "key.pem"):
            shutil.copyfile(CERTIFICATE, self.folder / source)
            (self.folder / source).chmod(0o600)
        _give_away(self.folder)

    @abstractmethod
    def make(self) -> None:
        """Write the files of a new server."""

    @abstractmethod
    def command(self) -> Sequence[str]:
        """What runs it in the foreground."""

    @abstractmethod
    def answers(self) -> bool:
        """Whether it takes connections."""

    @property
    def database(self) -> str:
        """The database that the tests use."""
        return "crm"

    @property
    def socket(self) -> Path:
        """Where it listens besides; as the settings want it."""
        return self.folder / "s"

    @property
    def running(self) -> bool:
        """Whether it was started and not stopped."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        log = self.folder / "server.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*_apart(), *self.command()], stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                cwd=self.folder, env=_environment(),
            )  # fmt: skip
        deadline = time.monotonic() + _STARTS_WITHIN_S
        while not self.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"{self.engine} did not start:\n{log.read_text('utf-8', 'replace')[-3000:]}")
            time.sleep(0.05)

    def stop(self, how: signal.Signals = signal.SIGKILL) -> None:
        """End it; by default as if the power had gone."""
        process, self._process = self._process, None
        if process is None:
            return
        children = _children_of(process.pid)
        process.send_signal(how)
        try:
            process.wait(_STOPS_WITHIN_S)
        finally:
            for pid in children:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            process.kill()
            process.wait()
            _wait_for_the_end_of(children)

    def hang(self) -> None:
        """It takes connections (the kernel does) and says nothing any more."""
        for pid in self._pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)

    def go_on(self) -> None:
        """The end of `hang`."""
        for pid in reversed(self._pids()):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def remove(self) -> None:
        """End it, and remove what it wrote."""
        self.go_on()
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
        os.close(self._ours)

    def run(self, *command: str | Path, stdin: str | None = None) -> None:
        """Run one of its programs to its end, as its user."""
        done = subprocess.run(
            [*_apart(), *map(str, command)], input=stdin, text=True, capture_output=True, check=False,
            cwd=self.folder, env=_environment(), timeout=120,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")

    def _pids(self) -> list[int]:
        return [self._process.pid, *_children_of(self._process.pid)] if self._process else []


class PostgresqlServer(Server):
    """PostgreSQL with a user `cti_bridge` who owns the database; whoever is `cti_tls` has to encrypt his line."""

    engine = "postgresql"

    def make(self) -> None:
        """initdb, and the settings of a server that need not survive anything."""
        secret = self.folder / "secret"
        secret.write_text(SECRET + "\n", "utf-8")
        _give_away(secret)
        self.run(
            _program("initdb"), "-D", "data", "-U", "cti_bridge", "--auth=scram-sha-256", f"--pwfile={secret}",
            "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
        )  # fmt: skip
        settings = {
            "listen_addresses": "127.0.0.1", "port": self.port, "unix_socket_directories": self.socket,
            "fsync": "off", "full_page_writes": "off", "shared_buffers": "16MB",
            "max_connections": 40, "ssl": "on", "ssl_cert_file": self.folder / "cert.pem",
            "ssl_key_file": self.folder / "key.pem", "autovacuum": "off", "logging_collector": "off",
            "dynamic_shared_memory_type": "mmap",
        }  # fmt: skip
        lines = "".join(f"{name} = '{value}'\n" for name, value in settings.items())
        with (self.folder / "data" / "postgresql.conf").open("a", encoding="utf-8") as file:
            file.write(lines)
        access = self.folder / "data" / "pg_hba.conf"
        access.write_text("hostnossl all cti_tls all reject\n" + access.read_text("utf-8"), "utf-8")

    def copy_another(self, yes: bool) -> None:
        """Start it anew as the copy of a server that is not there, or as one of its own again."""
        self.stop(signal.SIGINT)
        sign = self.folder / "data" / "standby.signal"
        if yes:
            sign.touch()
        else:
            sign.unlink(missing_ok=True)
        self.start()

    @property
    def database(self) -> str:
        """The one that every cluster has."""
        return "postgres"

    @property
    def socket(self) -> Path:
        """The folder."""
        return self.folder

    def command(self) -> Sequence[str]:
        """The server."""
        return (_program("postgres"), "-D", "data")

    def answers(self) -> bool:
        """Whether it says that it is ready."""
        command = (_program("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port))
        return subprocess.run(command, check=False).returncode == 0


class MariadbServer(Server):
    """MariaDB with users `cti_bridge`, who may do everything in the database `crm`, and `cti_reader`, who may read.

    `cti_tls` has to encrypt his line, the password of `cti_expired` is too old, and `cti_admin` looks after the server.
    """

    engine = "mysql"

    def make(self) -> None:
        """The system tables, then the user and the database."""
        (self.folder / "data").mkdir()
        _give_away(self.folder / "data")
        system = (Path("/usr/share/mysql") / name for name in _SYSTEM_TABLES)
        secret = SECRET.replace("\\", "\\\\").replace("'", "\\'")
        statements = (
            "CREATE DATABASE mysql;\nUSE mysql;\nSET @auth_root_socket = NULL;\n"
            + "".join(file.read_text("utf-8") for file in system)
            + "FLUSH PRIVILEGES;\n"
            "CREATE DATABASE crm CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci;\n"
            f"CREATE USER cti_bridge@'127.0.0.1' IDENTIFIED BY '{secret}';\n"
            f"CREATE USER cti_bridge@localhost IDENTIFIED BY '{secret}';\n"
            f"CREATE USER cti_reader@'127.0.0.1' IDENTIFIED BY '{secret}';\n"
            f"CREATE USER cti_tls@'127.0.0.1' IDENTIFIED BY '{secret}' REQUIRE SSL;\n"
            f"CREATE USER cti_expired@'127.0.0.1' IDENTIFIED BY '{secret}' PASSWORD EXPIRE;\n"
            f"CREATE USER cti_admin@'127.0.0.1' IDENTIFIED BY '{secret}';\n"
            "GRANT SUPER, READ ONLY ADMIN ON *.* TO cti_admin@'127.0.0.1';\n"
            "GRANT ALL ON crm.* TO cti_bridge@'127.0.0.1', cti_bridge@localhost;\n"
            "GRANT SELECT ON crm.* TO cti_reader@'127.0.0.1', cti_tls@'127.0.0.1';\n"
        )
        self.run(*self.command(), "--bootstrap", stdin=statements)

    def command(self) -> Sequence[str]:
        """The server."""
        return (
            _program("mariadbd"), "--no-defaults", f"--datadir={self.folder / 'data'}", f"--port={self.port}",
            "--bind-address=127.0.0.1", f"--socket={self.socket}", f"--pid-file={self.folder / 'pid'}",
            "--skip-log-bin", "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=2", "--max-connections=40",
            "--innodb-buffer-pool-size=8M", "--innodb-log-file-size=8M", "--character-set-server=utf8mb4",
            f"--ssl-cert={self.folder / 'cert.pem'}", f"--ssl-key={self.folder / 'key.pem'}",
        )  # fmt: skip

    def answers(self) -> bool:
        """Whether it greets."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1.0) as line:
                return len(line.recv(16)) > 5
        except OSError:
            return False


def running(server: Server) -> Iterator[Server]:
    """The server, made and started; removed afterwards whatever happens."""
    try:
        server.make()
        server.start()
        yield server
    finally:
        server.remove()


def remove_what_was_left() -> None:
    """Remove the folders of runs that were killed: whose own is still locked goes on."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_FOLDERS}*"):
        with contextlib.suppress(OSError):
            if time.time() - folder.stat().st_mtime < _YOUNG_S:
                continue
            left = os.open(folder, os.O_RDONLY)
            try:
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
            finally:
                os.close(left)


def _program(name: str) -> str:
    """Where Debian has a program: PostgreSQL's are not on the path."""
    for folder in (*sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True), Path("/usr/sbin")):
        if (folder / name).exists():
            return str(folder / name)
    found = shutil.which(name)
    if found is None:
        raise FileNotFoundError(f"{name} is not installed")
    return found


def _apart() -> tuple[str, ...]:
    """In front of a command: not longer than this process, and nothing of it stays in the kernel either.

    For root it is an ordinary user as well (PostgreSQL refuses to be root's), who may pass through any folder, with
    shared memory of its own: a PostgreSQL that is killed leaves a piece of that.
    """
    if os.geteuid() != 0:
        return ("setpriv", "--pdeathsig=KILL")
    return (
        "unshare", "--ipc",
        "setpriv", f"--reuid={_NOBODY}", "--regid=nogroup", "--clear-groups", "--inh-caps=-all,+dac_override",
        "--ambient-caps=+dac_override", "--bounding-set=-all,+dac_override", "--pdeathsig=KILL",
    )  # fmt: skip


def _give_away(path: Path) -> None:
    if os.geteuid() == 0:
        for one in (path, *path.rglob("*")):
            os.chown(one, pwd.getpwnam(_NOBODY).pw_uid, -1)


def _environment() -> dict[str, str]:
    return {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8", "TZ": "UTC"}


def _children_of(parent: int) -> list[int]:
    """The processes that a server has started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with contextlib.suppress(OSError):
                if int((entry / "stat").read_text().rpartition(") ")[2].split()[1]) == parent:
                    found.append(int(entry.name))
    return found


def _wait_for_the_end_of(pids: Sequence[int]) -> None:
    deadline = time.monotonic() + _STOPS_WITHIN_S
    while any(Path(f"/proc/{pid}").exists() for pid in pids) and time.monotonic() < deadline:
        time.sleep(0.01)
