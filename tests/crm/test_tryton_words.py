"""Tryton's words and ours, without a Tryton: answers, errors, the funnel, how a call is written down."""

import asyncio
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.port import CrmRefuses, CrmUnavailable
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.crm.tryton import telling, words
from cti_bridge.crm.tryton.funnel import FUNNEL, STAGE_OF, Funnel
from cti_bridge.crm.tryton.once import Once
from cti_bridge.crm.tryton.settings import TrytonModel, opened
from cti_bridge.crm.tryton.telling import Wording
from cti_bridge.crm.tryton.wire import plain, result_of
from cti_bridge.crm.web_client import Answer
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.customer import SHIPPED_STAGES, Note, Stage, StageList
from cti_bridge.domain.ids import CustomerId
from cti_bridge.settings_model import Misfit

BEGAN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
PARTS = ("year", "month", "day", "hour", "minute", "second", "microsecond")
SHIPPED = Funnel(STAGE_OF)


def answer(said: Any, status: int = 200) -> Answer:
    return Answer(status, {}, json.dumps(said).encode())


# --- The wire ----------------------------------------------------------------------------------------------------


def test_typed_values_become_ours() -> None:
    moment = {"__class__": "datetime", "year": 2026, "month": 11, "day": 20, "hour": 12, "minute": 0}
    said = {"at": {**moment, "second": 0, "microsecond": 0}, "sum": {"__class__": "Decimal", "decimal": "12.50"}}
    assert plain([said]) == [{"at": BEGAN, "sum": Decimal("12.50")}]


@pytest.mark.parametrize(
    "broken",
    [
        {"__class__": "datetime", "year": 2026},
        {
            "__class__": "datetime",
            **dict.fromkeys(("year", "month", "day", "hour", "minute", "second", "microsecond"), 99),
        },
        {"__class__": "Decimal", "decimal": "viel"},
        {"__class__": "Decimal", "decimal": "NaN"},
        {"__class__": "bytes", "base64": "AAAA"},
        {"__class__": ["Decimal"]},
    ],
)
def test_a_broken_value_is_none(broken: dict[str, Any]) -> None:
    assert plain(broken) is None


@pytest.mark.parametrize(
    ("error", "kind", "text"),
    [
        (["UserError", ["Номер «8 (495) 000-01-01» для «Петров» неверен", "", None]], CrmRefuses, "not valid there"),
        (["UserWarning", ["w", "Удалить Петрова?", ""]], CrmRefuses, "confirm"),
        (["LoginException", ["code", "Code", "char"]], CrmRefuses, "more than a password"),
        (["ConcurrencyException", ["Петров"]], CrmUnavailable, "somebody else"),
        (["'res.user'", ""], CrmUnavailable, "trytond needs `-d DATABASE`"),
        (["'петров'", ""], CrmUnavailable, "Tryton failed"),
        (["database is locked", ""], CrmUnavailable, "Tryton failed"),
        ([], CrmUnavailable, "without words"),
        ("UserError", CrmUnavailable, "without words"),
        ([["UserError"]], CrmUnavailable, "without words"),
    ],
)
def test_an_error_inside_is_told_without_anybodys_name(error: Any, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text) as caught:
        result_of(answer({"id": 1, "error": error}))
    assert "Петров" not in str(caught.value)
    assert "000-01" not in str(caught.value)


@pytest.mark.parametrize("said", [[], {}, {"id": 1}, "so", None])
def test_json_that_is_no_answer_is_none(said: Any) -> None:
    with pytest.raises(CrmUnavailable, match="no answer"):
        result_of(answer(said))


@pytest.mark.parametrize(
    ("status", "kind", "text"),
    [
        (403, CrmRefuses, "call this method"),
        (404, CrmUnavailable, "no such database"),
        (429, CrmUnavailable, "too many bad logins"),
        (504, CrmUnavailable, "took too long"),
        (500, CrmUnavailable, "HTTP 500"),
    ],
)
def test_a_status_says_what_is_wrong(status: int, kind: type[Exception], text: str) -> None:
    with pytest.raises(kind, match=text):
        result_of(answer({}, status))


# --- Numbers -----------------------------------------------------------------------------------------------------


def asked_for(key: str, *, as_typed: bool) -> Any:
    (_, (_, _, (_, asked))) = words.parties_with(key, as_typed=as_typed)
    return asked


def test_e164_is_asked_for_as_it_is() -> None:
    assert asked_for("+74950000101", as_typed=False) == ["value_compact", "=", "+74950000101"]


@pytest.mark.parametrize(
    ("key", "pattern"),
    [
        ("+74950000101", "%5%0%0%0%0%1%0%1%"),
        ("+4930123456", "%0%1%2%3%4%5%6%"),
        ("+375291234567", "%2%9%1%2%3%4%5%6%7%"),
    ],
)
def test_what_was_typed_is_asked_for_digit_by_digit(key: str, pattern: str) -> None:
    assert asked_for(key, as_typed=True) == ["OR", ["value_compact", "=", key], ["value_compact", "like", pattern]]


@pytest.mark.parametrize("key", ["0101", "иванов", "%", "1234_6"])
def test_what_is_no_whole_number_is_only_compared(key: str) -> None:
    assert asked_for(key, as_typed=True) == ["value_compact", "=", key]


@pytest.mark.parametrize("text", ["", "-1", "1.5", "12a", "²", "9" * 30])
def test_an_id_that_no_party_has_is_none(text: str) -> None:
    assert words.party_id(CustomerId(text)) is None


# --- The funnel --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opportunity", "sales", "state"),
    [
        ("lead", [], "lead"),
        ("opportunity", ["draft"], "opportunity"),
        ("converted", [], "converted"),
        ("converted", ["draft"], "sale.draft"),
        ("converted", ["cancelled", "quotation"], "sale.quotation"),
        ("won", ["confirmed", "done"], "sale.confirmed"),
        ("won", ["draft", "processing"], "sale.processing"),
        ("won", ["done", "cancelled"], "sale.done"),
        ("won", [], "won"),
        ("lost", ["cancelled"], "lost"),
    ],
)
def test_a_deal_is_as_far_as_the_sale_that_still_goes_on(opportunity: str, sales: list[str], state: str) -> None:
    assert SHIPPED.state_of(opportunity, sales) == state


def test_every_state_of_tryton_has_a_stage() -> None:
    assert set(STAGE_OF) == set(FUNNEL)


def test_a_stage_of_several_states_is_over_when_all_of_them_are() -> None:
    funnel = Funnel({**STAGE_OF, "sale.done": "warranty", "sale.processing": "warranty"})
    stages = funnel.stages({"lead": "Лид", "won": "Выиграно"}, {"processing": "В работе", "done": "Готово"})
    assert [(stage.id, stage.name, stage.final) for stage in stages.stages[:3]] == [
        ("lead", "Лид", False),
        ("warranty", "В работе", False),
        ("closed", "Выиграно", True),
    ]


def test_stages_that_the_shipped_rules_name_are_known_though_tryton_has_none_like_them() -> None:
    known = {stage.id for stage in SHIPPED.stages(dict.fromkeys(STAGE_OF, "Имя"), {}).stages}
    assert {stage.id for stage in SHIPPED_STAGES.stages} <= known
    own = Funnel(dict.fromkeys(FUNNEL, "own"))
    assert [stage.id for stage in own.stages({"lead": "Лид"}, {"done": "Готово"}).stages] == ["own"]


def test_a_state_of_somebodys_own_module_is_a_stage_of_its_own() -> None:
    stages = SHIPPED.stages({"lead": "Lead", "measuring": "Замер"}, {})
    named = stages.get("measuring")
    assert named is not None
    assert (named.name, named.final) == ("Замер", False)


# --- Notes and calls ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "author"), [("Просил перезвонить", "op3"), ("Две\nстроки", "op3"), ("С чертой\n— вот такой", "op3")]
)
def test_a_note_keeps_who_wrote_it(text: str, author: str) -> None:
    note = Note(BEGAN, author, text)
    row = {"message": words.note_message(note), "create_date": BEGAN, "create_uid.": {"name": "CTI"}}
    assert words.note_of(row) == note


def test_a_note_that_was_written_in_tryton_is_by_its_user() -> None:
    row = {"message": "Любит орех", "create_date": BEGAN, "create_uid.": {"name": "Ольга"}}
    assert words.note_of(row) == Note(BEGAN, "Ольга", "Любит орех")


def report(moment: CallMoment, outcome: str = "", **more: Any) -> CallReport:
    call = CallReport(
        id="main-1.1/1",
        key="main-1.1",
        moment=moment,
        direction="inbound",
        number="+74950000101",
        did="+74950000149",
        customer_id=CustomerId("3"),
        user="op3",
        queue="sales",
        outcome=outcome,
        started_at=BEGAN,
    )
    return replace(call, **more)


ANSWERED = {"answered_at": BEGAN + timedelta(seconds=20), "ended_at": BEGAN + timedelta(seconds=83)}


@pytest.mark.parametrize(
    ("told", "first"),
    [
        (report(CallMoment.STARTED, user=""), "rings"),
        (report(CallMoment.ANSWERED), "op3 talks"),
        (report(CallMoment.ENDED, "answered", **ANSWERED), "answered by op3, 63 s"),
        (report(CallMoment.ENDED, "abandoned", user=""), "not answered"),
    ],
)
def test_the_first_line_says_how_it_stands(told: CallReport, first: str) -> None:
    lines = telling.told(told, Wording("en"))["description"].splitlines()
    assert lines[0] == first
    assert lines[1] == "inbound call from +7 495 000-01-01 to +7 495 000-01-49, queue sales"
    assert lines[2] == "2026-11-20 12:00+00:00"


def test_it_is_told_in_the_language_of_the_user() -> None:
    told = telling.told(report(CallMoment.ENDED, "missed", user="", number=""), Wording("ru"))
    assert told["description"].splitlines()[:2] == [
        "без ответа",
        "входящий: номер скрыт → +7 495 000-01-49, очередь sales",
    ]


def test_a_call_to_nobody_and_no_queue_names_neither() -> None:
    lines = telling.told(report(CallMoment.STARTED, did="", queue=""), Wording())["description"].splitlines()
    assert lines[1] == "inbound call from +7 495 000-01-01"


@pytest.mark.parametrize(
    ("rows", "moment"),
    [
        ([{"timezone": "Europe/Moscow"}], "2026-11-20 15:00+03:00"),
        ([{"timezone": None}], "2026-11-20 12:00+00:00"),
        ([{"timezone": "Mars/Olympus"}], "2026-11-20 12:00+00:00"),
        ([{"timezone": "../../etc/passwd"}], "2026-11-20 12:00+00:00"),
        ([{"timezone": 3}], "2026-11-20 12:00+00:00"),
        ([], "2026-11-20 12:00+00:00"),
    ],
)
def test_times_are_those_of_the_company(rows: list[dict[str, Any]], moment: str) -> None:
    wording = Wording("ru", words.zone_of(rows))
    assert telling.told(report(CallMoment.STARTED), wording)["description"].splitlines()[2] == moment
    assert telling.missed_message(report(CallMoment.ENDED), wording) == (
        f"Звонок без ответа: +7 495 000-01-01, {moment}, очередь sales"
    )


def test_recordings_are_named_and_the_latest_can_be_followed() -> None:
    recordings = (ReportedRecording("/var/spool/asterisk/monitor/a.wav", BEGAN), ReportedRecording("b c.wav", BEGAN))
    links = RecordingLinks("https://pbx.example/rec/", "/var/spool/asterisk/monitor")
    told = telling.told(report(CallMoment.UPDATED, "answered", recordings=recordings), Wording(recordings=links))
    assert told["link"] == "https://pbx.example/rec/b%20c.wav"
    assert "recording: /var/spool/asterisk/monitor/a.wav\nrecording: b c.wav" in told["description"]


@pytest.mark.parametrize(
    ("told", "missed"),
    [
        (report(CallMoment.ENDED, "abandoned"), True),
        (report(CallMoment.ENDED, "answered"), False),
        (report(CallMoment.ENDED, "failed", direction="outbound"), False),
        (report(CallMoment.UPDATED, "abandoned"), False),
    ],
)
def test_a_call_in_vain_is_one_that_came_and_is_over(told: CallReport, missed: bool) -> None:
    assert telling.is_missed(told) is missed


# --- The settings ------------------------------------------------------------------------------------------------

LOOPBACK = {"url": "http://127.0.0.1:8000", "database": "crm", "user": "cti", "secret": "geheim"}


def opened_with(stages: list[str], folder: Path, **more: Any) -> None:
    listed = StageList(tuple(Stage(id_, id_, order) for order, id_ in enumerate(stages)))
    model = TrytonModel.model_validate({**LOOPBACK, **more})
    opened(model, region="RU", stages=listed, folder=folder, data_dir=folder, links=SqliteLinks(folder / "links"))


@pytest.mark.parametrize(
    ("stages", "more", "at", "what"),
    [
        (["offer", "lost"], {}, ("crm", "stages"), "`lead` means `lead`"),
        (["offer"], {"states": {"lead": "offer"}}, ("crm", "states"), "`opportunity` means `offer_preparing`"),
        (["offer"], {"states": {"lead": "ofer"}}, ("crm", "states", "lead"), "`ofer` is none of"),
    ],
)
def test_a_state_that_leads_to_no_stage_is_a_mistake_and_no_deal_that_is_over(
    stages: list[str], more: dict[str, Any], at: tuple[str, ...], what: str, tmp_path: Path
) -> None:
    with pytest.raises(Misfit, match=what) as caught:
        opened_with(stages, tmp_path, **more)
    assert caught.value.at == at


def test_stages_of_sales_need_no_place_where_sales_are_not_read(tmp_path: Path) -> None:
    stages = ["lead", "offer_preparing", "closed", "lost"]
    opened_with(stages, tmp_path, sales=False)
    with pytest.raises(Misfit, match=r"sale\.quotation"):
        opened_with(stages, tmp_path)


@pytest.mark.parametrize(
    "wrong",
    [
        {"url": "http://tryton.example"},
        {"url": "https://user:secret@tryton.example"},
        {"database": "../crm"},
        {"database": "crm/rpc"},
        {"user": "a:b"},
        {"strangers": "parties"},
        {"states": {"measuring": "paid"}},
        {"states": {"lead": ""}},
        {"states": {"lead": "paid\nin_production"}},
    ],
)
def test_settings_that_cannot_be_meant_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrytonModel.model_validate({**LOOPBACK, **wrong})


class Kept:
    """Links in memory."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.values.get(key)

    async def put(self, key: str, value: str) -> None:
        self.values[key] = value


async def test_what_was_made_in_one_database_is_not_taken_for_something_of_another() -> None:
    links = Kept()
    await Once(links, "test").remember("lead:+74950000101", "3")
    assert await Once(links, "test").known("lead:+74950000101") == "3"
    assert await Once(links, "live").known("lead:+74950000101") is None


async def test_what_two_want_to_make_at_once_is_made_once() -> None:
    once, made = Once(Kept(), "test"), 0

    async def make() -> int:
        nonlocal made
        await asyncio.sleep(0)
        made += 1
        return made

    async def look() -> int | None:
        return None

    assert await asyncio.gather(*(once.made("party:1", make, look) for _ in range(5))) == [1] * 5
    assert made == 1
