"""The fake of Bitrix24 is no kinder than what it stands for: batches, their errors, results put into later commands."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from bitrix_opened import fake

from cti_bridge.crm.web_client import WebClient, json_of
from fakes.bitrix import Bitrix
from fakes.bitrix_params import put_in
from fakes.bitrix_portal import CONTACT

VERA = "+74950000150"
SEARCH = f"crm.duplicate.findbycomm?type=PHONE&values[0]=%2B{VERA[1:]}&entity_type=CONTACT"
GET = "crm.item.get?entityTypeId=3&id=$result[found][CONTACT][0]"


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with fake() as portal:
        yield portal


async def asked(bitrix: Bitrix, method: str, params: Mapping[str, Any]) -> tuple[int, Any]:
    """What the webhook is answered."""
    client = WebClient(bitrix.hook)
    try:
        answer = await client.ask("POST", f"{method}.json", json=params, within_s=30.0)
        return answer.status, json_of(answer)
    finally:
        await client.close()


async def batch(bitrix: Bitrix, commands: Mapping[str, str], *, halt: int = 0) -> dict[str, Any]:
    status, said = await asked(bitrix, "batch", {"halt": halt, "cmd": dict(commands)})
    assert status == 200
    told: dict[str, Any] = said["result"]
    return told


async def test_what_one_command_found_is_put_into_the_next(bitrix: Bitrix) -> None:
    id_ = bitrix.portal.put(CONTACT, name="Вера", phones=[VERA])
    told = await batch(bitrix, {"found": SEARCH, "got": GET})
    assert told["result"]["found"] == {"CONTACT": [id_]}
    assert told["result"]["got"]["item"]["name"] == "Вера"
    assert told["result_error"] == []


@pytest.mark.parametrize(("halt", "done"), [(0, ["found", "after"]), (1, ["found"])])
async def test_nothing_found_is_an_empty_list_and_no_id(bitrix: Bitrix, halt: int, done: list[str]) -> None:
    told = await batch(bitrix, {"found": SEARCH, "got": GET, "after": "scope"}, halt=halt)
    assert told["result"]["found"] == []
    assert told["result_error"]["got"]["error"] == "100"
    assert list(told["result"]) == done


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("$result[found][CONTACT]", [7, 8]),
        ("$result[found][CONTACT][1]", 8),
        ("$result[found][CONTACT][2]", [7, 8]),
        ("$result[none][CONTACT][0]", []),
        ("$result[gone][0]", {"found": {"CONTACT": [7, 8]}, "none": []}),
        ("id-$result[found][CONTACT][0]", "id-7"),
        ("id-$result[found][CONTACT]", "id-$result[found][CONTACT]"),
        ("result[found]", "result[found]"),
    ],
)
def test_a_path_is_followed_as_far_as_it_leads(text: str, expected: Any) -> None:
    results = {"found": {"CONTACT": [7, 8]}, "none": []}
    assert put_in({"filter": {"@id": [text]}}, results) == {"filter": {"@id": [expected]}}


async def test_an_error_of_one_command_comes_inside_a_good_answer(bitrix: Bitrix) -> None:
    told = await batch(
        bitrix, {"bad": "crm.item.get?entityTypeId=3&id=1", "none": "crm.nothing", "inner": "batch?cmd[a]=scope"}
    )
    assert told["result"] == []
    assert {name: error["error"] for name, error in told["result_error"].items()} == {
        "bad": "",
        "none": "ERROR_METHOD_NOT_FOUND",
        "inner": "ERROR_BATCH_METHOD_NOT_ALLOWED",
    }


async def test_the_fifty_first_command_is_not_done(bitrix: Bitrix) -> None:
    told = await batch(bitrix, {f"c{n}": "scope" for n in range(51)})
    assert len(told["result"]) == 50
    assert told["result_error"]["c50"]["error"] == "ERROR_BATCH_LENGTH_EXCEEDED"


@pytest.mark.parametrize(
    ("method", "params", "status", "code"),
    [
        ("telephony.externalCall.register", {"PHONE_NUMBER": VERA, "TYPE": 2, "USER_ID": 1}, 403, "WRONG_AUTH_TYPE"),
        ("crm.duplicate.findbycomm", {"type": "PHONE", "values": VERA}, 400, "Communication values is not defined"),
        ("crm.item.list", {"entityTypeId": 3, "filter": {"@id": []}}, 400, "100"),
        ("crm.item.list", {"entityTypeId": 3, "limit": 10}, 400, "FAKE_UNKNOWN_PARAMETER"),
        ("crm.contact.list", {}, 404, "ERROR_METHOD_NOT_FOUND"),
    ],
)
async def test_what_is_not_described_is_refused(
    bitrix: Bitrix, method: str, params: Mapping[str, Any], status: int, code: str
) -> None:
    answered, said = await asked(bitrix, method, params)
    assert (answered, said["error"]) == (status, code)
