"""What this process holds: tasks, timers, threads, children, descriptors. A test has to give all of it back.

Holdings are compared by kind and number, not one by one, so that a shared instance may replace what it holds during a
test (a connection made anew, a program started again), as long as there is not more of it afterwards.
"""

import asyncio
import os
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

OUR_CODE = ("cti_bridge", "demo", "benchmarks", "scripts")
THE_LOG = "log"
"""The thread that writes this process's log: there is one stderr, so there is one of it, for good."""

Holdings = dict[str, list[str]]
"""By kind, a line that describes each thing of it."""


def held(loop: asyncio.AbstractEventLoop | None = None) -> Holdings:
    """All that this process holds now, tasks and timers as far as they belong to this loop (not running now)."""
    holdings: Holdings = {}
    for kind, description in (*_descriptors(), *_threads(loop), *_children(), *_tasks(loop), *_timers(loop)):
        holdings.setdefault(kind, []).append(description)
    return holdings


def left_over(before: Holdings, after: Holdings) -> list[str]:
    """What there is more of than before, each kind in a line; empty when everything was given back."""
    found = []
    for kind, things in sorted(after.items()):
        known = before.get(kind, [])
        if (more := len(things) - len(known)) > 0:
            new = [*(Counter(things) - Counter(known)).elements()]
            found.append(f"{more} {kind}: {', '.join(new)}")
    return found


def _descriptors() -> Iterator[tuple[str, str]]:
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208 - twice as fast, and this is done around every test
        try:
            target = os.readlink(f"/proc/self/fd/{name}")  # noqa: PTH115
            if target.startswith("socket:"):
                yield _socket(int(name))
            elif target.startswith("/"):
                yield f"file {target}", f"descriptor {name}"
            else:
                yield target.partition(":")[0] if target.startswith("pipe:") else target, f"descriptor {name}"
        except OSError:
            continue  # the descriptor of this listing itself


def _socket(number: int) -> tuple[str, str]:
    with socket.socket(fileno=os.dup(number)) as double:
        try:
            listens = double.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
            return "listening socket" if listens else "socket", f"descriptor {number} at {double.getsockname()!r}"
        except OSError:
            return "socket", f"descriptor {number}"


def _threads(loop: asyncio.AbstractEventLoop | None) -> Iterator[tuple[str, str]]:
    # Those of the loop's own pool (name look-ups, reading a file) live as long as the loop.
    pool = getattr(loop, "_default_executor", None)
    of_the_loop = getattr(pool, "_threads", ())
    for thread in threading.enumerate():
        if thread not in of_the_loop and thread.name != THE_LOG:
            yield "thread", thread.name


def _children() -> Iterator[tuple[str, str]]:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        return  # none at all, which is the usual case and known at once
    me = str(os.getpid())
    for entry in os.listdir("/proc"):  # noqa: PTH208
        if entry.isdecimal():
            try:
                name, _, rest = Path(f"/proc/{entry}/stat").read_text().partition(" (")[2].rpartition(") ")
            except OSError:
                continue
            if rest.split()[1] == me:
                yield f"child process {name}", f"pid {entry}"


def _tasks(loop: asyncio.AbstractEventLoop | None) -> Iterator[tuple[str, str]]:
    for task in asyncio.all_tasks(loop) if loop is not None else ():
        what = getattr(task.get_coro(), "__qualname__", repr(task.get_coro()))
        yield f"task of {what}", task.get_name()


def _timers(loop: asyncio.AbstractEventLoop | None) -> Iterator[tuple[str, str]]:
    for handle in getattr(loop, "_scheduled", ()):
        callback = getattr(handle._callback, "func", handle._callback)
        module = getattr(callback, "__module__", None) or ""
        if not handle.cancelled() and module.partition(".")[0] in OUR_CODE:
            yield "timer", f"{module}.{getattr(callback, '__qualname__', callback)}"
