"""How often amoCRM may be asked, with which token, and how the admin says so."""

import asyncio
import json
import re
import stat
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from amocrm_scene import NUMBER, AmocrmStories, Opener, found, told
from pydantic import ValidationError
from ruamel.yaml import YAML
from settable_clock import SettableClock

from cti_bridge.crm.amocrm.adapter import AmocrmCrm
from cti_bridge.crm.amocrm.connection import LongLivedToken, allowed_pace
from cti_bridge.crm.amocrm.settings import SETTINGS_EXAMPLE, AmocrmModel
from cti_bridge.crm.amocrm.settings import opened as opened_by_settings
from cti_bridge.crm.amocrm.sign_in import TOKEN_FILE, SignIn
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.port import Capability, CrmUnavailable
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.ids import CustomerId
from cti_bridge.settings_model import Misfit
from fakes.amocrm import PIPELINES, FakeAmocrm
from fakes.amocrm_answers import problem, shows_a_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "crm" / "amocrm.md"


class TestLimits(AmocrmStories):
    """How often it is asked, and when not at all."""

    async def test_it_is_never_asked_faster_than_it_allows(self, account: FakeAmocrm, opened: Opener) -> None:
        clock = SettableClock()
        account.clock, account.per_s = clock, 7
        crm = opened(pace=allowed_pace(clock=clock, sleep=clock.sleep), clock=clock)
        callers = [asyncio.create_task(found(crm)) for _ in range(12)]
        while not all(caller.done() for caller in callers):
            await clock.forward(0.05)
            await asyncio.sleep(0.001)
        await asyncio.gather(*callers)
        assert (account.limited, len(account.requests)) == (0, 12)

    async def test_three_customers_who_call_at_once_are_found_at_once(
        self, account: FakeAmocrm, opened: Opener
    ) -> None:
        clock = SettableClock()
        account.clock, account.per_s = clock, 7
        crm = opened(pace=allowed_pace(clock=clock, sleep=clock.sleep), clock=clock)
        account.add_lead(account.add_contact("Ольга Трубина", (NUMBER,)), "Кухня", PIPELINES[0][0], 31)
        answers = await asyncio.gather(*(found(crm) for _ in range(3)))  # and the clock stands still
        assert [len(record.deals) for (record,) in answers] == [1, 1, 1]

    async def test_callers_go_before_reports(self, account: FakeAmocrm, opened: Opener) -> None:
        clock = SettableClock()
        crm = opened(pace=allowed_pace(clock=clock, sleep=clock.sleep), clock=clock)
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        account.add_lead(olga, "Кухня", PIPELINES[0][0], 31)
        reports = [asyncio.create_task(crm.report(told(olga, key=f"main-{one}.1"))) for one in range(5)]
        while len(account.requests) < 2:
            await asyncio.sleep(0.001)
        for (record,) in await asyncio.gather(found(crm), found(crm)):  # two requests each, and the clock stands still
            assert record.deals
        assert len(account.requests) == 6
        while not all(report.done() for report in reports):
            await clock.forward(0.25)
            await asyncio.sleep(0.001)
        assert len(account.calls) == 5

    async def test_who_was_blocked_does_not_ask_on(self, account: FakeAmocrm, opened: Opener) -> None:
        clock = SettableClock()
        crm = opened(clock=clock)
        account.limited = 10_000
        with pytest.raises(CrmUnavailable, match="blocked"):
            await found(crm)
        account.limited = 0
        for _ in range(3):
            with pytest.raises(CrmUnavailable, match="15 min"):
                await crm.check()
        assert account.requests == []
        clock.now += 901
        await crm.check()

    async def test_a_right_that_is_missing_is_no_block(self, account: FakeAmocrm, opened: Opener) -> None:
        olga = account.add_contact("Ольга Трубина", (NUMBER,))
        crm = opened()

        async def no_right(_request: web.Request) -> web.StreamResponse:
            return problem(403, "Forbidden")

        account.ill = no_right
        with pytest.raises(CrmUnavailable, match="no right"):
            await crm.notes(CustomerId(str(olga)), limit=5)
        account.ill = None
        assert await found(crm)

    async def test_a_page_in_place_of_an_account_is_no_answer(self, account: FakeAmocrm, opened: Opener) -> None:
        crm = opened()
        await crm.check()
        account.ill = shows_a_page
        with pytest.raises(CrmUnavailable, match="HTML"):
            await crm.check()

    @pytest.mark.parametrize(("status", "why"), [(402, "paid"), (429, "too often"), (500, "500"), (503, "503")])
    async def test_what_is_wrong_is_said_in_words(
        self, account: FakeAmocrm, opened: Opener, status: int, why: str
    ) -> None:
        async def wrong(_request: web.Request) -> web.StreamResponse:
            return problem(status, "Иван +74950000150")

        account.ill = wrong
        with pytest.raises(CrmUnavailable, match=why) as raised:
            await found(opened())
        assert str(raised.value).isascii()

    async def test_a_long_lived_token_that_ended_says_so(self, account: FakeAmocrm, opened: Opener) -> None:
        with pytest.raises(CrmUnavailable, match="token"):
            await found(opened(tokens=LongLivedToken("alt")))
        assert len(account.requests) == 1


class TestSignIn(AmocrmStories):
    """Signing in as an integration."""

    def _sign_in(self, account: FakeAmocrm, client: WebClient) -> SignIn:
        return SignIn(
            client, client_id="die-id", secret="das-geheimnis", redirect_uri="https://example.com/", code=account.code
        )

    async def test_the_code_is_used_once_and_the_refresh_token_each_time_anew(
        self, account: FakeAmocrm, tmp_path: Path
    ) -> None:
        clock = SettableClock(1_795_000_000)
        client = WebClient(account.url)
        for run in range(1, 4):
            keeper = self._sign_in(account, client).keeper(tmp_path, clock=clock)
            assert await keeper.access(within_s=30) == f"access-{run}"
            await keeper.close()
            clock.now += 90_000
        await client.close()
        kept = tmp_path / TOKEN_FILE
        assert stat.S_IMODE(kept.stat().st_mode) == 0o600
        assert json.loads(kept.read_text())["refresh"] == account.refresh

    async def test_a_page_in_place_of_the_sign_in_is_no_refusal(self, account: FakeAmocrm, tmp_path: Path) -> None:
        """A refusal is for good: whatever stands before amoCRM cannot say it."""

        async def wrong(_request: web.Request) -> web.StreamResponse:
            return web.Response(status=400, text="<html>", content_type="text/html")

        clock = SettableClock(1_795_000_000)
        client = WebClient(account.url)
        keeper = self._sign_in(account, client).keeper(tmp_path, clock=clock)
        account.ill = wrong
        with pytest.raises(CrmUnavailable, match="no token"):
            await keeper.access(within_s=30)
        account.ill = None
        clock.now += 60
        assert await keeper.access(within_s=30) == "access-1"
        await keeper.close()
        await client.close()

    async def test_no_secret_is_in_what_is_said(
        self, account: FakeAmocrm, tmp_path: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
    ) -> None:
        client = WebClient(account.url)
        keeper = self._sign_in(account, client).keeper(tmp_path)
        account.code = "ein-anderer"
        with pytest.raises(CrmUnavailable) as raised:
            await keeper.access(within_s=30)
        await keeper.close()
        await client.close()
        said = f"{raised.value} {caplog.text} {''.join(capsys.readouterr())}"
        assert "crm.token_refused" in said
        assert not [secret for secret in ("das-geheimnis", "der-code", "die-id") if secret in said]

    async def test_a_code_that_is_too_old_is_not_tried_again(
        self, account: FakeAmocrm, tmp_path: Path, opened: Opener
    ) -> None:
        account.code = "ein-anderer"
        client = WebClient(account.url)
        sign_in = SignIn(client, client_id="die-id", secret="das-geheimnis", redirect_uri="https://x.test/", code="alt")
        crm = opened(tokens=sign_in.keeper(tmp_path))
        for _ in range(3):
            with pytest.raises(CrmUnavailable, match="sign in anew"):
                await found(crm)
        await client.close()
        assert account.requests == ["POST /oauth2/access_token"]


class TestSettings(AmocrmStories):
    """What the admin writes."""

    def _opened(self, folder: Path, block: dict[str, Any]) -> AmocrmCrm:
        model = AmocrmModel.model_validate(block)
        links = SqliteLinks(folder / "links.sqlite")
        crm = opened_by_settings(model, region="RU", stages=None, folder=folder, data_dir=folder, links=links)
        assert isinstance(crm, AmocrmCrm)
        return crm

    async def test_the_example_opens_as_it_stands_and_is_on_the_page(self, account: FakeAmocrm, tmp_path: Path) -> None:
        (tmp_path / "amocrm.token").write_text(f"{account.long_lived}\n")
        block = YAML(typ="safe").load(SETTINGS_EXAMPLE)["crm"]
        crm = self._opened(tmp_path, block | {"url": account.url})
        await crm.check()
        await crm.close()
        assert SETTINGS_EXAMPLE in PAGE.read_text("utf-8")

    @pytest.mark.parametrize("text", ["das-token\nund mehr", "токен", "das token"])
    async def test_a_file_with_more_than_a_token_is_told_of(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "amocrm.token").write_text(text)
        with pytest.raises(Misfit, match="more than a token") as raised:
            self._opened(tmp_path, YAML(typ="safe").load(SETTINGS_EXAMPLE)["crm"])
        assert "token und" not in str(raised.value)

    async def test_every_line_of_the_example_can_be_switched_on(self, account: FakeAmocrm, tmp_path: Path) -> None:
        whole = re.sub(r"^  # (?!Instead)", "  ", SETTINGS_EXAMPLE, flags=re.MULTILINE)
        block = YAML(typ="safe").load(whole)["crm"]
        del block["token"]
        (tmp_path / "amocrm.client").write_text("das-geheimnis\n")
        (tmp_path / "amocrm.code").write_text(f"{account.code}\n")
        block["oauth"]["client_id"] = "die-id"
        crm = self._opened(tmp_path, block | {"url": account.url})
        await crm.check()
        await crm.close()
        assert crm.capabilities >= {Capability.REPORT_UPDATED, Capability.REPORT_STRANGERS}
        assert (tmp_path / TOKEN_FILE).exists()

    @pytest.mark.parametrize(
        "wrong",
        [
            {"url": "http://example.amocrm.ru", "token": {"secret": "x"}},
            {"url": "https://example.amocrm.ru"},
            {"url": "https://example.amocrm.ru", "token": {}},
            {"url": "https://example.amocrm.ru", "token": {"secret": "x"}, "unsorted": 0},
            {"url": "https://example.amocrm.ru", "token": {"secret": "x"}, "fields": {"town": 1}},
        ],
    )
    def test_what_cannot_work_is_refused(self, wrong: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            AmocrmModel.model_validate(wrong)
