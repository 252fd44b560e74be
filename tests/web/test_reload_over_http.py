"""Reload by HTTP: with a key for it, or as an admin who is signed in; by nobody else, and of no other file."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import structlog
from private_room import no_recorder
from prometheus_client import CollectorRegistry

from cti_bridge.domain.ids import OperatorId
from cti_bridge.domain.operator import Operator, Role
from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.store import KeyPurpose
from cti_bridge.readiness import Readiness
from cti_bridge.routing.reloaded import NotReloaded, Reloaded
from cti_bridge.web.private import private_app
from cti_bridge.web.rule_reload import FAILURES, ReloadByHttp
from cti_bridge.web.security import Origins
from cti_bridge.web.server import Listener

PASSWORD = "тихий омут 7"
PAGE = "https://crm.example"
ADMIN = Operator(OperatorId("vera"), "Вера Ключевская", ("PJSIP/101",), Role.ADMIN)
SUPERVISOR = Operator(OperatorId("yuri"), "Юрий Самарин", ("PJSIP/102",), Role.SUPERVISOR)
GOOD = Reloaded((), "ab" * 32, "cd" * 32, 9, ("r.yaml:3:1: schedule `yard` is never open",), 412.34)
BAD = Reloaded(("r.yaml:4:1: unknown key `слева`", "r.yaml:9:5: test `продажи` failed"), "cd" * 32, "cd" * 32)

Answer = tuple[int, dict[str, Any]]


class Door:
    """The private listener on a loopback socket, and what came of the reloads that were let through."""

    def __init__(self, folder: Path) -> None:
        self.accounts = Accounts(folder)
        self.outcome: Reloaded | Exception = GOOD
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.asked = self.answered = 0
        self.now = 1000.0
        reload = ReloadByHttp(self.accounts, Origins.of((PAGE,)), self._reload, monotonic=lambda: self.now)
        app = private_app(Readiness([]), CollectorRegistry(), no_recorder(), reload, mode="live")
        self.listener = Listener(app, "127.0.0.1", 0)
        self.http: aiohttp.ClientSession

    async def _reload(self) -> Reloaded:
        self.asked += 1
        await self.may_answer.wait()
        self.answered += 1
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.listener.port}/api/v1/rules/reload"

    async def post(self, key: str = "", *, query: str = "", data: Any = None, **headers: str) -> Answer:
        """What the listener answers to this request."""
        if key:
            headers["Authorization"] = f"Bearer {key}"
        async with self.http.post(self.url + query, headers=headers, data=data) as answer:
            return answer.status, json.loads(await answer.text())

    async def refused(self, *arguments: Any, **more: Any) -> tuple[int, str]:
        """Status and code of a request that does not get through."""
        before = self.asked
        status, said = await self.post(*arguments, **more)
        assert self.asked == before, "nothing is loaded"
        return status, said["error"]["code"]

    async def cookie(self, operator: Operator) -> str:
        """The cookie of this operator, who signs in now."""
        signed_in = await self.accounts.sign_in(operator.id, PASSWORD)
        assert signed_in is not None
        return f"cti_session={signed_in.token}"


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    door = Door(tmp_path)
    await door.accounts.open()
    await door.listener.start()
    async with aiohttp.ClientSession() as door.http:
        yield door
    await door.listener.stop()
    await door.accounts.close()


@pytest.fixture
async def key(door: Door) -> str:
    return await door.accounts.add_key("pipeline", KeyPurpose.RELOAD)


@contextmanager
def log() -> Iterator[list[Any]]:
    with structlog.testing.capture_logs() as lines:
        yield lines


async def test_an_accepted_file_is_told_with_its_hash_and_warnings(door: Door, key: str) -> None:
    with log() as lines:
        assert await door.post(key) == (200, {
            "accepted": True, "hash": "ab" * 32, "previous": "cd" * 32, "tests": 9,
            "warnings": ["r.yaml:3:1: schedule `yard` is never open"], "took_ms": 412.3,
        })  # fmt: skip
    assert [(line["event"], line["by"]) for line in lines] == [("rules.reload_asked", "key pipeline")]


async def test_a_refused_file_is_told_with_everything_that_is_wrong(door: Door, key: str) -> None:
    door.outcome = BAD
    status, said = await door.post(key)
    assert (status, said["accepted"], said["problems"]) == (422, False, list(BAD.problems))
    assert said["hash"] == said["previous"] == "cd" * 32


async def test_a_key_may_only_do_what_it_is_for(door: Door, key: str) -> None:
    tickets = await door.accounts.add_key("crm")
    assert await door.refused(tickets) == (403, "wrong_purpose")
    assert await door.refused("cti_made-up") == (401, "wrong_key")
    assert await door.refused() == (401, "wrong_key")
    assert await door.refused(Authorization="Basic YTpi") == (401, "wrong_key")
    await door.accounts.remove_key("pipeline")
    assert await door.refused(key) == (401, "wrong_key")
    async with door.http.post(door.url) as answer:
        assert answer.headers["WWW-Authenticate"] == "Bearer"


async def test_no_rules_are_taken_from_a_request(door: Door, key: str) -> None:
    for more in ({"data": b"version: 1\n"}, {"query": "?file=/tmp/other.yaml"}, {"data": b"x" * 100_000}):
        assert await door.refused(key, **more) == (400, "bad_request")
    async with door.http.get(door.url, headers={"Authorization": f"Bearer {key}"}) as answer:
        assert answer.status == 405


async def test_an_admin_who_is_signed_in_may_and_nobody_below(door: Door) -> None:
    for operator in (ADMIN, SUPERVISOR):
        await door.accounts.add(operator, PASSWORD)
    cookie = await door.cookie(ADMIN)

    assert (await door.post(Cookie=cookie))[0] == 200
    assert (await door.post(Cookie=cookie, Origin=PAGE))[0] == 200
    assert await door.refused(Cookie=cookie, Origin="https://elsewhere.example") == (403, "origin_refused")
    assert await door.refused(Cookie=cookie, Host="elsewhere.example") == (421, "unknown_host")
    assert await door.refused(Cookie=await door.cookie(SUPERVISOR)) == (403, "not_allowed")
    assert await door.refused(Cookie="cti_session=made-up") == (401, "not_signed_in")


async def test_who_tries_keys_has_to_wait_and_whoever_has_one_has_not(door: Door, key: str) -> None:
    with log() as lines:
        for _ in range(FAILURES):
            assert await door.refused("cti_made-up") == (401, "wrong_key")
        assert await door.refused("cti_made-up") == (429, "too_many_attempts")
    assert [line["event"] for line in lines] == ["rules.reload_denied"] * FAILURES
    assert "made-up" not in str(lines)
    assert (await door.post(key))[0] == 200, "strangers on the machine of the bridge keep no admin from reloading"

    door.now += 300.0
    assert await door.refused("cti_made-up") == (401, "wrong_key")


async def test_a_client_that_goes_away_leaves_a_reload_that_ends(door: Door, key: str) -> None:
    door.may_answer.clear()
    gone = asyncio.create_task(door.post(key))
    while not door.asked:
        await asyncio.sleep(0.005)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    door.may_answer.set()
    while not door.answered:
        await asyncio.sleep(0.005)

    assert (await door.post(key))[0] == 200


async def test_what_was_not_loaded_is_not_said_to_be_bad(door: Door, key: str) -> None:
    door.outcome = NotReloaded("the bridge is stopping")
    status, said = await door.post(key)
    assert (status, said["error"]["code"], said["error"]["message"]) == (503, "not_reloaded", "the bridge is stopping")

    door.outcome = LookupError("Ключевская")
    with log() as lines:
        status, said = await door.post(key)
    assert (status, said["error"]["code"]) == (500, "internal_error")
    assert "Ключевская" not in str(said)
    assert lines[-1]["event"] == "request_failed"
