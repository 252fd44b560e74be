"""How often and with what right Bitrix24 is asked: its limits, its tokens, its certificate, against a strict fake."""

import asyncio
import ssl
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web
from bitrix_opened import MemoryLinks, by_application, by_webhook, fake

from cti_bridge.crm.bitrix.adapter import BitrixCrm
from cti_bridge.crm.bitrix.oauth import TOKEN_FILE, code_in
from cti_bridge.crm.bitrix.settings import BitrixModel, allowed_pace, opened
from cti_bridge.crm.port import CrmBusy, CrmUnavailable
from cti_bridge.domain.customer import CustomerRecord
from cti_bridge.domain.number import parse_number
from fakes.bitrix import HOOK_CODE, Bitrix
from fakes.bitrix_portal import CONTACT

VERA = "+74950000150"
CERTIFICATE = Path(__file__).parent.parent / "ari" / "loopback.pem"


async def find(crm: BitrixCrm, text: str = VERA) -> tuple[CustomerRecord, ...]:
    return await crm.find(parse_number(text, region="RU"))


async def names(crm: BitrixCrm, text: str = VERA) -> list[str]:
    return [record.customer.name for record in await find(crm, text)]


@pytest.fixture
async def bitrix() -> AsyncIterator[Bitrix]:
    async with fake() as portal:
        yield portal


@pytest.fixture
async def crm(bitrix: Bitrix) -> AsyncIterator[BitrixCrm]:
    async with by_webhook(bitrix) as crm:
        yield crm


@pytest.mark.parametrize(("enterprise", "at_once", "per_s"), [(False, 50, 2.0), (True, 250, 5.0)])
async def test_what_is_asked_at_once_leaves_room_for_others(enterprise: bool, at_once: int, per_s: float) -> None:
    pace = allowed_pace(enterprise=enterprise)
    sent = 0
    while pace.wait_s(urgent=False) == 0:
        await pace.take(urgent=False)
        sent += 1
    assert 0 < sent <= at_once / 2
    while pace.wait_s(urgent=True) == 0:
        await pace.take(urgent=True)
        sent += 1
    assert at_once / 2 < sent < at_once
    assert 0 < pace.wait_s(urgent=True) <= 1 / per_s


async def test_however_much_is_asked_nothing_is_turned_away(crm: BitrixCrm, bitrix: Bitrix) -> None:
    for _ in range(150):
        assert await find(crm) == ()
    assert len(bitrix.asked) == 150


async def test_a_portal_that_has_had_enough_of_others_is_left_alone_for_a_moment(
    crm: BitrixCrm, bitrix: Bitrix
) -> None:
    bitrix._level = 50.0
    with pytest.raises(CrmUnavailable, match="QUERY_LIMIT_EXCEEDED"):
        await find(crm)
    assert await find(crm) == ()  # after two seconds, in which it drains


async def test_a_method_that_ran_for_too_long_is_not_asked_before_its_time(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.put(CONTACT, name="Вера", phones=[VERA])
    assert await names(crm) == ["Вера"]
    bitrix.closed["crm.item.list"] = bitrix.now() + 590
    for _ in range(3):
        with pytest.raises(CrmUnavailable, match=r"OPERATION_TIME_LIMIT|running time"):
            await find(crm)
    assert sum("crm.item.list" in str(params) for _, params in bitrix.asked) == 2
    bitrix.ahead_s += 601
    assert await names(crm) == ["Вера"]


async def test_tokens_are_renewed_before_they_end_and_kept_for_the_owner_alone(bitrix: Bitrix, tmp_path: Path) -> None:
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await find(crm) == ()
        assert bitrix.renewals == 1
        bitrix.ahead_s += 3_400
        assert await find(crm) == ()  # the old one is still good; the renewal is on its way meanwhile
        async with asyncio.timeout(30):
            while bitrix.renewals < 2:
                await asyncio.sleep(0.01)
        await crm.close()
    assert stat.S_IMODE((tmp_path / TOKEN_FILE).stat().st_mode) == 0o600
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await find(crm) == ()
    assert bitrix.renewals == 2


async def test_a_token_that_is_refused_is_renewed_once(bitrix: Bitrix, tmp_path: Path) -> None:
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await find(crm) == ()
        bitrix.ahead_s += 120
        bitrix.tokens = dict.fromkeys(bitrix.tokens, 0.0)
        assert [await one for one in [find(crm), find(crm)]] == [(), ()]
        assert bitrix.renewals == 2


async def test_a_code_that_is_worth_nothing_asks_the_admin_to_sign_in(bitrix: Bitrix, tmp_path: Path) -> None:
    code = bitrix.code()
    bitrix.ahead_s += 31
    async with by_application(bitrix, tmp_path, MemoryLinks(), code=code) as crm:
        for _ in range(2):
            with pytest.raises(CrmUnavailable, match=r"works once, for 30 seconds.*sign in anew"):
                await find(crm)
        assert bitrix.asked == []
        async with by_application(bitrix, tmp_path, MemoryLinks(), code=bitrix.code()) as command:
            await command.check()
        bitrix.ahead_s += 16
        assert await find(crm) == ()  # a daemon that runs takes over what a command has signed in


async def test_a_refresh_token_that_is_worth_nothing_asks_the_admin_to_sign_in(bitrix: Bitrix, tmp_path: Path) -> None:
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await find(crm) == ()
        bitrix.ahead_s += 4_000
        bitrix.refresh = "given to somebody with a copy of our file"
        with pytest.raises(CrmUnavailable, match=r"180 days.*sign in anew"):
            await find(crm)


@pytest.mark.parametrize(
    ("written", "code"),
    [
        ("a1b2", "a1b2"),
        ("https://handler.example/?code=a1b2&state=&domain=example.bitrix24.ru", "a1b2"),
        ("https://handler.example/?error=access_denied", ""),
        ("https://[handler/?code=a1b2", ""),
    ],
)
def test_the_code_is_taken_out_of_the_address_that_the_browser_shows(written: str, code: str) -> None:
    assert code_in(written) == code


async def test_a_token_that_the_portal_does_not_know_any_more_is_renewed_once(bitrix: Bitrix, tmp_path: Path) -> None:
    """It was restored from a copy, or the application was put into it anew."""
    async with by_application(bitrix, tmp_path, MemoryLinks()) as crm:
        assert await find(crm) == ()
        bitrix.ahead_s += 120
        bitrix.tokens.clear()
        assert list(await asyncio.gather(find(crm), find(crm), find(crm))) == [(), (), ()]
        assert bitrix.renewals == 2


async def test_what_a_method_may_still_run_is_left_to_callers(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.put(CONTACT, name="Вера", phones=[VERA])
    bitrix.ran_s["crm.item.list"] = 301.0
    assert await names(crm) == ["Вера"]
    with pytest.raises(CrmBusy, match="for callers"):
        await crm.changed_since("")
    assert await names(crm) == ["Вера"]
    bitrix.ahead_s += 601
    bitrix.ran_s.clear()
    assert (await crm.changed_since("")).customers


async def test_a_method_that_is_closed_keeps_strangers_from_nothing(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.portal.put(CONTACT, name="Вера", phones=[VERA])
    bitrix.closed["crm.item.list"] = bitrix.now() + 590
    with pytest.raises(CrmUnavailable):
        await find(crm)
    assert await find(crm, "+74950000151") == ()


async def test_while_look_ups_fail_inside_a_batch_it_does_not_count_as_well(crm: BitrixCrm, bitrix: Bitrix) -> None:
    bitrix.closed["crm.duplicate.findbycomm"] = bitrix.now() + 590
    with pytest.raises(CrmUnavailable):
        await find(crm)
    asked = len(bitrix.asked)
    await crm.check()
    assert len(bitrix.asked) == asked + 1


@pytest.mark.parametrize("trusted", [True, False], ids=["its authority is named", "nobody named it"])
async def test_a_portal_of_ones_own_is_known_by_the_certificate_of_ones_own(tmp_path: Path, trusted: bool) -> None:
    ours = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    ours.load_cert_chain(CERTIFICATE)
    (tmp_path / "ca.pem").write_bytes(CERTIFICATE.read_bytes())
    async with fake(tls=ours) as portal:
        portal.portal.put(CONTACT, name="Вера", phones=[VERA])
        ca = {"tls_ca": "ca.pem"} if trusted else {}
        model = BitrixModel.model_validate({"webhook": {"secret": portal.hook}, **ca})
        crm = opened(model, region="RU", stages=None, folder=tmp_path, data_dir=tmp_path, links=MemoryLinks())
        try:
            if trusted:
                (record,) = await crm.find(parse_number(VERA, region="RU"))
                assert record.customer.name == "Вера"
            else:
                with pytest.raises(CrmUnavailable, match="certificate"):
                    await crm.find(parse_number(VERA, region="RU"))
        finally:
            await crm.close()


async def test_whatever_goes_wrong_the_address_of_the_webhook_is_not_repeated(bitrix: Bitrix) -> None:
    async with by_webhook(bitrix) as crm:
        for answer in (
            web.Response(text="<html>", content_type="text/html"),
            web.Response(status=302, headers={"Location": f"{bitrix.hook}elsewhere"}),
            web.json_response({"error": bitrix.hook, "error_description": bitrix.hook}, status=400),
            web.json_response({"error": "ERROR_CORE", "error_description": bitrix.hook}, status=500),
            web.json_response({"result": bitrix.hook}),
        ):
            bitrix.answers = lambda answer=answer: answer
            with pytest.raises(CrmUnavailable) as caught:
                await find(crm)
            assert HOOK_CODE not in str(caught.value)
        await bitrix.stop()
        with pytest.raises(CrmUnavailable) as caught:
            await crm.check()
        assert HOOK_CODE not in str(caught.value)
        assert HOOK_CODE not in repr(vars(crm))
