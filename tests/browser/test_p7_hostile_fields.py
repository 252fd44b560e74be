"""P7 on the page: a stranger's text in any field of a call is text: nothing runs, nothing is fetched, nothing moves."""

from typing import Any

import pytest
from hostile_texts import OWNED, TEXTS
from playwright.async_api import Request, expect

from browser.conftest import OnStage
from browser.people import ambiguous_call, call, caller, customer, deal
from browser.stage import Json

NOT_TEXT = {
    "id", "at", "offered_at", "rang_at", "answered_at", "ended_at", "expires_at", "changed_at", "state", "my_role",
    "direction", "kind", "outcome", "stage", "extras", "source", "decision",
}  # fmt: skip
"""Fields in which the bridge itself says one of a few words, a moment or an id."""


_WHAT_RUNS = f"""[
  window.{OWNED} === undefined ? null : 'ran',
  document.documentElement.scrollWidth > document.documentElement.clientWidth ? 'moved' : null,
  ...[...document.querySelectorAll('#desk *')].map(each =>
    each.matches('script, img, iframe, object, embed, base, meta, [style*="url("]') ? each.outerHTML
    : each.getAttributeNames().some(name => name.startsWith('on')) ? each.outerHTML
    : each.href && !/^(https?|tel|mailto|blob):/.test(each.href) ? each.outerHTML : null),
].filter(Boolean)"""
"""What the text has become besides text; empty when it is nothing else."""


def said_everywhere(value: Any, text: str) -> Any:
    """The same call with this text wherever a network, a customer or a CRM fills something in."""
    if isinstance(value, dict):
        return {key: inner if key in NOT_TEXT else said_everywhere(inner, text) for key, inner in value.items()}
    if isinstance(value, list):
        return [said_everywhere(inner, text) for inner in value]
    return text if isinstance(value, str) else value


def calls(text: str) -> list[Json]:
    """A customer's call, a call of one of several, and a call of nobody, with the text everywhere."""
    known = said_everywhere(call(), text)
    known["deals"][0]["stage"] = known["deals"][1]["stage"] = text
    nobody = call(customer=None, deals=[], notes=[], history=[], caller=caller(name="x"), crm={"source": "none"})
    return [known, said_everywhere(ambiguous_call(), text), said_everywhere(nobody, text)]


async def test_a_text_in_every_field_is_shown_and_does_nothing(on_stage: OnStage) -> None:
    stage, desk = await on_stage(viewport={"width": 1366, "height": 768})
    asked: list[str] = []

    def note(request: Request) -> None:
        asked.append(request.url)

    desk.page.on("request", note)
    for name, text in TEXTS.items():
        for ringing in calls(text) if set(text) & set("<\"'") else calls(text)[:1]:
            await stage.ring(ringing)
            await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
            assert await desk.page.evaluate(_WHAT_RUNS) == [], name
            await stage.withdraw(ringing)
            await expect(desk.card_of(ringing["id"])).to_have_count(0)
    assert [url for url in asked if not url.startswith(stage.url)] == []
    assert OWNED not in "".join(asked)


@pytest.mark.parametrize("name", ["script", "quotes", "right to left", "line break", "end of script", "template"])
async def test_a_name_is_read_as_it_was_written(on_stage: OnStage, name: str) -> None:
    stage, desk = await on_stage()
    text = TEXTS[name]
    await stage.ring(call(customer=customer(name=text), deals=[deal(title=text)]))
    assert await desk.value("name").text_content() == text
    assert "\u202e" not in await desk.page.title()
