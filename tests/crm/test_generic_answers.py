"""What the generic CRM makes of answers: nobody, not now, never, nonsense; and that it is told of everything once."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from generic_page import opened_from
from http_peer import OK, Writing, answers, peer, says
from receiver import Behaviour, HttpReceiver

from cti_bridge.crm.generic.adapter import GenericCrm
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import Capability, CrmRefuses, CrmUnavailable
from cti_bridge.domain.call_report import CallMoment, CallReport, ReportedRecording
from cti_bridge.domain.customer import CustomerChanges, Note
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.ids import CustomerId
from cti_bridge.domain.number import parse_number

VERA = parse_number("+74950000150", region="RU")
NOON = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
FIND = """\
crm:
  kind: generic
  url: {url}
  timeout: 1s
  find:
    path: /who
    query: {{phone: "{{e164}}"}}
    customers: items
    customer: {{id: id, name: name, numbers: phones}}
    deals: "deals || `[]`"
    deal: {{id: id, stage: stage, amount: sum}}
"""
PERSON = {"id": 7, "name": "Вера Ёлкина", "phones": ["8 (495) 000-01-50"]}


class MemoryLinks:
    """Remembers for as long as it is there."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}

    async def get(self, key: str) -> str | None:
        return self.kept.get(key)

    async def put(self, key: str, value: str) -> None:
        self.kept[key] = value


def gives(document: Any, status: int = 200, **headers: str) -> Behaviour:
    async def answer(_request: web.Request) -> web.StreamResponse:
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return web.json_response(document, status=status, headers=named)

    return answer


@asynccontextmanager
async def crm_at(url: str, folder: Path, more: str = "", find: str = FIND) -> AsyncIterator[GenericCrm]:
    crm = opened_from(find.format(url=url) + more, folder, MemoryLinks())
    try:
        yield crm
    finally:
        await crm.close()


@pytest.fixture
async def there() -> AsyncIterator[HttpReceiver]:
    async with HttpReceiver() as receiver:
        yield receiver


def at(receiver: HttpReceiver) -> str:
    return f"http://127.0.0.1:{receiver.port}"


# Look-ups -------------------------------------------------------------------------------------------------------------


async def test_somebody_is_found_with_what_is_told_of_him(there: HttpReceiver, tmp_path: Path) -> None:
    deals = [{"id": "D-1", "stage": "paid", "sum": 10.5}, {"id": 2, "stage": None}]
    there.behaviour = gives({"items": [{**PERSON, "deals": deals}]})
    async with crm_at(at(there), tmp_path) as crm:
        (record,) = await crm.find(VERA)
    assert (record.customer.id, record.customer.name) == ("7", "Вера Ёлкина")
    assert record.customer.numbers == ("+74950000150",)
    told = [(deal.id, deal.stage, str(deal.amount)) for deal in record.deals]
    assert told == [("D-1", "paid", "10.5"), ("2", "", "None")]
    assert there.arrivals[0].path == "/who?phone=%2B74950000150"


@pytest.mark.parametrize(
    ("document", "status"),
    [({"items": []}, 200), ({}, 404), ({"items": [{**PERSON, "phones": ["+14950000150"]}]}, 200)],
)
async def test_nobody_is_an_answer(document: Any, status: int, there: HttpReceiver, tmp_path: Path) -> None:
    there.behaviour = gives(document, status)
    async with crm_at(at(there), tmp_path) as crm:
        assert await crm.find(VERA) == ()


async def test_no_content_is_nobody(there: HttpReceiver, tmp_path: Path) -> None:
    async def nothing(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    there.behaviour = nothing
    async with crm_at(at(there), tmp_path) as crm:
        assert await crm.find(VERA) == ()


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ({}, "`customers` finds nothing in its answer, and no list"),
        ({"error": "geheim"}, "`customers` finds nothing in its answer, and no list"),
        ({"items": "geheim"}, "`customers` finds something else in its answer, and no list"),
        ({"items": 7}, "`customers` finds something else in its answer, and no list"),
        ([], "`customers` finds nothing in its answer, and no list"),
        ("geheim", "`customers` finds nothing in its answer, and no list"),
        ({"items": [{"name": "geheim", "phones": "+74950000150"}]}, "one of `customers` in its answer has no id"),
        ({"items": [{**PERSON, "id": ["geheim"]}]}, "one of `customers` in its answer has no id"),
        ({"items": [{**PERSON, "deals": "geheim"}]}, "`deals` finds something else in its answer, and no list"),
        ({"items": [{**PERSON, "deals": [{"stage": "geheim"}]}]}, "one of `deals` in its answer has no id"),
    ],
)
async def test_wrong_types_are_no_answer_and_never_nobody(
    document: Any, why: str, there: HttpReceiver, tmp_path: Path
) -> None:
    there.behaviour = gives(document)
    async with crm_at(at(there), tmp_path) as crm:
        with pytest.raises(CrmUnavailable) as caught:
            await crm.find(VERA)
    assert str(caught.value) == why


async def test_wrong_types_where_nothing_depends_on_them_are_nothing(there: HttpReceiver, tmp_path: Path) -> None:
    phones: list[Any] = [["+7"], None, 4950000150, {}, "8-495-000-01-50"]
    strange: dict[str, Any] = {"id": "7", "name": {"first": "Вера"}, "phones": phones}
    there.behaviour = gives({"items": {**strange, "deals": [{"id": 1, "stage": ["a"], "sum": "viel"}]}})
    async with crm_at(at(there), tmp_path) as crm:
        (record,) = await crm.find(VERA)
    assert (record.customer.name, record.customer.numbers) == ("", ("+74950000150",))
    assert [(deal.stage, deal.amount) for deal in record.deals] == [("", None)]


@pytest.mark.parametrize(
    ("status", "headers", "why"),
    [
        (401, {}, "HTTP 401: it does not let us in"),
        (403, {}, "HTTP 403: it does not let us in"),
        (400, {}, "HTTP 400: it does not take the question"),
        (429, {"Retry_After": "60"}, "HTTP 429, again in 60 s"),
        (500, {}, "HTTP 500"),
        (503, {"Retry_After": "7"}, "HTTP 503, again in 7 s"),
        (302, {"Location": "https://geheim.example/"}, "HTTP 302, redirects are not followed"),
    ],
)
async def test_a_status_that_is_no_answer_says_which(
    status: int, headers: dict[str, str], why: str, there: HttpReceiver, tmp_path: Path
) -> None:
    there.behaviour = gives({"error": "geheim"}, status, **headers)
    async with crm_at(at(there), tmp_path) as crm:
        with pytest.raises(CrmUnavailable) as caught:
            await crm.find(VERA)
    assert str(caught.value) == why
    assert len(there.arrivals) == 1


@pytest.mark.parametrize("text", ["..", ".", "a/../../secret", "иванов", "'; --"])
async def test_what_a_stranger_calls_himself_makes_no_crm_unavailable(
    text: str, there: HttpReceiver, tmp_path: Path
) -> None:
    there.behaviour = gives({"error": "no number"}, 422)
    find = FIND.replace("path: /who", "path: /who/{{e164}}\n    headers: {{X-Who: '{{e164}}'}}")
    async with crm_at(at(there), tmp_path, find=find) as crm:
        assert await crm.find(parse_number(text, region="RU")) == ()
    assert all(arrival.path.startswith("/who/") and "/secret" not in arrival.path for arrival in there.arrivals)


async def test_a_request_that_cannot_be_made_for_a_real_number_makes_nobody_a_stranger(
    there: HttpReceiver, tmp_path: Path
) -> None:
    find = FIND.replace('query: {{phone: "{{e164}}"}}', "method: POST\n    body: {{phone: '{{e164:number}}'}}")
    async with crm_at(at(there), tmp_path, find=find) as crm:
        with pytest.raises(CrmUnavailable) as caught:
            await crm.find(VERA)
    assert str(caught.value) == "{e164} is not a whole number: it does not take the question"


async def test_each_spelling_is_asked_for_and_everybody_counts_once(there: HttpReceiver, tmp_path: Path) -> None:
    async def one_spelling(request: web.Request) -> web.StreamResponse:
        known = request.query["phone"] in {"84950000150", "4950000150"}
        return web.json_response({"items": [PERSON] if known else []})

    there.behaviour = one_spelling
    spellings = "spellings: [e164, national, national10]"
    find = FIND.replace("{{e164}}", "{{number}}").replace("customers:", f"{spellings}\n    customers:")
    async with crm_at(at(there), tmp_path, find=find) as crm:
        assert [record.customer.id for record in await crm.find(VERA)] == ["7"]
        assert len(there.arrivals) == 3
        assert await crm.find(parse_number("*43", region="RU")) == ()
    assert len(there.arrivals) == 4


async def hangs(_writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3_600)


HOSTILE: dict[str, Writing] = {
    "HTML": answers(b"<html><body>geheim", "Content-Type: text/html"),
    "HTML that says it is JSON": answers(b"<!DOCTYPE html>geheim", "Content-Type: application/json"),
    "ten megabytes": answers(b'{"items": [' + b"1," * 5_000_000 + b"1]}"),
    "10,000 deep": answers(b'{"items":' + b"[" * 10_000 + b"]" * 10_000 + b"}"),
    "100 deep": answers(b'{"items":' + b"[" * 100 + b"]" * 100 + b"}"),
    "a redirect to another host": answers(b"", "Location: https://geheim.example/", status="301 Moved"),
    "a slow drip": says(OK + b"Content-Length: 900\r\n\r\n", every_s=0.02, for_ever=b" "),
    "silence": hangs,
    "no HTTP": says(b"geheim\r\n\r\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_whatever_it_answers_the_caller_is_routed_in_time_and_told_why(name: str, tmp_path: Path) -> None:
    async with peer(HOSTILE[name]) as peered, crm_at(peered.url, tmp_path) as crm:
        lookup = Lookup(crm, deadline_s=5.0)
        async with asyncio.timeout(20):
            answer = await lookup.find(VERA)
        await lookup.close()
    assert answer.source is CrmSource.FAILED
    assert answer.error
    assert "geheim" not in answer.error
    assert str(peered.port) not in answer.error
    assert "unexpected" not in answer.error


async def test_an_error_inside_a_success_is_one_where_the_settings_say_so(there: HttpReceiver, tmp_path: Path) -> None:
    there.behaviour = gives({"items": [], "error": {"text": "geheim"}})
    async with crm_at(at(there), tmp_path, "  error: error.text\n") as crm:
        with pytest.raises(CrmUnavailable) as caught:
            await crm.find(VERA)
        assert str(caught.value) == "its answer says that it failed"
        there.behaviour = gives({"items": [], "error": {"text": ""}})
        assert await crm.find(VERA) == ()


async def test_without_a_check_of_its_own_a_question_for_nobody_tells_whether_it_answers(
    there: HttpReceiver, tmp_path: Path
) -> None:
    async with crm_at(at(there), tmp_path) as crm:
        there.behaviour = gives({"error": "no number"}, 400)
        await crm.check()
        there.behaviour = gives({"items": []})
        await crm.check()
        there.behaviour = gives({"maintenance": True})
        with pytest.raises(CrmUnavailable):
            await crm.check()
    async with crm_at(at(there), tmp_path, "  check: {path: /up}\n") as crm:
        there.behaviour = gives({}, 404)
        with pytest.raises(CrmUnavailable, match="`check`"):
            await crm.check()


async def test_what_the_crm_does_not_let_us_read_is_found_out_without_a_customer(
    there: HttpReceiver, tmp_path: Path
) -> None:
    async def half_open(request: web.Request) -> web.StreamResponse:
        if request.path == "/who":
            return web.json_response({"items": []})
        return web.json_response({}, status=403 if request.path == "/c/0/notes" else 404)

    there.behaviour = half_open
    more = """\
  stage_list: {path: /stages, stages: stages, stage: {id: id}}
  notes: {path: "/c/{customer_id}/notes", notes: notes, note: {at: at, text: text}}
"""
    async with crm_at(at(there), tmp_path, more) as crm:
        assert await crm.lacking() == {
            Capability.STAGES: "HTTP 404: it does not take the question of `stage_list`",
            Capability.NOTES: "HTTP 403: it does not let us in",
        }


# What lets us in ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("auth", "name", "value"),
    [
        ("header: {name: X-Api-Key, secret_file: crm.secret}", "X-Api-Key", "geheim"),
        ("header: {prefix: 'Bearer ', secret_file: crm.secret}", "Authorization", "Bearer geheim"),
        ("basic: {username: cti, secret_file: crm.secret}", "Authorization", "Basic Y3RpOmdlaGVpbQ=="),
    ],
)
async def test_the_secret_goes_into_its_header(
    auth: str, name: str, value: str, there: HttpReceiver, tmp_path: Path
) -> None:
    there.behaviour = gives({"items": []})
    async with crm_at(at(there), tmp_path, f"  auth: {{{auth}}}\n") as crm:
        await crm.find(VERA)
        assert "geheim" not in repr(vars(crm))
    assert there.arrivals[0].headers[name] == value


OAUTH2 = """\
  auth:
    oauth2: {{token_url: '{url}/token', client_id: cti, secret_file: crm.secret, client_auth: form}}
"""


class Tokens:
    """A CRM behind OAuth2: its tokens last as long as it says, and what it gives may be nonsense."""

    def __init__(self) -> None:
        self.granted = 0
        self.answer: dict[str, Any] = {"token_type": "bearer", "expires_in": 3_600}
        self.good = "token-1"

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/token":
            assert dict(await request.post())["client_secret"] == "geheim"
            self.granted += 1
            self.good = f"token-{self.granted}"
            return web.json_response({"access_token": self.good, **self.answer})
        if request.headers.get("Authorization") != f"Bearer {self.good}":
            return web.json_response({}, status=401)
        return web.json_response({"items": [PERSON]})


async def test_a_token_is_asked_for_once_and_renewed_ahead_of_its_end(there: HttpReceiver, tmp_path: Path) -> None:
    tokens = there.behaviour = Tokens()
    now = [1_800_000_000.0]
    block = FIND.format(url=at(there)) + OAUTH2.format(url=at(there))
    crm = opened_from(block, tmp_path, MemoryLinks(), clock=lambda: now[0])
    assert len(await asyncio.gather(*(crm.find(VERA) for _ in range(10)))) == 10
    assert tokens.granted == 1
    now[0] += 3_500
    assert await crm.find(VERA)
    async with asyncio.timeout(10):
        while tokens.granted < 2:
            await asyncio.sleep(0.01)
    await crm.close()
    again = opened_from(block, tmp_path, MemoryLinks(), clock=lambda: now[0])
    assert await again.find(VERA)
    await again.close()
    assert tokens.granted == 2, "the token of before the restart is still good"
    kept = "".join(path.read_text("utf-8") for path in tmp_path.glob("*token*"))
    assert "token-2" in kept
    assert "geheim" not in kept


@pytest.mark.parametrize(
    "nonsense",
    [
        {"access_token": None},
        {"access_token": "a\r\nX: y"},
        {"access_token": "ё"},
        {"token_type": "mac"},
        {"token_type": 7},
    ],
)
async def test_a_token_that_is_none_is_not_used(nonsense: dict[str, Any], there: HttpReceiver, tmp_path: Path) -> None:
    tokens = there.behaviour = Tokens()
    tokens.answer = nonsense
    async with crm_at(at(there), tmp_path, OAUTH2.format(url=at(there))) as crm:
        with pytest.raises(CrmUnavailable, match="its sign-in gave"):
            await crm.find(VERA)
    assert [arrival.path for arrival in there.arrivals] == ["/token"]


# What it is told ------------------------------------------------------------------------------------------------------

REPORT = """\
  report:
    ended:
      method: POST
      path: /customers/{customer_id}/calls
      headers: {X-Key: "{report_id}"}
      body: {talked: "{talked_s}", who: "{user}", file: "{recording}"}
      also_done: [404, 409]
"""


def ended(*, key: str = "main-1.1", seq: int = 3, customer: str | None = "7") -> CallReport:
    return CallReport(
        id=f"{key}/{seq}",
        key=key,
        moment=CallMoment.ENDED,
        direction="inbound",
        number="+74950000150",
        did="+74950000001",
        customer_id=CustomerId(customer) if customer else None,
        user="olga",
        queue="sales",
        outcome="answered",
        started_at=NOON,
        answered_at=NOON.replace(minute=1),
        ended_at=NOON.replace(minute=3),
        recordings=(ReportedRecording("a.wav", NOON), ReportedRecording("b.wav", NOON)),
    )


async def test_a_call_is_told_once_in_the_words_of_the_settings(there: HttpReceiver, tmp_path: Path) -> None:
    async with crm_at(at(there), tmp_path, REPORT) as crm:
        assert crm.capabilities & {one for one in Capability if one.startswith("report")} == {Capability.REPORT_ENDED}
        await crm.report(ended(customer="7/../8"))
        await crm.report(ended(customer="7/../8"))
        await crm.report(ended(customer=None, key="main-1.2"))
        with pytest.raises(CrmRefuses, match=r"report has nothing for call\.started"):
            await crm.report(replace(ended(), moment=CallMoment.STARTED))
    (told,) = there.arrivals
    assert told.path == "/customers/7%2F..%2F8/calls"
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
