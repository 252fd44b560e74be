"""Operators get in with their password, programs with a key, and nobody else does."""

from pathlib import Path

import aiohttp
import pytest
from front_desk import ANNA, BORIS, PASSWORD, front_desk

from cti_bridge.operators.accounts import Accounts
from cti_bridge.operators.store import KeyPurpose

ANNA_VIEW = {"id": "anna", "name": "Анна Ёжикова", "role": "operator", "phones": ["PJSIP/101"], "language": "ru"}


async def test_the_right_password_gives_a_cookie_that_no_script_and_no_other_site_can_use(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        credentials = {"login": "anna", "password": PASSWORD}
        async with desk.http.post(f"{desk.url}/api/v1/session", json=credentials) as answer:
            assert answer.status == 200
            assert await answer.json() == {"operator": ANNA_VIEW}
            assert answer.headers["Cache-Control"] == "no-store"
            cookie = answer.cookies["cti_session"]
            assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["path"] == "/"
            assert not cookie["secure"] and not cookie["domain"]
        headers = {"Cookie": f"cti_session={cookie.value}"}
        async with desk.http.get(f"{desk.url}/api/v1/session", headers=headers) as answer:
            assert (answer.status, await answer.json()) == (200, {"operator": ANNA_VIEW})


async def test_behind_tls_the_cookie_is_secure(tmp_path: Path) -> None:
    async with front_desk(tmp_path, origins=("https://cti.example",)) as desk:
        headers = {"Host": "cti.example", "Origin": "https://cti.example"}
        credentials = {"login": "anna", "password": PASSWORD}
        async with desk.http.post(f"{desk.url}/api/v1/session", json=credentials, headers=headers) as answer:
            assert answer.status == 200
            assert answer.cookies["cti_session"]["secure"]


@pytest.mark.parametrize(("login", "password"), [("anna", "не тот"), ("nobody", PASSWORD), ("ANNA", PASSWORD)])
async def test_a_wrong_login_and_a_wrong_password_look_the_same(tmp_path: Path, login: str, password: str) -> None:
    async with front_desk(tmp_path) as desk:
        credentials = {"login": login, "password": password}
        async with desk.http.post(f"{desk.url}/api/v1/session", json=credentials) as answer:
            assert answer.status == 401
            assert await answer.json() == {"error": {"code": "wrong_login", "message": "login or password is wrong"}}
            assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"{", 400, "bad_request"),
        (b"[]", 400, "bad_request"),
        (b'{"login":"anna"}', 400, "bad_request"),
        (b'{"login":"anna","password":1}', 400, "bad_request"),
        (b'{"login":"anna","password":"x","extra":1}', 400, "bad_request"),
        (b'{"login":"' + b"a" * 65 + b'","password":"x"}', 400, "bad_request"),
        (b" " * 20_000, 413, "request_entity_too_large"),
    ],
)
async def test_a_bad_body_is_refused_without_repeating_it(tmp_path: Path, body: bytes, status: int, code: str) -> None:
    async with front_desk(tmp_path, with_operators=False) as desk:
        headers = {"Content-Type": "application/json"}
        async with desk.http.post(f"{desk.url}/api/v1/session", data=body, headers=headers) as answer:
            assert answer.status == status
            error = (await answer.json())["error"]
            assert error["code"] == code
            assert "anna" not in error["message"]


async def test_a_form_of_another_site_is_no_sign_in(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        answer = await desk.http.post(f"{desk.url}/api/v1/session", data={"login": "anna"})
        assert answer.status == 415


async def test_five_wrong_passwords_hold_this_login_back_for_five_minutes(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        url = f"{desk.url}/api/v1/session"
        for _ in range(5):
            async with desk.http.post(url, json={"login": "anna", "password": "не тот"}) as answer:
                assert answer.status == 401
        async with desk.http.post(url, json={"login": "anna", "password": PASSWORD}) as answer:
            assert answer.status == 429
            refused = await answer.json()
            assert refused["error"]["code"] == "too_many_attempts"
            assert 290 <= refused["retry_after_s"] <= 301
            assert answer.headers["Retry-After"] == str(refused["retry_after_s"])
        await desk.sign_in("boris")
        elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))
        async with aiohttp.ClientSession(connector=elsewhere) as other_machine:
            answer = await other_machine.post(url, json={"login": "anna", "password": PASSWORD})
            assert answer.status == 200
        desk.clock.now += 300.0
        await desk.sign_in("anna")


async def test_without_a_valid_session_nobody_is_signed_in(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        for cookie in ("", "cti_session=", "cti_session=made-up"):
            async with desk.http.get(f"{desk.url}/api/v1/session", headers={"Cookie": cookie}) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["code"] == "not_signed_in"


async def test_a_session_survives_a_restart_and_ends_with_sign_out(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        headers = {"Cookie": f"cti_session={await desk.sign_in('anna')}"}
    async with front_desk(tmp_path, with_operators=False) as desk:
        url = f"{desk.url}/api/v1/session"
        async with desk.http.get(url, headers=headers) as answer:
            assert answer.status == 200
        async with desk.http.delete(url, headers=headers) as answer:
            assert answer.status == 204
            assert answer.cookies["cti_session"].value == ""
        async with desk.http.get(url, headers=headers) as answer:
            assert answer.status == 401
        async with desk.http.delete(url) as answer:
            assert answer.status == 204


async def test_a_ticket_opens_one_page_of_its_operator_once(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        key = await desk.accounts.add_key("crm")
        headers = {"Authorization": f"Bearer {key}"}
        async with desk.http.post(f"{desk.url}/api/v1/tickets", json={"operator": "boris"}, headers=headers) as answer:
            assert answer.status == 201
            ticket = (await answer.json())["ticket"]
        welcome = await (await desk.connect()).hello(ticket=ticket)
        assert welcome["operator"]["id"] == BORIS.id
        again = await desk.connect()
        await again.send(op="hello", ticket=ticket)
        assert await again.sent_away() == ({"op": "bye", "code": 4002, "reason": "no valid session or ticket"}, 4002)


async def test_a_ticket_is_worthless_after_a_minute(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        ticket = desk.tickets.issue(ANNA.id)
        desk.clock.now += 60.0
        page = await desk.connect()
        await page.send(op="hello", ticket=ticket)
        assert (await page.sent_away())[1] == 4002


async def test_tickets_need_a_key_that_still_holds_and_an_operator_who_exists(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        url = f"{desk.url}/api/v1/tickets"
        for headers in ({}, {"Authorization": "Bearer cti_made-up"}, {"Authorization": "Basic YTpi"}):
            async with desk.http.post(url, json={"operator": "anna"}, headers=headers) as answer:
                assert answer.status == 401
                assert (await answer.json())["error"]["code"] == "wrong_key"
        headers = {"Authorization": f"Bearer {await desk.accounts.add_key('crm')}"}
        async with desk.http.post(url, json={"operator": "nobody"}, headers=headers) as answer:
            assert answer.status == 404
        await desk.accounts.remove_key("crm")
        async with desk.http.post(url, json={"operator": "anna"}, headers=headers) as answer:
            assert answer.status == 401
        headers = {"Authorization": f"Bearer {await desk.accounts.add_key('pipeline', KeyPurpose.RELOAD)}"}
        async with desk.http.post(url, json={"operator": "anna"}, headers=headers) as answer:
            assert (answer.status, (await answer.json())["error"]["code"]) == (403, "wrong_purpose")


async def test_a_new_password_ends_open_pages_also_those_held_by_a_ticket(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        by_session = await desk.page(ANNA)
        by_ticket = await desk.connect()
        await by_ticket.hello(ticket=desk.tickets.issue(ANNA.id))
        waiting = desk.tickets.issue(ANNA.id)
        colleague = await desk.page(BORIS)
        command_line = Accounts(tmp_path)
        await command_line.open()
        await command_line.set_password("anna", "новый пароль 8")
        await command_line.close()
        for page in (by_session, by_ticket):
            bye, code = await page.sent_away()
            assert (bye["code"], code) == (4003, 4003)
        assert desk.tickets.redeem(waiting) is None
        await colleague.send(op="ping")
        await colleague.receive("pong")


async def test_sign_out_ends_the_pages_of_this_session_only(tmp_path: Path) -> None:
    async with front_desk(tmp_path) as desk:
        here, elsewhere = await desk.sign_in("anna"), await desk.sign_in("anna")
        page, other = await desk.connect(here), await desk.connect(elsewhere)
        await page.hello()
        await other.hello()
        async with desk.http.delete(f"{desk.url}/api/v1/session", headers={"Cookie": f"cti_session={here}"}) as answer:
            assert answer.status == 204
        assert (await page.sent_away())[1] == 4003
        await other.send(op="ping")
        await other.receive("pong")
