"""Whatever of a run is killed, and how: no process, no mount, no port and no file of it is left."""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from process_tree import Process, bound_sockets, sockets_of, tree

ROOT = Path(__file__).resolve().parents[2]
NEEDS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="namespaces need root")
pytestmark = [NEEDS_ROOT, pytest.mark.timeout(180)]

LIGHT = """\
.PHONY: run
run:
\t@exec {python} -m scripts.isolated $(shell echo $$PPID) {python} -c '{program}'
"""
PROGRAM = (
    "import socket, subprocess, tempfile, time;"
    ' s = socket.create_server(("127.0.0.1", 0)); tempfile.mkdtemp(prefix="cti-light-");'
    ' subprocess.Popen(["setsid", "sleep", "600"]);'
    ' print("up", flush=True); time.sleep(600)'
)


def eventually(holds: Callable[[], bool], what: str, within: float = 10.0) -> None:
    deadline = time.monotonic() + within
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def files() -> set[str]:
    folders = [Path(tempfile.gettempdir()), Path("/tmp"), ROOT / ".cache" / "tmp"]
    return {str(path) for folder in folders for path in folder.glob("cti-*")}


@contextmanager
def started(command: list[str], *, until: str, within: float, cwd: Path = ROOT) -> Iterator[subprocess.Popen[str]]:
    """A command in a session of its own, as a terminal would have it; yields when it has printed `until`."""
    before = files()
    mounts = Path("/proc/self/mountinfo").read_text()
    with subprocess.Popen(
        command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        start_new_session=True,
    ) as process:  # fmt: skip
        try:
            assert process.stdout is not None
            deadline = time.monotonic() + within
            heard = []
            for line in process.stdout:
                heard.append(line)
                if re.search(until, line):
                    break
                assert time.monotonic() < deadline, "".join(heard)
            else:
                pytest.fail(f"ended too early:\n{''.join(heard)}")
            yield process
        finally:
            process.kill()
            process.wait()
    assert files() == before
    assert Path("/proc/self/mountinfo").read_text() == mounts


def assert_all_gone(processes: list[Process], sockets: set[str]) -> None:
    eventually(lambda: not any(p.lives for p in processes), f"{[p for p in processes if p.lives]} live on")
    eventually(lambda: not sockets & bound_sockets(), "a port is still bound")


@pytest.mark.parametrize("victim", [0, 1, 2, 3], ids=["make", "runner", "first process", "command"])
def test_one_killed_process_takes_all_with_it(victim: int, tmp_path: Path) -> None:
    makefile = tmp_path / "Makefile"
    makefile.write_text(LIGHT.format(python=sys.executable, program=PROGRAM))
    with started(["make", "-f", str(makefile), "run"], until="^up", within=30) as make:
        processes = tree(make.pid)
        sockets = sockets_of(processes)
        assert len(processes) == 5, processes
        assert len(sockets) == 1
        os.kill(processes[victim].pid, signal.SIGKILL)
        assert_all_gone(processes, sockets)


def test_terminate_reaches_the_command_and_its_exit_code_comes_back(tmp_path: Path) -> None:
    program = (
        'import signal, sys, time; signal.signal(15, lambda *_: sys.exit(7)); print("up", flush=True); time.sleep(600)'
    )
    makefile = tmp_path / "Makefile"
    makefile.write_text(LIGHT.format(python=sys.executable, program=program))
    with started(["make", "-f", str(makefile), "run"], until="^up", within=30) as make:
        make.terminate()
        assert make.stdout is not None
        assert "Error 7" in make.stdout.read()


DEMO = ["make", "demo"]
PLAYING = r"pop after \d+ ms"


@pytest.mark.parametrize("victim", ["make", "-m demo"])
def test_a_killed_demo_leaves_no_process_mount_port_or_file(victim: str) -> None:
    with started(DEMO, until=PLAYING, within=120) as make:
        processes = tree(make.pid)
        sockets = sockets_of(processes)
        commands = "\n".join(process.command for process in processes)
        assert all(part in commands for part in ("/usr/sbin/asterisk", "cti_bridge run", "sipp")), commands
        assert len(sockets) >= 10, "Asterisk, the bridge and six phones listen"
        os.kill(next(p for p in processes if victim in p.command).pid, signal.SIGKILL)
        assert_all_gone(processes, sockets)


def test_ctrl_c_ends_the_demo_with_130_and_leaves_nothing() -> None:
    with started(DEMO, until=PLAYING, within=120) as make:
        processes = tree(make.pid)
        sockets = sockets_of(processes)
        os.killpg(make.pid, signal.SIGINT)
        assert make.stdout is not None
        last_words = make.stdout.read()
        assert make.wait(30) in {-signal.SIGINT, 130}
        assert "Traceback" not in last_words
        assert_all_gone(processes, sockets)
