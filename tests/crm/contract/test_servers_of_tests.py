"""The database servers that the tests start go with the tests, whatever is killed, and leave nothing behind."""

import fcntl
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from databases import Server, remove_what_was_left

pytestmark = pytest.mark.slow

_STARTS_BOTH = """
import sys, time
sys.path[:0] = {path!r}
from databases import MariadbServer, PostgresqlServer
servers = [PostgresqlServer(), MariadbServer()]
for server in servers:
    server.make()
    server.start()
    print(server.pid, server.folder, flush=True)
time.sleep(600)
"""


@pytest.fixture
def short_path() -> Iterator[Path]:
    """A folder for servers: the name of a Unix socket in it has 107 bytes at most, and `tmp_path` is long."""
    with tempfile.TemporaryDirectory(prefix="cti-") as folder:
        yield Path(folder)


def test_a_test_run_that_is_killed_takes_its_servers_with_it_and_the_next_removes_their_files(
    short_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = _STARTS_BOTH.format(path=[str(Path(__file__).parents[n]) for n in (1, 3)])
    run = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(short_path)}
    )
    assert run.stdout is not None
    try:
        pids = [int(run.stdout.readline().split()[0]) for _ in range(2)]
        children = {pid for parent in pids for pid in _children(parent)}
    finally:
        run.send_signal(signal.SIGKILL)
        run.wait()
        run.stdout.close()
    assert children
    deadline = time.monotonic() + 30
    while alive := {pid for pid in (*pids, *children) if Path(f"/proc/{pid}/exe").exists()}:
        assert time.monotonic() < deadline, alive
        time.sleep(0.05)
    left = list(short_path.iterdir())
    assert len(left) == 2
    for folder in left:
        os.utime(folder, (0, 0))
    monkeypatch.setattr(tempfile, "tempdir", str(short_path))
    used = os.open(left[0], os.O_RDONLY)
    fcntl.flock(used, fcntl.LOCK_EX)
    remove_what_was_left()
    assert list(short_path.iterdir()) == [left[0]]
    os.close(used)
    remove_what_was_left()
    assert list(short_path.iterdir()) == []


def test_a_server_that_is_killed_leaves_no_shared_memory(server: Server) -> None:
    maps = Path(f"/proc/{server.pid}/maps").read_text()
    assert "/dev/shm/" not in maps
    if os.geteuid() == 0:
        assert Path(f"/proc/{server.pid}/ns/ipc").readlink() != Path("/proc/self/ns/ipc").readlink()


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []
