"""The contract of the port: what a caller, a deal, a note and a call have to come to in every CRM.

`class TestTryton(CrmContract)` with a fixture `place` (a `Place`) is all that an adapter adds. What a CRM declares that
it cannot do is asked for as well: it has to refuse it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import pytest

from contract.calls import FINISHED, call_of, story
from contract.place import DealState, Person, Place, SeedDeal, SeenCall, Trouble
from cti_bridge.crm.links import SqliteLinks
from cti_bridge.crm.lookup import Lookup
from cti_bridge.crm.port import MOMENTS, Capability, CrmRefuses, CrmUnavailable, Probing
from cti_bridge.crm.web_client import WebClient
from cti_bridge.domain.call_report import CallMoment
from cti_bridge.domain.customer import CustomerChanges, CustomerRecord, NewCustomer, NewDeal, Note
from cti_bridge.domain.decision import CrmSource
from cti_bridge.domain.number import parse_number

PATIENCE_S = 30.0
"""So long may anything take that is not about being quick; the machine may be busy."""


def number(last: int) -> str:
    """One of the invented numbers, in E.164."""
    return f"+7495000{last:04}"


async def find(place: Place, text: str) -> tuple[CustomerRecord, ...]:
    async with asyncio.timeout(PATIENCE_S):
        return await place.crm.find(parse_number(text, region="RU"))


async def names(place: Place, text: str) -> list[str]:
    return sorted(record.customer.name for record in await find(place, text))


def can(place: Place, capability: Capability) -> bool:
    return capability in place.crm.capabilities


class CallerContract:
    """Who has a number."""

    async def test_a_known_caller_is_found_with_his_number(self, place: Place) -> None:
        (aglaya,) = await place.seed([Person("Аглая Снегирёва", (number(101),))])
        (record,) = await find(place, number(101))
        assert (record.customer.id, record.customer.name) == (aglaya, "Аглая Снегирёва")
        assert number(101) in record.customer.numbers

    async def test_an_unknown_caller_is_nobody(self, place: Place) -> None:
        await place.seed([Person("Прохор Лозовой", (number(102),))])
        assert await find(place, number(103)) == ()

    async def test_a_number_of_several_people_finds_them_all(self, place: Place) -> None:
        await place.seed([Person("Вера Ёлкина", (number(104),)), Person("ООО «Ромашка»", (number(104),))])
        assert await names(place, number(104)) == ["Вера Ёлкина", "ООО «Ромашка»"]

    async def test_a_person_with_several_numbers_is_found_by_each_and_once(self, place: Place) -> None:
        await place.seed([Person("Захар Ильин", (number(105), number(106)))])
        assert await names(place, number(105)) == ["Захар Ильин"]
        assert await names(place, number(106)) == ["Захар Ильин"]

    async def test_an_archived_person_is_nobody(self, place: Place) -> None:
        if not place.archives:
            return
        people = [Person("Фаина Щукина", (number(107),), archived=True), Person("Егор Щукин", (number(107),))]
        await place.seed(people)
        assert await names(place, number(107)) == ["Егор Щукин"]

    async def test_a_number_is_found_however_it_was_typed(self, place: Place) -> None:
        assert place.typed
        people = [Person(f"Пётр {index}", (form.format(110 + index),)) for index, form in enumerate(place.typed)]
        await place.seed(people)
        for index, form in enumerate(place.typed):
            (record,) = await find(place, number(110 + index))
            assert record.customer.name == f"Пётр {index}", form
            assert number(110 + index) in record.customer.numbers, form

    async def test_a_number_that_only_ends_alike_is_somebody_elses(self, place: Place) -> None:
        await place.seed([Person("Римма Ясенева", (number(120),))])
        assert await find(place, "+494950000120") == ()
        assert await find(place, "+14950000120") == ()

    @pytest.mark.parametrize(
        "text", ["anonymous", "", "101", "0120", "*43", "ivanov", "4950000121'; DROP TABLE customers; --", "%"]
    )
    async def test_what_is_no_telephone_number_finds_nobody(self, place: Place, text: str) -> None:
        await place.seed([Person("Майя Тихая", (number(121),))])
        assert await find(place, text) == ()
        assert await names(place, number(121)) == ["Майя Тихая"]

    async def test_a_foreign_number_is_found_as_it_is(self, place: Place) -> None:
        await place.seed([Person("Каспар Ланге", ("+4930123456",))])
        assert await names(place, "004930123456") == await names(place, "+4930123456") == ["Каспар Ланге"]

    async def test_a_name_of_any_letters_comes_as_it_is(self, place: Place) -> None:
        name = "О’Нил «Zoë» <b>&amp; 王小明 🙂"
        await place.seed([Person(name, (number(122),))])
        assert await names(place, number(122)) == [name]

    async def test_who_is_responsible_is_told(self, place: Place) -> None:
        await place.seed([Person("Нонна Дубова", (number(123),), responsible=place.user)])
        (record,) = await find(place, number(123))
        expected = place.user if can(place, Capability.RESPONSIBLE) else ""
        assert record.customer.responsible == expected


class DealContract:
    """What is sold to whom, and how far it is."""

    async def test_the_stages_say_which_deals_are_over(self, place: Place) -> None:
        if not can(place, Capability.DEALS):
            return
        async with asyncio.timeout(PATIENCE_S):
            stages = await place.crm.stages()
        early, late, won, lost = (stages.get(place.stage(state)) for state in DealState)
        assert early and late and won and lost
        assert (early.final, late.final, won.final, lost.final) == (False, False, True, True)
        assert early.order < late.order
        assert all(stage.name for stage in stages.stages)

    async def test_without_a_deal_there_is_none(self, place: Place) -> None:
        await place.seed([Person("Лев Озеров", (number(130),))])
        (record,) = await find(place, number(130))
        assert record.deals == ()

    async def test_an_open_deal_comes_with_its_stage(self, place: Place) -> None:
        await place.seed([Person("Анна Рощина", (number(131),), (SeedDeal("Кухня", DealState.LATE),))])
        (record,) = await find(place, number(131))
        expected = [("Кухня", place.stage(DealState.LATE))] if can(place, Capability.DEALS) else []
        assert [(deal.title, deal.stage) for deal in record.deals] == expected

    async def test_several_open_deals_come_all(self, place: Place) -> None:
        deals = (SeedDeal("Шкаф"), SeedDeal("Стол", DealState.LATE), SeedDeal("Полка"))
        await place.seed([Person("Юрий Горин", (number(132),), deals)])
        (record,) = await find(place, number(132))
        expected = ["Полка", "Стол", "Шкаф"] if can(place, Capability.DEALS) else []
        assert sorted(deal.title for deal in record.deals) == expected
        assert len({deal.id for deal in record.deals}) == len(expected)

    @pytest.mark.parametrize("state", [DealState.WON, DealState.LOST])
    async def test_a_deal_that_is_over_is_no_open_one(self, place: Place, state: DealState) -> None:
        last = 133 if state is DealState.WON else 134
        await place.seed([Person("Ян Береговой", (number(last),), (SeedDeal("Дверь", state), SeedDeal("Окно")))])
        (record,) = await find(place, number(last))
        if not can(place, Capability.DEALS):
            assert record.deals == ()
            return
        stages = await place.crm.stages()
        assert [deal.title for deal in record.deals if stages.is_open(deal)] == ["Окно"]

    async def test_each_of_several_people_has_his_own_deals(self, place: Place) -> None:
        await place.seed(
            [
                Person("Таисия Белых", (number(135),), (SeedDeal("Шкаф"),)),
                Person("Тарас Белых", (number(135),), (SeedDeal("Стол"),)),
            ]
        )
        found = {
            record.customer.name: [deal.title for deal in record.deals] for record in await find(place, number(135))
        }
        deals = can(place, Capability.DEALS)
        assert found == {"Таисия Белых": ["Шкаф"] if deals else [], "Тарас Белых": ["Стол"] if deals else []}


class PersonContract:
    """Writing people and notes down."""

    async def test_somebody_new_is_found_from_then_on_and_made_once(self, place: Place) -> None:
        new = NewCustomer("Злата Ужова", number(140), email="zlata@example.test", city="Тверь")
        if not can(place, Capability.CREATE):
            with pytest.raises(CrmRefuses):
                await place.crm.create(new, key="create/140")
            return
        made = await place.crm.create(new, key="create/140")
        (record,) = await find(place, number(140))
        assert (record.customer.id, record.customer.name) == (made, "Злата Ужова")
        assert await place.crm.create(new, key="create/140") == made
        await place.restart()
        assert await place.crm.create(new, key="create/140") == made
        assert await names(place, number(140)) == ["Злата Ужова"]

    async def test_somebody_new_belongs_to_whom_he_is_given(self, place: Place) -> None:
        if not can(place, Capability.CREATE) or not can(place, Capability.RESPONSIBLE):
            return
        await place.crm.create(NewCustomer("Клим Ветров", number(141), responsible=place.user), key="create/141")
        (record,) = await find(place, number(141))
        assert record.customer.responsible == place.user

    async def test_what_is_changed_is_what_is_known_and_the_rest_stays(self, place: Place) -> None:
        (glafira,) = await place.seed([Person("Глафира Ивина", (number(142),), responsible=place.user)])
        changes = CustomerChanges(name="Глафира Орлова")
        if not can(place, Capability.UPDATE):
            with pytest.raises(CrmRefuses):
                await place.crm.update(glafira, changes)
            return
        await place.crm.update(glafira, changes)
        (record,) = await find(place, number(142))
        assert (record.customer.id, record.customer.name) == (glafira, "Глафира Орлова")
        assert record.customer.responsible == (place.user if can(place, Capability.RESPONSIBLE) else "")

    async def test_a_change_is_made_or_refused_and_never_by_half(self, place: Place) -> None:
        """Some CRMs have several e-mail addresses of one person, and none of them is the bridge's to remove."""
        if not can(place, Capability.UPDATE):
            return
        (osip,) = await place.seed([Person("Осип Ракитин", (number(144),))])
        await place.crm.update(osip, CustomerChanges(email="osip@example.test"))
        name, email = "Осип Ракитин", "osip@example.test"
        for changes in (CustomerChanges(name="Осип Раков", email="rakov@example.test"), CustomerChanges(email="")):
            try:
                await place.crm.update(osip, changes)
            except CrmRefuses:
                pass
            else:
                name, email = changes.name or name, email if changes.email is None else changes.email
            (record,) = await find(place, number(144))
            assert (record.customer.name, record.customer.email) == (name, email)
            assert number(144) in record.customer.numbers

    async def test_what_is_changed_to_what_it_is_stays(self, place: Place) -> None:
        if not can(place, Capability.UPDATE):
            return
        (lyuba,) = await place.seed([Person("Люба Майская", (number(145),), responsible=place.user)])
        (before,) = await find(place, number(145))
        for changes in (CustomerChanges(), CustomerChanges(name="Люба Майская")):
            await place.crm.update(lyuba, changes)
            assert await find(place, number(145)) == (before,)

    async def test_a_deal_that_is_made_is_there_once_and_open(self, place: Place) -> None:
        (pelageya,) = await place.seed([Person("Пелагея Ступина", (number(146),))])
        new = NewDeal("Остекление «лоджии»", responsible=place.user)
        if not can(place, Capability.CREATE_DEAL):
            with pytest.raises(CrmRefuses):
                await place.crm.create_deal(pelageya, new, key="deal/146")
            return
        made = await place.crm.create_deal(pelageya, new, key="deal/146")
        assert await place.crm.create_deal(pelageya, new, key="deal/146") == made
        await place.restart()
        assert await place.crm.create_deal(pelageya, new, key="deal/146") == made
        (record,) = await find(place, number(146))
        (deal,) = record.deals
        assert (deal.id, deal.title) == (made, "Остекление «лоджии»")
        assert deal.responsible == (place.user if can(place, Capability.RESPONSIBLE) else "")
        assert (await place.crm.stages()).is_open(deal)

    async def test_two_deals_of_one_name_are_two(self, place: Place) -> None:
        if not can(place, Capability.CREATE_DEAL):
            return
        (efim,) = await place.seed([Person("Ефим Ступин", (number(147),))])
        made = {await place.crm.create_deal(efim, NewDeal("Балкон"), key=f"deal/147/{turn}") for turn in (1, 2)}
        (record,) = await find(place, number(147))
        assert {deal.id for deal in record.deals} == made
        assert len(made) == 2

    async def test_at_whichever_step_of_a_deal_the_bridge_is_killed_it_is_there_once(
        self, place: Place, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not can(place, Capability.CREATE_DEAL):
            return
        (yulia,) = await place.seed([Person("Юлия Ступина", (number(148),))])
        deals = 0
        for step in Step:
            at = 0
            while True:
                at, deals = at + 1, deals + 1
                was_killed = kill(monkeypatch, step, at)
                new, key = NewDeal(f"Окно {deals}"), f"deal/148/{deals}"
                try:
                    await place.crm.create_deal(yulia, new, key=key)
                except Killed:
                    await place.restart()
                    await place.crm.create_deal(yulia, new, key=key)
                if not was_killed():
                    break
        (record,) = await find(place, number(148))
        assert sorted(deal.title for deal in record.deals) == sorted(f"Окно {one}" for one in range(1, deals + 1))

    async def test_a_deal_of_somebody_who_is_gone_or_in_no_stage_is_refused(self, place: Place) -> None:
        (platon,) = await place.seed([Person("Платон Ступин", (number(149),))])
        with pytest.raises(CrmRefuses):
            await place.crm.create_deal(place.nobody, NewDeal("Дверь"), key="deal/149/1")
        with pytest.raises(CrmRefuses):
            await place.crm.create_deal(platon, NewDeal("Дверь", stage="no such stage"), key="deal/149/2")
        (record,) = await find(place, number(149))
        assert record.deals == ()

    async def test_somebody_who_is_gone_cannot_be_changed(self, place: Place) -> None:
        with pytest.raises(CrmRefuses):
            await place.crm.update(place.nobody, CustomerChanges(name="Никто"))

    async def test_a_note_is_written_down_once(self, place: Place) -> None:
        (savva,) = await place.seed([Person("Савва Лунин", (number(143),))])
        note = Note(datetime(2026, 11, 20, 12, 0, tzinfo=UTC), place.user, "Просил перезвонить после шести")
        if not can(place, Capability.ADD_NOTE):
            with pytest.raises(CrmRefuses):
                await place.crm.add_note(savva, note, key="note/143")
            return
        await place.crm.add_note(savva, note, key="note/143")
        await place.crm.add_note(savva, note, key="note/143")
        await place.restart()
        await place.crm.add_note(savva, note, key="note/143")
        (seen,) = await place.notes_at(savva)
        assert "Просил перезвонить после шести" in seen
        shown = [one.text for one in await place.crm.notes(savva, limit=5)]
        assert shown == (["Просил перезвонить после шести"] if can(place, Capability.NOTES) else [])
        assert await place.crm.notes(place.nobody, limit=5) == ()


class Killed(BaseException):
    """The bridge was killed."""


class Step(StrEnum):
    """A step of a report at which the bridge can be killed: before it is taken, or when it was."""

    WRITES = "before it is written down"
    HAS_WRITTEN = "when it was written down"
    ASKS = "before the CRM hears of it"
    WAS_ANSWERED = "when the CRM has answered"


_STEPS: Mapping[Step, tuple[type[SqliteLinks] | type[WebClient], str, Callable[..., Awaitable[Any]]]] = {
    Step.WRITES: (SqliteLinks, "put", SqliteLinks.put),
    Step.HAS_WRITTEN: (SqliteLinks, "put", SqliteLinks.put),
    Step.ASKS: (WebClient, "ask", WebClient.ask),
    Step.WAS_ANSWERED: (WebClient, "ask", WebClient.ask),
}


def kill(monkeypatch: pytest.MonkeyPatch, step: Step, at: int) -> Callable[[], bool]:
    """From now on the bridge is killed once, the `at`th time that it comes to this step, until one asks if it was."""
    owner, name, real = _STEPS[step]
    came = 0

    async def taken(*about: Any, **more: Any) -> Any:
        nonlocal came
        mine = owner is SqliteLinks or not more.get("urgent", True)  # not a token that is renewed for all
        came += mine
        dies = mine and came == at
        if dies and step in (Step.WRITES, Step.ASKS):
            raise Killed
        result = await real(*about, **more)
        if dies:
            raise Killed
        return result

    def was_killed() -> bool:
        monkeypatch.setattr(owner, name, real)  # what comes now, a logout at the end say, is not in danger
        return came >= at

    monkeypatch.setattr(owner, name, taken)
    return was_killed


class ReportContract:
    """What the CRM knows of a call afterwards."""

    @pytest.mark.parametrize("answered", [True, False], ids=["answered", "missed"])
    async def test_a_call_is_there_once_as_it_went(self, place: Place, answered: bool) -> None:
        last = 150 if answered else 151
        (ida,) = await place.seed([Person("Ида Лесная", (number(last),))])
        call = call_of(place, ida, number(last), key=f"main-{last}.1")
        for report in story(place, call, answered=answered):
            await place.crm.report(report)
        if not can(place, Capability.REPORT_ENDED):
            return
        (seen,) = await place.calls_at(ida)
        assert seen.answered in (answered, None)
        assert seen.over in (True, None)
        assert seen.talked_s in (FINISHED.talked_s if answered else 0, None)
        assert seen.user in ((place.user if answered else ""), None)
        assert seen.recordings in (0, None)

    @pytest.mark.parametrize("answered", [True, False], ids=["answered", "missed"])
    async def test_told_twice_it_is_there_once(self, place: Place, answered: bool) -> None:
        last = 152 if answered else 153
        (boris,) = await place.seed([Person("Борис Камышов", (number(last),))])
        call = call_of(place, boris, number(last), key=f"main-{last}.1")
        for report in story(place, call, answered=answered):
            await place.crm.report(report)
            await place.crm.report(report)
        if not can(place, Capability.REPORT_ENDED):
            return
        (once,) = await place.calls_at(boris)
        await place.crm.report(story(place, call, answered=answered)[-1])
        assert await place.calls_at(boris) == [once]

    async def test_a_recording_that_turns_up_late_is_added(self, place: Place) -> None:
        (dina,) = await place.seed([Person("Дина Соснова", (number(154),))])
        call = call_of(place, dina, number(154), key="main-154.1")
        for report in story(place, call, answered=True, late_recording=True):
            await place.crm.report(report)
        if not can(place, Capability.REPORT_ENDED):
            return
        (seen,) = await place.calls_at(dina)
        assert seen.recordings in ((1 if can(place, Capability.REPORT_UPDATED) else 0), None)
        assert seen.talked_s in (FINISHED.talked_s, None)

    async def test_a_call_goes_on_across_a_restart(self, place: Place) -> None:
        (emma,) = await place.seed([Person("Эмма Родникова", (number(155),))])
        call = call_of(place, emma, number(155), key="main-155.1")
        for report in story(place, call, answered=True):
            await place.crm.report(report)
            await place.restart()
        if can(place, Capability.REPORT_ENDED):
            (seen,) = await place.calls_at(emma)
            assert seen.answered in (True, None)

    @pytest.mark.parametrize("answered", [True, False], ids=["answered", "missed"])
    async def test_a_call_whose_beginning_was_never_told_is_there_all_the_same(
        self, place: Place, answered: bool
    ) -> None:
        """Its first report became a dead letter, or who called was found out later."""
        if not can(place, Capability.REPORT_ENDED):
            return
        last = 167 if answered else 168
        (uliana,) = await place.seed([Person("Ульяна Грач", (number(last),))])
        call = call_of(place, uliana, number(last), key=f"main-{last}.1")
        for report in story(place, call, answered=answered):
            if report.moment in (CallMoment.ENDED, CallMoment.UPDATED):
                await place.crm.report(report)
        (seen,) = await place.calls_at(uliana)
        assert seen.answered in (answered, None)
        assert seen.over in (True, None)
        assert seen.talked_s in (FINISHED.talked_s if answered else 0, None)

    @pytest.mark.parametrize("answered", [True, False], ids=["answered", "missed"])
    async def test_an_earlier_moment_that_comes_after_the_end_makes_no_other_call_of_it(
        self, place: Place, answered: bool
    ) -> None:
        """A dead letter that somebody sends again by hand comes after what was behind it: the call stays over."""
        if not can(place, Capability.REPORT_ENDED):
            return
        last = 170 if answered else 171
        (kira,) = await place.seed([Person("Кира Журавлёва", (number(last),))])
        reports = story(place, call_of(place, kira, number(last), key=f"main-{last}.1"), answered=answered)
        for report in reports:
            await place.crm.report(report)
        (before,) = await place.calls_at(kira)
        for report in reports:
            await place.crm.report(report)
            assert await place.calls_at(kira) == [before], report.moment

    @pytest.mark.parametrize("step", Step)
    async def test_at_whichever_step_of_a_report_the_bridge_is_killed_the_call_is_there_once(
        self, place: Place, step: Step, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the CRM's answer and our mark, say: the report comes again, and nothing of it is there twice."""
        last = 180 + list(Step).index(step)
        (luka,) = await place.seed([Person("Лука Ветлугин", (number(last),))])
        calls, goes_on = 0, True
        while goes_on:
            calls += 1
            was_killed = kill(monkeypatch, step, calls)
            call = call_of(place, luka, number(last), key=f"main-{last}.{calls}")
            for report in story(place, call, answered=True, late_recording=True):
                try:
                    await place.crm.report(report)
                except Killed:
                    await place.restart()
                    await place.crm.report(report)
            goes_on = was_killed()
        if can(place, Capability.REPORT_ENDED):
            seen = await place.calls_at(luka)
            assert len(seen) == calls
            assert {one.answered for one in seen} <= {True, None}
            assert {one.talked_s for one in seen} <= {FINISHED.talked_s, None}
            assert {one.recordings for one in seen} <= {1 if can(place, Capability.REPORT_UPDATED) else 0, None}

    async def test_a_call_with_a_strange_id_that_ended_before_it_began_is_there_once(self, place: Place) -> None:
        """An Originate can make ids of any text, and clocks are set."""
        (mila,) = await place.seed([Person("Мила Осокина", (number(176),))])
        key = "main-y 'x\" OR 1=1 --\\%_?#&=;<b>/../:key {call}$1.176"
        for report in story(place, call_of(place, mila, number(176), key=key), answered=True):
            told = replace(report, ended_at=report.ended_at and report.started_at - timedelta(hours=1))
            await place.crm.report(told)
            await place.crm.report(told)
        if can(place, Capability.REPORT_ENDED):
            (seen,) = await place.calls_at(mila)
            assert seen.answered in (True, None)
            assert seen.talked_s is None or seen.talked_s <= 1

    async def test_a_call_that_an_operator_makes_is_there_once_as_it_went(self, place: Place) -> None:
        if not can(place, Capability.REPORT_ENDED):
            return
        (foma,) = await place.seed([Person("Фома Кедров", (number(172),))])
        call = replace(call_of(place, foma, number(172), key="main-172.1"), direction="outbound", queue="", did="")
        for report in story(place, call, answered=True):
            # Whoever calls is known from the beginning.
            await place.crm.report(replace(report, user=place.user))
        (seen,) = await place.calls_at(foma)
        assert seen.answered in (True, None)
        assert seen.talked_s in (FINISHED.talked_s, None)
        assert seen.user in (place.user, None)

    async def test_a_moment_that_it_does_not_want_to_hear_of_is_refused(self, place: Place) -> None:
        (gleb,) = await place.seed([Person("Глеб Осокин", (number(173),))])
        call = call_of(place, gleb, number(173), key="main-173.1")
        ended_at = call.started_at + timedelta(seconds=FINISHED.ended_s)
        for moment, capability in MOMENTS.items():
            if not can(place, capability):
                with pytest.raises(CrmRefuses):
                    await place.crm.report(replace(call, moment=moment, ended_at=ended_at, outcome="abandoned"))
        assert await place.calls_at(gleb) == []

    async def test_two_calls_of_one_person_are_two(self, place: Place) -> None:
        (mark,) = await place.seed([Person("Марк Полевой", (number(156),))])
        for key in ("main-156.1", "main-156.2"):
            for report in story(place, call_of(place, mark, number(156), key=key), answered=False):
                await place.crm.report(report)
        if can(place, Capability.REPORT_ENDED):
            assert len(await place.calls_at(mark)) == 2

    async def test_somebody_who_is_gone_is_nobody_to_take_note_for(self, place: Place) -> None:
        for report in story(place, call_of(place, place.nobody, number(157), key="main-157.1"), answered=True):
            await place.crm.report(report)
        assert await place.calls_at(place.nobody) == []

    @pytest.mark.parametrize("hidden", [False, True], ids=["a stranger", "a hidden number"])
    async def test_a_call_of_a_stranger_is_taken_note_of_where_the_crm_can(self, place: Place, hidden: bool) -> None:
        """Some CRMs have no place for a call without a number."""
        if not can(place, Capability.REPORT_STRANGERS):
            return
        before = await place.calls_of_strangers()
        number_shown = "" if hidden else number(158)
        call = call_of(place, None, number_shown, key="main-158.2" if hidden else "main-158.1")
        for report in story(place, call, answered=True):
            await place.crm.report(report)
            await place.crm.report(report)
        assert await place.calls_of_strangers() - before in ((0, 1) if hidden else (1,))

    async def test_calls_that_it_shows_are_the_latest_first(self, place: Place) -> None:
        (olesya,) = await place.seed([Person("Олеся Заречная", (number(159),))])
        for key in ("main-159.1", "main-159.2"):
            for report in story(place, call_of(place, olesya, number(159), key=key), answered=True):
                await place.crm.report(report)
        shown = [call.key for call in await place.crm.calls(olesya, limit=5)]
        assert shown == (["main-159.2", "main-159.1"] if can(place, Capability.CALLS) else [])


class TroubleContract:
    """A CRM that cannot be asked says so in one line, holds nobody up, and is asked again when it is back."""

    async def test_a_crm_that_is_well_says_so(self, place: Place) -> None:
        async with asyncio.timeout(PATIENCE_S):
            await place.crm.check()

    async def test_all_that_it_is_made_for_works_and_finding_that_out_changes_nothing(self, place: Place) -> None:
        if not isinstance(place.crm, Probing):
            return
        (pavla,) = await place.seed([Person("Павла Ручьёва", (number(166),), (SeedDeal("Комод"),))])
        before = await find(place, number(166))
        async with asyncio.timeout(PATIENCE_S):
            assert await place.crm.lacking() == {}
        assert await find(place, number(166)) == before
        assert (await place.notes_at(pavla), await place.calls_at(pavla)) == ([], [])

    async def test_whatever_is_wrong_the_caller_is_told_why_in_time_and_found_afterwards(self, place: Place) -> None:
        await place.seed([Person("Жанна Тополева", (number(160),))])
        caller = parse_number(number(160), region="RU")
        assert Trouble.STOPPED in place.troubles
        for trouble in sorted(place.troubles - {Trouble.EXPIRED, Trouble.LIMITED}):
            await place.suffer(trouble)
            lookup = Lookup(place.crm, deadline_s=0.3)
            async with asyncio.timeout(PATIENCE_S):
                answer = await lookup.find(caller)
            await lookup.close()
            assert answer.source is CrmSource.FAILED, trouble
            assert answer.error, trouble
            assert answer.error.isprintable(), trouble
            assert "Жанна" not in answer.error, trouble
            assert "0000160" not in answer.error, trouble
            await place.recover()
            assert await names(place, number(160)) == ["Жанна Тополева"], trouble

    async def test_whatever_is_wrong_the_check_says_so(self, place: Place) -> None:
        for trouble in sorted(place.troubles - {Trouble.EXPIRED, Trouble.LIMITED}):
            await place.suffer(trouble)
            with pytest.raises((CrmUnavailable, TimeoutError)):
                async with asyncio.timeout(1.0):
                    await place.crm.check()
            await place.recover()
            async with asyncio.timeout(PATIENCE_S):
                await place.crm.check()

    async def test_a_login_that_expired_is_renewed_without_anybody_noticing(self, place: Place) -> None:
        if Trouble.EXPIRED not in place.troubles:
            return
        await place.seed([Person("Инна Кленова", (number(161),))])
        assert await names(place, number(161)) == ["Инна Кленова"]
        await place.suffer(Trouble.EXPIRED)
        found = await asyncio.gather(*(names(place, number(161)) for _ in range(5)))
        assert found == [["Инна Кленова"]] * 5
        await place.recover()

    async def test_a_crm_that_has_had_enough_is_left_alone_and_asked_again(self, place: Place) -> None:
        if Trouble.LIMITED not in place.troubles:
            return
        await place.seed([Person("Влас Рябинин", (number(162),))])
        await place.suffer(Trouble.LIMITED)
        with pytest.raises((CrmUnavailable, TimeoutError)):
            async with asyncio.timeout(3.0):
                await place.crm.find(parse_number(number(162), region="RU"))
        await place.recover()
        assert await names(place, number(162)) == ["Влас Рябинин"]

    async def test_a_report_that_could_not_be_told_is_told_afterwards(self, place: Place) -> None:
        if not can(place, Capability.REPORT_ENDED):
            return
        (rem,) = await place.seed([Person("Рэм Осинин", (number(163),))])
        reports = story(place, call_of(place, rem, number(163), key="main-163.1"), answered=True)
        for trouble in sorted(place.troubles - {Trouble.EXPIRED, Trouble.LIMITED}):
            await place.suffer(trouble)
            with pytest.raises((CrmUnavailable, TimeoutError)):
                async with asyncio.timeout(1.0):
                    await place.crm.report(reports[0])
            await place.recover()
        for report in reports:
            await place.crm.report(report)
        (seen,) = await place.calls_at(rem)
        assert seen.answered in (True, None)

    async def test_callers_who_do_not_wait_leave_nothing_behind(self, place: Place) -> None:
        if Trouble.HANGS not in place.troubles:
            return
        await place.seed([Person("Ника Вязова", (number(164),))])
        await place.suffer(Trouble.HANGS)
        asked = [asyncio.create_task(find(place, number(164))) for _ in range(20)]
        await asyncio.wait(asked, timeout=0.1)
        for task in asked:
            task.cancel()
        results = await asyncio.gather(*asked, return_exceptions=True)
        assert all(isinstance(one, asyncio.CancelledError | CrmUnavailable) for one in results)
        await place.recover()
        assert await names(place, number(164)) == ["Ника Вязова"]

    async def test_once_closed_it_says_so_and_may_be_closed_again(self, place: Place) -> None:
        await place.crm.close()
        await place.crm.close()
        with pytest.raises(CrmUnavailable):
            await place.crm.find(parse_number(number(165), region="RU"))


class CrmContract(CallerContract, DealContract, PersonContract, ReportContract, TroubleContract):
    """All that is asked of an adapter; a file of tests adds the fixture `place`."""


__all__ = ["CrmContract", "DealState", "Person", "Place", "SeedDeal", "SeenCall", "Trouble"]
