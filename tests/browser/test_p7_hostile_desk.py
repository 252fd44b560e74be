"""P7 at the desk: a stranger's text in whatever is said beside a call is text: names, lists, conflicts, refusals."""

from typing import Any

import pytest
from hostile_texts import OWNED, TEXTS
from playwright.async_api import Request, expect

from browser import at_work
from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.in_hand import edit
from browser.people import call
from browser.stage import Json, Stage
from browser.test_p7_hostile_fields import _WHAT_RUNS, said_everywhere

RUNS = ("script", "end of script", "attribute", "javascript address", "quotes", "template", "right to left", "endless")
"""Those that could be more than text in a page."""


async def is_only_text(desk: DeskPage, where: str) -> None:
    """Nothing has run, moved or become anything but text."""
    assert await desk.page.evaluate(_WHAT_RUNS) == [], where


def people(stage: Stage, text: str) -> None:
    """Everybody and everything at this desk is named by a stranger."""
    stage.team = [mate | {"name": text} for mate in at_work.team()]
    stage.desk = at_work.desk(required=("outcome", "note"))
    for named in (*stage.desk["states"], *stage.desk["outcomes"]):
        named["name"] = {"ru": text, "en": text}
    stage.targets["operators"] = [one | {"name": text} for one in stage.targets["operators"]]
    stage.targets["queues"] = [one | {"queue": text} for one in stage.targets["queues"][:1]]
    texts = {"name": text, "text": text, "display": text, "queue": text}
    stage.work = {
        "items": [
            at_work.item("missed:a", **texts, taken_by={"operator": "op2", "name": text}),
            at_work.item("step:1", "callback", **texts),
            at_work.item("step:2", "task", **texts),
        ],
        "more": False,
    }
    stage.state = at_work.state("lunch", why="asked", by=text)


@pytest.mark.parametrize("name", RUNS)
async def test_a_text_in_every_field_of_the_desk_is_shown_and_does_nothing(on_stage: OnStage, name: str) -> None:
    stage, desk = await on_stage(viewport={"width": 1366, "height": 768})
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    desk.page.on("request", note)
    text = TEXTS[name]
    people(stage, text)
    await stage.cut()
    stage.mend()
    await desk.is_at_desk()
    await expect(desk.page.locator("[data-item]")).to_have_count(3, timeout=30_000)
    for place in (".mate-name", ".item-words", ".item-whom"):
        shown = await desk.page.locator(place).last.text_content()
        assert shown is not None
        assert shown[:1000] == text[:1000]
    await is_only_text(desk, "idle")
    await desk.page.locator("#open-states").click()
    await expect(desk.page.locator("[data-choose-state]").first).to_be_visible()
    await is_only_text(desk, "states")
    await desk.page.keyboard.press("Escape")
    talk = await talks(stage, desk, text)
    await stage.put(at_work.wrap_up(talk["id"]))
    await stage.end(talk)
    await expect(desk.page.locator("#finish")).to_be_visible()
    await is_only_text(desk, "wrap-up")
    assert [url for url in asked if not url.startswith((stage.url, stage.url.replace("http", "ws", 1)))] == []
    assert OWNED not in "".join(asked)


async def talks(stage: Stage, desk: DeskPage, text: str) -> Json:
    """A call in which everything that the desk adds to it says this."""
    whom = {"kind": "operator", "id": "op2", "name": text}
    talk = await stage.answer(await stage.ring(said_everywhere(call(), text)))
    theirs = edit("conflict", {"name": text, "city": text}, theirs={"name": text + "!", "city": text + "!"})
    for shown, more in _said_of(whom, text, theirs):
        await stage.say("call.updated", talk | more)
        await expect(desk.page.locator(shown)).to_be_visible()
        await is_only_text(desk, shown)
    await stage.say("call.updated", talk)
    stage.refusals["call.hold"] = ("not_possible", text)
    await desk.page.keyboard.press("F7")
    await expect(desk.page.locator("[data-said=refused]")).to_be_visible()
    await is_only_text(desk, "refused")
    await desk.page.keyboard.press("F4")
    await expect(desk.page.locator(".target")).to_have_count(6)
    await is_only_text(desk, "chooser")
    await desk.page.locator("#chooser-field").fill(text[:60].replace("\r", "").replace("\n", ""))
    await is_only_text(desk, "found")
    await desk.page.keyboard.press("Escape")
    await stage.tell_edits(
        [
            theirs
            | {"call": "main-1.1", "name": text, "number": text, "display": text, "customer": "k-1", "reason": text}
        ]
    )
    await expect(desk.page.locator("[data-open-edit]")).to_be_visible()
    await is_only_text(desk, "unsaved")
    return talk


def _said_of(whom: Json, text: str, theirs: Json) -> list[tuple[str, dict[str, Any]]]:
    """What the call says besides, and where it is shown."""
    by = {"to": whom, "by": {"operator": "op2", "name": text}}
    created = edit("conflict", {"name": text}, kind="create", theirs={"customer": "k-9", "name": text})
    nobody: Json = {"customer": None, "deals": [], "crm": {"source": "none", "age_s": None}}
    return [
        ("[data-said=came_back]", {"transfer": by | {"state": "failed", "reason": "busy"}}),
        ("[data-said=transferring]", {"transfer": by | {"state": "ringing", "reason": ""}}),
        ("[data-field=consult]", {"consult": {"to": whom, "state": "ringing"}}),
        ("[data-field=consult]", {"consult": {"to": whom, "state": "talking"}}),
        ("[data-said=not_asked]", {"consult_failed": {"to": whom, "reason": "busy"}, "state": "held"}),
        ("[data-conflict=name]", {"edits": [theirs]}),
        ("[data-refused=name]", {"edits": [theirs | {"state": "refused", "reason": text}]}),
        (".field[data-edit=name][data-mark=waiting]", {"edits": [theirs | {"state": "waiting"}]}),
        ("[data-field=newcomer-conflict]", nobody | {"edits": [created]}),
    ]
