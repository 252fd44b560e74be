"""`/api/v1/openapi.json`: every route is described, and nothing that is not there; commands by what they take."""

from pathlib import Path

import pytest
from front_desk import ANNA, FrontDesk, Json, front_desk
from jsonschema import Draft202012Validator

from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.command_list import REFUSALS, Answer, Args, Command, CommandList
from cti_bridge.web.openapi import COMMANDS, OPERATIONS


class Noted(Args):
    """What is to be noted."""

    text: str


class Notes(Answer):
    """All that was noted."""

    notes: list[str]


async def _note(operator: Operator, args: Noted) -> Notes:
    return Notes(notes=[f"{operator.name}: {args.text}"])


async def _nothing(operator: Operator, args: Args) -> None:
    return None


def _offer(desk: FrontDesk) -> None:
    desk.site.commands.offer(Command("note.write", Noted, _note, "Note something.", Notes))
    desk.site.commands.offer(Command("note.drop", Args, _nothing, "Drop all notes.", role=Role.SUPERVISOR))


async def _get(desk: FrontDesk) -> Json:
    async with desk.http.get(f"{desk.url}/api/v1/openapi.json") as answer:
        assert answer.status == 200
        told: Json = await answer.json()
        return told


async def test_every_route_below_the_api_is_described_and_no_other(tmp_path: Path) -> None:
    async with front_desk(tmp_path, with_operators=False) as desk:
        routes = {
            (route.method.lower(), route.resource.canonical)
            for route in desk.app.router.routes()
            if route.resource is not None and route.resource.canonical.startswith("/api/") and route.method != "HEAD"
        }
        described = {(method, path) for path, methods in (await _get(desk))["paths"].items() for method in methods}
    assert described == {(one.method, one.path) for one in OPERATIONS}
    assert described == {route for route in routes if not route[1].startswith(f"{COMMANDS}/")}


async def test_a_command_that_is_offered_is_described_and_answers_as_described(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        _offer(desk)
        told = await _get(desk)
        write = told["paths"]["/api/v1/commands/note.write"]["post"]
        cookie = {"Cookie": f"cti_session={await desk.sign_in(ANNA.id)}"}
        url = f"{desk.url}/api/v1/commands/note.write"
        async with desk.http.post(url, json={"args": {"text": "Ёлка"}}, headers=cookie) as answer:
            good = await answer.json()
            assert (answer.status, good) == (200, {"value": {"notes": ["Анна Ёжикова: Ёлка"]}})
        async with desk.http.post(url, json={"args": {"text": 5}}, headers=cookie) as answer:
            bad = await answer.json()
            assert answer.status == 400
        async with desk.http.post(f"{desk.url}/api/v1/commands/note.drop", json={}, headers=cookie) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (403, "not_allowed")
    _fits(told, write["responses"]["200"], good)
    _fits(told, write["responses"]["400"], bad)
    assert set(map(str, REFUSALS.values())) <= set(write["responses"])


async def test_a_command_by_http_may_be_as_long_as_by_websocket_and_only_our_own_page_may_give_it(
    tmp_path: Path,
) -> None:
    async with front_desk(tmp_path) as desk:
        _offer(desk)
        url = f"{desk.url}/api/v1/commands/note.write"
        cookie = {"Cookie": f"cti_session={await desk.sign_in(ANNA.id)}"}
        for text, headers, status in (
            ("ё" * 4000, cookie, 200),
            ("ё" * 20_000, cookie, 413),
            ("ё", {}, 401),
            ("ё", cookie | {"Origin": "https://stranger.example"}, 403),
            ("ё", cookie | {"Origin": "null"}, 403),
        ):
            async with desk.http.post(url, json={"args": {"text": text}}, headers=headers) as answer:
                assert answer.status == status, (status, headers)
        plain = cookie | {"Content-Type": "application/json"}
        for body in ('{"args":{"text":"a","text":"b"}}', '{"args":{"text":1e999}}', '{"args":{"text":NaN}}', "[]"):
            async with desk.http.post(url, data=body, headers=plain) as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (400, "bad_request"), body
        async with desk.http.post(url, data='{"args":{"text":"a"}}', headers=cookie) as answer:
            assert answer.status == 415


def _fits(told: Json, response: Json, body: Json) -> None:
    schema = response["content"]["application/json"]["schema"] | {"components": told["components"]}
    Draft202012Validator(schema).validate(body)


def test_a_name_is_offered_once() -> None:
    offered = CommandList()
    offered.offer(Command("note.write", Noted, _note, "Note something.", Notes))
    with pytest.raises(ValueError, match="offered twice"):
        offered.offer(Command("note.write", Args, _nothing, "Something else."))


def test_what_programs_read_names_nothing_of_how_the_bridge_is_built() -> None:
    for name in ("openapi.json", "websocket.json"):
        shipped = Path(__file__).resolve().parents[2] / "docs" / name
        assert "cti_bridge__" not in shipped.read_text("utf-8"), "two commands have models of the same name"
