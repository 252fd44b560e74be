"""What an operator sees two hundred times a day: names in full, values in their places, times that are true."""

from playwright.async_api import expect

from browser import at_work, moments
from browser.conftest import OnStage
from browser.in_hand import edit
from browser.people import call, customer, production_call
from browser.screenshots import shows
from browser.talks import said
from browser.test_frame import NARROW
from browser.test_seen_large import in_full

SMALLEST_TARGET = 24
"""Pixels, after WCAG 2.5.8."""


async def test_a_ringing_colleague_is_named_in_full_and_his_call_taken_without_aiming(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    stage.team = [mate | {"state": "ringing", "ringing_queue": "primary-consult"} for mate in at_work.team()]
    await desk.page.reload()
    await expect(desk.page.locator(".pick-up")).to_have_count(5)
    for name in await desk.page.locator("[data-mate-state=ringing] .mate-name").all():
        assert await in_full(name)
    for button in await desk.page.locator(".pick-up").all():
        box = await button.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= SMALLEST_TARGET
    queue = desk.page.locator("[data-mate-state=ringing] .mate-state").first
    assert await queue.evaluate("at => at.scrollHeight <= at.clientHeight + 1"), "the queue is cut"


async def test_in_a_narrow_window_what_is_to_be_done_can_be_pressed_with_a_finger(on_stage: OnStage) -> None:
    stage, desk = await on_stage(viewport=NARROW)
    await stage.list_work(at_work.work())
    await desk.page.locator("[data-pane-button=team]").click()
    await expect(desk.page.locator("[data-item]")).to_have_count(4)
    for button in await desk.page.locator(".item-buttons button").all():
        box = await button.bounding_box()
        assert box is not None
        assert box["height"] >= 1.4 * SMALLEST_TARGET


async def test_the_card_is_as_high_without_a_call_with_one_and_after_it_has_gone(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    card = desk.page.locator("article.call")
    idle = await card.bounding_box()
    for ringing in (production_call(), call(), call()):
        await stage.ring(ringing)
        await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
        assert await card.bounding_box() == idle
        talk = await stage.answer(ringing)
        await expect(desk.card_of(ringing["id"], "talking")).to_be_visible()
        assert await card.bounding_box() == idle
        await stage.end(talk)
        await expect(desk.card_of(ringing["id"], "ended")).to_be_visible()
        await desk.page.keyboard.press("Escape")
        await expect(desk.page.locator("article.call[data-state=idle]")).to_be_visible()
    await moments.withdrawn(stage, desk)
    assert await card.bounding_box() == idle


async def test_values_beside_the_name_stay_where_they_are_when_they_can_be_written(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    places = [desk.value(name) for name in ("segment", "verified", "city", "customer-time")]
    ringing = await stage.ring(call())
    await expect(desk.card_of(ringing["id"], "ringing")).to_be_visible()
    before = [await place.bounding_box() for place in places]
    await stage.answer(ringing)
    await expect(desk.page.locator("[data-edit=city] .pencil")).to_be_visible()
    assert [await place.bounding_box() for place in places] == before
    ends = {round(box["x"] + box["width"]) for box in before[1:] if box is not None}
    assert len(ends) == 1, "they end in one line"


async def test_another_city_does_not_make_the_time_of_the_old_one_its_own(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    stage.silent.add("card.save")
    await stage.answer(await stage.ring(call()))
    there = desk.page.locator(".who-side .there")
    await expect(there).to_contain_text("у клиента")
    await desk.page.locator("[data-edit=city] .pencil").click()
    await desk.page.locator("[data-box=city]").fill("Владивосток")
    await desk.page.keyboard.press("Enter")
    await expect(there).to_contain_text("в прежнем городе")
    await expect(there).to_have_attribute("title", "Часовой пояс клиента остался прежним: его меняют в самой CRM")


async def test_nor_does_the_city_that_the_crm_has_taken_since(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    moved = call(customer=customer(city="Владивосток"), edits=[edit("saved", {"city": "Владивосток"})])
    await stage.answer(await stage.ring(moved))
    await expect(desk.page.locator("[data-edit=city][data-mark=saved]")).to_be_visible()
    await expect(desk.page.locator(".who-side .there")).to_contain_text("в прежнем городе")


async def test_of_what_the_crm_has_not_got_what_somebody_must_decide_is_seen_first(on_stage: OnStage) -> None:
    stage, desk = await on_stage(viewport={"width": 1366, "height": 768})
    await moments.unsaved(stage, desk)
    edits = desk.page.locator("[data-open-edit]")
    await expect(edits.first).to_have_attribute("data-edit-state", "conflict")
    await expect(edits.first).to_contain_text("Почта: hasanov@example.com")
    await expect(edits.first.get_by_role("button").last).to_be_in_viewport(ratio=1)
    await expect(edits.last).to_contain_text("Город: Тула")


async def test_whoever_is_away_is_not_told_that_calls_will_come(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    why = desk.page.locator("article.call[data-state=idle] .why")
    await expect(why).to_have_text("Карточка появится здесь вместе со звонком")
    await stage.put(at_work.state("lunch"))
    await shows(desk, "lunch")
    await expect(why).to_have_text("Звонки из очередей к вам не идут")


async def test_a_queue_to_which_a_caller_goes_has_its_name_and_gives_nobody_back(on_stage: OnStage) -> None:
    stage, desk = await on_stage()
    talk = await stage.answer(await stage.ring(call()))
    goes = {"to": {"kind": "queue", "id": "sales", "name": "sales"}, "by": {"operator": "op3", "name": "Ольга Ланская"}}
    full = goes | {"state": "failed", "reason": "full"}
    await stage.say("call.updated", talk | {"transfer": full})
    await expect(said(desk, "came_back")).to_have_text("Продажи: очередь заполнена. Звонящий снова у вас")
    await stage.end(talk | {"transfer": goes | {"state": "ringing", "reason": ""}})
    await expect(said(desk, "handed_on")).to_have_text("Передано в очередь «Продажи»")
