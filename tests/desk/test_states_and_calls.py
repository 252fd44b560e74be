"""Operators' states follow their calls: what begins the time after a call, what does not, and who is told."""

import asyncio
from pathlib import Path

import pytest
from staff_room import ARKADY, CALL, MARIA, NAMES, OPERATORS, RADA, A, B, RealClocks, T, X, staff_room
from state_stories import LIMIT_S, desk

from cti_bridge.calls.events import CallerParked, CallerSetAside, ChannelBridged, ChannelUnbridged, LegAnswered
from cti_bridge.operators.desk_settings import StateDefinition
from cti_bridge.operators.directory import Directory
from cti_bridge.operators.state_happenings import Asked, Finished
from cti_bridge.operators.states import MemberPicture, Treatment


def named(state: str) -> StateDefinition:
    known = desk().state(state)
    assert known is not None
    return known


async def test_after_a_call_asterisk_is_told_and_the_page_knows_when_it_has_done_so(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.pbx(True)
        room.staffing.ask(RADA, Asked(named("ready")))
        room.rada_talks_with_maria()
        room.pass_(30)
        room.hangs_up(T)
        assert (room.state(), room.treatment()) == ("wrap_up", Treatment(True, "wrap_up"))
        assert room.told()["call"] == CALL
        room.asterisk_does_it(RADA)
        told = [state["confirmed"] for who, state in room.published if who == RADA and state["state"] == "wrap_up"]
        assert told[-2:] == [False, True], "one queue is not all of them"
        room.pass_(LIMIT_S)
        assert (room.state(), room.treatment()) == ("ready", Treatment(False))
        assert room.wrapped_up == [(RADA, CALL)]
        assert [(one.state, one.why, one.calls) for one in await room.history()][-3:] == [
            ("ready", "asked", ()),
            ("wrap_up", "call", (CALL,)),
            ("ready", "limit", ()),
        ]


async def test_who_hands_a_caller_on_is_through_with_him_while_the_call_goes_on(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rada_talks_with_maria()
        room.hangs_up(A, transfers=True)
        assert room.state(RADA) == "wrap_up"
        room.rings(B)
        room.answers(B)
        assert (room.state(RADA), room.state(ARKADY)) == ("wrap_up", "ready")
        room.hangs_up(T)
        assert room.state(ARKADY) == "wrap_up"


async def test_who_gets_the_caller_back_talks_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(NAMES, B, "PJSIP/101-00000009")
    async with staff_room(tmp_path) as room:
        room.rada_talks_with_maria()
        room.hangs_up(A, transfers=True)
        room.pass_(5)
        room.rings(B)
        assert room.state() == "wrap_up"
        room.answers(B)
        assert (room.state(), room.treatment()) == ("ready", Treatment(False))
        room.pass_(2 * LIMIT_S)
        assert room.state() == "ready"
        room.hangs_up(T)
        assert room.state() == "wrap_up"


async def test_who_is_only_asked_about_a_caller_has_nothing_to_write_down(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rada_talks_with_maria()
        room.rings(B, caller=A, asks=True)
        room.switchboard.take(LegAnswered(room.clocks.wall, B, NAMES[B], "PJSIP/102", A))
        assert room.staffing.state_of(ARKADY).talks == (CALL,)
        room.hangs_up(B)
        assert (room.state(ARKADY), room.staffing.state_of(ARKADY).talks) == ("ready", ())
        assert (room.state(RADA), room.staffing.state_of(RADA).talks) == ("ready", (CALL,))


async def test_a_call_outside_counts_when_it_was_answered(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rings(X, caller=A, number=MARIA)
        assert len(room.staffing.state_of(RADA).talks) == 1
        room.hangs_up(A)
        room.hangs_up(X)
        assert (room.state(), room.staffing.state_of(RADA).talks) == ("ready", ())


async def test_after_a_call_outside_that_was_answered_there_is_time_too(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rings(X, caller=A, number=MARIA)
        room.answers(X, caller=A)
        room.pass_(10)
        room.hangs_up(X)
        assert room.state() == "wrap_up"


async def test_a_talk_among_colleagues_is_nothing_to_write_down(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rings(B, caller=A, number="102")
        room.answers(B, caller=A)
        assert len(room.staffing.state_of(ARKADY).talks) == 1
        room.hangs_up(B)
        room.hangs_up(A)
        assert (room.state(RADA), room.state(ARKADY)) == ("ready", "ready")
        assert room.staffing.state_of(ARKADY).talks == ()


async def test_whose_phone_only_rang_has_had_no_call(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.queued()
        room.rings(A)
        room.hangs_up(A)
        room.hangs_up(T)
        assert room.state() == "ready"


async def test_a_state_asked_for_during_the_talk_pauses_at_once_and_follows_it(tmp_path: Path) -> None:
    async with staff_room(tmp_path, desk(limit_s=0)) as room:
        room.rada_talks_with_maria()
        room.staffing.ask(RADA, Asked(named("lunch")))
        assert (room.state(), room.told()["next"], room.treatment()) == ("ready", "lunch", Treatment(True, "lunch"))
        room.hangs_up(T)
        assert room.state() == "lunch"


async def test_what_comes_by_itself_is_told_apart_from_what_somebody_asks_for(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("ready")))
        room.rada_talks_with_maria()
        room.hangs_up(T)
        room.staffing.ask(RADA, Finished())
        room.staffing.ask(RADA, Asked(named("lunch")))
        shop = (MemberPicture("sales", "PJSIP/101", by_hand=True),)
        room.staffing.members_seen(RADA, shop, foreign=True)
        assert [treatment and treatment.paused for _, treatment in room.wanted] == [False, True, False, True, False]
        assert room.asked == [True, False, False, True, True]


async def test_asking_for_the_same_state_has_asterisk_told_again(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("ready")))
        room.staffing.ask(RADA, Asked(named("ready")))
        assert room.wanted == [(RADA, Treatment(False))] * 2


async def test_a_call_that_the_bridge_gave_up_holds_nobody(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rada_talks_with_maria()
        room.staffing.ask(RADA, Asked(named("lunch")))
        room.switchboard.book._live._calls.clear()
        room.staffing.look_for_calls()
        assert room.state() == "lunch"


async def test_of_an_operator_who_is_removed_nothing_is_wanted_any_more(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("lunch")))
        room.pass_(10)
        room.directory = Directory.of(one for one in OPERATORS if one.id != RADA)
        room.staffing.people_changed()
        assert room.treatment() is None
        (*_, last) = await room.history()
        assert (last.state, last.ended_at) == ("lunch", room.clocks.wall)


async def test_who_signs_off_is_told_to_those_who_want_to_know(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("signed_off")))
        assert room.signed_off == [RADA]


async def test_time_does_its_work_by_itself(tmp_path: Path) -> None:
    """With the real clocks, and the shortest limit that there is."""
    async with staff_room(tmp_path, desk(limit_s=1.0), clocks=RealClocks()) as room:
        runs = asyncio.create_task(room.staffing.run())
        room.rada_talks_with_maria()
        room.hangs_up(T)
        assert room.state() == "wrap_up"
        async with asyncio.timeout(30):
            while room.state() != "ready":
                await asyncio.sleep(0.02)
        assert room.told()["why"] == "limit"
        runs.cancel()
        await asyncio.gather(runs, return_exceptions=True)


async def test_operators_are_counted_by_what_they_do(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.ask(RADA, Asked(named("lunch")))
        counted = room.staffing.kinds()
    assert counted == {"ready": 1.0, "away": 1.0, "last": 0.0, "wrap_up": 0.0, "signed_off": 0.0}


async def test_colleagues_see_the_state_and_nothing_of_callers(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rada_talks_with_maria()
        room.hangs_up(T)
        seen = room.staffing.colleague_view(RADA)
    assert (seen["state"], seen["colour"], set(seen)) == (
        "wrap_up",
        "blue",
        {"state", "kind", "colour", "since", "unreachable"},
    )


async def test_a_thousand_changes_of_one_moment_are_one_row_each(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        for number in range(500):
            room.staffing.pages(RADA, number % 2)
            room.staffing.members_seen(RADA, (MemberPicture("sales", "PJSIP/101", penalty=number),))
        assert len(room.staffing.rows) <= 1


async def test_holding_a_caller_ends_no_talk(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rada_talks_with_maria()
        at = room.clocks.wall
        room.switchboard.take(CallerSetAside(at, T, A))
        for channel in (T, A):
            room.switchboard.take(ChannelUnbridged(at, channel, "b-1.2"))
        room.pass_(3 * LIMIT_S)
        assert (room.state(), room.staffing.state_of(RADA).talks) == ("ready", (CALL,))
        room.hangs_up(T)
        room.hangs_up(A)
        assert room.state() == "wrap_up"


async def test_who_parks_a_caller_is_through_with_him_until_he_takes_him_back(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.rada_talks_with_maria()
        room.switchboard.take(CallerParked(room.clocks.wall, T, on=True))
        room.hangs_up(A)
        assert room.state() == "wrap_up"
        room.switchboard.take(CallerParked(room.clocks.wall, T, on=False))
        for channel, name in ((B, "PJSIP/101-00000009"), (T, NAMES[T])):
            room.switchboard.take(ChannelBridged(room.clocks.wall, channel, name, name[:-9], "b-9"))
        assert (room.state(), room.staffing.state_of(RADA).talks) == ("ready", (CALL,))


async def test_who_is_in_fifty_queues_is_not_told_of_each_by_itself(tmp_path: Path) -> None:
    async with staff_room(tmp_path) as room:
        room.staffing.pbx(True)

        def paused_in(queues: int) -> None:
            pictures = [
                MemberPicture(f"queue-{number}", "PJSIP/101", number < queues, "lunch" if number < queues else "")
                for number in range(50)
            ]
            room.staffing.members_seen(RADA, tuple(pictures))

        paused_in(0)
        room.staffing.ask(RADA, Asked(named("lunch")))
        room.published.clear()
        for queues in range(1, 31):
            paused_in(queues)
        assert room.published == []
        room.pass_(1.0)  # the others keep us waiting
        assert sum(one["paused"] for one in room.told()["queues"]) == 30
        for queues in range(31, 51):
            paused_in(queues)
        assert len(room.published) == 2, "all have followed: that is told at once"
        assert room.told()["confirmed"]
        room.pass_(1.0)
        assert len(room.published) == 2
