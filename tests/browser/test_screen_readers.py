"""What a screen reader finds: names, landmarks, headings, words about calls; and axe has nothing serious to say."""

from collections.abc import Awaitable, Callable
from itertools import pairwise
from typing import Any

import pytest
from playwright.async_api import expect

from browser import at_work
from browser.conftest import OnStage
from browser.desk_page import DeskPage
from browser.in_hand import TIMUR, edit
from browser.people import ambiguous_call, call, caller, customer, production_call, unknown_call
from browser.stage import Stage
from browser.talks import able, said
from browser.test_frame import NARROW, WIDE
from demo.asterisk import REPOSITORY

AXE = REPOSITORY / "cti_bridge/web/ui/node_modules/axe-core/axe.min.js"
SERIOUS = ("serious", "critical")

Act = Callable[[Stage, DeskPage], Awaitable[None]]


async def idle(_stage: Stage, desk: DeskPage) -> None:
    await expect(desk.page.locator("article.call[data-state=idle]")).to_be_visible()


async def ringing(stage: Stage, desk: DeskPage) -> None:
    await stage.ring(call())
    await expect(desk.page.locator("[data-story=note]").first).to_be_attached()


async def talking(stage: Stage, desk: DeskPage) -> None:
    await stage.answer(await stage.ring(production_call()))
    await expect(desk.value("state")).to_have_count(1)


async def held_beside_another(stage: Stage, desk: DeskPage) -> None:
    talk = await stage.answer(await stage.ring(production_call()))
    await stage.say("call.updated", talk | {"state": "held"})
    await stage.ring(call())
    await expect(desk.page.locator("[data-other-call]")).to_be_visible()


async def ended(stage: Stage, desk: DeskPage) -> None:
    await stage.end(await stage.answer(await stage.ring(call())))
    await expect(desk.page.locator("[data-recent]")).to_have_count(1)


async def withdrawn(stage: Stage, desk: DeskPage) -> None:
    await stage.withdraw(await stage.ring(call()))
    await expect(desk.value("gone")).to_be_visible()


async def unknown(stage: Stage, desk: DeskPage) -> None:
    await stage.ring(unknown_call())
    await expect(desk.value("hint")).to_be_visible()


async def ambiguous(stage: Stage, desk: DeskPage) -> None:
    await stage.ring(ambiguous_call())
    await expect(desk.page.locator("[data-candidate-id]")).to_have_count(3)


async def doubtful(stage: Stage, desk: DeskPage) -> None:
    await stage.ring(call(crm={"source": "stale", "age_s": 7300.0}, caller=caller(verified=False), extras="pending"))
    await expect(desk.value("doubt")).to_be_visible()


async def anonymous(stage: Stage, desk: DeskPage) -> None:
    hidden = {"number": None, "display": "", "kind": "anonymous", "name": "", "verified": False}
    await stage.ring(unknown_call(caller=hidden, crm={"source": "skipped", "age_s": None}))
    await expect(desk.value("name")).to_be_visible()


async def unwell(stage: Stage, desk: DeskPage) -> None:
    await stage.source("crm", "down")
    await stage.source("journal", "at_risk")
    await expect(desk.page.locator("[data-source-state=at_risk]")).to_be_visible()


async def cut_off(stage: Stage, desk: DeskPage) -> None:
    await stage.ring(call())
    await expect(desk.value("name")).to_be_visible()
    await stage.cut()
    await expect(desk.page.locator(".top[data-lost=true]")).to_be_visible()


async def settings(stage: Stage, desk: DeskPage) -> None:
    await stage.ring(call(customer=customer(segment="")))
    await desk.page.locator("#open-settings").click()
    await desk.page.locator("#switch-sound").click()
    await expect(desk.page.get_by_role("dialog")).to_be_visible()


async def keys(stage: Stage, desk: DeskPage) -> None:
    await ended(stage, desk)
    await desk.page.keyboard.press("?")
    await expect(desk.page.get_by_role("dialog")).to_be_visible()


async def story_pane(stage: Stage, desk: DeskPage) -> None:
    await ringing(stage, desk)
    await desk.page.locator("[data-pane-button=story]").click()


async def team_pane(stage: Stage, desk: DeskPage) -> None:
    await ended(stage, desk)
    await desk.page.locator("[data-pane-button=team]").click()


async def consulting(stage: Stage, desk: DeskPage) -> None:
    talk = await stage.answer(await stage.ring(call()))
    await stage.say("call.updated", talk | {"state": "held", "consult": {"to": TIMUR, "state": "talking"}})
    await expect(desk.value("consult")).to_be_visible()


async def choosing(stage: Stage, desk: DeskPage) -> None:
    await stage.answer(await stage.ring(call()))
    await expect(able(desk, "transfer")).to_be_visible()
    await desk.page.keyboard.press("F4")
    await expect(desk.page.locator(".target").first).to_be_visible()
    await desk.page.keyboard.press("ArrowDown")
    await expect(desk.page.locator(".target[aria-selected=true]")).to_be_visible()


async def came_back(stage: Stage, desk: DeskPage) -> None:
    by = {"operator": "op3", "name": "Ольга Ланская"}
    failed = {"to": TIMUR, "by": by, "state": "failed", "reason": "no_answer"}
    await stage.ring(call(transfer=failed))
    await expect(said(desk, "came_back")).to_be_visible()


async def disputed(stage: Stage, desk: DeskPage) -> None:
    talk = await stage.answer(await stage.ring(call()))
    edits = [
        edit("conflict", {"city": "Тула"}, theirs={"city": "Орёл"}),
        edit("waiting", {"email": "m@example.com"}, id="e-2"),
        edit("refused", {"segment": "дизайнер"}, id="e-3", reason="нет прав"),
    ]
    await stage.say("call.updated", talk | {"edits": edits})
    await desk.page.locator("[data-edit=name] .pencil").click()
    await expect(desk.page.locator("[data-conflict=city]")).to_be_visible()


async def newcomer(stage: Stage, desk: DeskPage) -> None:
    await stage.answer(await stage.ring(unknown_call()))
    await desk.page.locator("[data-field=newcomer] [name=name]").fill("Пётр Лугов")


async def asked_to_dial(stage: Stage, desk: DeskPage) -> None:
    await ended(stage, desk)
    await desk.page.keyboard.press("F3")
    await expect(desk.value("sure")).to_be_visible()


async def away_unconfirmed(stage: Stage, desk: DeskPage) -> None:
    await stage.put(at_work.state("lunch", confirmed=False, unreachable=True, by="op6"))
    await expect(desk.page.locator("[data-field=my-state][data-confirmed=false]")).to_be_visible()


async def all_states(stage: Stage, desk: DeskPage) -> None:
    await stage.put(at_work.state("paperwork", next="lunch"))
    await desk.page.locator("#open-states").click()
    await expect(desk.page.get_by_role("dialog")).to_be_visible()


async def signed_off(stage: Stage, desk: DeskPage) -> None:
    await stage.put(at_work.state("signed_off"))
    await expect(desk.page.locator("#start-work")).to_be_visible()


async def wrap_up(stage: Stage, desk: DeskPage) -> None:
    ended = await stage.end(await stage.answer(await stage.ring(call())))
    await stage.put(at_work.wrap_up(ended["id"], left_s=-40))
    await desk.page.locator("[data-outcome-choice=call_back]").click()
    await desk.page.locator("#after-in-an-hour").click()
    await expect(desk.page.locator("#after-no-step")).to_be_visible()


async def wrap_up_refused(stage: Stage, desk: DeskPage) -> None:
    stage.refusals["wrapup.finish"] = ("not_possible", "still missing after the call: note")
    await stage.put(at_work.wrap_up("main-1.1", missing=("note",)))
    await desk.page.locator("#finish").click()
    await expect(desk.page.locator(".after .refusal")).to_be_visible()


async def work_list(stage: Stage, desk: DeskPage) -> None:
    await stage.list_work(at_work.work())
    tab = desk.page.locator("[data-pane-button=team]")
    if await tab.is_visible():
        await tab.click()
    await expect(desk.page.locator("[data-item]")).to_have_count(4)


AT_WORK = (away_unconfirmed, all_states, signed_off, wrap_up, wrap_up_refused, work_list)
EVERYWHERE = (idle, ringing, held_beside_another, ambiguous, cut_off, settings)
STATES = [
    *(pytest.param(act, WIDE, id=act.__name__) for act in (*EVERYWHERE, talking, ended, withdrawn, unknown, doubtful)),
    *(pytest.param(act, WIDE, id=act.__name__) for act in (anonymous, unwell, keys, *AT_WORK)),
    *(pytest.param(act, WIDE, id=act.__name__) for act in (consulting, choosing, came_back, newcomer, asked_to_dial)),
    *(
        pytest.param(act, NARROW, id=f"{act.__name__} at 380")
        for act in (*EVERYWHERE, *AT_WORK, story_pane, team_pane, disputed)
    ),
]


async def serious_findings(desk: DeskPage) -> list[str]:
    """What axe complains about, in one line each."""
    if not await desk.page.evaluate("'axe' in window"):
        await desk.page.evaluate(AXE.read_text("utf-8"))
    found: list[dict[str, Any]] = (await desk.page.evaluate("axe.run({resultTypes: ['violations']})"))["violations"]
    return [
        f"{each['id']}: {node['html'][:120]} {node['failureSummary'][:200]}"
        for each in found
        if each["impact"] in SERIOUS
        for node in each["nodes"]
    ]


@pytest.mark.parametrize(("act", "size"), STATES)
async def test_axe_finds_nothing_serious_in_either_theme_and_language(
    on_stage: OnStage, act: Act, size: dict[str, int]
) -> None:
    stage, desk = await on_stage(viewport=size, reduced_motion="reduce")
    await act(stage, desk)
    findings = []
    for language in ("ru", "en"):
        if language == "en":
            await desk.page.locator("[data-language=en]").click()
        await expect(desk.page.locator("html")).to_have_attribute("lang", language)
        for theme in ("light", "dark"):
            await desk.page.emulate_media(color_scheme="light" if theme == "light" else "dark")
            await expect(desk.page.locator("html")).to_have_attribute("data-theme", theme)
            findings += [f"{language} {theme} {each}" for each in await serious_findings(desk)]
    assert findings == []


@pytest.mark.parametrize("problem", [False, True], ids=["as it opens", "with a problem"])
async def test_axe_finds_nothing_serious_at_the_door(on_stage: OnStage, *, problem: bool) -> None:
    stage, desk = await on_stage(signed_in=False)
    if problem:
        await stage.cut()
        await desk.sign_in("op3", "пароль")
        await expect(desk.page.locator("#sign-in-problem")).not_to_be_empty()
    findings = []
    for language in ("ru", "en"):
        if language == "en":
            await desk.page.locator("[data-language=en]").click()
        for theme in ("light", "dark"):
            await desk.page.emulate_media(color_scheme="light" if theme == "light" else "dark")
            await expect(desk.page.locator("html")).to_have_attribute("data-theme", theme)
            findings += await serious_findings(desk)
    assert findings == []


async def test_the_check_itself_sees_a_button_without_a_name(on_stage: OnStage) -> None:
    _, desk = await on_stage()
    await desk.page.evaluate("document.querySelector('#open-settings').removeAttribute('aria-label')")
    await desk.page.evaluate("document.querySelector('#open-settings').removeAttribute('title')")
    assert any(each.startswith("button-name") for each in await serious_findings(desk))


async def test_a_call_is_announced_at_once_and_its_end_politely(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    alert, status = desk.page.locator("#announcer[role=alert]"), desk.page.locator("#announcer-polite[role=status]")
    ringing = await stage.ring(call())
    await expect(alert).to_have_text("Звонит Мария Соколова. Продажи. Сделка на стадии «ждёт оплату».")
    await stage.withdraw(ringing)
    await expect(alert).to_be_empty()
    await expect(status).to_have_text("Отвечает Артём Юдин")
    await stage.answer(await stage.ring(production_call()))
    await expect(alert).to_be_empty()
    await stage.ring(call())
    await expect(status).to_have_text("Звонит Мария Соколова. Продажи. Сделка на стадии «ждёт оплату».")
    await expect(alert).to_be_empty()


async def test_a_blocked_door_is_told_once_and_not_every_second(on_stage: OnStage) -> None:
    _, desk = await on_stage(signed_in=False)
    await desk.page.route("**/api/v1/session", lambda route: route.fulfill(status=429, json={"retry_after_s": 200}))
    await desk.sign_in("op3", "пароль")
    problem = desk.page.locator("#sign-in-problem")
    await expect(problem).to_contain_text("Следующая попытка через 3:1")
    await expect(problem.get_by_role("alert")).to_have_text("Слишком много попыток.")


async def test_landmarks_and_headings_lead_through_the_page(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    await stage.ring(ambiguous_call())
    page = desk.page
    await expect(page.get_by_role("main", name="Звонок")).to_be_visible()
    await expect(page.get_by_role("complementary", name="История")).to_be_visible()
    for region in ("Команда", "Сегодня", "Кто из них?"):
        await expect(page.get_by_role("region", name=region).first).to_be_visible()
    await expect(page.get_by_role("banner")).to_have_count(1)
    levels = await page.evaluate(
        "[...document.querySelectorAll('h1, h2, h3, h4')].filter(each => each.checkVisibility())"
        ".map(each => Number(each.tagName[1]))"
    )
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
