"""What the bridge answers in English is said on the page in its operator's language: its list has the sentences."""

import re

import pytest

from demo.asterisk import REPOSITORY

LIST = REPOSITORY / "cti_bridge/web/ui/src/words/messages_russian.ts"
SOURCES = "\n".join(
    path.read_text("utf-8") for path in sorted((REPOSITORY / "cti_bridge").rglob("*.py")) if "web/ui" not in str(path)
)
SENTENCES = re.findall(r'^  "([^"]+)":', LIST.read_text("utf-8"), re.MULTILINE)
_REFUSED = re.compile(r'CommandRefused\(\s*"(not_possible|not_found|already_taken|busy)",\s*"([^"{]+)"')
FOR_PROGRAMS = {
    "the time after a call begins by itself",
    "there is no time after a call to end",
}
"""What the page never asks for."""


def test_the_list_was_found() -> None:
    assert len(SENTENCES) > 30


@pytest.mark.parametrize("sentence", SENTENCES)
def test_nothing_is_translated_that_the_bridge_does_not_say(sentence: str) -> None:
    assert f'"{sentence}"' in SOURCES


def test_every_plain_refusal_of_a_command_is_translated() -> None:
    said = {sentence for _, sentence in _REFUSED.findall(SOURCES)}
    assert len(said) > 15
    assert said - set(SENTENCES) - FOR_PROGRAMS == set()
