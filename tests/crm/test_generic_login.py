"""What lets the bridge into the generic CRM: a header, a password, or tokens that are renewed; none of it is shown."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from generic_page import FIND, PERSON, VERA, MemoryLinks, at, crm_at, gives, opened_from
from receiver import HttpReceiver

from cti_bridge.crm.port import CrmUnavailable


@pytest.fixture
async def there() -> AsyncIterator[HttpReceiver]:
    async with HttpReceiver() as receiver:
        yield receiver


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
    async with asyncio.timeout(30):
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


async def test_where_tokens_are_given_is_asked_exactly_as_it_is_written_and_for_what_it_wants(
    there: HttpReceiver, tmp_path: Path
) -> None:
    """Some insist on the slash at the end, and answer a redirect without it; some want an audience."""

    async def strict(request: web.Request) -> web.StreamResponse:
        if request.path == "/o/token/":
            form = dict(await request.post())
            assert form == {"grant_type": "client_credentials", "audience": "crm", "client_id": "cti"} | {
                "client_secret": "geheim"
            }
            return web.json_response({"access_token": "token-1", "expires_in": "60"})
        if request.path == "/o/token":
            return web.Response(status=301, headers={"Location": "/o/token/"})
        return web.json_response({"items": []}, status=200 if "token-1" in request.headers["Authorization"] else 401)

    there.behaviour = strict
    auth = OAUTH2.replace("/token'", "/o/token/'").replace(
        "client_auth: form", "client_auth: form, params: {{audience: crm}}"
    )
    async with crm_at(at(there), tmp_path, auth.format(url=at(there))) as crm:
        assert await crm.find(VERA) == ()
