"""What amoCRM is told of calls, contacts and notes: once, and for good."""

from dataclasses import replace

import pytest
from aiohttp import web
from amocrm_scene import BEGAN, NUMBER, PLAIN, AmocrmStories, Opener, found, told

from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.crm.recording_links import RecordingLinks
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.call_report import CallMoment, ReportedRecording
from cti_bridge.domain.customer import CustomerChanges, NewCustomer, Note
from cti_bridge.domain.ids import CustomerId
from fakes.amocrm import PIPELINES, USERS, FakeAmocrm
from fakes.amocrm_answers import problem

MONITOR = RecordingLinks("https://pbx.example/rec", "/var/spool/asterisk/monitor")


class TestCalls(AmocrmStories):
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

    async def test_an_answered_call_that_was_not_recorded_is_filed_with_its_last_report(
        self, account: FakeAmocrm, opened: Opener
    ) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        crm = opened(replace(PLAIN, recordings=MONITOR))
        for moment in (CallMoment.ENDED, CallMoment.UPDATED, CallMoment.UPDATED):
            await crm.report(told(olga, moment=moment))
        ((_, call),) = account.calls
        assert (call["call_status"], "link" in call) == (4, False)

    @pytest.mark.parametrize("leads", [0, 1, 2], ids=["no lead", "his only lead", "two leads"])
    async def test_a_call_whose_answer_was_lost_is_not_filed_twice(
        self, account: FakeAmocrm, opened: Opener, leads: int
    ) -> None:
        """It is looked for where amoCRM files it: with his only open lead, or else with himself."""
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        account.add_lead(olga, "Стол", PIPELINES[0][0], 142)
        for one in range(leads):
            account.add_lead(olga, f"Кухня {one}", PIPELINES[0][0], 31)
        account.loses_next = "/api/v4/calls"
        with pytest.raises(CrmUnavailable):
            await opened().report(told(olga))
        for _ in range(2):
            await opened().report(told(olga))
        assert len(account.calls) == 1
        await opened().report(told(olga, key="main-2.1"))
        assert len(account.calls) == 2

    async def test_an_attempt_that_never_arrived_is_made_again(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        crm = opened()
        account.refuses_posts = True
        with pytest.raises(CrmUnavailable):
            await crm.report(told(olga))
        account.refuses_posts = False
        await crm.report(told(olga))
        assert len(account.calls) == 1

    async def test_what_stands_before_amocrm_does_not_make_somebody_be_gone(
        self, account: FakeAmocrm, opened: Opener
    ) -> None:
        """A report that went to a wrong address would be lost without a word."""
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        crm = opened()

        async def not_here(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=404, text="<html>", content_type="text/html")

        account.ill = not_here
        with pytest.raises(CrmUnavailable, match="404"):
            await crm.report(told(olga))
        account.ill = None
        await crm.report(told(olga))
        assert len(account.calls) == 1

    @pytest.mark.parametrize("status", [402, 403, 404, 405, 415])
    async def test_a_call_waits_for_whatever_may_be_put_right(
        self, account: FakeAmocrm, opened: Opener, status: int
    ) -> None:
        crm = opened(replace(PLAIN, unsorted=PIPELINES[1][0]))

        async def no(_request: web.Request) -> web.StreamResponse:
            return problem(status, "No")

        account.ill = no
        with pytest.raises(CrmUnavailable, match=str(status)):
            await crm.report(told(None))
        account.ill = None
        await crm.report(told(None))
        assert len(account.incoming) == 1

    async def test_the_call_of_somebody_who_was_merged_goes_to_whom_he_was_merged_into(
        self, account: FakeAmocrm, opened: Opener
    ) -> None:
        double = account.add_contact("О. Трубина", (NUMBER,))
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        del account.contacts[double]
        await opened().report(told(double))
        assert [contact for contact, _ in account.calls] == [olga]

    async def test_who_was_deleted_becomes_no_incoming_lead(self, account: FakeAmocrm, opened: Opener) -> None:
        await opened(replace(PLAIN, unsorted=PIPELINES[1][0])).report(told(5))
        assert (account.calls, account.incoming) == ([], [])

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
        for _ in range(2):
            await crm.report(told(None))
        assert len(account.incoming) == 1

    @pytest.mark.parametrize("typed", ["+74950000151", "8 (495) 000-01-50, 8 (495) 000-01-51"])
    async def test_a_customer_whom_amocrm_does_not_find_by_the_number_gets_the_call_as_a_note(
        self, account: FakeAmocrm, opened: Opener, typed: str
    ) -> None:
        olga = account.add_contact("Ольга Трубина", (typed,))
        account.loses_next = f"/api/v4/contacts/{olga}/notes"
        with pytest.raises(CrmUnavailable):
            await opened().report(told(olga))
        for _ in range(2):
            await opened().report(told(olga))
        (note,) = account.notes["contacts", olga]
        assert (note["note_type"], note["params"]["uniq"], note["params"]["duration"]) == ("call_in", "main-1.1", 63)

    async def test_calls_can_be_written_and_never_read(self, account: FakeAmocrm, opened: Opener) -> None:
        client = WebClient(account.url)
        headers = {"Authorization": f"Bearer {account.long_lived}"}
        answer = await client.ask("GET", "/api/v4/calls", headers=headers, within_s=30)
        await client.close()
        assert answer.status == 405
        assert await opened().calls(CustomerId("5"), limit=5) == ()


class TestWriting(AmocrmStories):
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
