"""Calls told to Bitrix24: each there once and as it went, whatever is lost on the way."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from bitrix_opened import NOBODY_S, MemoryLinks, by_application, by_webhook, fake

from cti_bridge.crm.bitrix.adapter import BitrixCrm
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.ids import CustomerId
from fakes.bitrix import Bitrix
from fakes.bitrix_portal import CONTACT, LEAD

BEGAN = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
OLGA = "7"
STARTED = CallReport(
    id="main-1.1/1",
    key="main-1.1",
    moment=CallMoment.STARTED,
    direction="inbound",
    number="+74950000150",
    did="+74950000001",
    customer_id=None,
    user="",
    queue="sales",
    outcome="",
    started_at=BEGAN,
)
ENDED = replace(
    STARTED,
    id="main-1.1/3",
    moment=CallMoment.ENDED,
    user=OLGA,
    outcome="answered",
    answered_at=BEGAN + timedelta(seconds=20),
    ended_at=BEGAN + timedelta(seconds=83),
)
MISSED = replace(ENDED, id="main-1.1/2", user="", outcome="abandoned", answered_at=None)
REGISTER, FINISH, ATTACH = (f"telephony.externalCall.{name}" for name in ("register", "finish", "attachRecord"))


def recording(file: str, seconds: int = 60) -> ReportedRecording:
    return ReportedRecording(file, BEGAN, BEGAN + timedelta(seconds=seconds))


def updated(*recordings: ReportedRecording) -> CallReport:
    return replace(ENDED, id="main-1.1/4", moment=CallMoment.UPDATED, recordings=recordings)


def methods(bitrix: Bitrix) -> list[str]:
    return [method for method, _ in bitrix.asked]


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with fake() as portal:
        yield portal


@pytest.fixture
def links() -> MemoryLinks:
    return MemoryLinks()


@pytest.fixture
async def crm(bitrix: Bitrix, links: MemoryLinks, tmp_path: Path) -> AsyncIterator[BitrixCrm]:
    async with by_application(bitrix, tmp_path, links) as crm:
        yield crm


async def test_a_call_is_registered_once_and_finished_once(crm: BitrixCrm, bitrix: Bitrix) -> None:
    id_ = bitrix.portal.put(CONTACT, name="Вера Ёлкина", phones=["+74950000150"])
    for report in (STARTED, ENDED, ENDED):
        await crm.report(replace(report, customer_id=CustomerId(f"contact-{id_}")))
    (call,) = bitrix.calls.of("CONTACT", id_)
    assert (call["EXTERNAL_CALL_ID"], call["PORTAL_USER_ID"], call["PORTAL_NUMBER"]) == ("main-1.1", 7, "+74950000001")
    assert (call["INCOMING"], call["CALL_DURATION"], call["CALL_FAILED_CODE"]) == ("2", 63, "200")
    assert methods(bitrix) == [REGISTER, FINISH]


async def test_no_card_of_bitrix_is_shown_beside_ours(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.report(STARTED)
    assert bitrix.calls.registered
    assert bitrix.calls.shown == []


@pytest.mark.parametrize(
    ("direction", "outcome", "code"),
    [
        ("inbound", "abandoned", "304"),
        ("inbound", "missed", "304"),
        ("inbound", "overflowed", "304"),
        ("inbound", "failed", "304"),
        ("outbound", "abandoned", "603-S"),
        ("outbound", "failed", "480"),
    ],
)
async def test_a_call_that_nobody_answered_says_so(
    crm: BitrixCrm, bitrix: Bitrix, direction: str, outcome: str, code: str
) -> None:
    await crm.report(replace(MISSED, direction=direction, outcome=outcome))
    (call,) = bitrix.calls.statistics.values()
    assert (call["CALL_FAILED_CODE"], call["CALL_DURATION"], call["CALL_STATUS"]) == (code, 0, 0)
    assert (call["PORTAL_USER_ID"], call["CALL_FAILED_REASON"]) == (NOBODY_S, outcome)


async def test_after_an_outage_a_call_is_told_whole(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.check()
    bitrix.ahead_s += 86_400
    await crm.report(ENDED)
    (call,) = bitrix.calls.statistics.values()
    assert call["CALL_FAILED_CODE"] == "200"
    (register,) = [params for method, params in bitrix.asked if method == REGISTER]
    assert register["CALL_START_DATE"] == "2026-11-20T12:00:00+00:00"


@pytest.mark.parametrize("minutes", [1, 45])
async def test_a_registration_whose_answer_was_lost_is_no_second_call(
    crm: BitrixCrm, bitrix: Bitrix, links: MemoryLinks, minutes: int
) -> None:
    """One that began more than half an hour ago is another one to Bitrix24; what is never ended shows nowhere."""
    began = datetime.fromtimestamp(bitrix.now(), UTC) - timedelta(minutes=minutes)
    bitrix.loses_answers_of = REGISTER
    with pytest.raises(CrmUnavailable):
        await crm.report(replace(STARTED, started_at=began))
    assert not links.kept
    bitrix.loses_answers_of = ""
    await crm.report(replace(ENDED, started_at=began))
    assert len(bitrix.calls.statistics) == 1
    assert len(bitrix.calls.registered) == (minutes > 30)


async def test_two_calls_of_one_caller_within_half_an_hour_are_two(crm: BitrixCrm, bitrix: Bitrix) -> None:
    began = datetime.fromtimestamp(bitrix.now(), UTC)
    first, second = (replace(STARTED, key=key, started_at=began) for key in ("main-1.1", "main-1.2"))
    await crm.report(first)
    await crm.report(second)
    for call in (first, second):
        await crm.report(replace(ENDED, key=call.key, started_at=began))
    assert [call["EXTERNAL_CALL_ID"] for call in bitrix.calls.statistics.values()] == ["main-1.1", "main-1.2"]


async def test_an_answer_of_less_than_a_second_is_an_answer(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.report(replace(ENDED, answered_at=ENDED.ended_at))
    (call,) = bitrix.calls.statistics.values()
    assert (call["CALL_STATUS"], call["CALL_FAILED_CODE"], call["PORTAL_USER_ID"]) == (1, "200", 7)


async def test_an_end_whose_answer_was_lost_is_no_second_end(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.report(STARTED)
    bitrix.loses_answers_of = FINISH
    with pytest.raises(CrmUnavailable):
        await crm.report(ENDED)
    bitrix.loses_answers_of = ""
    await crm.report(ENDED)
    await crm.report(updated(recording("main-1.1.wav")))
    assert methods(bitrix) == [REGISTER, FINISH, FINISH, ATTACH]
    (call,) = bitrix.calls.statistics.values()
    assert call["RECORD"] == "https://pbx.example/recordings/main-1.1.wav"


async def test_an_end_that_the_portal_is_slow_to_write_down_is_not_told_a_second_time(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    bitrix.slow = FINISH
    for _ in range(3):
        await _not_waited_for(crm, bitrix)
    waiting = asyncio.create_task(crm.report(ENDED))
    await asyncio.sleep(0)
    bitrix.goes_on.set()
    await waiting
    await crm.report(updated(recording("a.wav")))
    assert methods(bitrix) == [REGISTER, FINISH, ATTACH]
    assert len(bitrix.calls.statistics) == 1


async def test_an_end_that_nobody_waits_for_any_more_is_known_when_it_is_told_again(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    bitrix.slow = FINISH
    await _not_waited_for(crm, bitrix)
    bitrix.goes_on.set()
    await _until(lambda: bool(bitrix.calls.statistics))
    await crm.report(ENDED)
    assert len(bitrix.calls.statistics) == 1


async def _not_waited_for(crm: BitrixCrm, bitrix: Bitrix) -> None:
    """The end of the call is told, and whoever told it loses patience."""
    telling = asyncio.create_task(crm.report(ENDED))
    await _until(lambda: FINISH in methods(bitrix))
    telling.cancel()
    await asyncio.gather(telling, return_exceptions=True)


async def _until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_call_that_the_portal_has_forgotten_is_registered_anew(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.report(STARTED)
    bitrix.calls.registered.clear()
    bitrix.ahead_s += 7_200
    await crm.report(ENDED)
    assert methods(bitrix) == [REGISTER, FINISH, REGISTER, FINISH]
    assert len(bitrix.calls.statistics) == 1


async def test_what_was_begun_goes_on_after_a_restart(
    crm: BitrixCrm, bitrix: Bitrix, links: MemoryLinks, tmp_path: Path
) -> None:
    await crm.report(STARTED)
    await crm.close()
    bitrix.ahead_s += 2_400  # the half hour in which it would be the same call is over
    async with by_application(bitrix, tmp_path, links) as later:
        await later.report(ENDED)
    assert methods(bitrix) == [REGISTER, FINISH]


async def test_a_call_that_the_portal_cannot_write_down_is_told_again(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.calls.disk_is_full = True
    with pytest.raises(CrmUnavailable, match="Unexpected database error"):
        await crm.report(ENDED)
    bitrix.calls.disk_is_full = False
    await crm.report(ENDED)
    (call,) = bitrix.calls.statistics.values()
    assert (call["PORTAL_USER_ID"], call["CALL_DURATION"]) == (7, 63)


async def test_a_hidden_number_is_not_told(crm: BitrixCrm, bitrix: Bitrix) -> None:
    for number in ("", "ivanov", "anonymous", "*43"):
        for report in (STARTED, ENDED, updated(recording("a.wav"))):
            await crm.report(replace(report, number=number))
    assert bitrix.asked == []


async def test_an_internal_call_is_not_told(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.report(replace(ENDED, direction="internal"))
    assert bitrix.asked == []


async def test_an_operator_whom_bitrix_does_not_know_leaves_the_call_to_everybodys_user(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    await crm.report(replace(ENDED, user="4711"))
    (call,) = bitrix.calls.statistics.values()
    assert (call["PORTAL_USER_ID"], call["CALL_DURATION"]) == (NOBODY_S, 63)


async def test_without_that_user_calls_wait_for_another_one_and_none_is_lost(crm: BitrixCrm, bitrix: Bitrix) -> None:
    """Whoever was named in the settings has left: nothing is wrong with the calls."""
    await crm.report(STARTED)
    bitrix.portal.users.remove(NOBODY_S)
    for report in (replace(STARTED, key="main-1.2"), MISSED):
        with pytest.raises(CrmUnavailable, match="user 1 of the settings is not there"):
            await crm.report(report)
    bitrix.portal.users.add(NOBODY_S)
    await crm.report(MISSED)
    await crm.report(replace(MISSED, key="main-1.2"))
    assert len(bitrix.calls.statistics) == 2


async def test_the_longest_recording_is_attached_and_only_once(crm: BitrixCrm, bitrix: Bitrix) -> None:
    files = (recording("a.wav", 20), recording("/var/spool/asterisk/monitor/2026/б в.wav", 60), recording("c.ogg", 90))
    await crm.report(ENDED)
    await crm.report(updated(*files))
    await crm.report(updated(*files))
    (call,) = bitrix.calls.statistics.values()
    assert call["RECORD"] == "https://pbx.example/recordings/2026/%D0%B1%20%D0%B2.wav"
    assert methods(bitrix).count(ATTACH) == 1


@pytest.mark.parametrize("status", [404, 503, 0], ids=["not there yet", "busy", "nobody there"])
async def test_a_recording_that_cannot_be_fetched_yet_is_attached_later(
    crm: BitrixCrm, bitrix: Bitrix, status: int
) -> None:
    await crm.report(ENDED)
    bitrix.calls.fetches = lambda url: status
    with pytest.raises(CrmUnavailable, match="attachRecord"):
        await crm.report(updated(recording("a.wav")))
    bitrix.calls.fetches = lambda url: 200
    await crm.report(updated(recording("a.wav")))
    (call,) = bitrix.calls.statistics.values()
    assert call["RECORD"] == "https://pbx.example/recordings/a.wav"


async def test_a_recording_with_a_large_ending_is_taken(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.report(updated(recording("b.WAV")))
    (call,) = bitrix.calls.statistics.values()
    assert call["RECORD"] == "https://pbx.example/recordings/b.WAV"


async def test_no_recording_is_attached_before_the_end(crm: BitrixCrm, bitrix: Bitrix) -> None:
    await crm.report(STARTED)
    await crm.report(updated(recording("a.wav")))
    assert methods(bitrix) == [REGISTER, FINISH, ATTACH]


async def test_a_stranger_becomes_a_lead_only_where_that_is_wanted(
    crm: BitrixCrm, bitrix: Bitrix, links: MemoryLinks, tmp_path: Path
) -> None:
    await crm.report(STARTED)
    assert not bitrix.portal.items[LEAD]
    async with by_application(bitrix, tmp_path, links, create_leads=True) as other:
        await other.report(replace(STARTED, key="main-1.2"))
        await other.report(replace(STARTED, key="main-1.3", direction="outbound", number="+74950000151"))
    (lead,) = bitrix.portal.items[LEAD].values()
    assert lead["fm"][0]["value"] == "+74950000150"


async def test_a_webhook_cannot_tell_of_calls_and_that_is_known_before(bitrix: Bitrix) -> None:
    async with by_webhook(bitrix) as crm:
        assert not {one for one in crm.capabilities if one.startswith("report")}
        assert Capability.DEALS in crm.capabilities
        with pytest.raises(CrmRefuses, match="local application"):
            await crm.report(STARTED)
    assert bitrix.asked == []
