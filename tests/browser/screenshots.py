"""`make screenshots`: the pictures of the documentation, taken of the page in a real Chromium with invented people.

Not a test, although pytest runs it: `pytest tests/browser/screenshots.py` writes `docs/images/*.png`.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from playwright.async_api import expect

from browser import people
from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.people import ambiguous_call, call, moment, production_call
from browser.stage import Stage
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


async def talking(stage: Stage, desk: DeskPage) -> None:
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


@dataclass(frozen=True, slots=True)
class Picture:
    """One file below `docs/images`."""

    name: str
    act: Act
    size: dict[str, int]
    theme: str = "light"
    language: str = "ru"


SHOTS = (
    Picture("idle", idle, WIDE),
    Picture("ringing", ringing, WIDE),
    Picture("talking", talking, WIDE),
    Picture("ambiguous", ambiguous, WIDE),
    Picture("disconnected", disconnected, WIDE),
    Picture("dark", ringing, WIDE, theme="dark"),
    Picture("narrow", ringing, NARROW),
    Picture("settings", settings, WIDE),
    Picture("ringing-en", ringing, WIDE, language="en"),
    Picture("narrow-dark-en", talking, NARROW, theme="dark", language="en"),
)


@pytest.mark.parametrize("picture", SHOTS, ids=lambda picture: picture.name)
async def test_take(on_stage: OnStage, monkeypatch: pytest.MonkeyPatch, picture: Picture) -> None:
    monkeypatch.setattr(people, "ahead", A_MONDAY - datetime.now(UTC))
    stage, desk = await on_stage(
        language=picture.language,
        viewport=picture.size,
        color_scheme=picture.theme,
        reduced_motion="reduce",
        timezone_id="Europe/Moscow",
    )
    await picture.act(stage, desk)
    file = PICTURES / f"{picture.name}.png"
    await desk.page.screenshot(path=file, animations="disabled", caret="hide")
    assert file.stat().st_size < LARGEST_BYTES
