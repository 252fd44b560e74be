"""Run one command so that nothing of it can outlive it, whatever is killed and how.

    python3 -m scripts.isolated PARENT_PID COMMAND [ARGUMENT ...]

The command gets its own process and mount namespaces. Every process on the way to it (the caller named by PARENT_PID,
this one, the first process of the namespace) takes the next one with it when it dies, kill -9 included; with the first
process of a namespace the kernel ends all the others, and with the last one go the mounts. Sockets go with their
owners. Temporary files (TMPDIR) are on a tmpfs of the run's own, `.cache/tmp`, and go with its mounts.

util-linux's `unshare --kill-child` does nearly the same, but it ignores SIGTERM without passing it on, so that
`timeout 600 make test` would hang. Here TERM and HUP reach the command, which has 15 s to end by itself. Ctrl-C needs
no help: the terminal sends it to everybody, and the two processes here leave it to the command.

The exit code is the command's, 128 + N when signal N ended it. Namespaces need root; for anybody else the command still
dies with its parent, which is enough for what an ordinary user may run (unit tests, lint).
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

PR_SET_PDEATHSIG = 1
CLONE_NEWNS, CLONE_NEWPID = 0x00020000, 0x20000000
MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REC, MS_PRIVATE = 2, 4, 8, 1 << 14, 1 << 18
TEMPORARY = Path(__file__).resolve().parent.parent / ".cache" / "tmp"
GRACE_S = 15
CANNOT = 2

_libc = ctypes.CDLL(None, use_errno=True)


def main(argv: list[str]) -> int:
    """Run ``argv[1:]`` tied to the process ``argv[0]`` and return its exit code."""
    parent, command = int(argv[0]), argv[1:]
    tie_to_parent(lambda: os.getppid() == parent)
    if os.geteuid() != 0:
        execute(command)
    try:
        _check(_libc.unshare(CLONE_NEWNS | CLONE_NEWPID), "unshare")
    except OSError as error:
        print(
            f"isolated: this machine allows no namespaces ({error.strerror}). In a container: --privileged.",
            file=sys.stderr,
        )
        return CANNOT
    # The parent alone holds the writing end: as soon as it is gone, the child reads "hung up".
    alive, held = os.pipe()
    return run_child(lambda: first_process(command, alive, held), patience_s=GRACE_S)


def first_process(command: list[str], alive: int, held: int) -> NoReturn:
    """Be process 1 of the new namespaces: start the command, collect orphans, end with the command."""
    os.close(held)
    tie_to_parent(lambda: not select.select([alive], [], [], 0)[0])
    os.close(alive)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    TEMPORARY.mkdir(parents=True, exist_ok=True)
    mount("tmp", str(TEMPORARY), "tmpfs", MS_NOSUID | MS_NODEV)
    TEMPORARY.chmod(0o1777)
    os.environ["TMPDIR"] = str(TEMPORARY)
    os._exit(run_child(lambda: execute(command)))


def tie_to_parent(parent_lives: Callable[[], bool]) -> None:
    """Have the kernel kill this process when its parent dies; end at once when that has happened already."""
    _check(_libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if not parent_lives():
        os._exit(128 + signal.SIGKILL)


def run_child(body: Callable[[], NoReturn], patience_s: int = 0) -> int:
    """Fork, run ``body`` in the child, pass TERM and HUP on to it, and return its exit code.

    With ``patience_s`` the child is killed when it has not ended that long after the signal.
    """
    child = 0
    told_to_stop = False

    def pass_on(_number: int, _frame: object) -> None:
        nonlocal told_to_stop
        told_to_stop = True
        if child:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGTERM)
            signal.alarm(patience_s)

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, pass_on)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGALRM, lambda *_: os.kill(child, signal.SIGKILL))
    child = os.fork()
    if child == 0:
        body()
    if told_to_stop:
        pass_on(signal.SIGTERM, None)
    return wait_for(child)


def wait_for(child: int) -> int:
    """Collect every process that ends until ``child`` does, and return its exit code as a shell would."""
    while True:
        ended, status = os.wait()
        if ended == child:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def execute(command: list[str]) -> NoReturn:
    """Become the command, with every signal as a command expects it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGALRM):
        signal.signal(number, signal.SIG_DFL)
    try:
        os.execvp(command[0], command)
    except OSError as error:
        print(f"isolated: {command[0]}: {error.strerror}", file=sys.stderr)
        os._exit(127)


def mount(source: str, target: str, kind: str, flags: int) -> None:
    """Mount a file system; raises OSError with the reason."""
    _check(_libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), None), "mount")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
