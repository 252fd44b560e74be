"""vtiger is told of calls as it takes them, and is kept signed in; against a fake of it (see `fakes.vtiger`)."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.vtiger import known
from cti_bridge.crm.vtiger.adapter import VtigerCrm
from cti_bridge.crm.vtiger.settings import SETTINGS_EXAMPLE, VtigerModel, opened
from cti_bridge.delivery.outbox import Entry
from cti_bridge.delivery.reports import ReportType
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.customer import NewCustomer, Note
from cti_bridge.domain.ids import CallId, CustomerId
from cti_bridge.domain.number import parse_number
from cti_bridge.reception.crm_reports import CrmSink
from fakes.vtiger import ACCESS_KEY, CALLS_SECRET, FakeVtiger

NUMBER = "+74950000150"
BEGAN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
HOUR_S = 3_600.0

Opener = Callable[..., VtigerCrm]


def call(moment: CallMoment = CallMoment.STARTED, **changed: Any) -> CallReport:
    plain = CallReport(
        id="main-1.1/1",
        key="main-1.1",
        moment=moment,
        direction="inbound",
        number=NUMBER,
        did="+74950000001",
        customer_id=None,
        user="",
        queue="sales",
        outcome="",
        started_at=BEGAN,
    )
    return replace(plain, **changed)


def over(moment: CallMoment, **changed: Any) -> CallReport:
    return call(moment, ended_at=BEGAN + timedelta(seconds=83), outcome="abandoned", **changed)


def talked(moment: CallMoment, **changed: Any) -> CallReport:
    told = over(moment, answered_at=BEGAN + timedelta(seconds=20), user="101", **changed)
    return replace(told, outcome="answered", ended_at=None if moment is CallMoment.ANSWERED else told.ended_at)


@pytest.fixture(params=["vtiger"])
async def vtiger(request: pytest.FixtureRequest) -> AsyncIterator[FakeVtiger]:
    fake = FakeVtiger(request.param)
    await fake.start()
    yield fake
    await fake.stop()
    assert fake.complaints == []


flavours = pytest.mark.parametrize("vtiger", ["vtiger", "salesplatform", "cloud"], indirect=True)
only_salesplatform = pytest.mark.parametrize("vtiger", ["salesplatform"], indirect=True)
only_cloud = pytest.mark.parametrize("vtiger", ["cloud"], indirect=True)


@pytest.fixture
async def open_crm(vtiger: FakeVtiger, tmp_path: Path) -> AsyncIterator[Opener]:
    links = SqliteLinks(tmp_path / "links.sqlite")
    made: list[VtigerCrm] = []

    def open_it(calls: dict[str, str] | None = None, **settings: Any) -> VtigerCrm:
        told = {"secret": CALLS_SECRET, "recordings": "https://pbx.example/rec", **(calls or {})}
        if vtiger.flavour == "salesplatform":
            told.setdefault("unanswered_extension", "900")
        values = {
            "flavour": vtiger.flavour, "url": vtiger.url, "user": "cti", "secret": ACCESS_KEY, "phone_calls": told,
            **settings,
        }  # fmt: skip
        model = VtigerModel.model_validate(values)
        made.append(opened(model, region="RU", stages=None, folder=tmp_path, data_dir=tmp_path, links=links))
        return made[-1]

    yield open_it
    for crm in made:
        await crm.close()
    await links.close()


@pytest.fixture
def crm(open_crm: Opener) -> VtigerCrm:
    return open_crm()


# Calls ---------------------------------------------------------------------------------------------------------------


@flavours
async def test_an_outbound_call_is_the_operators(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    anna = vtiger.add("Contacts", lastname="Рощина", phone="8 (495) 000-01-50")
    for moment in (CallMoment.ANSWERED, CallMoment.ENDED):
        await crm.report(talked(moment, direction="outbound"))

    (row,) = vtiger.calls.rows
    assert (row.direction, row.user, row.customer, row.callstatus) == ("outbound", "19x5", anna, "completed")


@flavours
async def test_a_call_that_vtiger_has_no_place_for_is_not_told(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    await crm.report(over(CallMoment.ENDED, direction="internal", user="101"))
    await crm.report(over(CallMoment.ENDED, direction="outbound", user=""))
    kept_for = [row.user for row in vtiger.calls.rows]
    assert kept_for == (["19x6"] if vtiger.flavour == "salesplatform" else [])


@flavours
async def test_a_hidden_number_is_nobodys(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    vtiger.add("Contacts", lastname="Рощина", phone="8 (495) 000-01-50")
    await crm.report(talked(CallMoment.ENDED, number=""))

    (row,) = vtiger.calls.rows
    assert (row.customer, row.customernumber) == ("", "anonymous")


@flavours
@pytest.mark.parametrize("number", ["' OR '1'='1", "+7495\n0000150", "ivanov", "٤٩٥", "+" + "1" * 60])
async def test_a_hostile_number_never_gets_into_its_sql(vtiger: FakeVtiger, crm: VtigerCrm, number: str) -> None:
    await crm.report(talked(CallMoment.ENDED, number=number))
    assert [row.customernumber for row in vtiger.calls.rows] == ["anonymous"]


@flavours
async def test_an_answer_is_not_told_again_after_the_end(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    for moment in (CallMoment.ANSWERED, CallMoment.ENDED, CallMoment.ANSWERED, CallMoment.ENDED):
        await crm.report(talked(moment))
    assert [row.callstatus for row in vtiger.calls.rows] == ["completed"]


@flavours
async def test_an_answer_that_is_found_out_later_makes_a_missed_call_an_answered_one(
    vtiger: FakeVtiger, crm: VtigerCrm
) -> None:
    await crm.report(over(CallMoment.ENDED))
    assert [row.callstatus for row in vtiger.calls.rows] in (["no-answer"], ["no_answer"])
    await crm.report(talked(CallMoment.UPDATED))
    assert [row.callstatus for row in vtiger.calls.rows] == ["completed"]


@flavours
async def test_a_call_whose_beginning_was_lost_is_begun_later(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    await crm.report(talked(CallMoment.UPDATED))
    (row,) = vtiger.calls.rows
    assert (row.callstatus, row.user) == ("completed", "19x5")


@flavours
async def test_a_row_that_may_have_been_made_is_looked_for_first(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    await crm.check()
    vtiger.calls.answers_lost = 1
    with pytest.raises(CrmUnavailable):
        await crm.report(talked(CallMoment.ANSWERED))
    assert len(vtiger.calls.rows) == 1

    await crm.report(talked(CallMoment.ANSWERED))
    assert len(vtiger.calls.rows) == 1


@flavours
async def test_a_last_report_that_says_nothing_new_costs_nothing(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    for moment in (CallMoment.ANSWERED, CallMoment.ENDED):
        await crm.report(talked(moment))
    told = list(vtiger.calls.taken)
    await crm.report(talked(CallMoment.UPDATED))
    assert vtiger.calls.taken == told
    recording = ReportedRecording("/var/spool/asterisk/monitor/a.wav", BEGAN)
    await crm.report(talked(CallMoment.UPDATED, recordings=(recording,)))
    await crm.report(talked(CallMoment.UPDATED, recordings=(recording,)))
    assert len(vtiger.calls.taken) - len(told) <= 3
    assert [row.recordingurl for row in vtiger.calls.rows] == ["https://pbx.example/rec/a.wav"]


@flavours
async def test_a_long_id_of_a_call_fits_and_stays_its_own(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    for last in ("1", "2"):
        for moment in (CallMoment.ANSWERED, CallMoment.ENDED):
            await crm.report(talked(moment, key="main-" + "x" * 105 + last))

    assert [row.callstatus for row in vtiger.calls.rows] == ["completed", "completed"]
    assert all(len(row.sourceuuid) <= 100 for row in vtiger.calls.rows)


@flavours
async def test_the_first_recording_is_the_one_that_vtiger_keeps(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    files = ("/var/spool/asterisk/monitor/б 2.wav", "/var/spool/asterisk/monitor/a 1.wav")
    first, second = (
        ReportedRecording(file, BEGAN + timedelta(seconds=at)) for at, file in zip((40, 20), files, strict=True)
    )
    await crm.report(talked(CallMoment.UPDATED, recordings=(first, second)))
    assert [row.recordingurl for row in vtiger.calls.rows] == ["https://pbx.example/rec/a%201.wav"]


@flavours
async def test_an_address_that_would_be_cut_off_is_left_out(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    await crm.report(talked(CallMoment.UPDATED, recordings=(ReportedRecording("я" * 60 + ".wav", BEGAN),)))
    assert [row.recordingurl for row in vtiger.calls.rows] == [""]


@pytest.mark.parametrize("vtiger", ["vtiger", "salesplatform"], indirect=True)
async def test_times_are_those_of_its_server(vtiger: FakeVtiger, open_crm: Opener) -> None:
    await open_crm(timezone="Europe/Moscow").report(talked(CallMoment.ENDED))
    (row,) = vtiger.calls.rows
    assert (row.starttime, row.endtime) == ("2026-11-20 15:00:00", "2026-11-20 15:01:23")
    assert (row.totalduration, row.billduration) == ("83", "63")


@only_salesplatform
async def test_salesplatform_has_an_unanswered_call_for_the_user_of_the_settings(
    vtiger: FakeVtiger, crm: VtigerCrm
) -> None:
    assert Capability.REPORT_STARTED not in crm.capabilities
    with pytest.raises(CrmRefuses):
        await crm.report(call())
    await crm.report(over(CallMoment.ENDED))
    (row,) = vtiger.calls.rows
    assert (row.user, row.callstatus) == ("19x6", "no-answer")


@only_salesplatform
async def test_nobody_tries_to_tell_salesplatform_that_a_call_begins(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    """The outbox never takes such a report for it, so there is none that could become a dead letter."""
    sink = CrmSink(crm)
    assert sink.types == {ReportType.ANSWERED, ReportType.ENDED, ReportType.UPDATED}
    left = Entry(CallId("main-1.1"), sink.name, 1, ReportType.STARTED, "waiting", 0.0, 0, 0.0, "", '{"data": {}}')
    await sink.send(left)  # one that has waited since the settings named another flavour
    assert vtiger.calls.taken == []


@only_salesplatform
async def test_an_operator_whom_vtiger_does_not_know_is_nobody(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    answered = talked(CallMoment.ANSWERED)
    await crm.report(replace(answered, user="555"))
    assert vtiger.calls.rows == []
    await crm.report(replace(talked(CallMoment.ENDED), user="555"))
    (row,) = vtiger.calls.rows
    assert (row.user, row.callstatus) == ("19x6", "completed")


@only_salesplatform
async def test_without_the_user_for_unanswered_calls_reports_wait(vtiger: FakeVtiger, open_crm: Opener) -> None:
    crm = open_crm({"unanswered_extension": "999"})
    with pytest.raises(CrmUnavailable, match="extension"):
        await crm.report(talked(CallMoment.ENDED))
    assert "extension" in (await crm.lacking())[Capability.REPORT_ENDED]


@pytest.mark.parametrize("vtiger", ["vtiger", "salesplatform"], indirect=True)
async def test_a_wrong_secret_is_found_out_without_a_call(vtiger: FakeVtiger, open_crm: Opener) -> None:
    assert await open_crm().lacking() == {}
    lacking = await open_crm({"secret": "falsch"}).lacking()
    assert "vtigersignature" in lacking[Capability.REPORT_ENDED]
    assert "vtigersignature" in lacking[Capability.REPORT_STRANGERS]
    assert vtiger.calls.rows == []


@only_cloud
async def test_a_wrong_secret_of_the_gateway_keeps_the_report(vtiger: FakeVtiger, open_crm: Opener) -> None:
    with pytest.raises(CrmUnavailable, match="401"):
        await open_crm({"secret": "falsch"}).report(talked(CallMoment.ENDED))


# Signing in ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [0.6, 25.0])
async def test_sessions_that_vtiger_has_ended_are_replaced(vtiger: FakeVtiger, crm: VtigerCrm, hours: float) -> None:
    vtiger.add("Contacts", lastname="Рощина", phone=NUMBER)
    await crm.find(parse_number(NUMBER, region="RU"))
    vtiger.ahead_s = hours * HOUR_S
    assert len(await crm.find(parse_number(NUMBER, region="RU"))) == 1


async def test_the_check_keeps_every_session_alive(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    for _ in range(4):
        await crm.check()
    assert len(vtiger.sessions) == 4
    for _ in range(6):
        vtiger.ahead_s += 0.1 * HOUR_S
        for _ in range(4):
            await crm.check()
    vtiger.asked.clear()
    await crm.find(parse_number(NUMBER, region="RU"))
    assert "login" not in vtiger.asked


async def test_somebody_elses_sign_in_at_the_same_moment_costs_one_more_attempt(
    vtiger: FakeVtiger, crm: VtigerCrm
) -> None:
    vtiger.challenges_spoilt = 1
    await crm.check()
    assert vtiger.asked.count("login") == 2


async def test_a_wrong_access_key_is_said_in_one_line(vtiger: FakeVtiger, open_crm: Opener) -> None:
    with pytest.raises(CrmUnavailable, match="does not let us in: INVALID_USER_CREDENTIALS"):
        await open_crm(secret="falsch").check()
    with pytest.raises(CrmUnavailable, match="does not let us in: ACCESS_DENIED"):
        await open_crm(user="niemand").check()


@only_cloud
async def test_the_cloud_is_not_asked_by_every_check(vtiger: FakeVtiger, open_crm: Opener) -> None:
    crm = open_crm(check_every="60s")
    for _ in range(5):
        await crm.check()
    assert vtiger.asked.count("me") == 1


# People --------------------------------------------------------------------------------------------------------------


@flavours
async def test_a_deal_of_the_firm_is_that_of_its_people_unless_it_is_somebodys(
    vtiger: FakeVtiger, crm: VtigerCrm
) -> None:
    firm = vtiger.add("Accounts", accountname="ООО «Ромашка»", phone="+74950000151")
    anna = vtiger.add("Contacts", lastname="Рощина", phone=NUMBER, account_id=firm)
    boris = vtiger.add("Contacts", lastname="Камышов", mobile="+74950000152", account_id=firm)
    vtiger.add("Potentials", potentialname="Общая", sales_stage="Prospecting", related_to=firm)
    vtiger.add("Potentials", potentialname="Анны", sales_stage="Prospecting", related_to=firm, contact_id=anna)
    vtiger.add("Potentials", potentialname="Бориса", sales_stage="Prospecting", contact_id=boris)

    async def titles(last: int) -> list[str]:
        (record,) = await crm.find(parse_number(f"+7495000{last:04}", region="RU"))
        return sorted(deal.title for deal in record.deals)

    assert await titles(150) == ["Анны", "Общая"]
    assert await titles(152) == ["Бориса", "Общая"]
    assert await titles(151) == ["Анны", "Общая"]


@pytest.mark.parametrize("id_", ["", "12x", "12x5\nrm", "12x5' OR '1'='1", "99x5", "x" * 300])
async def test_a_record_with_an_id_that_is_none_is_nobody(vtiger: FakeVtiger, crm: VtigerCrm, id_: str) -> None:
    vtiger.records["Contacts"]["12x5"] = {"id": id_, "lastname": "Рощина", "phone": NUMBER}
    assert await crm.find(parse_number(NUMBER, region="RU")) == ()


async def test_only_the_modules_of_the_settings_are_asked(vtiger: FakeVtiger, open_crm: Opener) -> None:
    vtiger.add("Leads", lastname="Лунин", phone=NUMBER)
    assert await open_crm(modules=["Contacts"]).find(parse_number(NUMBER, region="RU")) == ()
    (record,) = await open_crm().find(parse_number(NUMBER, region="RU"))
    assert (record.customer.name, record.deals) == ("Лунин", ())


async def test_more_than_a_hundred_users_are_all_known(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    for number in range(200, 400):
        vtiger.add_user(str(number), f"op{number}", str(1000 + number), f"Оператор {number}")
    vtiger.add("Contacts", lastname="Рощина", phone=NUMBER, assigned_user_id="19x399")
    (record,) = await crm.find(parse_number(NUMBER, region="RU"))
    assert record.customer.responsible == "1399"


@flavours
async def test_somebody_who_may_have_been_made_is_looked_for_first(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    new = NewCustomer("Злата 🙂 Ужова", NUMBER)
    await crm.check()
    vtiger.answers_lost = 1
    with pytest.raises(CrmUnavailable):
        await crm.create(new, key="a")
    made = await crm.create(new, key="a")
    assert [made] == list(vtiger.records["Contacts"])


@flavours
async def test_a_note_that_may_have_been_made_is_looked_for_first(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    anna = CustomerId(vtiger.add("Contacts", lastname="Рощина", phone=NUMBER))
    note = Note(BEGAN, "101", "Ждёт замер 🙂 в пятницу")
    await crm.check()
    vtiger.answers_lost = 1
    with pytest.raises(CrmUnavailable):
        await crm.add_note(anna, note, key="n")
    await crm.add_note(anna, note, key="n")
    (kept,) = vtiger.records["ModComments"].values()
    assert kept["assigned_user_id"] == "19x5"
    assert kept["commentcontent"].endswith("в пятницу")


@flavours
async def test_a_field_that_is_not_there_is_known_at_the_check(vtiger: FakeVtiger, open_crm: Opener) -> None:
    assert await open_crm(own_fields={"Contacts": {"segment": "cf_851"}}).lacking() == {}
    lacking = await open_crm(own_fields={"Contacts": {"segment": "cf_999"}}).lacking()
    assert lacking[Capability.UPDATE].endswith("Contacts.cf_999")


async def test_two_numbers_in_one_field_are_two(vtiger: FakeVtiger, crm: VtigerCrm) -> None:
    vtiger.add("Contacts", lastname="Чижова", phone="8 (495) 000-01-50, 8 (495) 000-01-51")
    for number in (NUMBER, "+74950000151"):
        (record,) = await crm.find(parse_number(number, region="RU"))
        assert record.customer.numbers == (NUMBER, "+74950000151")


async def test_a_new_user_becomes_known_though_callers_leave_no_time_for_a_check(
    vtiger: FakeVtiger, open_crm: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(known, "_KEPT_S", 0.0)
    monkeypatch.setattr(known, "_AGAIN_S", 0.0)
    crm = open_crm()
    vtiger.add("Contacts", lastname="Рощина", phone=NUMBER, assigned_user_id="19x7")
    (before,) = await crm.find(parse_number(NUMBER, region="RU"))
    assert before.customer.responsible == ""
    vtiger.add_user("7", "anna", "107", "Анна Новая")
    async with asyncio.timeout(30):
        while not (await crm.find(parse_number(NUMBER, region="RU")))[0].customer.responsible:
            await asyncio.sleep(0.2)  # callers who leave no second without a question would keep the rest waiting
    await crm.close()


# Settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"secret": ""}, "secret_file or secret is missing"),
        ({"url": "http://crm.example"}, "https"),
        ({"flavour": "salesplatform"}, "unanswered_extension"),
        ({"phone_calls": {"secret": "x", "unanswered_extension": "900"}}, "unanswered_extension"),
        ({"phone_calls": {}}, "secret_file or secret is missing"),
        ({"create_in": "Leads", "modules": ["Contacts"]}, "create_in"),
        ({"modules": ["Contacts", "Contacts"]}, "twice"),
        ({"timezone": "Moscow"}, "time zone"),
        ({"own_fields": {"Contacts": {"segment": "cf_1 OR"}}}, "pattern"),
        ({"user": "a:b"}, "pattern"),
    ],
)
def test_settings_that_do_not_fit_are_refused(changed: dict[str, Any], says: str) -> None:
    plain = {"url": "https://crm.example", "user": "cti", "secret": "x", "phone_calls": {"secret": "x"}}
    VtigerModel.model_validate(plain)
    with pytest.raises(ValueError, match=says):
        VtigerModel.model_validate({**plain, **changed})


def test_without_a_secret_for_calls_vtiger_is_told_of_none(tmp_path: Path) -> None:
    model = VtigerModel(url="https://crm.example", user="cti", secret="x")
    links = SqliteLinks(tmp_path / "links.sqlite")
    crm = opened(model, region="RU", stages=None, folder=tmp_path, data_dir=tmp_path, links=links)
    assert not {one for one in crm.capabilities if one.startswith("report")}
    assert SETTINGS_EXAMPLE.startswith("crm:")
