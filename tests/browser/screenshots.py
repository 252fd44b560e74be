"""`make screenshots`: the pictures of the documentation, taken of the page in a real Chromium with invented people.

Not a test, although pytest runs it: `pytest tests/browser/screenshots.py` writes `docs/images/*.png`.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.async_api import expect

from browser import at_work, moments, people
from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.in_hand import TIMUR, edit
from browser.people import Json, ambiguous_call, call, customer, moment, production_call, unknown_call
from browser.small_picture import with_palette
from browser.stage import Stage
from browser.talks import said
from browser.test_frame import NARROW, WIDE
from demo.asterisk import REPOSITORY

PICTURES = REPOSITORY / "docs/images"
LARGEST_BYTES = 150_000
A_MONDAY = datetime(2026, 11, 23, 8, 7, tzinfo=UTC)
"""On the pictures it is always the same morning."""

Act = Callable[[Stage, DeskPage], Awaitable[None]]


async def idle(stage: Stage, desk: DeskPage) -> None:
    """After two talks and a call that a colleague took."""
    for talked, minutes, length in ((call(), 71, 4), (production_call(), 38, 11)):
        await stage.ring(talked)
        talk = talked | {"my_role": "talking", "answered_at": moment(minutes=minutes + length), "expires_at": None}
        await stage.say("call.answered", talk | {"state": "talking"})
        await stage.say("call.ended", talk | {"state": "ended", "ended_at": moment(minutes=minutes)})
        await expect(desk.card_of(talked["id"], "ended")).to_be_visible()
    await stage.withdraw(await stage.ring(call()))
    await expect(desk.value("gone")).to_be_visible()
    await desk.page.keyboard.press("Escape")
    await expect(desk.page.locator("article.call[data-state=idle]")).to_be_visible()


async def ringing(stage: Stage, desk: DeskPage) -> None:
    """A customer whom the page knows."""
    await stage.ring(call())
    await expect(desk.value("name")).to_be_visible()


async def two_calls(stage: Stage, desk: DeskPage) -> None:
    """A talk, and the next caller beside it."""
    talk = production_call(state="talking", my_role="talking", answered_at=moment(seconds=134), expires_at=None)
    await stage.say("call.answered", talk)
    await stage.ring(call())
    await expect(desk.page.locator("[data-other-call]")).to_be_visible()


async def ambiguous(stage: Stage, desk: DeskPage) -> None:
    """Three customers with one number."""
    await stage.ring(ambiguous_call())
    await expect(desk.page.locator("[data-candidate-id]")).to_have_count(3)


async def disconnected(stage: Stage, desk: DeskPage) -> None:
    """The bridge is gone during a talk."""
    talk = production_call(state="talking", my_role="talking", answered_at=moment(seconds=134), expires_at=None)
    await stage.say("call.answered", talk)
    await expect(desk.value("name")).to_be_visible()
    await stage.cut()
    await expect(desk.page.locator(".lost-time")).to_have_text(re.compile("0:0[3-9]"))


async def settings(stage: Stage, desk: DeskPage) -> None:
    """The settings beside a ringing call."""
    await stage.ring(call())
    await desk.page.locator("#open-settings").click()
    await desk.page.locator("#switch-sound").click()
    await desk.page.mouse.move(640, 700)


async def lunch(stage: Stage, desk: DeskPage) -> None:
    """The operator is at lunch; things wait to be done."""
    await stage.list_work(at_work.work())
    await stage.put(at_work.state("lunch"))
    await shows(desk, "lunch")


async def unconfirmed(stage: Stage, desk: DeskPage) -> None:
    """One of two queues has not said yet that it knows of the break; the list of all states is open."""
    state = at_work.state("break", confirmed=False, since=moment(seconds=2))
    state["queues"][0]["paused"] = False
    await stage.put(state)
    await shows(desk, "break")
    await desk.page.locator("#open-states").click()
    await expect(desk.page.locator("[data-choose-state]").first).to_be_visible()


async def signed_off(stage: Stage, desk: DeskPage) -> None:
    """Before work begins."""
    await stage.put(at_work.state("signed_off"))
    await shows(desk, "signed_off")


async def wrap_up(stage: Stage, desk: DeskPage) -> None:
    """The talk is over; a note and the time of the next step are still needed."""
    stage.desk = at_work.desk(required=("outcome", "note"))
    await desk.page.reload()
    await desk.is_at_desk()
    await stage.list_work(at_work.work())
    ended = await wrapped_up(stage, desk)
    await stage.put(at_work.wrap_up(ended, missing=("outcome", "note")))
    await desk.page.locator("[data-outcome-choice=call_back]").click()
    await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible()
    await desk.page.locator("#after-step-text").fill("Расчёт рассрочки на два платежа")
    await expect(desk.page.locator(".keeping[data-keeping=unsaved]")).to_be_visible()


async def overdue(stage: Stage, desk: DeskPage) -> None:
    """All is written down, and the time for it is over."""
    ended = await wrapped_up(stage, desk)
    await stage.put(at_work.wrap_up(ended, left_s=-42))
    await desk.page.locator("[data-outcome-choice=offer]").click()
    await desk.page.locator("#after-note").fill("Просит рассрочку на два платежа, матовые фасады.")
    await desk.page.locator("[data-score='5']").click()
    await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible()


async def to_do(stage: Stage, desk: DeskPage) -> None:
    """The work list behind its tab."""
    await stage.list_work(at_work.work())
    await desk.page.locator("[data-pane-button=team]").click()
    await expect(desk.page.locator("[data-item]")).to_have_count(4)


async def wrapped_up(stage: Stage, desk: DeskPage) -> str:
    """A talk of five minutes is over; its call."""
    talk = call(state="talking", my_role="talking", answered_at=moment(minutes=5, seconds=12), expires_at=None)
    await stage.say("call.answered", talk)
    await stage.say("call.ended", talk | {"state": "ended", "ended_at": moment(seconds=12)})
    await expect(desk.card_of(talk["id"], "ended")).to_be_visible()
    return str(talk["id"])


async def shows(desk: DeskPage, state: str) -> None:
    """Wait until the page says that this is the operator's state."""
    await expect(desk.page.locator(f"[data-field=my-state][data-state={state}]")).to_be_visible()


async def _talks(stage: Stage, desk: DeskPage, talk: Json, **more: Any) -> Json:
    """Let the operator talk for a while; what `more` says of the call is told afterwards, as news."""
    talk = talk | {"state": "talking", "my_role": "talking", "answered_at": moment(seconds=134), "expires_at": None}
    await stage.say("call.answered", talk)
    await expect(desk.page.locator("article.call[data-state=talking]")).to_be_visible()
    return await stage.say("call.updated", talk | more) if more else talk


async def transfer(stage: Stage, desk: DeskPage) -> None:
    """Whom the call can go to."""
    await _talks(stage, desk, call())
    await desk.page.keyboard.press("F4")
    await expect(desk.page.locator(".target").first).to_be_visible()
    for _ in range(2):
        await desk.page.keyboard.press("ArrowDown")
    await expect(desk.page.locator(".target[aria-selected=true]")).to_be_visible()


async def consulting(stage: Stage, desk: DeskPage) -> None:
    """A colleague is asked while the caller waits."""
    await _talks(stage, desk, call(), state="held", consult={"to": TIMUR, "state": "talking"})
    await expect(desk.value("consult")).to_be_visible()


async def held(stage: Stage, desk: DeskPage) -> None:
    """The caller hears music."""
    await _talks(stage, desk, production_call(), state="held")
    await expect(said(desk, "held")).to_be_visible()


async def came_back(stage: Stage, desk: DeskPage) -> None:
    """A transfer that nobody took."""
    by = {"operator": "op3", "name": "Ольга Ланская"}
    failed = {"to": TIMUR, "by": by, "state": "failed", "reason": "no_answer"}
    await _talks(stage, desk, call(), transfer=failed)
    await expect(said(desk, "came_back")).to_be_visible()


async def editing(stage: Stage, desk: DeskPage) -> None:
    """The name is being written, the city waits for the CRM, the email was changed by somebody else meanwhile."""
    known = customer(numbers=["+74950000150", "+74950000151"], city="Обнинск")
    edits = [
        edit("waiting", {"city": "Обнинск"}),
        edit("conflict", {"email": "m.sokolova@example.com"}, theirs={"email": "maria@example.com"}, id="e-2"),
    ]
    await _talks(stage, desk, call(customer=known), edits=edits)
    await desk.page.locator("[data-edit=name] .pencil").click()
    await desk.page.locator("[data-box=name]").fill("Мария Соколова-Ветрова")
    await expect(desk.page.locator("[data-conflict=email]")).to_be_visible()


async def newcomer(stage: Stage, desk: DeskPage) -> None:
    """Somebody new is written down while he talks."""
    stage.desk["create_deal"] = True
    await desk.page.reload()
    await desk.is_at_desk()
    await _talks(stage, desk, unknown_call())
    form = desk.page.locator("[data-field=newcomer]")
    await form.locator("[name=name]").fill("Арсений Вьюгин")
    await form.locator("[name=city]").fill("Тула")
    await form.locator("[name=deal]").fill("Стол на террасу")


async def dialling(stage: Stage, desk: DeskPage) -> None:
    """Calling back asks once, and says which number will be shown."""
    await stage.end(await _talks(stage, desk, call()))
    await expect(desk.page.locator("[data-action=call_back]")).to_be_visible()
    await desk.page.keyboard.press("F3")
    await expect(desk.value("sure")).to_be_visible()


@dataclass(frozen=True, slots=True)
class Picture:
    """One file below `docs/images`."""

    name: str
    act: Act
    size: dict[str, int]
    theme: str = "light"
    language: str = "ru"
    signed_in: bool = True


SHOTS = (
    Picture("idle", idle, WIDE),
    Picture("ringing", ringing, WIDE),
    Picture("two-calls", two_calls, WIDE),
    Picture("ambiguous", ambiguous, WIDE),
    Picture("disconnected", disconnected, WIDE),
    Picture("dark", ringing, WIDE, theme="dark"),
    Picture("narrow", ringing, NARROW),
    Picture("settings", settings, WIDE),
    Picture("lunch", lunch, WIDE),
    Picture("unconfirmed", unconfirmed, WIDE),
    Picture("signed-off", signed_off, WIDE),
    Picture("wrap-up", wrap_up, WIDE),
    Picture("wrap-up-dark-en", wrap_up, WIDE, theme="dark", language="en"),
    Picture("overdue", overdue, WIDE),
    Picture("narrow-wrap-up", wrap_up, NARROW),
    Picture("narrow-to-do", to_do, NARROW),
    Picture("ringing-en", ringing, WIDE, language="en"),
    Picture("narrow-dark-en", two_calls, NARROW, theme="dark", language="en"),
    Picture("transfer", transfer, WIDE),
    Picture("consulting", consulting, WIDE),
    Picture("held", held, WIDE),
    Picture("came-back", came_back, WIDE),
    Picture("editing", editing, WIDE),
    Picture("newcomer", newcomer, WIDE),
    Picture("dialling", dialling, WIDE),
    Picture("consulting-dark-en", consulting, WIDE, theme="dark", language="en"),
    Picture("transfer-narrow", transfer, NARROW),
    Picture("editing-narrow-dark", editing, NARROW, theme="dark"),
    Picture("signed-out", moments.door, WIDE, signed_in=False),
    Picture("signed-out-problem", moments.shut, WIDE, signed_in=False),
    Picture("unknown", moments.unknown, WIDE),
    Picture("anonymous", moments.anonymous, WIDE),
    Picture("unverified", moments.unverified, WIDE),
    Picture("stale", moments.stale, WIDE),
    Picture("no-crm", moments.no_crm, WIDE),
    Picture("withdrawn", moments.withdrawn, WIDE),
    Picture("talking", moments.talking, WIDE),
    Picture("transferring", moments.transferring, WIDE),
    Picture("ended", moments.ended, WIDE),
    Picture("at-risk", moments.at_risk, WIDE),
    Picture("supervisor", moments.supervisor, WIDE),
    Picture("keys", moments.keys, WIDE),
    Picture("unsaved", moments.unsaved, WIDE),
)


@pytest.mark.parametrize("picture", SHOTS, ids=lambda picture: picture.name)
async def test_take(on_stage: OnStage, monkeypatch: pytest.MonkeyPatch, picture: Picture) -> None:
    monkeypatch.setattr(people, "ahead", A_MONDAY - datetime.now(UTC))
    stage, desk = await on_stage(
        language=picture.language,
        signed_in=picture.signed_in,
        viewport=picture.size,
        color_scheme=picture.theme,
        reduced_motion="reduce",
        timezone_id="Europe/Moscow",
    )
    await picture.act(stage, desk)
    file = PICTURES / f"{picture.name}.png"
    file.write_bytes(with_palette(await desk.page.screenshot(animations="disabled", caret="hide")))
    assert file.stat().st_size < LARGEST_BYTES
