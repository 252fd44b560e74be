"""P7 in the log: whatever is written into a line, it stays one line, steers no terminal and names no whole number."""

import json
import re
import subprocess
import sys
from functools import cache

import pytest
from hostile_texts import TEXTS

WRITER = """
import json, logging, sys
import structlog
from cti_bridge import log
log.configure(style=sys.argv[1], level="info")
texts = json.load(sys.stdin)
ours, theirs = structlog.get_logger("ours"), logging.getLogger("theirs")
for text in texts:
    ours.info("said", text=text, inside={"list": [text]}, number="+74950000149")
    theirs.error("said %s", text)
    try:
        raise ValueError(f"{text} +74950000149")
    except ValueError:
        ours.exception("failed")
"""
SPOKEN = [*TEXTS.values(), "половина пары \ud83d"]
COLOURS = re.compile(r"\x1b\[[0-9;]*m")
STEERING = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


@cache
def written(style: str) -> str:
    """What the log of a process has after it was told every text three times."""
    process = subprocess.run(
        [sys.executable, "-c", WRITER, style],
        input=json.dumps(SPOKEN),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-2000:]
    return process.stderr


def test_in_json_a_record_is_a_line_and_every_record_is_there() -> None:
    lines = written("json").removesuffix("\n").split("\n")
    assert len(lines) == 3 * len(SPOKEN)
    assert not [line for line in lines if STEERING.search(line)]
    for line in lines:
        json.loads(line)


def test_on_a_console_a_record_is_a_line_and_only_a_traceback_has_more() -> None:
    text = written("console")
    assert len(re.findall(r"^\x1b\[2m\d{4}-\d\d-\d\d", text, re.MULTILINE)) == 3 * len(SPOKEN)
    assert "\x1b[31mкрасный" not in text
    assert not STEERING.search(COLOURS.sub("", text))


@pytest.mark.parametrize("style", ["json", "console"])
def test_no_whole_number_gets_in_not_even_by_a_traceback(style: str) -> None:
    assert "74950000149" not in written(style)
    assert "+7495***0149" in written(style)
