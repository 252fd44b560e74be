"""What may be written down about a call, what is missing, and what the CRM is told: tables."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from cti_bridge.calls.after_call import AfterCall, NextStep, StepKind
from cti_bridge.desk.after.after_checks import (
    Changes,
    WrongField,
    after_view,
    merged,
    missing,
    note_text,
    plain,
    says_the_same,
)
from cti_bridge.domain.ids import CallId, OperatorId
from cti_bridge.operators.desk_settings import DeskSettings, WrapUpSettings

MOSCOW = ZoneInfo("Europe/Moscow")
NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC).timestamp()
SETTINGS = DeskSettings()
STRICT = DeskSettings(wrap_up=WrapUpSettings(30.0, frozenset({"outcome", "note"})))
EMPTY = AfterCall(CallId("main-1.1"), OperatorId("op1"))
STEP = NextStep(NOW + 86_400, "Эскиз", StepKind.CALLBACK)


def changes(*given: str, **said: object) -> Changes:
    return Changes(frozenset(given), **said)  # type: ignore[arg-type]


def at(moment: str, kind: str = "callback", text: str = "") -> Changes:
    return changes("next_step", at=moment, kind=kind, text=text)


@pytest.mark.parametrize(
    ("before", "said", "after"),
    [
        pytest.param(EMPTY, changes("note", note=" Ждёт \r\n эскиз "), replace(EMPTY, note="Ждёт \n эскиз"), id="note"),
        pytest.param(EMPTY, changes("outcome", outcome="done"), replace(EMPTY, outcome="done"), id="outcome"),
        pytest.param(replace(EMPTY, outcome="done"), changes("outcome"), EMPTY, id="outcome taken back"),
        pytest.param(replace(EMPTY, note="да"), changes("outcome"), replace(EMPTY, note="да"), id="the rest stays"),
        pytest.param(
            replace(EMPTY, score=2, feedback="плохо"), changes("feedback", score=4), replace(EMPTY, score=4), id="score"
        ),
        pytest.param(
            EMPTY, at("2026-11-24T12:00:00+03:00", text="Эскиз"), replace(EMPTY, next_step=STEP), id="next step"
        ),
        pytest.param(replace(EMPTY, next_step=STEP), changes("next_step"), EMPTY, id="next step taken back"),
        pytest.param(
            replace(EMPTY, next_step=NextStep(NOW - 500, "", StepKind.CALLBACK)),
            at("2026-11-23T08:51:40+00:00"),
            replace(EMPTY, next_step=NextStep(NOW - 500, "", StepKind.CALLBACK)),
            id="a step that is due since, sent along",
        ),
        pytest.param(EMPTY, changes(), EMPTY, id="nothing"),
    ],
)
def test_what_is_given_is_written_down_and_the_rest_stays(before: AfterCall, said: Changes, after: AfterCall) -> None:
    assert merged(before, said, SETTINGS, now=NOW) == after
    assert says_the_same(merged(after, said, SETTINGS, now=NOW), after)


@pytest.mark.parametrize(
    ("said", "field"),
    [
        pytest.param(changes("outcome", outcome="победа"), "outcome: must be one of done, offer", id="unknown outcome"),
        pytest.param(changes("note", note="\ud83d"), "note: half of a character", id="half a character"),
        pytest.param(at("завтра"), "next_step.at: not a time", id="no time"),
        pytest.param(at("2026-11-24T12:00:00"), "next_step.at: needs an offset", id="no zone"),
        pytest.param(at("2026-11-23T11:58:59+03:00"), "next_step.at: lies in the past", id="a minute ago and more"),
        pytest.param(at("2027-11-25T12:00:00+03:00"), "next_step.at: more than a year", id="next year's autumn"),
        pytest.param(at("0001-01-01T00:00:00+14:00"), "next_step.at: ", id="before all time"),
        pytest.param(at("9999-12-31T23:59:59-14:00"), "next_step.at: ", id="after all time"),
        pytest.param(at("2026-11-24T12:00:00+03:00", "task", " "), "next_step.text: says nothing", id="an empty task"),
    ],
)
def test_what_cannot_be_is_refused_by_its_name(said: Changes, field: str) -> None:
    with pytest.raises(WrongField) as refused:
        merged(EMPTY, said, SETTINGS, now=NOW)
    assert str(refused.value).startswith(field)


@pytest.mark.parametrize("moment", ["2026-11-23T11:59:30+03:00", "2026-11-23T12:00:00+03:00", "2027-11-23T12:00+03:00"])
def test_now_and_in_a_year_are_times_for_a_next_step(moment: str) -> None:
    step = merged(EMPTY, at(moment), SETTINGS, now=NOW).next_step
    assert step is not None and step.at == datetime.fromisoformat(moment).timestamp()


@pytest.mark.parametrize(
    ("after", "settings", "fields"),
    [
        pytest.param(None, SETTINGS, set(), id="nothing is required"),
        pytest.param(None, STRICT, {"outcome", "note"}, id="nothing is written down"),
        pytest.param(replace(EMPTY, outcome="done"), STRICT, {"note"}, id="one of two"),
        pytest.param(replace(EMPTY, outcome="done", note="да"), STRICT, set(), id="all"),
        pytest.param(replace(EMPTY, outcome="call_back"), SETTINGS, {"next_step"}, id="what this outcome needs"),
        pytest.param(replace(EMPTY, outcome="call_back", next_step=STEP), SETTINGS, set(), id="and has"),
        pytest.param(replace(EMPTY, outcome="call_back"), STRICT, {"note", "next_step"}, id="both"),
        pytest.param(replace(EMPTY, outcome="abolished"), STRICT, {"note"}, id="an outcome of yesterday's settings"),
    ],
)
def test_what_is_still_missing(after: AfterCall | None, settings: DeskSettings, fields: set[str]) -> None:
    assert missing(after, settings) == fields


@pytest.mark.parametrize("said", [replace(EMPTY, score=3), replace(EMPTY, feedback="хорошо")])
def test_a_score_or_a_word_is_feedback(said: AfterCall) -> None:
    wants = DeskSettings(wrap_up=WrapUpSettings(30.0, frozenset({"feedback"})))
    assert missing(EMPTY, wants) == {"feedback"}
    assert not missing(said, wants)


def test_the_page_gets_null_for_nothing_and_the_missing_fields_in_their_order() -> None:
    assert after_view(replace(EMPTY, outcome="call_back", saved_at=NOW), STRICT) == {
        "call": "main-1.1", "outcome": "call_back", "note": "", "feedback": {"score": None, "text": ""},
        "next_step": None, "saved_at": "2026-11-23T09:00:00.000+00:00", "missing": ["note", "next_step"],
    }  # fmt: skip


WHOLE = replace(EMPTY, outcome="call_back", note="Ждёт эскиз", score=5, feedback="Спасибо", next_step=STEP)


@pytest.mark.parametrize(
    ("after", "language", "text"),
    [
        pytest.param(
            WHOLE,
            "ru",
            "Итог звонка: Перезвонить\nЖдёт эскиз\nОценка клиента: 5 из 5\nОтзыв клиента: Спасибо\n"
            "Перезвонить 24.11.2026 12:00: Эскиз",
            id="all, in Russian",
        ),
        pytest.param(
            replace(WHOLE, told=1, note="", feedback="", score=None),
            "en",
            "What came of the call, amended: Call back\nCall back 2026-11-24 12:00: Эскиз",
            id="changed afterwards, in English",
        ),
        pytest.param(replace(EMPTY, note="Ждёт"), "ru", "Итог звонка\nЖдёт", id="a note alone"),
        pytest.param(replace(EMPTY, outcome="done"), "ru", "Итог звонка: Вопрос решён", id="an outcome alone"),
        pytest.param(EMPTY, "ru", "", id="nothing"),
        pytest.param(replace(EMPTY, outcome="gone"), "fr", "What came of the call: gone", id="what nobody knows now"),
    ],
)
def test_what_the_crm_is_told(after: AfterCall, language: str, text: str) -> None:
    assert note_text(after, SETTINGS, language=language, zone=MOSCOW) == text


def test_texts_lose_what_cannot_be_shown_and_keep_their_lines() -> None:
    assert plain("note", "\x00раз\x1b[31m\tдва\r\nтри\x7f ") == "раз[31m\tдва\nтри"
    assert plain("note", "🙂 ёж") == "🙂 ёж"
    assert plain("note", "\u200b\u2060 \u3164\n\u2800") == ""
    assert plain("note", "счёт \u202e0050\u2028оплачен") == "счёт 0050\nоплачен"
    assert timedelta(days=366).total_seconds() > 0
