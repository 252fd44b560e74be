"""The check behind every test: whatever a test leaves behind is named, and makes it fail."""

import asyncio
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from leftovers import held, left_over

from cti_bridge.operators.protocol import CloseCode

TESTS = Path(__file__).resolve().parent


@contextmanager
def a_thread() -> Iterator[None]:
    end = threading.Event()
    thread = threading.Thread(target=end.wait, name="vergessen")
    thread.start()
    yield
    end.set()
    thread.join()


@contextmanager
def a_child() -> Iterator[None]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE):
        yield


@contextmanager
def an_ended_child_that_nobody_waits_for() -> Iterator[None]:
    pid = os.fork()
    if not pid:
        os._exit(0)
    yield
    os.waitpid(pid, 0)


@contextmanager
def a_file() -> Iterator[None]:
    with (TESTS / "leftovers.py").open():
        yield


@contextmanager
def a_pipe() -> Iterator[None]:
    ends = os.pipe()
    yield
    for end in ends:
        os.close(end)


@contextmanager
def a_connection() -> Iterator[None]:
    ends = socket.socketpair()
    yield
    for end in ends:
        end.close()


@contextmanager
def a_listening_socket() -> Iterator[None]:
    with socket.create_server(("127.0.0.1", 0)):
        yield


@pytest.mark.parametrize(
    ("leak", "named"),
    [
        (a_thread, "1 thread: vergessen"),
        (a_child, "1 child process python"),
        (an_ended_child_that_nobody_waits_for, "1 child process"),
        (a_file, "leftovers.py: descriptor"),
        (a_pipe, "2 pipe: descriptor"),
        (a_connection, "2 socket: descriptor"),
        (a_listening_socket, "1 listening socket: descriptor"),
    ],
)
def test_what_the_process_holds_more_than_before_is_named(
    leak: Callable[[], AbstractContextManager[None]], named: str
) -> None:
    before = held()
    with leak():
        found = left_over(before, held())
    assert [line for line in found if named in line], found
    assert left_over(before, held()) == []


def test_a_task_and_a_timer_of_ours_are_named() -> None:
    loop = asyncio.new_event_loop()
    try:
        before = held(loop)
        task = loop.create_task(asyncio.sleep(60), name="vergessen")
        timer = loop.call_later(60, CloseCode, 1012)
        assert left_over(before, held(loop)) == [
            "1 task of sleep: vergessen",
            "1 timer: cti_bridge.operators.protocol.CloseCode",
        ]
        timer.cancel()
        task.cancel()
        loop.run_until_complete(asyncio.wait([task]))
        assert left_over(before, held(loop)) == []
    finally:
        loop.close()


def test_what_was_replaced_is_not_left_over() -> None:
    old = socket.create_server(("127.0.0.1", 0))
    before = held()
    old.close()
    with socket.create_server(("127.0.0.1", 0)):
        assert left_over(before, held()) == []


LEAKY = """\
import asyncio, socket
kept = []

async def test_task():
    kept.append(asyncio.create_task(asyncio.sleep(60), name="vergessen"))

def test_socket():
    kept.append(socket.create_server(("127.0.0.1", 0)))

async def test_clean():
    await asyncio.to_thread(sum, (1, 2))
    reader, writer = await asyncio.open_connection("127.0.0.1", kept[-1].getsockname()[1])
    writer.close()
"""


@pytest.mark.slow
def test_every_test_that_leaves_something_behind_fails_and_no_other(tmp_path: Path) -> None:
    (tmp_path / "test_leaky.py").write_text(LEAKY)
    (tmp_path / "pytest.ini").write_text("[pytest]\nasyncio_mode = auto\n")
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "conftest", "-p", "no:cacheprovider", "-q", "-rE", str(tmp_path)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(TESTS), "PYTEST_ADDOPTS": "", "CTI_TESTS_GIVEN_BACK_S": "2"},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )
    assert "3 passed, 2 errors" in run.stdout, run.stdout + run.stderr
    assert "left behind: 1 task of sleep: vergessen" in run.stdout
    assert "left behind: 1 listening socket" in run.stdout
