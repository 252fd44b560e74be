"""How the fake of amoCRM reads parameters and writes answers, and the ways in which it can be ill."""

import asyncio
from typing import Any

from aiohttp import web

from fakes.amocrm_forms import Wrong

CHANGED = ("filter[updated_at][from]", "filter[updated_at][to]")
LISTED = ("filter[id][]", *CHANGED, "order[id]", "order[updated_at]", "limit", "page")
"""What a list of contacts or leads is asked by."""
_HAL, _PROBLEM = "application/hal+json", "application/problem+json"


def known(request: web.Request, *names: str) -> None:
    """Refuse parameters that this address does not know."""
    for name in request.query:
        if name not in names:
            raise Wrong(name, "NotSupportedChoice")


def page_of(request: web.Request, things: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the filters leave of a list, in the order asked for, and of that one page."""
    asked = request.query
    wanted = {int(id_) for id_ in asked.getall("filter[id][]", [])}
    since, until = (int(asked.get(name, other)) for name, other in zip(CHANGED, (0, 10**12), strict=True))
    found = [one for one in things if not wanted or one["id"] in wanted]
    found = [one for one in found if since <= one["updated_at"] <= until and not one["is_deleted"]]
    for name in ("id", "updated_at"):
        if order := asked.get(f"order[{name}]"):
            found.sort(key=lambda one: one[name], reverse=order == "desc")
    limit = within(request, 250)
    start = (int(asked.get("page", "1")) - 1) * limit
    return found[start : start + limit]


def within(request: web.Request, most: int) -> int:
    limit = int(request.query.get("limit", "50"))
    if not 1 <= limit <= most:
        raise Wrong("limit", "OutOfRange")
    return limit


def hal(body: dict[str, Any], *, status: int = 200) -> web.Response:
    links = {"self": {"href": "https://example.amocrm.ru/api/v4"}}
    return web.json_response({"_links": links, **body}, status=status, content_type=_HAL)


def hal_list(name: str, things: list[dict[str, Any]]) -> web.Response:
    return hal({"_page": 1, "_embedded": {name: things}}) if things else web.Response(status=204)


def problem(status: int, title: str, wrong: Wrong | None = None, *, hint: str = "") -> web.Response:
    body: dict[str, Any] = {
        "title": title,
        "type": f"https://httpstatus.es/{status}",
        "status": status,
        "detail": title,
    }
    if hint:
        body |= {"hint": hint, "type": "https://developers.amocrm.ru/v3/errors/OAuthProblemJson"}
    if wrong is not None:
        error = {"code": wrong.code, "path": wrong.path, "detail": "This value is not valid."}
        body["validation-errors"] = [{"request_id": "0", "errors": [error]}]
    return web.json_response(body, status=status, content_type=_PROBLEM)


async def hangs(_request: web.Request) -> web.StreamResponse:
    """Takes the question and never answers."""
    await asyncio.Event().wait()
    raise AssertionError


async def shows_a_page(_request: web.Request) -> web.StreamResponse:
    """Answers as a login page does."""
    return web.Response(text="<!doctype html><title>amoCRM</title>", content_type="text/html")


async def has_had_enough(_request: web.Request) -> web.StreamResponse:
    """Answers that it was asked too often; it does not say how long to wait."""
    return problem(429, "Too Many Requests")
