"""Whatever callers call themselves and the generic CRM answers: each caller is routed, and nobody else waits."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from threading import Event, get_ident
from typing import Any

import pytest
from generic_page import FIND, PERSON, VERA, at, crm_at, gives
from http_peer import OK, Writing, answers, peer, says
from receiver import HttpReceiver

from cti_bridge.crm.generic.expressions import Expression
from cti_bridge.crm.lookup import Lookup
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.number import parse_number


@pytest.fixture
async def there() -> AsyncIterator[HttpReceiver]:
    async with HttpReceiver() as receiver:
        yield receiver


@pytest.mark.parametrize("text", ["..", ".", "a/../../secret", "иванов", "'; --"])
async def test_what_a_stranger_calls_himself_makes_no_crm_unavailable(
    text: str, there: HttpReceiver, tmp_path: Path
) -> None:
    there.behaviour = gives({"error": "no number"}, 422)
    find = FIND.replace("path: /who", "path: /who/{{e164}}\n    headers: {{X-Who: '{{e164}}'}}")
    async with crm_at(at(there), tmp_path, find=find) as crm:
        assert await crm.find(parse_number(text, region="RU")) == ()
    assert all(arrival.path.startswith("/who/") and "/secret" not in arrival.path for arrival in there.arrivals)


@pytest.mark.parametrize("text", ["%", "_", "Вера", "100% скидка", "*"])
async def test_a_text_that_is_no_number_is_asked_for_only_where_the_answer_tells_who_has_it(
    text: str, there: HttpReceiver, tmp_path: Path
) -> None:
    """A CRM that looks for what is alike would make a customer of anybody who calls himself so."""
    there.behaviour = gives({"items": [PERSON]})
    trusting = FIND.replace(", numbers: phones", "")
    async with crm_at(at(there), tmp_path, find=trusting) as crm:
        assert await crm.find(parse_number(text, region="RU")) == ()
        assert not there.arrivals
        assert [record.customer.id for record in await crm.find(VERA)] == ["7"]
    async with crm_at(at(there), tmp_path) as crm:
        assert await crm.find(parse_number(text, region="RU")) == ()


async def test_a_long_answer_is_worked_out_beside_the_event_loop(
    there: HttpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """330,000 things in one megabyte are more than a second of work, in which no other call would get on."""
    loops, working, others_went_on = get_ident(), Event(), Event()
    worked_out = Expression.of

    def of(expression: Expression, answer: Any) -> Any:
        if expression.text.startswith("items["):
            assert get_ident() != loops
            working.set()
            assert others_went_on.wait(30), "the loop goes on meanwhile"
        return worked_out(expression, answer)

    async def others() -> None:
        while not working.is_set():
            await asyncio.sleep(0.01)
        others_went_on.set()

    monkeypatch.setattr(Expression, "of", of)
    there.behaviour = gives({"items": [PERSON, *({"gone": True} for _ in range(60_000))]})
    find = FIND.replace("customers: items", 'customers: "items[?!gone]"').replace("10s", "10s\n  error: error")
    async with crm_at(at(there), tmp_path, find=find) as crm, asyncio.timeout(60):
        (record,), _ = await asyncio.gather(crm.find(VERA), others())
    assert record.customer.name == "Вера Ёлкина"


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
    find = FIND.replace("timeout: 10s", "timeout: 1s")
    async with peer(HOSTILE[name]) as peered, crm_at(peered.url, tmp_path, find=find) as crm:
        lookup = Lookup(crm, deadline_s=5.0)
        async with asyncio.timeout(30):
            answer = await lookup.find(VERA)
        await lookup.close()
    assert answer.source is CrmSource.FAILED
    assert answer.error
    assert "geheim" not in answer.error
    assert str(peered.port) not in answer.error
    assert "unexpected" not in answer.error
