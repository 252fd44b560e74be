"""The checks can fail: each defect that is planted here breaks a promise, and the simulation says which."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cti_bridge.asterisk.ami.sighting import Sighting
from cti_bridge.calls.bridges import Bridges
from cti_bridge.calls.call import Call, Outcome
from cti_bridge.calls.events import Snapshot
from cti_bridge.calls.finding import Finder, Found
from cti_bridge.calls.live_calls import LiveCalls
from cti_bridge.calls.record import CallRecord
from cti_bridge.delivery.reports import Report, ReportType, Told, due
from cti_bridge.operators.hub import Hub
from cti_bridge.reception.switchboard import Switchboard
from simulation.line import CALM, Troubles
from simulation.run import Parts, Plan, Run
from simulation.test_simulation import CUT, KILLED
from simulation.violation import PromiseBroken

Publish = Callable[..., None]


async def broken_promise(parts: Parts, troubles: Troubles = CALM, *, calls: int = 300, seed: int = 7) -> str:
    """What the simulation finds wrong with these parts, but for the events that led there."""
    with pytest.raises(PromiseBroken) as found:
        await Run(Plan(seed, calls, troubles), parts).play()
    assert f"seed {seed}" in str(found.value)
    return str(found.value).splitlines()[0]


def with_screens(change: Callable[[Publish], Publish]) -> Parts:
    """A switchboard whose way to the screens is not what it should be."""

    def make(*names: str, hub: Hub, **others: Any) -> Switchboard:
        hub.publish = change(hub.publish)  # type: ignore[method-assign]
        return Switchboard(*names, hub=hub, **others)

    return Parts(switchboard=make)


async def test_a_switchboard_that_never_withdraws_a_pop_is_found_out() -> None:
    def never_withdraws(publish: Publish) -> Publish:
        def told(operator: str, type_: str, **what: Any) -> None:
            if type_ != "call.withdrawn":
                publish(operator, type_, **what)

        return told

    assert (await broken_promise(with_screens(never_withdraws))).startswith("P2: op")


async def test_a_switchboard_that_tells_somebody_else_is_found_out() -> None:
    def tells_all(publish: Publish) -> Publish:
        def told(operator: str, type_: str, **what: Any) -> None:
            publish(operator, type_, **what)
            publish("op9" if operator != "op9" else "op1", type_, **what)

        return told

    assert "who never had a part" in await broken_promise(with_screens(tells_all))


async def test_a_call_that_is_told_in_the_wrong_part_is_found_out() -> None:
    def always_rings(publish: Publish) -> Publish:
        def told(operator: str, type_: str, *, call: dict[str, Any], **what: Any) -> None:
            talks = call["my_role"] == "talking"
            publish(operator, type_, call={**call, "my_role": "ringing"} if talks else call, **what)

        return told

    assert "sees ringing, and the truth is talking" in await broken_promise(with_screens(always_rings))


async def test_reports_that_forget_the_answer_are_found_out() -> None:
    def unanswered(told: Told, record: CallRecord, **how: Any) -> tuple[tuple[Report, ...], Told]:
        reports, after = due(told, record, **how)
        return tuple(report for report in reports if report.type is not ReportType.ANSWERED), after

    assert (await broken_promise(Parts(due=unanswered))).startswith("P3: ")


async def test_reports_that_forget_what_was_told_are_found_out() -> None:
    def begins_anew(_told: Told, record: CallRecord, **how: Any) -> tuple[tuple[Report, ...], Told]:
        return due(Told(), record, **how)

    assert (await broken_promise(Parts(due=begins_anew))).startswith("P3: ")


async def test_an_outcome_that_is_told_differently_afterwards_is_found_out() -> None:
    def changes_its_mind(told: Told, record: CallRecord, **how: Any) -> tuple[tuple[Report, ...], Told]:
        if record.outcome != "answered":
            record = replace(record, outcome="missed" if told.last is ReportType.UPDATED else "failed")
        reports, after = due(told, record, **how)
        if record.ended_at is not None and told.last is not ReportType.UPDATED:
            more, after = due(after, replace(record, outcome="overflowed"), **how)
            reports += more
        return reports, after

    assert (await broken_promise(Parts(due=changes_its_mind))).startswith("P4: told differently afterwards")


async def test_an_answered_call_that_counts_as_missed_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    def outcome(call: Call) -> Outcome | None:
        return None if call.ended_at is None else Outcome.MISSED

    monkeypatch.setattr(Call, "outcome", property(outcome))
    assert (await broken_promise(Parts())).startswith("P4: answer and outcome contradict each other")


async def test_a_book_that_opens_finished_calls_again_is_found_out(
    monkeypatch: pytest.MonkeyPatch, errors_are_told: list[str]
) -> None:
    for guard in ("is_gone", "had_a_call", "had_a_part", "is_over"):
        monkeypatch.setattr(LiveCalls, guard, lambda _live, _id: False)
    late = Troubles(overtaken=0.1)
    promise = await broken_promise(Parts(), late)
    errors_are_told.clear()
    assert promise.startswith(("P2: ", "P4: ", "P5: "))


async def test_talk_that_is_not_measured_by_bridges_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Bridges, "leave", lambda _bridges, _channel, _bridge: None)
    monkeypatch.setattr(Bridges, "drop", lambda _bridges, _channel: None)
    assert (await broken_promise(Parts())).startswith(("P2: ", "P3: ", "P5: "))


@pytest.mark.parametrize("troubles", [CUT, KILLED], ids=["cut", "killed"])
async def test_a_bridge_that_does_not_look_after_a_cut_is_found_out(
    monkeypatch: pytest.MonkeyPatch, errors_are_told: list[str], troubles: Troubles
) -> None:
    """It takes every list for what it has already."""
    monkeypatch.setattr(Switchboard, "resync", lambda _board, _snapshot: None)
    promise = await broken_promise(Parts(), troubles)
    errors_are_told.clear()
    assert promise.startswith(("P2: ", "P4: ", "P5: "))


async def test_a_snapshot_that_sees_nobody_is_found_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Sighting, "snapshot", lambda _sighting, at: Snapshot(at, ()))
    assert (await broken_promise(Parts(), CUT)).startswith(("P2: ", "P4: ", "P5: "))


async def test_a_snapshot_that_does_not_see_who_waits_for_his_operator_is_found_out(
    monkeypatch: pytest.MonkeyPatch, errors_are_told: list[str]
) -> None:
    whole = Sighting.snapshot

    def snapshot(sighting: Sighting, at: float) -> Snapshot:
        seen = whole(sighting, at)
        blind = (replace(channel, set_aside=False, at_desk=False) for channel in seen.channels)
        return replace(seen, channels=tuple(blind))

    monkeypatch.setattr(Sighting, "snapshot", snapshot)
    promise = await broken_promise(Parts(), KILLED, calls=600)
    errors_are_told.clear()
    assert promise.startswith(("P2: ", "P4: ", "P5: "))


async def test_a_colleague_who_is_asked_from_a_page_and_gets_no_card_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(Finder, "_asked_at_desk", lambda _finder, _event: Found())
    assert (await broken_promise(Parts())).startswith("P2: ")
