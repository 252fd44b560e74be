"""Say on stderr what set-up does: a line at the start, the newest output meanwhile, the time at the end."""

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

TAIL_LINES = 15
WIDTH = 100


class SetupError(Exception):
    """Set-up cannot go on. The message is for the person at the terminal; no traceback is shown."""


def say(text: str) -> None:
    """Print one line to stderr."""
    print(f"setup: {text}", file=sys.stderr, flush=True)


def run(
    what: str,
    command: Sequence[str],
    log: Path,
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    limit_s: float | None = None,
) -> str:
    """Run ``command``, saying ``what`` it is for, and return what it printed (stdout and stderr together).

    The output goes to ``log``; on a terminal its newest line is shown while the command runs.
    Raises SetupError with the last lines when the command fails, is not there, or takes longer than ``limit_s``.
    """
    say(f"{what} ...")
    started = time.monotonic()
    lines: list[str] = []
    log.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            log.open("w", encoding="utf-8") as file,
            subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                errors="replace",
            ) as process,
        ):
            assert process.stdout is not None
            with _killed_after(limit_s, process) as too_long:
                for line in process.stdout:
                    file.write(line)
                    lines.append(line)
                    _show(line)
    except FileNotFoundError as error:
        raise SetupError(f"{what}: {command[0]} is not installed") from error
    _show("")
    if too_long.is_set():
        raise SetupError(f"{what}: given up after {limit_s:.0f} s; what it said is in {log}")
    if process.returncode != 0:
        tail = "".join(lines[-TAIL_LINES:]).rstrip()
        raise SetupError(f"{what}: failed (exit code {process.returncode}); all of it is in {log}\n{tail}")
    say(f"{what}: done in {time.monotonic() - started:.0f} s")
    return "".join(lines)


@contextlib.contextmanager
def _killed_after(limit_s: float | None, process: subprocess.Popen[str]) -> Iterator[threading.Event]:
    """Kill the process when it takes so long; the event says whether it did."""
    too_long = threading.Event()

    def kill() -> None:
        too_long.set()
        process.kill()

    timer = threading.Timer(limit_s, kill) if limit_s is not None else None
    if timer is None:
        yield too_long
        return
    timer.daemon = True
    timer.start()
    try:
        yield too_long
    finally:
        timer.cancel()


def _show(line: str) -> None:
    """Overwrite the line at the bottom of a terminal; an empty one clears it. Elsewhere do nothing."""
    if not sys.stderr.isatty():
        return
    with contextlib.suppress(OSError):
        sys.stderr.write("\r\x1b[K" + "".join(c for c in line if c.isprintable())[:WIDTH])
        sys.stderr.flush()
