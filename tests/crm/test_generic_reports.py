"""What the generic CRM is told: each moment of a call once, in the settings' words, or refused with the reason."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web
from generic_page import NOON, MemoryLinks, at, crm_at, ended, gives, opened_from, whole_example
from receiver import HttpReceiver

from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.domain.call_report import CallMoment
from cti_bridge.domain.customer import CustomerChanges, Note
from cti_bridge.domain.ids import CustomerId
from fakes.rest import SECRET, FakeRest


@pytest.fixture
async def there() -> AsyncIterator[HttpReceiver]:
    async with HttpReceiver() as receiver:
        yield receiver


REPORT = """\
  report:
    ended:
      method: POST
      path: /customers/{customer_id}/calls
      headers: {X-Key: "{report_id}"}
      body: {talked: "{talked_s}", who: "{user}", file: "{recording}"}
      also_done: [404, 409]
"""


async def test_a_call_is_told_once_in_the_words_of_the_settings(there: HttpReceiver, tmp_path: Path) -> None:
    async with crm_at(at(there), tmp_path, REPORT) as crm:
        assert crm.capabilities & {one for one in Capability if one.startswith("report")} == {Capability.REPORT_ENDED}
        await crm.report(ended(customer="7/8"))
        await crm.report(ended(customer="7/8"))
        await crm.report(ended(customer=None, key="main-1.2"))
        with pytest.raises(CrmRefuses, match=r"report has nothing for call\.started"):
            await crm.report(replace(ended(), moment=CallMoment.STARTED))
    (told,) = there.arrivals
    assert told.path == "/customers/7%2F8/calls"
    assert json.loads(told.body) == {"talked": 120, "who": "olga", "file": "b.wav"}
    assert told.headers["X-Key"] == "main-1.1/3"


@pytest.mark.parametrize("status", [404, 409])
async def test_a_status_that_is_as_good_as_success_is_success(status: int, there: HttpReceiver, tmp_path: Path) -> None:
    there.behaviour = gives({}, status)
    async with crm_at(at(there), tmp_path, REPORT) as crm:
        await crm.report(ended())
        await crm.report(ended())
    assert len(there.arrivals) == 1


@pytest.mark.parametrize(
    ("status", "error"),
    [(400, CrmRefuses), (410, CrmRefuses), (422, CrmRefuses), (401, CrmUnavailable), (408, CrmUnavailable)],
)
async def test_a_report_is_refused_for_good_or_told_again(
    status: int, error: type[Exception], there: HttpReceiver, tmp_path: Path
) -> None:
    there.behaviour = gives({"error": "geheim"}, status)
    async with crm_at(at(there), tmp_path, REPORT) as crm:
        for _ in range(2):
            with pytest.raises(error) as caught:
                await crm.report(ended())
            assert "geheim" not in str(caught.value)
        there.behaviour = gives({})
        await crm.report(ended())
    assert there.arrivals[-1].taken


@pytest.mark.parametrize("kind", ["text/html", "application/json"])
async def test_a_login_page_instead_of_an_answer_has_not_taken_the_report(
    kind: str, there: HttpReceiver, tmp_path: Path
) -> None:
    async def login_page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="\n<!DOCTYPE html><title>geheim</title>", content_type=kind)

    there.behaviour = login_page
    async with crm_at(at(there), tmp_path, REPORT) as crm:
        with pytest.raises(CrmUnavailable, match="answered HTML and not what was asked for"):
            await crm.report(ended())
        there.behaviour = gives({})
        await crm.report(ended())
    assert len(there.arrivals) == 2


@pytest.mark.parametrize(
    ("said", "is_done"), [("OK", True), ("", True), ('{"ok": true}', True), ('{"ok": false}', False)]
)
async def test_what_the_crm_says_besides_success_is_read_only_where_it_can_be(
    said: str, is_done: bool, there: HttpReceiver, tmp_path: Path
) -> None:
    """Somebody who answers `OK` would otherwise be told of each call again and again, for a day."""

    async def speaks(_request: web.Request) -> web.StreamResponse:
        return web.Response(text=said)

    there.behaviour = speaks
    async with crm_at(at(there), tmp_path, "  error: ok == `false`\n" + REPORT) as crm:
        if is_done:
            await crm.report(ended())
        else:
            with pytest.raises(CrmUnavailable, match="its answer says that it failed"):
                await crm.report(ended())
        there.behaviour = gives({"ok": True})
        await crm.report(ended())
    assert len(there.arrivals) == (1 if is_done else 2)


async def test_a_report_that_cannot_be_made_is_refused_and_shows_nothing(there: HttpReceiver, tmp_path: Path) -> None:
    async with crm_at(at(there), tmp_path, REPORT) as crm:
        with pytest.raises(CrmRefuses) as caught:
            await crm.report(ended(customer=".."))
        assert str(caught.value) == "`call.ended` cannot be made: a part of the path would be . or .."
        with pytest.raises(CrmRefuses) as caught:
            await crm.report(ended(key="main-1.3\r\nX-Evil: geheim"))
    assert "geheim" not in str(caught.value)
    assert not there.arrivals


CALLS = """\
  report:
    started: {method: POST, path: /calls, body: {call: "{call}"}, id: id}
    ended: {method: PUT, path: "/calls/{crm_call}", body: {talked: "{talked_s}"}}
"""


async def test_a_call_whose_beginning_was_missed_is_made_up_for(there: HttpReceiver, tmp_path: Path) -> None:
    there.behaviour = gives({"id": "c/7"})
    async with crm_at(at(there), tmp_path, CALLS) as crm:
        await crm.report(ended())
    assert [arrival.path for arrival in there.arrivals] == ["/calls", "/calls/c%2F7"]


async def test_what_is_made_up_for_has_a_key_of_its_own_and_says_what_was_known_then(
    there: HttpReceiver, tmp_path: Path
) -> None:
    """A CRM that drops keys which it knows would otherwise never hear of the end."""
    there.behaviour = gives({"id": 5})
    say = (
        '{key: "{report_id}", what: "{moment}", over: "{ended_at}", outcome: "{outcome}", who: "{user}", at: "{e164}"}'
    )
    more = CALLS.replace('{call: "{call}"}', say).replace('{talked: "{talked_s}"}', say)
    async with crm_at(at(there), tmp_path, more) as crm:
        await crm.report(ended())
    began, over = (json.loads(arrival.body) for arrival in there.arrivals)
    assert began == {"key": "main-1.1/1", "what": "call.started", "at": "+74950000150"}
    assert (over["key"], over["what"], over["who"]) == ("main-1.1/3", "call.ended", "olga")


async def test_an_end_that_is_made_up_for_has_a_key_of_its_own(there: HttpReceiver, tmp_path: Path) -> None:
    there.behaviour = gives({"id": 5})
    more = """\
  report:
    ended: {method: POST, path: /calls, body: {key: "{report_id}", over: "{ended_unix}"}, id: id}
    updated: {method: PUT, path: "/calls/{crm_call}", body: {key: "{report_id}"}}
"""
    async with crm_at(at(there), tmp_path, more) as crm:
        await crm.report(replace(ended(seq=4), moment=CallMoment.UPDATED))
    first, second = (json.loads(arrival.body) for arrival in there.arrivals)
    assert first == {"key": "main-1.1/0", "over": int(NOON.replace(minute=3).timestamp())}
    assert second == {"key": "main-1.1/4"}


async def test_a_report_whose_answer_got_lost_is_told_again_and_is_there_once(tmp_path: Path) -> None:
    fake = FakeRest()
    await fake.start()
    vera = str(fake.add("Вера Ёлкина", ("8 (495) 000-01-50",)))
    began = replace(ended(customer=vera, seq=1), moment=CallMoment.STARTED, user="", answered_at=None, ended_at=None)
    crm = opened_from(whole_example(fake.url), tmp_path, MemoryLinks(), secret=SECRET)
    fake.loses = 2
    for _ in range(2):
        with pytest.raises(CrmUnavailable, match="the connection broke"):
            await crm.report(began)
    await crm.report(began)
    fake.loses = 1
    note = Note(NOON, "olga", "Просил перезвонить после шести")
    with pytest.raises(CrmUnavailable):
        await crm.add_note(CustomerId(vera), note, key="note/1")
    await crm.add_note(CustomerId(vera), note, key="note/1")
    await crm.report(ended(customer=vera))
    await crm.close()
    await fake.stop()
    (call,) = fake.calls.values()
    assert (call["user"], call["result"], call["talked"]) == ("olga", "Held", 120)
    assert [note["text"] for note in fake.notes[int(vera)]] == ["Просил перезвонить после шести"]
    assert not fake.refused


async def test_an_answer_without_the_id_of_the_call_is_a_refusal_and_not_tried_for_ever(
    there: HttpReceiver, tmp_path: Path
) -> None:
    there.behaviour = gives({"id": {"geheim": 1}})
    async with crm_at(at(there), tmp_path, CALLS) as crm:
        with pytest.raises(CrmRefuses) as caught:
            await crm.report(ended())
    assert str(caught.value) == "its answer to `call.started` has no id where `id` looks"


async def test_what_is_not_in_the_settings_is_refused(there: HttpReceiver, tmp_path: Path) -> None:
    async with crm_at(at(there), tmp_path) as crm:
        assert crm.capabilities == {Capability.DEALS}
        with pytest.raises(CrmRefuses):
            await crm.stages()
        with pytest.raises(CrmRefuses):
            await crm.update(CustomerId("7"), CustomerChanges(name="Вера"))
        with pytest.raises(CrmRefuses):
            await crm.add_note(CustomerId("7"), Note(NOON, "olga", "x"), key="n")
        assert await crm.notes(CustomerId("7"), limit=5) == ()
        assert await crm.calls(CustomerId("7"), limit=5) == ()
    assert not there.arrivals


async def test_what_is_to_be_emptied_is_sent_empty_and_what_stays_is_not_sent(
    there: HttpReceiver, tmp_path: Path
) -> None:
    body = "{name: '{name}', email: '{email}', city: '{city}'}"
    update = f"  update: {{method: PATCH, path: '/c/{{customer_id}}', body: {body}}}\n"
    async with crm_at(at(there), tmp_path, update) as crm:
        await crm.update(CustomerId("7"), CustomerChanges(email="", city="Тверь"))
    assert json.loads(there.arrivals[0].body) == {"email": "", "city": "Тверь"}
