"""What amoCRM is told of calls, contacts and notes: once, and for good."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path

import pytest
from amocrm_scene import BEGAN, NUMBER, PLAIN, AmocrmScene, found, told
from fakes.amocrm import PIPELINES, USERS, FakeAmocrm

from cti_bridge.crm.amocrm.adapter import AmocrmCrm
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.call_report import CallMoment, ReportedRecording
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, Note
from cti_bridge.domain.ids import CustomerId

MONITOR = RecordingLinks("https://pbx.example/rec", "/var/spool/asterisk/monitor")
Opener = Callable[..., AmocrmCrm]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[AmocrmScene]:
    scene = AmocrmScene(tmp_path)
    await scene.account.start()
    yield scene
    await scene.close()


@pytest.fixture
def account(scene: AmocrmScene) -> FakeAmocrm:
    return scene.account


@pytest.fixture
def opened(scene: AmocrmScene) -> Opener:
    return scene.opened


class TestCalls:
    """What amoCRM is told of a call: once, and for good."""

    async def test_a_call_is_filed_by_the_number_as_it_is_typed(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", ("8 (495) 000-01-50",))
        await opened().report(told(olga))
        ((contact, call),) = account.calls
        assert (contact, call["phone"]) == (olga, "8 (495) 000-01-50")
        assert (call["direction"], call["duration"], call["call_status"]) == ("inbound", 63, 4)
        assert (call["uniq"], call["created_at"]) == ("main-1.1", int(BEGAN.timestamp()))
        assert "link" not in call

    async def test_without_recordings_only_the_end_is_wanted(self, opened: Opener) -> None:
        crm = opened()
        wanted = {one for one in crm.capabilities if one.startswith("report_")}
        assert wanted == {Capability.REPORT_ENDED}
        with pytest.raises(CrmRefuses):
            await crm.report(told(5, moment=CallMoment.UPDATED))
        with pytest.raises(CrmRefuses):
            await crm.report(told(5, moment=CallMoment.STARTED))

    async def test_an_answered_call_waits_for_its_recording(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        crm = opened(replace(PLAIN, recordings=MONITOR))
        await crm.report(told(olga))
        assert account.calls == []
        recording = ReportedRecording("/var/spool/asterisk/monitor/2026/зал 1.wav", BEGAN)
        await crm.report(told(olga, moment=CallMoment.UPDATED, recordings=(recording,)))
        await crm.report(told(olga, moment=CallMoment.UPDATED, recordings=(recording, recording)))
        ((_, call),) = account.calls
        assert call["link"] == "https://pbx.example/rec/2026/%D0%B7%D0%B0%D0%BB%201.wav"

    async def test_a_missed_call_does_not_wait(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        crm = opened(replace(PLAIN, recordings=MONITOR))
        await crm.report(told(olga, answered_at=None, user="", outcome="abandoned"))
        await crm.report(told(olga, answered_at=None, user="", outcome="abandoned", moment=CallMoment.UPDATED))
        ((_, call),) = account.calls
        assert (call["call_status"], call["duration"], call["call_result"]) == (6, 0, "abandoned (sales)")
        assert "call_responsible" not in call

    @pytest.mark.parametrize("status", [200, 400])
    async def test_a_stranger_becomes_an_incoming_lead_once(
        self, account: FakeAmocrm, opened: Opener, status: int
    ) -> None:
        account.nobody_status = status
        wishes = replace(PLAIN, unsorted=PIPELINES[1][0])
        await opened(wishes).report(told(None))
        await opened(wishes).report(told(None))
        (lead,) = account.incoming
        assert lead["pipeline_id"] == PIPELINES[1][0]
        assert lead["metadata"]["phone"] == NUMBER
        assert account.calls == []

    async def test_a_stranger_whom_somebody_typed_in_meanwhile_is_none(
        self, account: FakeAmocrm, opened: Opener
    ) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        await opened(replace(PLAIN, unsorted=PIPELINES[1][0])).report(told(None))
        assert [contact for contact, _ in account.calls] == [olga]
        assert account.incoming == []

    async def test_only_callers_become_leads(self, account: FakeAmocrm, opened: Opener) -> None:
        crm = opened(replace(PLAIN, unsorted=PIPELINES[1][0]))
        await crm.report(told(None, direction="outbound"))
        await crm.report(told(None, number="101", key="main-2.1"))
        await crm.report(told(None, number="", key="main-3.1"))
        assert (account.incoming, account.calls) == ([], [])

    async def test_a_pipeline_that_is_not_there_is_a_refusal_that_says_so(
        self, account: FakeAmocrm, opened: Opener
    ) -> None:
        with pytest.raises(CrmRefuses, match="pipeline_id NotSupportedChoice"):
            await opened(replace(PLAIN, unsorted=1)).report(told(None))

    async def test_a_lead_whose_answer_was_lost_is_not_a_refusal(self, account: FakeAmocrm, opened: Opener) -> None:
        crm = opened(replace(PLAIN, unsorted=PIPELINES[1][0]))
        account.loses_next = "/api/v4/leads/unsorted/sip"
        with pytest.raises(CrmUnavailable):
            await crm.report(told(None))
        await crm.report(told(None))
        assert len(account.incoming) == 1

    async def test_a_number_that_is_his_no_more_is_a_refusal(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", ("+74950000151",))
        with pytest.raises(CrmRefuses, match="nobody"):
            await opened().report(told(olga))

    async def test_calls_can_be_written_and_never_read(self, account: FakeAmocrm, opened: Opener) -> None:
        client = WebClient(account.url)
        headers = {"Authorization": f"Bearer {account.long_lived}"}
        answer = await client.ask("GET", "/api/v4/calls", headers=headers, within_s=5)
        await client.close()
        assert answer.status == 405
        assert await opened().calls(CustomerId("5"), limit=5) == ()


class TestWriting:
    """Contacts and notes."""

    async def test_a_contact_whose_answer_was_lost_is_not_made_twice(self, account: FakeAmocrm, opened: Opener) -> None:
        new = NewCustomer("Злата Ужова", NUMBER, email="zlata@example.test")
        account.loses_next = "/api/v4/contacts"
        with pytest.raises(CrmUnavailable):
            await opened().create(new, key="k")
        (record,) = await found(opened())
        assert await opened().create(new, key="k") == record.customer.id
        assert len(account.contacts) == 1
        assert record.customer.email == "zlata@example.test"

    async def test_a_note_whose_answer_was_lost_is_not_written_twice(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        note = Note(BEGAN, str(USERS[1]), "Ждёт   замер\nв пятницу")
        account.loses_next = f"/api/v4/contacts/{olga}/notes"
        with pytest.raises(CrmUnavailable):
            await opened().add_note(CustomerId(str(olga)), note, key="n")
        await opened().add_note(CustomerId(str(olga)), note, key="n")
        (shown,) = await opened().notes(CustomerId(str(olga)), limit=5)
        assert (shown.author, shown.text) == (str(USERS[1]), "Ждёт замер\nв пятницу")

    async def test_changing_an_address_keeps_the_others(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        typed = [
            {"value": "a@example.test", "enum_code": "WORK", "enum_id": 3},
            {"value": "b@example.test", "enum_id": 4},
        ]
        account.contacts[olga]["custom_fields_values"].append({"field_id": 12, "field_code": "EMAIL", "values": typed})
        await opened().update(CustomerId(str(olga)), CustomerChanges(email="c@example.test"))
        field = account.contacts[olga]["custom_fields_values"][-1]
        assert [one["value"] for one in field["values"]] == ["c@example.test", "b@example.test"]

    async def test_what_the_account_has_no_field_for_is_refused_by_name(
        self, account: FakeAmocrm, opened: Opener
    ) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        with pytest.raises(CrmRefuses, match=r"crm\.fields\.city"):
            await opened().update(CustomerId(str(olga)), CustomerChanges(city="Тверь"))
        crm = opened(fields={"city": 501})
        await crm.update(CustomerId(str(olga)), CustomerChanges(city="Тверь"))
        (record,) = await found(crm)
        assert record.customer.city == "Тверь"
        await crm.update(CustomerId(str(olga)), CustomerChanges(city=""))
        (record,) = await found(crm)
        assert record.customer.city == ""

    async def test_a_responsible_who_is_no_user_is_refused(self, account: FakeAmocrm, opened: Opener) -> None:
        with pytest.raises(CrmRefuses, match="no user"):
            await opened().create(NewCustomer("Клим Ветров", NUMBER, responsible="olga"), key="k")
        with pytest.raises(CrmRefuses, match="responsible_user_id"):
            await opened().create(NewCustomer("Клим Ветров", NUMBER, responsible="99"), key="k")
