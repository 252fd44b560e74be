"""The process that judges one rule file: reads it from its input, answers on its output, and is gone.

It has limits of its own, so that no file can hold up or kill anybody else: whoever has it started loses this process
and nothing more. It knows no secrets and opens no connection.
"""

import json
import os
import resource
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from cti_bridge.domain.customer import Stage, StageList
from cti_bridge.routing.document_json import faultless_document
from cti_bridge.routing.judgement import RuleText, as_json, judge

TOO_MUCH_MEMORY = 3
"""Exit code when the memory limit was reached."""
NICENESS = 5
"""Calls come first."""


def main() -> int:
    """Judge the file on standard input; the three arguments are limits: bytes, seconds of work, seconds in all."""
    try:
        _limit(*(int(argument) for argument in sys.argv[1:4]))
        asked = json.loads(sys.stdin.buffer.read())
        stages = asked["stages"]
        document = faultless_document(asked["rules"]["text"])
        judgement = judge(
            RuleText(**asked["rules"]),
            RuleText(**asked["tests"]) if asked["tests"] else None,
            StageList(tuple(Stage(*stage) for stage in stages), asked["other_stages"]) if stages is not None else None,
            now=datetime.now(UTC),
            explain=asked["explain"],
            document=document,
        )
        if asked["hand_on"] and not judgement.complaints:
            judgement = replace(judgement, document=document)
        sys.stdout.buffer.write(as_bytes(as_json(judgement)))
        sys.stdout.flush()
    except MemoryError:
        return TOO_MUCH_MEMORY
    return 0


def as_bytes(said: dict[str, Any]) -> bytes:
    """JSON on its way between the two processes; half a character, as YAML and file names can have, is escaped."""
    return json.dumps(said, ensure_ascii=False).encode("utf-8", "backslashreplace")


def _limit(memory_bytes: int, cpu_s: int, whole_s: int) -> None:
    """From here on the kernel ends this process when it takes more, also when nobody waits for it any longer."""
    os.nice(NICENESS)
    _lower(resource.RLIMIT_CORE, 0, 0)
    _lower(resource.RLIMIT_FSIZE, 0, 0)
    _lower(resource.RLIMIT_CPU, cpu_s, cpu_s + 1)
    _lower(resource.RLIMIT_AS, memory_bytes, memory_bytes)
    signal.alarm(whole_s)


def _lower(kind: int, soft: int, hard: int) -> None:
    """Set a limit, or leave the lower one that somebody else has set: nobody may raise that again."""
    _, present = resource.getrlimit(kind)
    if present != resource.RLIM_INFINITY:
        soft, hard = min(soft, present), min(hard, present)
    resource.setrlimit(kind, (soft, hard))


if __name__ == "__main__":
    sys.exit(main())
