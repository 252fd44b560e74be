"""What a run has on this machine: its processes and the sockets they hold, seen through /proc."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Process:
    """One process; the start time tells it from a later one with the same number."""

    pid: int
    started: str
    command: str

    @property
    def lives(self) -> bool:
        return _started(self.pid) == self.started


def tree(root: int) -> list[Process]:
    """The process `root` and everything below it, parents first."""
    parents: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdecimal() and (stat := _stat(int(entry.name))):
            parents.setdefault(int(stat[1]), []).append(int(entry.name))
    found, todo = [], [root]
    while todo:
        pid = todo.pop(0)
        todo += parents.get(pid, [])
        if started := _started(pid):
            found.append(Process(pid, started, _command(pid)))
    return found


def sockets_of(processes: list[Process]) -> set[str]:
    """Inodes of the listening TCP and bound UDP sockets of these processes."""
    inodes = set()
    for process in processes:
        for link in _links(PROC / str(process.pid) / "fd"):
            if found := re.fullmatch(r"socket:\[(\d+)\]", link):
                inodes.add(found[1])
    return inodes & bound_sockets()


def bound_sockets() -> set[str]:
    """Inodes of all listening TCP and bound UDP sockets of the machine."""
    found = set()
    for name, listening in (("tcp", {"0A"}), ("tcp6", {"0A"}), ("udp", {"07", "01"}), ("udp6", {"07", "01"})):
        table = PROC / "net" / name
        if table.exists():
            for line in table.read_text().splitlines()[1:]:
                fields = line.split()
                if fields[3] in listening:
                    found.add(fields[9])
    return found


def _stat(pid: int) -> list[str] | None:
    """Fields of /proc/PID/stat behind the name: state, parent, …; None when there is no such process."""
    try:
        return (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None


def _started(pid: int) -> str | None:
    stat = _stat(pid)
    return stat[19] if stat and stat[0] != "Z" else None


def _command(pid: int) -> str:
    try:
        return (PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
    except OSError:
        return ""


def _links(folder: Path) -> Iterator[str]:
    """Where the links of a folder lead; nothing of a process that is gone meanwhile."""
    try:
        links = list(folder.iterdir())
    except OSError:
        return
    for link in links:
        try:
            yield str(link.readlink())
        except OSError:
            continue
