"""What the generic CRM makes of answers: somebody, nobody, not now, nonsense."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from generic_page import FIND, PERSON, VERA, at, crm_at, gives
from receiver import HttpReceiver

from cti_bridge.crm.port import CrmUnavailable
from cti_bridge.domain.number import parse_number


@pytest.fixture
async def there() -> AsyncIterator[HttpReceiver]:
    async with HttpReceiver() as receiver:
        yield receiver


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
    [({"items": []}, 200), ({}, 404), ({}, 410), ({"items": [{**PERSON, "phones": ["+14950000150"]}]}, 200)],
)
async def test_nobody_is_an_answer(document: Any, status: int, there: HttpReceiver, tmp_path: Path) -> None:
    there.behaviour = gives(document, status)
    find = FIND.replace("path: /who", "path: /who\n    nobody: [404, 410]")
    async with crm_at(at(there), tmp_path, find=find) as crm:
        assert await crm.find(VERA) == ()


@pytest.mark.parametrize("said", ["", "    nobody: [404]\n"])
async def test_a_crm_that_is_not_where_it_was_makes_nobody_a_stranger(
    said: str, there: HttpReceiver, tmp_path: Path
) -> None:
    """A path with a slip in it, or a server in front that has lost the CRM, answers 404 to everything."""

    async def not_found(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=404, text="<html><h1>404 Not Found</h1></html>", content_type="text/html")

    there.behaviour = not_found
    async with crm_at(at(there), tmp_path, find=FIND.replace("    customers:", f"{said}    customers:")) as crm:
        with pytest.raises(CrmUnavailable, match="HTML and not what was asked for" if said else "say nobody:"):
            await crm.find(VERA)
        with pytest.raises(CrmUnavailable):
            await crm.check()


async def test_no_content_is_nobody(there: HttpReceiver, tmp_path: Path) -> None:
    async def nothing(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=204)

    there.behaviour = nothing
    async with crm_at(at(there), tmp_path) as crm:
        assert await crm.find(VERA) == ()


async def test_an_empty_answer_is_a_crm_that_broke_down_half_way(there: HttpReceiver, tmp_path: Path) -> None:
    async def white_page(_request: web.Request) -> web.StreamResponse:
        return web.Response(text="\n", content_type="application/json")

    there.behaviour = white_page
    async with crm_at(at(there), tmp_path) as crm:
        with pytest.raises(CrmUnavailable, match="answered nothing and not JSON"):
            await crm.find(VERA)


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
        ({"items": [{**PERSON, "phones": None}]}, "`numbers` finds nothing in any of the customers of its answer"),
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
        (400, {}, "HTTP 400: it does not take the question of `find`"),
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


async def test_a_request_that_cannot_be_made_for_a_real_number_makes_nobody_a_stranger(
    there: HttpReceiver, tmp_path: Path
) -> None:
    find = FIND.replace('query: {{phone: "{{e164}}"}}', "method: POST\n    body: {{phone: '{{e164:number}}'}}")
    async with crm_at(at(there), tmp_path, find=find) as crm:
        with pytest.raises(CrmUnavailable) as caught:
            await crm.find(VERA)
    assert str(caught.value) == "{e164} is not a whole number: it does not take the question of `find`"


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


BY_IDS = """\
  deals:
    path: /deals
    query: {"ids": "{deal_ids}", "id[]": "{deal_ids}"}
    deals: data
    deal: {id: id, stage: stage}
"""


async def test_deals_can_be_asked_for_by_what_the_customer_has(there: HttpReceiver, tmp_path: Path) -> None:
    async def by_ids(request: web.Request) -> web.StreamResponse:
        if request.path == "/who":
            other = {**PERSON, "id": 8, "links": {"deals": []}}
            return web.json_response({"items": [{**PERSON, "links": {"deals": [71, "72"]}}, other]})
        assert request.query.getall("id[]") == ["71", "72"]
        return web.json_response({"data": [{"id": one, "stage": "paid"} for one in request.query["ids"].split(",")]})

    there.behaviour = by_ids
    find = FIND.partition("    deals:")[0].replace("numbers: phones", "numbers: phones, deal_ids: links.deals")
    async with crm_at(at(there), tmp_path, BY_IDS, find=find) as crm:
        records = await crm.find(VERA)
    assert [[deal.id for deal in record.deals] for record in records] == [["71", "72"], []]
    assert len(there.arrivals) == 2, "who has none is not asked about"


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
        there.behaviour = gives({"items": []})
        await crm.check()
        for document, status in (({"error": "no number"}, 400), ({"maintenance": True}, 200)):
            there.behaviour = gives(document, status)
            with pytest.raises(CrmUnavailable):
                await crm.check()
    async with crm_at(at(there), tmp_path, "  check: {path: /up}\n") as crm:
        there.behaviour = gives({}, 404)
        with pytest.raises(CrmUnavailable, match="`check`"):
            await crm.check()
