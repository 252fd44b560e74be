"""Moments of an operator's day that the pictures show: who rings and how sure that is, and what is left afterwards."""

import re

from playwright.async_api import Route, expect

from browser import at_work
from browser.desk_page import DeskPage
from browser.in_hand import TIMUR, edit
from browser.people import Json, because, call, caller, moment, production_call, unknown_call
from browser.stage import Stage
from browser.talks import said

OTHERS_WORDS = (
    edit("waiting", {"city": "Тула"}, id="e-7", call="main-1.1", name="Инна Полозова", number="+74950000204",
         display="+7 495 000-02-04"),
    edit("conflict", {"email": "hasanov@example.com"}, theirs={"email": "ildar@example.com"}, id="e-8", call="main-1.2",
         name="Ильдар Хасанов", number="+74950000152", display="+7 495 000-01-52"),
)  # fmt: skip
"""Written on the cards of two earlier calls: one waits for the CRM, the other was changed there by somebody else."""


async def door(stage: Stage, desk: DeskPage) -> None:
    """Nobody is signed in."""
    await desk.page.locator("#login").fill("lanskaya")
    await desk.page.locator("#password").focus()


async def shut(stage: Stage, desk: DeskPage) -> None:
    """The password was wrong too often."""

    async def refuse(route: Route) -> None:
        await route.fulfill(status=429, json={"error": {"code": "too_many_attempts"}, "retry_after_s": 47})

    await desk.page.route("**/api/v1/session", refuse)
    await desk.sign_in("lanskaya", "не тот пароль")
    await expect(desk.page.locator("#sign-in-problem")).to_contain_text("0:4")


async def unknown(stage: Stage, desk: DeskPage) -> None:
    """A number that the CRM does not have."""
    await _rings(stage, desk, unknown_call())


async def anonymous(stage: Stage, desk: DeskPage) -> None:
    """The caller hides his number."""
    hidden = {"number": None, "display": "", "kind": "anonymous", "name": "", "verified": False}
    not_asked: Json = {"source": "skipped", "age_s": None}
    await _rings(stage, desk, unknown_call(caller=hidden, crm=not_asked))


async def unverified(stage: Stage, desk: DeskPage) -> None:
    """The number of an important customer, which anybody can pretend to have."""
    await _rings(stage, desk, call(caller=caller(verified=False)))


async def stale(stage: Stage, desk: DeskPage) -> None:
    """The CRM did not answer in time; the card is what it said two hours ago."""
    await stage.source("crm", "down")
    await _rings(stage, desk, production_call(crm={"source": "stale", "age_s": 7300.0}))


async def no_crm(stage: Stage, desk: DeskPage) -> None:
    """The CRM does not answer, and nothing is known of this number."""
    await stage.source("crm", "down")
    degraded: Json = {"class": "", "rule": "", "decision": "degraded", "crm": {"source": "failed", "age_s": None}}
    await _rings(stage, desk, unknown_call(**degraded, caller=caller("+74950000218"), why=because({})))


async def withdrawn(stage: Stage, desk: DeskPage) -> None:
    """A colleague has answered it."""
    await stage.withdraw(await stage.ring(call()))
    await expect(desk.value("gone")).to_be_visible()


async def talking(stage: Stage, desk: DeskPage) -> None:
    """A talk, and what is written down of it meanwhile."""
    await _talks(stage, desk, call())
    await desk.page.locator("#after-note").fill("Просит рассрочку на два платежа.")
    await expect(desk.page.locator(".keeping[data-keeping=saved]")).to_be_visible()


async def transferring(stage: Stage, desk: DeskPage) -> None:
    """The colleague's phone rings, the caller waits; one's own part is over."""
    talk = await _talks(stage, desk, call())
    rings = {"to": TIMUR, "by": {"operator": "op3", "name": "Ольга Ланская"}, "state": "ringing", "reason": ""}
    ends = {"state": "ended", "my_role": "none", "ended_at": moment(seconds=3)}
    await stage.say("call.ended", talk | ends | {"transfer": rings})
    await expect(said(desk, "handed_on")).to_be_visible()


async def ended(stage: Stage, desk: DeskPage) -> None:
    """The talk is over, nothing more is asked."""
    talk = await _talks(stage, desk, call())
    await stage.say("call.ended", talk | {"state": "ended", "ended_at": moment(seconds=4)})
    await expect(desk.card_of(talk["id"], "ended")).to_be_visible()


async def at_risk(stage: Stage, desk: DeskPage) -> None:
    """What happens cannot be written down at the moment."""
    await stage.source("journal", "at_risk")
    await _talks(stage, desk, production_call())


async def supervisor(stage: Stage, desk: DeskPage) -> None:
    """The state of a colleague, opened by who may set it."""
    stage.operator = stage.operator | {"role": "supervisor"}
    await desk.page.reload()
    await desk.is_at_desk()
    await desk.page.locator("[data-operator=op6] .mate-open").click()
    await expect(desk.page.locator("[data-choose-state]").first).to_be_visible()


async def keys(stage: Stage, desk: DeskPage) -> None:
    """All keys, beside a ringing call."""
    await _rings(stage, desk, call())
    await desk.page.keyboard.press("?")
    await expect(desk.page.locator("#panel[data-panel=keys]")).to_be_visible()


async def unsaved(stage: Stage, desk: DeskPage) -> None:
    """What the CRM does not have of earlier calls, below what is to be done."""
    await stage.list_work(at_work.work())
    await stage.tell_edits(list(OTHERS_WORDS))
    await expect(desk.page.locator("[data-open-edit]")).to_have_count(2)


async def _rings(stage: Stage, desk: DeskPage, ringing: Json) -> None:
    await stage.ring(ringing)
    await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
    await expect(desk.page.locator("[data-field=timer]").first).to_have_text(re.compile("0:0[6-9]"))


async def _talks(stage: Stage, desk: DeskPage, talk: Json) -> Json:
    talk = talk | {"state": "talking", "my_role": "talking", "answered_at": moment(seconds=134), "expires_at": None}
    await stage.say("call.answered", talk)
    await expect(desk.card_of(talk["id"], "talking")).to_be_visible()
    return talk
