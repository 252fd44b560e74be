"""The part `operators` of the settings: what cannot work is refused in words, what is said counts."""

from pathlib import Path

import pytest

from cti_bridge.operators.desk_settings import SHIPPED_STATES, StateKind, WhenGone
from cti_bridge.settings import Settings, SettingsError, load_settings

HEAD = 'rules: r.yaml\npbxes: [{name: main, ami: {secret: "${AMI_SECRET}"}}]\noperators:\n'
READY = "    - {id: ready, name: {ru: Готов, en: Ready}, kind: ready, colour: green}\n"
AWAY = "    - {id: tea, name: {ru: Чай, en: Tea}, kind: away, colour: amber}\n"
AFTER = "    - {id: after, name: {ru: После, en: After}, kind: wrap_up, colour: blue}\n"
OFF = "    - {id: off, name: {ru: Дома, en: Off}, kind: signed_off, colour: grey}\n"


def settings_of(folder: Path, block: str) -> Settings:
    """The settings with this block."""
    file = folder / "c.yaml"
    file.write_text(HEAD + block, "utf-8")
    return load_settings(file)


@pytest.fixture(autouse=True)
def _secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMI_SECRET", "x")


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ("  states:\n" + READY + AWAY + AFTER, "a state of kind signed_off is missing"),
        ("  states:\n" + READY + AFTER + OFF, "a state of kind away is missing"),
        (
            "  states:\n" + READY + AWAY + AFTER + OFF + OFF.replace("off,", "gone,", 1),
            "only one state of kind signed_off",
        ),
        ("  states:\n" + READY + AWAY + AWAY + AFTER + OFF, "two states have the same id"),
        ("  states:\n" + READY.replace("green", "pink") + AWAY + AFTER + OFF, "colour"),
        ("  states:\n" + READY.replace("id: ready", "id: Ready!") + AWAY + AFTER + OFF, "id"),
        ("  states:\n" + READY.replace("Ready}", "'  '}") + AWAY + AFTER + OFF, "name"),
        ("  states:\n" + READY.replace("Ready}", '"Re\\x07ady"}') + AWAY + AFTER + OFF, "name"),
        ("  states:\n" + READY.replace("Ready}", '"\\u202Eydaer"}') + AWAY + AFTER + OFF, "name"),
        ("  outcomes: []\n  wrap_up: {limit: 30s, required: [outcome]}\n", "there are none to choose from"),
        ("  wrap_up: {limit: 2h}\n", "from 1s to 1h, or 0s"),
        ("  wrap_up: {required: [note]}\n", "there is no time for it: set limit as well"),
        ("  wrap_up: {limit: 30s, required: [mood]}\n", "required"),
        ("  page_gone: {after: 1s}\n", "from 5s to 24h"),
        ("  page_gone: {then: vanish}\n", "then"),
        ("  last_penalty: 0\n", "last_penalty"),
        ("  nonsense: 1\n", "nonsense"),
    ],
)
def test_what_cannot_work_is_refused_in_words(tmp_path: Path, block: str, said: str) -> None:
    with pytest.raises(SettingsError) as refused:
        settings_of(tmp_path, block)
    assert any(said in problem for problem in refused.value.problems), refused.value.problems


def test_own_states_take_the_place_of_the_shipped_ones(tmp_path: Path) -> None:
    desk = settings_of(
        tmp_path,
        "  states:\n" + READY + AWAY + AFTER + OFF
        + "  wrap_up: {limit: 45s, required: [outcome]}\n  page_gone: {after: 2m, then: sign_off}\n",
    ).desk  # fmt: skip
    assert [state.id for state in desk.states] == ["ready", "tea", "after", "off"]
    assert desk.of_kind(StateKind.AWAY).id == "tea"
    assert desk.wrap_up.limit_s == 45.0
    assert (desk.gone_after_s, desk.when_gone) == (120.0, WhenGone.SIGN_OFF)


def test_without_a_word_there_are_the_shipped_states_and_no_time_after_a_call(tmp_path: Path) -> None:
    desk = settings_of(tmp_path, "  last_penalty: 20\n").desk
    assert desk.states == SHIPPED_STATES
    assert (desk.wrap_up.limit_s, desk.when_gone, desk.last_penalty) == (0.0, WhenGone.STAY, 20)
