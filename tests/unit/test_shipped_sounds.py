"""The sounds that are shipped can be played by any Asterisk, in every language, and are quickly said."""

import wave
from pathlib import Path

import pytest

SOUNDS = Path(__file__).parents[2] / "dialplan" / "sounds"
LANGUAGES = ("en", "ru")


def test_every_language_has_the_same_sounds() -> None:
    assert sorted(folder.name for folder in SOUNDS.iterdir()) == sorted((*LANGUAGES, "moh"))
    for language in LANGUAGES:
        assert [file.name for file in (SOUNDS / language).iterdir()] == ["cti-callback.wav"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_sound_has_the_format_of_a_call_and_says_something_for_a_few_seconds(language: str) -> None:
    with wave.open(str(SOUNDS / language / "cti-callback.wav"), "rb") as sound:
        assert (sound.getframerate(), sound.getsampwidth(), sound.getnchannels()) == (8000, 2, 1)
        frames = sound.readframes(sound.getnframes())
    assert 3 < len(frames) / 16_000 < 10
    loudest = max(abs(int.from_bytes(frames[at : at + 2], "little", signed=True)) for at in range(0, len(frames), 2))
    assert 8_000 < loudest < 32_767


def test_the_tune_for_callers_on_hold_has_the_format_of_a_call_and_is_quiet() -> None:
    with wave.open(str(SOUNDS / "moh" / "cti-hold.wav"), "rb") as tune:
        assert (tune.getframerate(), tune.getsampwidth(), tune.getnchannels()) == (8000, 2, 1)
        frames = tune.readframes(tune.getnframes())
    loudest = max(abs(int.from_bytes(frames[at : at + 2], "little", signed=True)) for at in range(0, len(frames), 2))
    assert 3_000 < loudest < 12_000
