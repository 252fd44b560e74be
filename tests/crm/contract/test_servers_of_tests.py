"""The database servers that the tests start go with the tests, whatever is killed, and leave nothing behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from databases import Server

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


def test_a_test_run_that_is_killed_takes_its_servers_with_it(tmp_path: Path) -> None:
    script = _STARTS_BOTH.format(path=[str(Path(__file__).parents[1])])
    run = subprocess.Popen(
        [sys.executable, "-c", script], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(tmp_path)}
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


def test_a_server_that_is_killed_leaves_no_shared_memory(server: Server) -> None:
    maps = Path(f"/proc/{server.pid}/maps").read_text()
    assert "/dev/shm/" not in maps
    if os.geteuid() == 0:
        assert Path(f"/proc/{server.pid}/ns/ipc").readlink() != Path("/proc/self/ns/ipc").readlink()


def _children(parent: int) -> list[int]:
    listed = Path(f"/proc/{parent}/task/{parent}/children")
    return [int(pid) for pid in listed.read_text().split()] if listed.exists() else []
