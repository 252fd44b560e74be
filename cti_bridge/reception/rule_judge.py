"""Has a rule file judged by a process of its own, so that neither the event loop nor a caller notices."""

import asyncio
import json
import os
import signal
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cti_bridge.domain.customer import StageList
from cti_bridge.reception.judge_process import TOO_MUCH_MEMORY, as_bytes
from cti_bridge.routing.document import MAX_CHARACTERS
from cti_bridge.routing.judgement import Judgement, RuleText, from_json

MAX_ANSWER_BYTES = 8_000_000
_ENDS_WITHIN_S = 2.0
_READ_AHEAD_BYTES = 65_536
_PROGRAM = "cti_bridge.reception.judge_process"
_KEPT_VARIABLES = ("LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")
"""What Python may need to start; nothing else of the environment, which can hold secrets, is handed on."""


class NotJudged(Exception):
    """The file could not be judged, so it must not go live; the message is the reason, in one line."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What judging one file may take: bytes of memory, seconds of work, seconds in all."""

    memory_bytes: int = 768 * 1024 * 1024
    cpu_s: int = 15
    whole_s: int = 30


async def judge_apart(
    rules: RuleText,
    tests: RuleText | None,
    stages: StageList | None,
    *,
    explain: bool = False,
    hand_on: bool = True,
    limits: Limits = Limits(),
    python: str = sys.executable,
) -> Judgement:
    """What `routing.judgement.judge` says, from another process, and with `hand_on` of a good file the document.

    Raises NotJudged when there is no answer in bounds.
    """
    asked: dict[str, Any] = {
        "rules": _sent(rules),
        "tests": _sent(tests) if tests else None,
        "explain": explain,
        "hand_on": hand_on,
        "stages": [[stage.id, stage.name, stage.order, stage.final] for stage in stages.stages] if stages else None,
        "other_stages": stages is not None and stages.open_ended,
    }
    try:
        process, transport = await _started(
            python, "-s", "-P", "-m", _PROGRAM, str(limits.memory_bytes), str(limits.cpu_s), str(limits.whole_s)
        )
    except (OSError, RuntimeError, ValueError) as error:
        raise NotJudged(f"no process could be started to check it: {error}") from error
    try:
        async with asyncio.timeout(limits.whole_s):
            answer = await _ask(process, as_bytes(asked))
            code = await process.wait()
    except TimeoutError:
        raise NotJudged(f"checking it took longer than {limits.whole_s} s") from None
    finally:
        try:
            await _end(process)
        finally:
            transport.close()  # also when the process is not gone in time, or nobody waits for that any longer
    if code != 0:
        raise NotJudged(_why(code, limits))
    try:
        return await asyncio.to_thread(_understood, answer)
    except (ValueError, RecursionError) as error:
        raise NotJudged("the process that checked it gave no answer") from error


async def _started(*command: str) -> tuple[asyncio.subprocess.Process, asyncio.SubprocessTransport]:
    """What `asyncio.create_subprocess_exec` does, and the transport, which nobody else would close."""
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.subprocess_exec(
        lambda: asyncio.subprocess.SubprocessStreamProtocol(limit=_READ_AHEAD_BYTES, loop=loop),
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env=_environment(),
    )
    return asyncio.subprocess.Process(transport, protocol, loop), transport


def _understood(answer: bytes) -> Judgement:
    return from_json(json.loads(answer))


def _sent(text: RuleText) -> dict[str, str]:
    """The text, and of one that is too large no more than shows it: this is done between two calls."""
    return {"file": text.file, "text": text.text[: MAX_CHARACTERS + 1]}


async def _ask(process: asyncio.subprocess.Process, question: bytes) -> bytes:
    """The whole answer, empty when the process ended before it had one. Raises NotJudged when it is too long."""
    if process.stdin is None or process.stdout is None:
        raise AssertionError("both are pipes")
    with suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(question)
        await process.stdin.drain()
        process.stdin.close()
    parts, size = [], 0
    while part := await process.stdout.read(_READ_AHEAD_BYTES):
        parts.append(part)
        size += len(part)
        if size > MAX_ANSWER_BYTES:
            raise NotJudged(f"what is wrong with it takes more than {MAX_ANSWER_BYTES // 1_000_000} MB to say")
    return b"".join(parts)


async def _end(process: asyncio.subprocess.Process) -> None:
    """Whatever came before: the process is gone and its pipes are closed."""
    if process.stdin is not None:
        process.stdin.close()
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
    with suppress(TimeoutError):
        async with asyncio.timeout(_ENDS_WITHIN_S):
            while process.stdout is not None and await process.stdout.read(_READ_AHEAD_BYTES):
                pass  # a killed process says nothing more; its pipe closes at the end of what it said
            await process.wait()


def _why(code: int, limits: Limits) -> str:
    if code == TOO_MUCH_MEMORY:
        return f"checking it took more than {limits.memory_bytes // 1024 // 1024} MiB of memory"
    if code == -signal.SIGXCPU:
        return f"checking it took more than {limits.cpu_s} s of work"
    if code == -signal.SIGALRM:
        return f"checking it took longer than {limits.whole_s} s"
    if code < 0:
        return f"the process that checked it was ended by {_signal_name(-code)}"
    return f"the process that checked it failed with {code}"


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _environment() -> dict[str, str]:
    """Python's own search path, so that the process finds the same program, and no more than it needs."""
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    path = os.pathsep.join(str(Path(entry).absolute()) for entry in sys.path)
    return {**kept, "PYTHONPATH": path, "LC_ALL": "C.UTF-8"}
